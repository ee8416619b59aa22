"""What each rule does to a whole fetch and a whole seed, on a virtual clock: how much comes, from whom, and when."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from doctl.endpoints import Address
from doctl.jobs.peering import GATHERING
from doctl.sources.http import PARALLEL
from doctl.transfer.desk import Kind
from tests.jobs.world import LENGTH, VPN, World, ethernet, live, settings_of

pytestmark = pytest.mark.usefixtures("apart")

# -- how much may come

NOON, NIGHT = datetime(2026, 1, 15, 12), datetime(2026, 1, 15, 22)
KBPS = 100
"""KB a second that the link carries: 10.5 s for the file."""
HOURS = "DOSetHoursToLimit{}DownloadBandwidth"


@pytest.mark.parametrize(
    ("settings", "options", "clock", "kbps"),
    [
        ({}, {}, NOON, KBPS),
        ({}, {"max_down": 20_000}, NOON, 20),
        ({"DOMaxForegroundDownloadBandwidth": 20}, {}, NOON, 20),
        ({"DOMaxForegroundDownloadBandwidth": 20}, {"max_down": 10_000}, NOON, 10),
        ({"DOMaxForegroundDownloadBandwidth": 20}, {"background": True}, NOON, KBPS),
        ({"DOMaxBackgroundDownloadBandwidth": 20}, {"background": True}, NOON, 20),
        ({"DOMaxBackgroundDownloadBandwidth": 20}, {}, NOON, KBPS),
        ({"DOPercentageMaxForegroundBandwidth": 20}, {}, NOON, 20),
        ({"DOPercentageMaxBackgroundBandwidth": 20}, {}, NOON, KBPS),
        ({"DOPercentageMaxBackgroundBandwidth": 20}, {"background": True}, NOON, 20),
        ({HOURS.format("Foreground"): "8-17 in 20 out 50"}, {}, NOON, 20),
        ({HOURS.format("Foreground"): "8-17 in 20 out 50"}, {}, NIGHT, 50),
        ({HOURS.format("Foreground"): "8-17 in 20 out 0"}, {}, NIGHT, KBPS),
        ({HOURS.format("Background"): "8-17 in 20 out 50"}, {"background": True}, NIGHT, 50),
        ({HOURS.format("Background"): "8-17 in 20 out 50"}, {}, NOON, KBPS),
    ],
)
def test_bandwidth(
    settings: dict[str, int | str], options: dict[str, Any], clock: datetime, kbps: int, tmp_path: Path
) -> None:
    """KB/s and percentages of the link hold for the ground and the hour that they are for.

    For a percentage the link is measured first, at full speed for a second.
    """
    took = 0.0

    async def fetching(world: World) -> None:
        nonlocal took
        connections = 1 if options.get("background") else PARALLEL
        world.origin.rate, world.taker.clock = KBPS * 1000 / connections, clock
        took = await world.fetch(settings_of(**settings), **options)

    world = live(tmp_path, fetching)
    assert took == pytest.approx(seconds_at(kbps, measured={*world.rules()} & {"percentage", "hours"}), rel=0.05)
    assert len(world.rules()) == (kbps != KBPS and bool(settings))


def seconds_at(kbps: int, *, measured: object) -> float:
    """Return how long the file takes at so many KB/s, after a second at the link's speed if that is measured."""
    at_once = KBPS * 1000 if measured else 0
    return at_once / KBPS / 1000 + (LENGTH - at_once) / kbps / 1000


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(("address", "kind", "kbps"), [("10.0.0.1", "lan", KBPS), ("93.184.216.34", "internet", 20)])
def test_lan_peers_are_not_held_to_percentages(address: str, kind: str, kbps: int, tmp_path: Path) -> None:
    """They bring what they can; Internet peers are held to a part of the link."""
    took = 0.0

    async def fetching(world: World) -> None:
        nonlocal took
        world.giver.address, world.origin.status = address, 503
        async with world.seed(KBPS * 1000) as peer:
            took = await world.fetch(settings_of(DOPercentageMaxForegroundBandwidth=20), peers=(peer,))

    world = live(tmp_path, fetching)
    assert world.result.ledger.bytes_from[Kind(kind)] == LENGTH
    assert took == pytest.approx(seconds_at(kbps, measured=kind == "internet"), rel=0.2)


def test_hours_that_begin_and_end_on_the_way(tmp_path: Path) -> None:
    """The limit is there within a look after the hours begin, and gone within one after they end."""
    rates: list[float] = []

    async def fetching(world: World) -> None:
        world.origin.rate, world.taker.clock = KBPS * 1000 / PARALLEL, datetime(2026, 1, 15, 7, 59)
        hours = settings_of(**{HOURS.format("Foreground"): "8-17 in 10 out 50"})
        fetching = asyncio.create_task(world.fetch(hours))
        await asyncio.sleep(2)
        for clock in (None, NOON, NIGHT):
            world.taker.clock = clock or world.taker.clock
            await asyncio.sleep(2.5)
            before = world.came()
            await asyncio.sleep(5)
            rates.append((world.came() - before) / 5 / 1000)
        await fetching

    world = live(tmp_path, fetching)
    assert rates == [pytest.approx(rate, rel=0.35) for rate in (50, 10, 50)]
    assert world.rules() == ["hours"] * 3


# -- HTTP beside peers


@pytest.mark.parametrize(("qos", "least", "most"), [(40, 0.0, 0.4), (60, 0.55, 1.0), (0, 0.0, 0.4)])
def test_http_helps_in_the_background_where_peers_are_slower_than_asked(
    qos: int, least: float, most: float, tmp_path: Path
) -> None:
    """Peers that bring 50 KB/s are left alone if 40 are enough; if 60 are wanted HTTP brings what they have too."""

    async def fetching(world: World) -> None:
        world.origin.rate = KBPS * 1000
        async with world.seed(50_000) as peer:
            await world.fetch(settings_of(DOMinBackgroundQoS=qos), peers=(peer,), background=True)

    world = live(tmp_path, fetching)
    assert least <= world.result.ledger.bytes_from[Kind.HTTP] / LENGTH <= most
    assert ("background_qos" in world.rules()) is (qos == 60)


DELAY = {"DODelayForegroundDownloadFromHttp": 5, "DODelayBackgroundDownloadFromHttp": 60}


@pytest.mark.parametrize(
    ("settings", "options", "changes", "asked"),
    [
        ({}, {}, {}, 0.0),
        (DELAY, {}, {}, 5.0),
        (DELAY, {"background": True}, {}, 60.0),
        (DELAY, {"background": True}, {3.0: {"interfaces": (VPN,)}}, 4.0),
        (DELAY | {"DODownloadMode": 0}, {"mode": 0}, {}, 0.0),
        (DELAY | {"DOMinFileSizeToCache": 2}, {}, {}, 0.0),
    ],
)
def test_http_waits_for_peers(
    settings: dict[str, int | str],
    options: dict[str, Any],
    changes: dict[float, dict[str, object]],
    asked: float,
    tmp_path: Path,
) -> None:
    """For as long as it is to, if there may be peers and only then."""

    async def fetching(world: World) -> None:
        async with world.seed(1000) as peer, world.changing(changes):
            await world.fetch(settings_of(**settings), peers=(peer,), **options)

    world = live(tmp_path, fetching)
    assert world.result.error is None
    assert world.asked(world.origin) == pytest.approx(asked, abs=0.3)


def test_the_origin_waits_a_moment_for_who_is_called(tmp_path: Path) -> None:
    """Machines that start at once are to meet before they ask it, but who does not answer holds nothing up for long."""

    async def fetching(world: World) -> None:
        door = await world.giver.listen(Address("10.0.0.1", 0))  # and nobody opens
        await world.fetch(settings_of(), peers=(door.address,))

    world = live(tmp_path, fetching)
    assert world.result.error is None
    assert world.asked(world.origin) == pytest.approx(GATHERING, abs=0.3)


def test_peers_do_not_wait_for_the_origin(tmp_path: Path) -> None:
    """Where all is known that is needed to begin, an origin that never answers costs nothing."""
    took = 0.0

    async def silent(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(3600)
        raise AssertionError("nobody waits so long")

    async def fetching(world: World) -> None:
        nonlocal took
        world.taker.web = silent  # type: ignore[assignment]  # the client takes either
        async with world.seed(LENGTH // 2) as giver:
            took = await world.fetch(settings_of(), peers=(giver,))

    world = live(tmp_path, fetching)
    assert (world.result.error, world.result.ledger.bytes_from[Kind.LAN]) == (None, LENGTH)
    assert took == pytest.approx(2, abs=0.6)


def test_waiting_for_peers_is_no_stall(tmp_path: Path) -> None:
    """Ten minutes without a byte, because a setting says so, do not end the fetch, even if no peer is there."""
    world = live(tmp_path, lambda world: world.fetch(settings_of(DODelayForegroundDownloadFromHttp=600)))
    assert world.result.error is None
    assert world.asked(world.origin) == pytest.approx(600, abs=0.3)


CACHED: dict[str, int | str] = {"DOCacheHost": "mcc.test", "DODelayCacheServerFallbackForeground": 30}


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("settings", "status", "asked", "tries"),
    [
        ({"DOCacheHost": "mcc.test"}, 503, 0.0, 1),
        (CACHED, 503, 30.0, 16),
        (CACHED, 404, 0.0, 1),
        (CACHED, 206, None, None),
        (CACHED | {"DODelayForegroundDownloadFromHttp": 10}, 503, 40.0, 16),
    ],
)
def test_the_origin_waits_for_the_cache_server(
    settings: dict[str, int | str], status: int, asked: float | None, tries: int | None, tmp_path: Path
) -> None:
    """One that fails is asked again and again for as long as the origin is to wait; one that has no such file, once."""

    async def fetching(world: World) -> None:
        world.cache.status = status
        await world.fetch(settings_of(**settings))

    world = live(tmp_path, fetching)
    assert world.result.error is None
    assert world.asked(world.origin) == (None if asked is None else pytest.approx(asked, abs=2.5))
    assert tries is None or world.cache.tries == pytest.approx(tries, abs=1)


@pytest.mark.usefixtures("kept")
def test_the_cache_server_waits_for_peers_too(tmp_path: Path) -> None:
    """The delay for peers comes before it."""
    settings = settings_of(DOCacheHost="mcc.test", DODelayForegroundDownloadFromHttp=5)
    world = live(tmp_path, lambda world: world.fetch(settings))
    assert world.asked(world.cache) == pytest.approx(5.0, abs=0.3)
    assert world.asked(world.origin) is None


@pytest.mark.usefixtures("kept")
def test_no_cache_server_on_a_vpn(tmp_path: Path) -> None:
    """It is left within a look after a VPN comes up, and asked again after it is gone."""
    policy = settings_of(DOCacheHost="mcc.test", DODisallowCacheServerDownloadsOnVPN=1)
    came: list[dict[Kind, int]] = []

    async def fetching(world: World) -> None:
        world.cache.rate = world.origin.rate = 5_000
        fetching = asyncio.create_task(world.fetch(policy))
        await asyncio.sleep(3)
        for interfaces in ((VPN,), ()):
            world.taker.interfaces = (ethernet("10.0.0.2"), *interfaces)
            await asyncio.sleep(4)
            came.append(dict(world.result.ledger.bytes_from))
            await asyncio.sleep(8)
            came.append(dict(world.result.ledger.bytes_from))
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)

    world = live(tmp_path, fetching)
    assert world.rules()[0] == "vpn"
    assert "vpn_cache" in world.rules()
    on_vpn, later, off_vpn, at_last = came
    assert later[Kind.CACHE] == on_vpn[Kind.CACHE]
    assert later[Kind.HTTP] > on_vpn[Kind.HTTP]
    assert at_last[Kind.CACHE] > off_vpn[Kind.CACHE]
