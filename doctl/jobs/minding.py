"""Minds the rules while others transfer: looks every few seconds, and lets those act who have to when they change."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from doctl.jobs.alongside import alongside
from doctl.jobs.conditions import Looker, Subject
from doctl.net.base import Network
from doctl.settings import IPAddress, Settings
from doctl.transfer.node import Node
from doctl.transfer.rules import Allowed, Rule, allowed
from doctl.transfer.upload import Slots

EVERY: Final = 2.0
"""Seconds between two looks."""
MOST_RECORDED: Final = 200
"""Rules that a result tells of; one that comes and goes all the time fills no memory."""


@dataclass(slots=True)
class Applied:
    """A rule that was in force, and when: seconds since the transfer began; ``until`` is None while it still is."""

    rule: Rule
    since: float
    until: float | None = None

    def as_json(self) -> dict[str, object]:
        """Return the promised JSON object."""
        return {
            "rule": str(self.rule.name),
            "setting": self.rule.setting,
            "value": self.rule.value,
            "source": self.rule.source,
            "effect": self.rule.effect,
            "since_s": round(self.since, 1),
            "until_s": None if self.until is None else round(self.until, 1),
        }


class Minder:
    """Knows what is allowed ``now``, and lets others follow."""

    def __init__(self, looker: Looker, settings: Settings, say: Callable[[str], None], record: list[Applied]) -> None:
        self.now = Allowed(mode=1)
        self._looker = looker
        self._settings = settings
        self._say = say
        self._record = record
        self._in_force: dict[Rule, Applied] = {}
        self._followers: list[Callable[[Allowed], None]] = []
        self._movers: list[Callable[[set[IPAddress]], None]] = []
        self._change = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._addresses: set[IPAddress] = set()

    def follow(self, act: Callable[[Allowed], None]) -> None:
        """Let ``act`` hear what is allowed, now and after each change."""
        self._followers.append(act)
        act(self.now)

    def when_moved(self, act: Callable[[set[IPAddress]], None]) -> None:
        """Let ``act`` hear which of this machine's addresses are gone, each time others take their place or none."""
        self._movers.append(act)

    def lead(self, node: Node, slots: Slots) -> None:
        """Let ``node`` and ``slots`` deal only with the peers that are allowed, from the addresses that we have."""
        self.follow(lambda now: slots.serve_only(now.may_send_to))
        self.follow(lambda now: node.open(to_peers=now.peering))
        self.when_moved(lambda gone: node.leave_addresses({str(address) for address in gone}))

    async def until(self, wanted: Callable[[Allowed], bool]) -> None:
        """Wait until ``wanted`` is true of what is allowed."""
        while not wanted(self.now):
            await self._change.wait()

    async def peers_allowed(self) -> int:
        """Wait until there may be peers, and return the download mode."""
        await self.until(lambda now: now.peering)
        return self.now.mode

    async def peers_changed(self, mode: int) -> None:
        """Wait until there may be no peers any more, or in another download mode than ``mode``."""
        await self.until(lambda now: not now.peering or now.mode != mode)

    async def wait_out(self, delay: Callable[[Allowed], float], since: float) -> None:
        """Wait until ``delay`` seconds after ``since``, on the loop's clock; the rules may change it meanwhile."""
        while (left := since + delay(self.now) - self._loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._change.wait()

    async def go_on(self, every: float) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(every)
            await self.look()

    async def look(self) -> None:
        """Apply the rules to what the world is like now, and tell if that changes anything."""
        at = self._loop.time() - self._start
        conditions = await self._looker.look()
        self._move({*conditions.addresses})
        before, self.now = self.now, allowed(self._settings, conditions)
        self._note(at)
        if before != self.now:
            for act in self._followers:
                act(self.now)
            self._change.set()
            self._change = asyncio.Event()

    def _move(self, addresses: set[IPAddress]) -> None:
        gone, self._addresses = self._addresses - addresses, addresses
        if gone:
            for act in self._movers:
                act(gone)

    def _note(self, at: float) -> None:
        """Record which rules begin and end ``at`` so many seconds, and say so."""
        for rule in [rule for rule in self._in_force if rule not in self.now.rules]:
            self._in_force.pop(rule).until = at
            self._say(f"no longer: {rule.effect}")
        for rule in self.now.rules:
            if rule not in self._in_force:
                self._in_force[rule] = applied = Applied(rule, at)
                self._say(str(rule))
                if len(self._record) < MOST_RECORDED:
                    self._record.append(applied)


@contextlib.asynccontextmanager
async def minding(
    network: Network,
    settings: Settings,
    subject: Subject,
    say: Callable[[str], None],
    record: list[Applied] | None = None,
    *,
    every: float = EVERY,
) -> AsyncIterator[Minder]:
    """Apply the rules while the block runs; ``say`` hears of each one that begins or ends, ``record`` keeps them.

    Raises UsageError for settings that will not do.
    """
    looker = Looker(network, settings, subject)
    minder = Minder(looker, settings, say, [] if record is None else record)
    await minder.look()
    try:
        async with alongside(minder.go_on(every)):
            yield minder
    finally:
        looker.note_uploads()
