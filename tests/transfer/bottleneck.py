"""A bottleneck in simulated time: flows that share one queue of a fixed rate and length, packet by packet."""

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from doctl.transfer.background import Ledbat

MSS = 1448


class Sender(Protocol):
    """What decides how much of a flow is in flight."""

    @property
    def window(self) -> int: ...
    def rest(self, count: int) -> float: ...
    def look(self, now: float, *, rtt: float, least: float, mss: int, acked: int, lost: bool, full: bool) -> None: ...


class Reno:
    """TCP that knows loss alone: one packet more in a round trip, half at a loss."""

    def __init__(self) -> None:
        self.packets = 10.0
        self.threshold = math.inf
        self.cut_at = -math.inf

    @property
    def window(self) -> int:
        return int(self.packets) * MSS

    def rest(self, count: int) -> float:
        return 0.0

    def look(self, now: float, *, rtt: float, least: float, mss: int, acked: int, lost: bool, full: bool) -> None:
        if lost and now - self.cut_at > rtt:
            self.cut_at = now
            self.packets = self.threshold = max(self.packets / 2, 2)
        elif not lost and full:
            self.packets += 1 if self.packets < self.threshold else 1 / self.packets


@dataclass
class Flow:
    """One flow: who steers it, when it is active, and what came of it."""

    sender: Sender
    start: float = 0.0
    stop: float = math.inf
    in_flight: int = 0
    free_at: float = 0.0
    least: float = math.inf
    arrived: list[tuple[float, float]] = field(default_factory=list)
    """When each packet was acknowledged, and its round trip."""

    def rate(self, since: float, until: float) -> float:
        """Bits a second that were acknowledged between two times."""
        return sum(1 for when, _ in self.arrived if since <= when < until) * MSS * 8 / (until - since)

    def queueing(self, since: float, until: float, base: float) -> float:
        """Median seconds of delay in the queue between two times."""
        delays = sorted(rtt - base for when, rtt in self.arrived if since <= when < until)
        return delays[len(delays) // 2]


class Bottleneck:
    """``rate`` in bits a second, ``buffer`` in seconds of it, ``delay`` the round trip without a queue at a time."""

    def __init__(self, rate: float, buffer: float, delay: Callable[[float], float]) -> None:
        self.rate, self.buffer, self.delay = rate, buffer, delay
        self.now = self.busy_until = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def run(self, until: float, *flows: Flow) -> None:
        """Let ``flows`` send until a time."""
        for flow in flows:
            self._at(flow.start, lambda flow=flow: self._send(flow))  # type: ignore[misc]
        while self._events and self._events[0][0] <= until:
            self.now, _, action = heapq.heappop(self._events)
            action()

    def _at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), action))

    def _send(self, flow: Flow) -> None:
        while self.now < flow.stop and flow.in_flight + MSS <= flow.sender.window:
            if self.now < flow.free_at:
                if not flow.in_flight:
                    self._at(flow.free_at, lambda: self._send(flow))
                return
            flow.in_flight += MSS
            flow.free_at = self.now + flow.sender.rest(MSS)
            self._enqueue(flow, self.now)

    def _enqueue(self, flow: Flow, sent: float) -> None:
        waiting = max(self.busy_until - self.now, 0.0)
        lost = waiting > self.buffer
        if not lost:
            self.busy_until = max(self.busy_until, self.now) + MSS * 8 / self.rate
        left = self.now + waiting if lost else self.busy_until
        self._at(left + self.delay(self.now), lambda: self._heard(flow, sent, lost))

    def _heard(self, flow: Flow, sent: float, lost: bool) -> None:
        rtt = self.now - sent
        full = flow.in_flight + 2 * MSS > flow.sender.window
        flow.in_flight -= MSS
        flow.least = min(flow.least, rtt)
        if not lost:
            flow.arrived.append((self.now, rtt))
        flow.sender.look(self.now, rtt=rtt, least=rtt, mss=MSS, acked=0 if lost else MSS, lost=lost, full=full)
        self._send(flow)


def ledbat(start: float = 0.0, stop: float = math.inf) -> Flow:
    """A flow that gives way."""
    return Flow(Ledbat(), start, stop)


def loss_based(start: float = 0.0, stop: float = math.inf) -> Flow:
    """A flow that fills the buffer."""
    return Flow(Reno(), start, stop)
