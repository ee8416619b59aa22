"""What rules about peers and uploads do to a fetch and a seed that are at work: who is connected, and what is given."""

import asyncio
import contextlib
import ipaddress
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from doctl.errors import LocalError
from doctl.jobs.minding import EVERY
from doctl.settings import Boundary, Settings, layered
from doctl.transfer.desk import Kind
from doctl.transfer.rules import GB, MB
from tests.jobs.world import LENGTH, VPN, Machine, World, ethernet, live, settings_of

pytestmark = pytest.mark.usefixtures("apart")

KBPS = 10
"""KB a second that the seed gives: the file takes longer than any test here looks."""
SLOW = 100.0
"""Bytes a second for each connection to the origin: enough to go on without peers."""
LOOK = EVERY + 0.5
Change = dict[str, object]
HOME, AWAY = (ethernet("10.8.0.2"),), (ethernet("10.9.0.2"),)
BRANCH = layered(Settings({}, (Boundary((ipaddress.ip_network("10.8.0.0/24"),), 0, "branch"),)))


@contextlib.asynccontextmanager
async def at_work(world: World, taking: Settings, giving: Settings | None = None) -> AsyncIterator[None]:
    """Let the one machine fetch from the other while the block runs."""
    world.origin.rate = SLOW
    async with world.seed(KBPS * 1000, giving) as peer:
        fetching = asyncio.create_task(world.fetch(taking, peers=(peer,)))
        await asyncio.sleep(LOOK)
        yield
        assert not fetching.done()
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)


def change(machine: Machine, what: Change) -> None:
    """Change the world of a machine."""
    for name, value in what.items():
        setattr(machine, name, value)


TAKING: dict[str, tuple[Settings, Change, Change, str]] = {
    "a VPN": (layered(), {"interfaces": HOME}, {"interfaces": (*HOME, VPN)}, "vpn"),
    "a link that is down": (layered(), {"interfaces": HOME}, {"interfaces": (replace(HOME[0], up=False),)}, "offline"),
    "a boundary group": (BRANCH, {"interfaces": AWAY}, {"interfaces": HOME}, "download_mode"),
}


STARTS = [(name, first) for name in TAKING for first in (False, True) if (name, first) != ("a link that is down", True)]
"""However it was at the start; but a machine that never had a link is not offline."""


@pytest.mark.parametrize(("name", "forbidden_first"), STARTS)
def test_a_fetch_leaves_its_peers_and_calls_them_again(name: str, forbidden_first: bool, tmp_path: Path) -> None:
    """Within a look in each direction, however it was at the start; the result names the rule."""
    settings, allowing, forbidding, rule = TAKING[name]
    seen: list[int] = []

    async def fetching(world: World) -> None:
        order = [forbidding, allowing] if forbidden_first else [allowing, forbidding]
        change(world.taker, order[0])
        async with at_work(world, settings):
            for what in (order[0], order[1], order[0]):
                change(world.taker, what)
                await asyncio.sleep(LOOK)
                seen.append(world.cable.connected())

    world = live(tmp_path, fetching)
    assert seen == ([0, 1, 0] if forbidden_first else [1, 0, 1])
    assert rule in world.rules()
    assert world.result.mode == 1
    assert "peers: 1 named" in world.result.mode_reason


def test_the_local_network_is_told_and_asked_again(tmp_path: Path) -> None:
    """A machine on a VPN neither announces itself nor looks for others; after it both do, and find each other."""
    seen: list[tuple[int, ...]] = []

    def look(world: World) -> None:
        told = [sum(line.startswith("neighbours") for line in each.asked) for each in (world.giver, world.taker)]
        seen.append((*told, world.cable.connected()))

    async def fetching(world: World) -> None:
        world.origin.rate = SLOW
        async with world.seed(KBPS * 1000, local_discovery=True) as peer:
            world.taker.nearby = (peer,)
            fetching = asyncio.create_task(world.fetch(layered(), local_discovery=True))
            for vpn in ((), (VPN,), ()):
                world.giver.interfaces = (ethernet("10.0.0.1"), *vpn)
                await asyncio.sleep(LOOK)
                world.taker.interfaces = (ethernet("10.0.0.2"), *vpn)
                await asyncio.sleep(LOOK)
                look(world)
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)

    live(tmp_path, fetching)
    assert seen == [(1, 1, 1), (1, 1, 0), (2, 2, 1)]


@pytest.mark.parametrize(
    ("settings", "machine"),
    [
        (settings_of(DOMinRAMAllowedToPeer=8), {"ram": 8 * GB - 1}),
        (settings_of(DOMinDiskSizeAllowedToPeer=64), {"disk": 64 * GB - 1}),
        (settings_of(DOMinFileSizeToCache=2), {}),
        (BRANCH, {"interfaces": HOME}),
        (layered(), {"interfaces": (*HOME, VPN)}),
    ],
)
@pytest.mark.parametrize("with_origin", [False, True])
def test_a_fetch_that_may_have_no_peers_calls_none(
    settings: Settings, machine: Change, with_origin: bool, tmp_path: Path
) -> None:
    """HTTP gives everything; without it the fetch fails at once and the error names the rule, as the reason does."""

    async def fetching(world: World) -> None:
        change(world.taker, machine)
        world.origin.status = 206 if with_origin else 404
        async with world.seed(1 << 20) as peer:
            assert await world.fetch(settings, peers=(peer,)) < 10

    world = live(tmp_path, fetching)
    assert not [line for line in world.taker.asked if line.startswith("connect")]
    rule = str(world.result.rules[0].rule)
    assert world.result.mode_reason.startswith(f"HTTP only: {rule}")
    if with_origin:
        assert world.result.error is None
    else:
        assert world.result.error == f"no source is left that has the rest of the file ({rule})"


@pytest.mark.parametrize(
    "machine", [{"ram": 1, "disk": 1, "charge": 5.0}, {"paid_for": True, "interfaces": HOME}], ids=["small", "metered"]
)
def test_windows_own_minimums_keep_nobody_from_peers_he_asked_for(machine: Change, tmp_path: Path) -> None:
    """Where nobody set them, memory, disk and length do not matter; nor does what forbids uploads alone."""

    async def fetching(world: World) -> None:
        change(world.taker, machine)
        world.origin.status = 404
        async with world.seed(1 << 20) as peer:
            await world.fetch(layered(), peers=(peer,))

    world = live(tmp_path, fetching)
    assert world.result.ledger.bytes_from[Kind.LAN] == LENGTH


GIVING: dict[str, tuple[Change, Change, int]] = {
    "a VPN": ({"interfaces": AWAY}, {"interfaces": (*AWAY, VPN)}, 0),
    "battery": ({"charge": None}, {"charge": 80.0}, 1),
    "a metered network": ({"paid_for": False}, {"paid_for": True}, 1),
    "an address in a boundary group": ({"interfaces": AWAY}, {"interfaces": HOME}, 0),
}


@pytest.mark.parametrize("name", GIVING)
def test_a_seed_gives_nothing_while_a_rule_forbids_it(name: str, tmp_path: Path) -> None:
    """Without peers their connections end, without uploads they stay; when it is over pieces are given again.

    Whose connection was ended has to call again: here because its own link is down for a while.
    """
    allowing, forbidding, connections = GIVING[name]
    given: list[int] = []

    async def serving(world: World) -> None:
        change(world.giver, allowing)
        async with at_work(world, layered(), BRANCH):
            for what in (allowing, forbidding, allowing):
                change(world.giver, what)
                world.taker.interfaces = AWAY
                await asyncio.sleep(3 * LOOK)  # metering is asked about at each third look
                if what is forbidding:
                    assert world.cable.connected() == connections
                before = world.given.bytes_sent()
                await asyncio.sleep(5 * LOOK)
                given.append(world.given.bytes_sent() - before)
                world.taker.interfaces = ()
                await asyncio.sleep(LOOK)

    live(tmp_path, serving)
    first, meanwhile, again = given
    assert first > 0
    assert meanwhile == 0
    assert again > 0


def test_a_seed_shares_only_files_that_are_large_enough(tmp_path: Path) -> None:
    """With DOMinFileSizeToCache smaller ones are left out and told; where none is left there is nothing to do."""
    limit = settings_of(DOMinFileSizeToCache=2)

    async def serving(world: World) -> None:
        with pytest.raises(LocalError, match=r"nothing to share: .*DOMinFileSizeToCache is 2 \(file site.toml\)"):
            await world.serving(limit)

    assert LENGTH < 2 * MB
    world = live(tmp_path, serving)
    assert world.said == [f"{world.shared}: no peers for so small a file: DOMinFileSizeToCache is 2 (file site.toml)"]


# -- the monthly cap

INTERNET, LAN = ("93.184.216.34", "93.184.216.35"), ("10.0.0.1", "10.0.0.2")
JANUARY, FEBRUARY = datetime(2026, 1, 31, 23), datetime(2026, 2, 1)


def note(kept: Path, count: int, month: str = "2026-01") -> None:
    """Let earlier runs have sent so many bytes."""
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps({"month": month, "bytes_to_internet": count}))


@pytest.mark.parametrize(
    ("addresses", "noted", "settings", "whole"),
    [
        (INTERNET, 20 * GB - 300_000, {}, False),
        (INTERNET, 20 * GB - 2_000_000, {}, True),
        (INTERNET, 20 * GB, {"DOMonthlyUploadDataCap": 21}, True),
        (INTERNET, 20 * GB, {"DOMonthlyUploadDataCap": 0}, True),
        (LAN, 20 * GB, {}, True),
    ],
)
def test_the_monthly_cap(
    addresses: tuple[str, str], noted: int, settings: dict[str, Any], whole: bool, tmp_path: Path, kept: Path
) -> None:
    """Internet peers get what is left of it, to within what passes between two looks; others are not concerned."""
    note(kept, noted)
    left = 20 * GB - noted

    async def fetching(world: World) -> None:
        world.giver.address, world.taker.address = addresses
        world.origin.rate = SLOW
        world.giver.clock = JANUARY
        async with world.seed(100_000, settings_of(**settings)) as peer:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(60):
                    await world.fetch(layered(), peers=(peer,))

    world = live(tmp_path, fetching)
    sent = world.given.bytes_sent()
    assert (world.result.sha256 is not None) is whole
    assert whole or left <= sent <= left + 100_000 * LOOK
    count = json.loads(kept.read_text())["bytes_to_internet"]
    assert count == noted + (sent if addresses is INTERNET else 0)


def test_a_new_month_begins_at_nothing(tmp_path: Path, kept: Path) -> None:
    """A seed whose share of the month is used up gives again in the next one."""
    note(kept, 20 * GB)
    given: list[int] = []

    async def serving(world: World) -> None:
        world.giver.address, world.taker.address = INTERNET
        world.giver.clock = JANUARY
        async with at_work(world, layered()):
            for month in (JANUARY, FEBRUARY):
                world.giver.clock = month
                await asyncio.sleep(5 * LOOK)
                given.append(world.given.bytes_sent())

    live(tmp_path, serving)
    assert given[0] == 0
    assert given[1] > 0
    assert json.loads(kept.read_text())["month"] == "2026-02"
