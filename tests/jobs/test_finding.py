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

HERE = ipaddress.ip_address("10.0.0.1")
NOWHERE = 22
"""A port that no peer has, so that nobody is called."""
PIECES = 16


def answer(count: int) -> JoinAnswer:
    """Return an answer with so many peers."""
    peers = (Peer(HERE, NOWHERE, bytes([number]) * 20, None, PeerKind.LAN) for number in range(count))
    return JoinAnswer(tuple(peers), HERE)


class Scripted:
    """A service that names so many peers; ``asked`` when it has."""

    def __init__(self, count: int) -> None:
        self.service = SimpleNamespace(local=None)
        self.asked = asyncio.Event()
        self._count = count

    async def join(self, _place: Place, _event: JoinEvent) -> JoinAnswer:
        """Answer."""
        self.asked.set()
        return answer(self._count)


@pytest.mark.parametrize(("named", "waits"), [(SENIORS - 1, False), (SENIORS, True)])
def test_who_comes_to_many_leaves_the_origin_to_them(named: int, waits: bool) -> None:
    """Who is named 32 others when it first joins lets their turns at the origin pass; who was there first does not."""
    plan = Plan(PIECES, own=b"\xff" * 20)

    async def hear() -> None:
        joining = Scripted(named)
        place = Place("id", "", bytes(20), 7680)
        finder = Finder(cast(Joining, joining), Rendezvous("http://10.0.0.9"), place, say=print)
        engine = cast(Any, SimpleNamespace(plan=plan))
        others = cast(Any, SimpleNamespace(links=set()))
        async with finder.at_work(engine, others, others, asyncio.get_running_loop().time):
            await joining.asked.wait()

    asyncio.run(hear())
    assert (not plan.turns.choose(plan.lacking, plan.wanted, 0.0)) is waits
