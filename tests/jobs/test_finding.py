"""What a machine makes of the peers that the coordination service names."""

import asyncio
import ipaddress
from types import SimpleNamespace
from typing import Any, cast

import pytest

from doctl.jobs.finding import Finder, Joining, Place
from doctl.jobs.rendezvous import Rendezvous
from doctl.transfer.plan import Plan
from doctl.transfer.turns import SENIORS
from doctl.wire.joining import JoinAnswer, JoinEvent, Peer, PeerKind
from tests.transfer import virtual

HERE = ipaddress.ip_address("10.0.0.1")
NOWHERE = 22
"""A port that no peer has, so that nobody is called."""
PIECES = 16


def answer(count: int) -> JoinAnswer:
    """Return an answer with so many peers, and the next join in a second."""
    peers = (Peer(HERE, NOWHERE, bytes([number]) * 20, None, PeerKind.LAN) for number in range(count))
    return JoinAnswer(tuple(peers), HERE, 1)


class Scripted:
    """A service that answers one join after the other with so many peers; ``over`` when it has told all."""

    def __init__(self, *counts: int) -> None:
        self.service = SimpleNamespace(local=None)
        self.over = asyncio.Event()
        self._counts = list(counts)

    async def join(self, _place: Place, event: JoinEvent) -> JoinAnswer:
        """Answer."""
        if len(self._counts) > 1 and event is not JoinEvent.LAST:
            return answer(self._counts.pop(0))
        self.over.set()
        return answer(self._counts[0])


@pytest.mark.parametrize(
    ("named", "waits"),
    [((SENIORS - 1,), False), ((SENIORS,), True), ((0, SENIORS), False), ((SENIORS, 0), True)],
    ids=["few", "many", "few at first", "many at first"],
)
def test_who_comes_to_many_leaves_the_origin_to_them(named: tuple[int, ...], waits: bool) -> None:
    """Who is named 32 others when it first joins lets their turns at the origin pass; who was among the first does not.

    Who comes later does not change that, nor that others have gone.
    """
    plan = Plan(PIECES, own=b"\xff" * 20)

    async def hear() -> None:
        joining = Scripted(*named, named[-1])
        finder = Finder(
            cast(Joining, joining), Rendezvous("http://10.0.0.9"), Place("id", "", bytes(20), 7680), say=print
        )
        engine = cast(Any, SimpleNamespace(plan=plan))
        others = cast(Any, SimpleNamespace(links=set()))
        async with finder.at_work(engine, others, others, asyncio.get_running_loop().time):
            await joining.over.wait()

    virtual.run(hear())
    assert (not plan.turns.choose(plan.lacking, plan.wanted, 0.0)) is waits
