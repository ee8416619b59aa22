"""LEDBAT++ in simulated time: the draft's scenarios, and each rule by itself."""

import pytest

from doctl.transfer.background import (
    CLEAR_TRIPS,
    FLOOR,
    INITIAL,
    LOOKS,
    MINUTES,
    QUIET,
    SILENCE,
    TARGET,
    BaseDelay,
    Ledbat,
)
from tests.transfer.bottleneck import MSS, Bottleneck, Flow, ledbat, loss_based


def run(rate: float, buffer: float, base: float, until: float, *flows: Flow) -> None:
    """Let ``flows`` share a link whose round trip is always ``base``."""
    Bottleneck(rate, buffer, lambda _now: base).run(until, *flows)


def look(sender: Ledbat, now: float, rtt: float, acked: int = MSS, *, lost: bool = False, full: bool = True) -> None:
    """Tell ``sender`` of one round trip."""
    sender.look(now, rtt=rtt, least=rtt, mss=MSS, acked=acked, lost=lost, full=full)


def grown(rtt: float = 0.02) -> Ledbat:
    """A sender with 64 packets in flight at time 0, in its first slow start on a path without a queue."""
    sender = Ledbat()
    for trip in (-4, -3, -2, -1):
        look(sender, trip * rtt, rtt, acked=sender.window)
    assert sender.window == 64 * MSS
    return sender


def crowd(sender: Ledbat, now: float, rtt: float, acked: int = 0) -> None:
    """Let as many looks see a round trip as it takes to be believed; the last one acknowledges ``acked``."""
    for _ in range(LOOKS - 1):
        look(sender, now, rtt, acked=0)
    look(sender, now, rtt, acked)


@pytest.mark.parametrize(("base", "use", "queue"), [(0.002, 0.98, 0.012), (0.02, 0.92, 0.016), (0.1, 0.92, 0.055)])
def test_one_flow_uses_an_idle_link_with_a_queue_no_longer_than_its_target(
    base: float, use: float, queue: float
) -> None:
    """Alone it has the link but for its own slowdowns, and the queue that it makes stays at the target."""
    flow = ledbat()
    run(10e6, 0.2, base, 25, flow)
    assert flow.rate(5, 25) >= use * 10e6
    assert flow.queueing(5, 25, base) <= queue


@pytest.mark.parametrize("base", [0.002, 0.02, 0.1])
def test_a_latecomer_gets_its_share(base: float) -> None:
    """Of two flows neither has more than 20 % above or below the half, though one came 10 s later."""
    first, late = ledbat(), ledbat(10)
    run(5e6, 0.3, base, 60, first, late)
    both = first.rate(30, 60) + late.rate(30, 60)
    assert both >= 0.9 * 5e6
    for flow in (first, late):
        assert 0.4 <= flow.rate(30, 60) / both <= 0.6


@pytest.mark.parametrize(("rate", "buffer"), [(10e6, 0.025), (10e6, 0.2), (20e6, 0.025), (20e6, 0.2)])
def test_a_loss_based_flow_keeps_97_percent_and_what_it_leaves_is_used_again(rate: float, buffer: float) -> None:
    """TCP beside it has 97 % of what it has alone; when that ends the link is in use again within seconds."""
    alone, beside, background = loss_based(5, 20), loss_based(5, 20), ledbat()
    run(rate, buffer, 0.002, 20, alone)
    run(rate, buffer, 0.002, 30, beside, background)
    assert beside.rate(6, 20) >= 0.97 * alone.rate(6, 20)
    assert background.rate(23, 30) >= 0.9 * rate


def test_a_route_that_gets_shorter_is_taken_up_at_once() -> None:
    """A base RTT that falls is the new base with the first packet."""
    flow = ledbat()
    Bottleneck(5e6, 0.2, lambda now: 0.04 if now < 10 else 0.01).run(20, flow)
    assert flow.rate(11, 20) >= 0.9 * 5e6
    assert flow.queueing(11, 20, 0.01) <= 0.016


def test_a_route_that_gets_longer_is_taken_for_a_queue_until_the_old_base_is_forgotten() -> None:
    """A base RTT that rises far makes it yield for ten minutes; after that it uses the link again."""
    flow = ledbat()
    Bottleneck(1e6, 0.3, lambda now: 0.01 if now < 30 else 0.2).run(60 * (MINUTES + 3), flow)
    assert flow.rate(60, 120) <= 0.1 * 1e6
    assert flow.rate(60 * (MINUTES + 2), 60 * (MINUTES + 3)) >= 0.8 * 1e6


def test_the_base_is_the_least_of_ten_minutes() -> None:
    """The shortest round trip counts for ten minutes, and no longer."""
    base = BaseDelay()
    base.note(0, 0.01)
    for minute in range(1, 12):
        base.note(60 * minute, 0.03)
        assert base.least == (0.01 if minute < MINUTES else 0.03)


@pytest.mark.parametrize(
    ("base", "target", "gain"),
    [
        (0.0001, 0.01, 1 / 4),
        (0.002, 0.01, 1 / 4),
        (0.008, 0.01, 1 / 3),
        (0.02, 0.01, 1),
        (0.06, 0.03, 1),
        (0.12, 0.06, 1),
        (0.5, 0.06, 1),
    ],
)
def test_target_and_gain_follow_the_base(base: float, target: float, gain: float) -> None:
    """The target is half the base between 10 and 60 ms; the gain is smaller where the base is short beside it."""
    sender = Ledbat()
    look(sender, 0, base)
    assert sender.target == pytest.approx(target)
    assert sender.gain == pytest.approx(gain)


def test_a_fixed_target_replaces_the_choice() -> None:
    """With the draft's own target of 60 ms the gain is the draft's too, as long as it is not tiny."""
    sender = Ledbat(TARGET)
    look(sender, 0, 0.04)
    assert sender.target == TARGET
    assert sender.gain == pytest.approx(1 / 3)


def test_slow_start_ends_at_three_quarters_of_the_target_and_a_slowdown_follows() -> None:
    """At 3/4 of the target it stops growing, two round trips later it goes down to two packets for two more."""
    sender = grown()
    crowd(sender, 0.0, 0.0274, acked=sender.window)
    assert sender.window == 128 * MSS
    crowd(sender, 0.02, 0.0276, acked=sender.window)
    assert sender.window == 128 * MSS
    look(sender, 0.02 + 2 * 0.0276, 0.025, acked=0)
    assert sender.window == QUIET * MSS
    look(sender, 0.11, 0.02, acked=2 * MSS)
    assert sender.window == QUIET * MSS
    look(sender, 0.13, 0.02, acked=2 * MSS)
    assert sender.window == 2 * QUIET * MSS


def test_one_late_answer_is_no_queue() -> None:
    """What a busy processor delays once ends no slow start, and takes nothing from the window."""
    sender = grown()
    look(sender, 0.0, 0.09, acked=sender.window)
    look(sender, 0.02, 0.02, acked=sender.window)
    assert sender.window == 4 * 64 * MSS


def test_the_next_slowdown_comes_after_nine_times_the_last_ones_length() -> None:
    """A slowdown costs a tenth of the time, however long it takes."""
    quiet: list[float] = []

    class Watched(Ledbat):
        def rest(self, count: int) -> float:
            if self.window == QUIET * MSS and quiet[-1:] < [bottleneck.now - 1]:
                quiet.append(bottleneck.now)
            return super().rest(count)

    flow = Flow(Watched())
    bottleneck = Bottleneck(5e6, 0.2, lambda _now: 0.1)
    bottleneck.run(40, flow)
    assert len(quiet) >= 3
    lengths = [_regained(flow, start) for start in quiet]
    for begun, length, following in zip(quiet[:-1], lengths[:-1], quiet[1:], strict=True):
        assert 8 * length <= following - begun <= 14 * length


def test_a_silence_is_a_slowdown() -> None:
    """After sending nothing for a while it goes on with the window that it had; after less, a due slowdown comes."""
    for silence, packets in ((SILENCE - 0.01, QUIET), (SILENCE, 128)):
        sender = grown()
        crowd(sender, 0.0, 0.0274, acked=sender.window)
        crowd(sender, 0.02, 0.0276, acked=sender.window)
        look(sender, 0.02 + silence, 0.025, acked=0)
        assert sender.window == packets * MSS


def _regained(flow: Flow, start: float) -> float:
    """Seconds from ``start`` until the flow runs at nine tenths of the link again."""
    when = start + 0.3
    while flow.rate(when, when + 0.1) < 0.9 * 5e6:
        when += 0.01
    return when - start


def test_above_the_target_it_shrinks_in_proportion_and_by_half_at_most() -> None:
    """A little too much delay takes a little, a lot takes half in a round trip."""
    for delay, least, most in ((0.0101, 0.98, 1.02), (0.012, 0.7, 0.95), (0.5, 0.49, 0.51)):
        sender = grown()
        crowd(sender, 0.0, 0.0276)  # the end of slow start
        crowd(sender, 0.01, 0.02 + delay, acked=sender.window)
        assert least <= sender.window / (64 * MSS) <= most


def test_loss_halves_once_in_a_round_trip() -> None:
    """Further losses of the same round trip are the same event."""
    sender = grown()
    look(sender, 0.1, 0.02, lost=True)
    assert sender.window == 32 * MSS
    look(sender, 0.11, 0.02, lost=True)
    assert sender.window == 32 * MSS
    look(sender, 0.125, 0.02, lost=True)
    assert sender.window == 16 * MSS


def test_after_sixteen_round_trips_without_a_queue_it_grows_in_proportion() -> None:
    """A window that one loss made small doubles in about eleven trips of a path that stays free, instead of by gain."""
    sender, base = grown(), 0.02
    look(sender, 0.0, base, lost=True)
    look(sender, base, base, lost=True)
    for trip in range(2, int(CLEAR_TRIPS) + 1):
        look(sender, trip * base, base, acked=sender.window)
    assert sender.window < (16 + CLEAR_TRIPS) * MSS
    before = sender.window
    for trip in range(int(CLEAR_TRIPS) + 1, int(CLEAR_TRIPS) + 13):
        look(sender, trip * base, base, acked=sender.window)
    assert sender.window >= 2 * before
    crowd(sender, 1, base + 0.006)
    before = sender.window
    look(sender, 1.02, base + 0.006, acked=sender.window)
    assert sender.window == pytest.approx(before + MSS, abs=2)


def test_looks_that_are_rare_beside_a_short_round_trip_count_for_all_that_passed() -> None:
    """A path of 0.1 ms that is looked at every millisecond is as fast as one that is looked at each trip."""
    sender = Ledbat()
    for step in range(40):
        look(sender, step / 1000, 0.0001, acked=sender.window)
    assert sender.window >= 1000 * MSS


def test_a_window_that_is_not_used_does_not_grow() -> None:
    """A sender that has little to send gains no right to a burst."""
    sender = Ledbat()
    look(sender, 0.0, 0.02, acked=10 * MSS, full=False)
    assert sender.window == INITIAL * MSS


def test_below_two_packets_it_rests_between_them() -> None:
    """Where a long queue stands it sends two packets in eight round trips, and never nothing."""
    sender = Ledbat()
    look(sender, 0.0, 0.01)
    for step in range(1, 200):
        look(sender, step * 0.3, 0.2, acked=2 * MSS)
    assert sender.window == QUIET * MSS
    assert sender.rest(2 * MSS) == pytest.approx(0.2 * QUIET / FLOOR)
