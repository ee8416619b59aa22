"""Time as a row of events, and links that flows share: what the simulated machines live on."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

SOON = 1e-9
LEAST_SHARE = 0.02
"""Of a downlink for those that give way, when others take all of it."""


class Clock:
    """What happens when; nothing takes time but waiting."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, time: float, event: Callable[[], None]) -> None:
        """Let ``event`` happen at ``time``."""
        heapq.heappush(self._events, (time, next(self._numbers), event))

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        """Let ``event`` happen in so many seconds."""
        self.at(self.now + seconds, event)

    def run(self, until: float) -> None:
        """Let everything happen that is to happen before ``until``; ``stop`` ends it sooner."""
        while self._events and self._events[0][0] < until:
            self.now, _, event = heapq.heappop(self._events)
            event()

    def stop(self) -> None:
        """Forget what was still to happen."""
        self._events.clear()


@dataclass(eq=False, slots=True)
class Line:
    """One machine's line: bytes a second up and down, and the flows on it.

    ``first`` says that what it sends goes before what others send where it arrives; else it gives way.
    """

    up: float
    down: float
    first: bool = False
    sent: float = 0.0
    out: "dict[Flow, None]" = field(default_factory=dict)
    into: "dict[Flow, None]" = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Flow:
    """Bytes on their way; ``done`` is called when the last has arrived."""

    sender: Line
    receiver: Line
    left: float
    done: Callable[[], None]
    since: float
    rate: float = 0.0
    due: float = float("inf")
    alarm: float = float("inf")


class Network:
    """Moves flows: each gets an equal share of both lines that it is on, whichever is less."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def start(self, sender: Line, receiver: Line, count: float, done: Callable[[], None]) -> Flow:
        """Begin to send ``count`` bytes."""
        flow = Flow(sender, receiver, count, done, self._clock.now)
        sender.out[flow] = receiver.into[flow] = None
        self._share(sender, receiver)
        return flow

    def stop(self, flow: Flow) -> None:
        """Break it off, if it is not over."""
        if flow in flow.sender.out:
            self._settle(flow)
            self._remove(flow)

    def _remove(self, flow: Flow) -> None:
        flow.due = -1.0
        del flow.sender.out[flow], flow.receiver.into[flow]
        self._share(flow.sender, flow.receiver)

    def _share(self, sender: Line, receiver: Line) -> None:
        """Give every flow on the two lines its share anew."""
        for flow in sender.out:
            if flow.receiver is not receiver:
                self._set_rate(flow, min(sender.up / len(sender.out), _offer(flow.receiver, first=sender.first)))
        first, behind = _offer(receiver, first=True), _offer(receiver, first=False)
        for flow in receiver.into:
            offer = first if flow.sender.first else behind
            self._set_rate(flow, min(flow.sender.up / len(flow.sender.out), offer))

    def _set_rate(self, flow: Flow, rate: float) -> None:
        if rate == flow.rate:
            return
        self._settle(flow)
        flow.rate = rate
        flow.due = self._clock.now + max(flow.left, 0.0) / rate
        if flow.due < flow.alarm - SOON:
            self._set_alarm(flow)

    def _settle(self, flow: Flow) -> None:
        count = flow.rate * (self._clock.now - flow.since)
        flow.left -= count
        flow.sender.sent += count
        flow.since = self._clock.now

    def _set_alarm(self, flow: Flow) -> None:
        flow.alarm = flow.due
        self._clock.at(flow.due, lambda: self._ring(flow))

    def _ring(self, flow: Flow) -> None:
        """End ``flow``, unless it became slower meanwhile, or is over."""
        if flow.due > self._clock.now + SOON:
            self._set_alarm(flow)
        elif flow.due >= 0:
            self._settle(flow)
            self._remove(flow)
            flow.done()


def _offer(line: Line, *, first: bool) -> float:
    """Return what a receiver's line has for each flow that goes before others, or for each of those."""
    before = [flow.sender for flow in line.into if flow.sender.first]
    if first or not before:
        return line.down / max(len(before) if first else len(line.into), 1)
    taken = sum(min(sender.up / len(sender.out), line.down / len(before)) for sender in before)
    return max(line.down - taken, LEAST_SHARE * line.down) / max(len(line.into) - len(before), 1)
