"""What is allowed follows the world within a look, in both directions, and each change is told with its rule."""

import asyncio
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from doctl.errors import LocalError, UsageError
from doctl.jobs.conditions import METERED_EVERY, Subject
from doctl.jobs.minding import EVERY, MOST_RECORDED, Applied, Minder, minding
from doctl.net.adapters import Adapter, Kind
from doctl.net.fake import FakeNetwork
from doctl.settings import Boundary, Origin, Settings, Value, layered
from doctl.transfer.rules import GB, MB, Allowed
from tests.transfer import virtual

ETHERNET = Adapter("eth0", kind=Kind.ETHERNET, if_type=6, addresses=(ipaddress.ip_interface("10.8.0.5/16"),))
ELSEWHERE = replace(ETHERNET, addresses=(ipaddress.ip_interface("10.9.0.5/16"),))
FAR = replace(ETHERNET, addresses=(ipaddress.ip_interface("192.0.2.5/24"),))
TUNNEL = Adapter("wg0", kind=Kind.WIREGUARD)
NAMED = Adapter("eth1", friendly_name="Contoso VPN", kind=Kind.ETHERNET, if_type=6)
Changes = dict[str, Any]


def made(**values: int | str) -> Settings:
    """Return the defaults with some settings from a file over them."""
    return layered({name: Value(value, Origin.FILE, "site.toml") for name, value in values.items()})


@dataclass
class Life:
    """What a transfer lived through: what was allowed after each change of the world, and what was said."""

    allowed: list[Allowed] = field(default_factory=list)
    followed: list[Allowed] = field(default_factory=list)
    gone: list[set[str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    record: list[Applied] = field(default_factory=list)


def live(network: FakeNetwork, settings: Settings, subject: Subject, *changes: Changes) -> Life:
    """Let the world change, and a little more time than that between two looks pass after each change."""
    life = Life()

    async def lived() -> None:
        async with minding(network, settings, subject, life.said.append, life.record) as minder:
            minder.follow(life.followed.append)
            minder.when_moved(lambda gone: life.gone.append({str(address) for address in gone}))
            life.allowed.append(minder.now)
            for change in changes:
                for name, value in change.items():
                    setattr(network, name, value)
                await asyncio.sleep(EVERY + 0.1)
                life.allowed.append(minder.now)

    virtual.run(lived())
    return life


def at(hour: int, minute: int = 0) -> datetime:
    """Return a time of day."""
    return datetime(2026, 1, 15, hour, minute)


Question = Callable[[Allowed], object]
BRANCH = layered(Settings({}, (Boundary((ipaddress.ip_network("10.8.0.0/16"),), 0, "branch"),)))
HOURS = "DOSetHoursToLimitForegroundDownloadBandwidth"
BATTERY = "DOMinBatteryPercentageAllowedToUpload"
NO_CACHE_ON_VPN = made(DOCacheHost="mcc.example", DOAllowVPNPeerCaching=1, DODisallowCacheServerDownloadsOnVPN=1)

WORLDS: dict[str, tuple[Settings, Question, list[tuple[Changes, object]]]] = {
    "a VPN by its kind": (
        layered(),
        lambda now: (now.peering, now.uploads),
        [
            ({}, (True, True)),
            ({"interfaces": (ETHERNET, TUNNEL)}, (False, False)),
            ({"interfaces": (ETHERNET, replace(TUNNEL, up=False))}, (True, True)),
        ],
    ),
    "a VPN by its name": (
        layered(),
        lambda now: now.peering,
        [({"interfaces": (ETHERNET, NAMED)}, False), ({"interfaces": (ETHERNET,)}, True)],
    ),
    "a VPN by the policy's keywords": (
        made(DOVpnKeywords="branch"),
        lambda now: now.peering,
        [({"interfaces": (replace(ETHERNET, friendly_name="Branch office"),)}, False)],
    ),
    "a VPN that the policy allows": (
        made(DOAllowVPNPeerCaching=1),
        lambda now: (now.peering, now.uploads),
        [({"interfaces": (ETHERNET, TUNNEL)}, (True, True))],
    ),
    "a VPN and the cache server": (
        NO_CACHE_ON_VPN,
        lambda now: now.cache_server,
        [({}, True), ({"interfaces": (ETHERNET, TUNNEL)}, False), ({"interfaces": (ETHERNET,)}, True)],
    ),
    "battery, no uploads on it": (
        layered(),
        lambda now: (now.peering, now.uploads),
        [({"charge": 90.0}, (True, False)), ({"charge": None}, (True, True))],
    ),
    "battery, uploads from a percentage on": (
        made(**{BATTERY: 50}),
        lambda now: now.uploads,
        [({"charge": 60.0}, True), ({"charge": 49.0}, False), ({"charge": 50.0}, True)],
    ),
    "hours that begin and end": (
        made(**{HOURS: "8-17 in 20 out 80"}),
        lambda now: now.percent,
        [({"clock": at(7, 59)}, 80), ({"clock": at(8)}, 20), ({"clock": at(16, 59)}, 20), ({"clock": at(17)}, 80)],
    ),
    "an address in a boundary group": (
        BRANCH,
        lambda now: (now.mode, now.peering),
        [({}, (0, False)), ({"interfaces": (ELSEWHERE,)}, (1, True)), ({"interfaces": (ETHERNET,)}, (0, False))],
    ),
    "a link that goes down": (
        layered(),
        lambda now: now.peering,
        [({"interfaces": (replace(ETHERNET, up=False),)}, False), ({"interfaces": (ETHERNET,)}, True)],
    ),
}
"""Settings, what is asked of what they allow, and the answer after each change of a world that begins on Ethernet."""


@pytest.mark.parametrize("name", WORLDS)
def test_what_is_allowed_follows_the_world(name: str) -> None:
    """Within one look of each change, and in both directions."""
    settings, question, changes = WORLDS[name]
    life = live(FakeNetwork(interfaces=(ETHERNET,)), settings, Subject(), *(change for change, _ in changes))
    assert [question(now) for now in life.allowed[1:]] == [answer for _, answer in changes]
    assert life.followed[-1] == life.allowed[-1]


@pytest.mark.parametrize("paid_for", [True, False])
def test_metering_is_asked_about_less_often(paid_for: bool) -> None:
    """A program has to be run for it: every third look, and at once when the addresses change."""
    network = FakeNetwork(interfaces=(ETHERNET,), paid_for=not paid_for)
    looks = round(METERED_EVERY / EVERY)
    changes: list[Changes] = [{"paid_for": paid_for}, *[{}] * (looks - 1), {"paid_for": not paid_for}]
    life = live(network, layered(), Subject(), *changes, {"interfaces": (ELSEWHERE,)})
    assert [now.uploads for now in life.allowed[1:]] == [*[paid_for] * (looks - 1), *[not paid_for] * 2, paid_for]
    assert network.asked.count("metered") == 3


@pytest.mark.parametrize(
    ("network", "subject", "settings", "peering"),
    [
        (FakeNetwork(ram=4 * GB), Subject(), made(DOMinRAMAllowedToPeer=5), False),
        (FakeNetwork(ram=5 * GB), Subject(), made(DOMinRAMAllowedToPeer=5), True),
        (FakeNetwork(disk=40 * GB), Subject(folder=Path()), made(DOMinDiskSizeAllowedToPeer=41), False),
        (FakeNetwork(disk=41 * GB), Subject(folder=Path()), made(DOMinDiskSizeAllowedToPeer=41), True),
        (FakeNetwork(), Subject(file_bytes=9 * MB), made(DOMinFileSizeToCache=10), False),
        (FakeNetwork(), Subject(file_bytes=10 * MB), made(DOMinFileSizeToCache=10), True),
        (FakeNetwork(ram=1, disk=1), Subject(file_bytes=1, folder=Path()), layered(), True),
        (FakeNetwork(), Subject(swarm=False), layered(), False),
    ],
)
def test_what_the_machine_and_the_file_must_have(
    network: FakeNetwork, subject: Subject, settings: Settings, peering: bool
) -> None:
    """Memory, disk and the file's length are compared with what the settings ask for."""
    assert live(network, settings, subject).allowed[0].peering is peering


def test_what_the_transfer_knows_of_itself() -> None:
    """Its ground, its age, what peers bring it and what Internet peers had of it are asked at each look."""
    sent, brought = [0, 0, 20 * GB, 20 * GB], iter([None, 1e6, 9e6, None])
    subject = Subject(background=True, from_peers=lambda: next(brought), to_internet=lambda: sent.pop(0))
    settings = made(DODelayBackgroundDownloadFromHttp=5)
    life = live(FakeNetwork(), settings, subject, {}, {}, {})
    assert [[str(rule.name) for rule in now.rules] for now in life.allowed] == [
        ["http_delay"],
        ["background_qos", "http_delay"],
        ["upload_cap", "http_delay"],
        ["upload_cap"],
    ]
    assert [now.uploads_to_internet for now in life.allowed] == [True, True, False, False]


def test_each_change_is_told_and_recorded_with_its_rule() -> None:
    """What begins is said with setting, value and origin, what ends too; the record says when both were."""
    vpn: Changes = {"interfaces": (ETHERNET, NAMED)}
    life = live(FakeNetwork(interfaces=(ETHERNET,)), layered(), Subject(), {}, vpn, {}, {"interfaces": (ETHERNET,)})
    no_peers, no_uploads = "no peers on a VPN (Contoso VPN)", "uploads are suspended on a VPN (Contoso VPN)"
    setting = "DOAllowVPNPeerCaching is 0 (default)"
    assert life.said == [
        f"{no_peers}: {setting}",
        f"{no_uploads}: {setting}",
        f"no longer: {no_peers}",
        f"no longer: {no_uploads}",
    ]
    assert [applied.as_json() for applied in life.record] == [
        {
            "rule": rule,
            "setting": "DOAllowVPNPeerCaching",
            "value": 0,
            "source": "default",
            "effect": effect,
            "since_s": 4.0,
            "until_s": 8.0,
        }
        for rule, effect in (("vpn", no_peers), ("vpn_uploads", no_uploads))
    ]


def test_a_rule_in_force_at_the_end_has_no_end() -> None:
    """And one from the start begins there."""
    life = live(FakeNetwork(), made(DOMaxForegroundDownloadBandwidth=300), Subject(), {})
    (applied,) = life.record
    assert (applied.since, applied.until) == (0.0, None)
    assert life.said == ["at most 300 KB/s: DOMaxForegroundDownloadBandwidth is 300 (file site.toml)"]


def test_a_rule_that_comes_and_goes_fills_no_memory() -> None:
    """The record ends at some length; what is allowed goes on following."""
    changes: list[Changes] = [{"charge": 50.0}, {"charge": None}] * (MOST_RECORDED + 5)
    life = live(FakeNetwork(), layered(), Subject(), *changes)
    assert len(life.record) == MOST_RECORDED
    assert [now.uploads for now in life.allowed[-2:]] == [False, True]


def test_nothing_is_said_while_nothing_changes() -> None:
    """Who follows is called once, and nobody hears anything."""
    life = live(FakeNetwork(interfaces=(ETHERNET,)), layered(), Subject(), {}, {}, {})
    assert (len(life.followed), life.said, life.gone) == (1, [], [])


@pytest.mark.parametrize("settings", [layered(), BRANCH])
def test_nobody_is_asked_where_nothing_could_follow(settings: Settings) -> None:
    """A plain fetch over HTTP that no setting is about costs no look at the machine."""
    network = FakeNetwork(interfaces=(ETHERNET,))
    assert (
        live(network, settings, Subject(swarm=False), {}).allowed == [Allowed(mode=1, peering=False, uploads=False)] * 2
    )
    assert network.asked == []


def test_addresses_that_are_gone_are_told() -> None:
    """Whoever holds connections from them can then let go; new addresses alone are no reason."""
    both = replace(ETHERNET, addresses=(*ETHERNET.addresses, ipaddress.ip_interface("fd00::1/64")))
    changes: list[Changes] = [{"interfaces": each} for each in ((both,), (ELSEWHERE,), (replace(ELSEWHERE, up=False),))]
    life = live(FakeNetwork(interfaces=(ETHERNET,)), layered(), Subject(), *changes)
    assert life.gone == [{"10.8.0.5", "fd00::1"}, {"10.9.0.5"}]


def test_a_machine_without_any_link_is_not_offline() -> None:
    """Where there was none from the start peers on this very machine are all there is, and may be used."""
    life = live(FakeNetwork(), layered(), Subject(), {}, {"interfaces": (ETHERNET,)}, {"interfaces": ()})
    assert [now.peering for now in life.allowed] == [True, True, True, False]


def test_settings_that_will_not_do_are_told_before_anything_is_shared() -> None:
    """Hours that cannot be read are wrong use."""
    with pytest.raises(UsageError, match=r"site\.toml: 'daily'"):
        live(FakeNetwork(), made(**{HOURS: "daily"}), Subject())


def test_adapters_that_cannot_be_read_forbid_nothing() -> None:
    """What is not known is no reason to stop, from the start or all of a sudden."""
    silent: Changes = {"interfaces": LocalError("no adapters here")}
    life = live(FakeNetwork(interfaces=(ETHERNET,)), layered(), Subject(), silent)
    assert [now.peering for now in life.allowed] == [True, True]


@pytest.mark.parametrize(("change", "waited"), [({}, 60.0), ({"charge": 50.0}, 60.0), ({"interfaces": (TUNNEL,)}, 4.0)])
def test_a_delay_ends_when_its_reason_does(change: Changes, waited: float) -> None:
    """HTTP that waits for peers waits to the end, unless a rule takes the peers away."""

    async def waiting(network: FakeNetwork) -> float:
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with minding(network, made(DODelayForegroundDownloadFromHttp=60), Subject(), _silent) as minder:
            waiter = asyncio.create_task(minder.wait_out(lambda now: now.http_delay, start))
            await asyncio.sleep(EVERY + 0.1)
            for name, value in change.items():
                setattr(network, name, value)
            await waiter
            return loop.time() - start

    assert virtual.run(waiting(FakeNetwork(interfaces=(ETHERNET,)))) == pytest.approx(waited)


def test_peers_are_waited_for_and_mode_changes_noticed() -> None:
    """``peers_allowed`` gives the mode once there may be peers, ``peers_changed`` returns when that is over."""

    async def waiting() -> list[object]:
        network, seen = FakeNetwork(interfaces=(ETHERNET,)), list[object]()
        groups = tuple(
            Boundary((ipaddress.ip_network(f"10.{number}.0.0/16"),), mode) for number, mode in ((8, 0), (9, 3))
        )
        async with minding(network, layered(Settings({}, groups)), Subject(), _silent) as minder:
            task = asyncio.create_task(_watch(minder, seen))
            for interfaces in ((ELSEWHERE,), (), (ELSEWHERE, TUNNEL), (FAR,), (ELSEWHERE,), (ETHERNET,)):
                network.interfaces = interfaces
                await asyncio.sleep(EVERY + 0.1)
            task.cancel()
        return seen

    assert virtual.run(waiting()) == [3, "over", 1, "over", 3, "over"]


async def _watch(minder: Minder, seen: list[object]) -> None:
    while True:
        mode = await minder.peers_allowed()
        seen.append(mode)
        await minder.peers_changed(mode)
        seen.append("over")


def _silent(_line: str) -> None:
    """Say nothing."""
