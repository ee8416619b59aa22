"""Who is a peer for whom, by the download modes."""

import asyncio
import itertools
import random
from collections import Counter
from typing import Any

import pytest

from doctl.coordination.matching import OF_A_MACHINE, OF_A_SITE, Member, choose, kind_of, pools_of
from doctl.coordination.store_memory import MemoryStore
from doctl.errors import UsageError
from doctl.settings import DownloadMode
from doctl.wire.joining import PeerKind
from tests.coordination.members import GROUP, OTHER_GROUP, member

LAN, ANY, IN_GROUP = DownloadMode.LAN, DownloadMode.INTERNET, DownloadMode.GROUP
SITE, OTHER_SITE = "203.0.113.1", "198.51.100.1"
Spec = tuple[str, DownloadMode, str, dict[str, Any]]


def at(seen: str, mode: DownloadMode = LAN, reported: str = "", **more: Any) -> Spec:
    """Return what a member of the table is like."""
    return seen, mode, reported, more


def made(number: int, spec: Spec) -> Member:
    """Return the member of the table."""
    seen, mode, reported, more = spec
    return member(number, seen, mode, reported, **more)


TABLE: list[tuple[str, Spec, Spec, PeerKind | None]] = [
    ("LAN: the same public address", at(SITE), at(SITE), PeerKind.LAN),
    (
        "LAN: the same public address, other subnets",
        at(SITE, LAN, "10.0.1.5/24"),
        at(SITE, LAN, "10.0.2.5/24"),
        PeerKind.LAN,
    ),
    ("LAN: another public address", at(SITE), at(OTHER_SITE), None),
    (
        "LAN: the same private subnet at two sites",
        at(SITE, LAN, "10.0.0.5/24"),
        at(OTHER_SITE, LAN, "10.0.0.6/24"),
        None,
    ),
    ("LAN: a service inside sees private addresses", at("10.0.0.5"), at("192.168.7.9"), PeerKind.LAN),
    ("LAN: inside and outside", at("10.0.0.5"), at(SITE), None),
    ("LAN: on loopback, and inside", at("127.0.0.1"), at("10.0.0.5"), PeerKind.LAN),
    ("LAN: one public IPv6 network", at("2001:db8:1:2::5"), at("2001:db8:1:2::9"), PeerKind.LAN),
    ("LAN: two public IPv6 networks", at("2001:db8:1:2::5"), at("2001:db8:1:3::5"), None),
    ("LAN: unique local addresses are inside", at("fd00::5"), at("10.0.0.1"), PeerKind.LAN),
    ("LAN: a provider's shared addresses are no LAN", at("100.64.0.5"), at("100.64.0.6"), None),
    ("subnet: the same", at(SITE, LAN, "10.0.1.5/24", strict=True), at(SITE, LAN, "10.0.1.6/24"), PeerKind.LAN),
    ("subnet: another", at(SITE, LAN, "10.0.1.5/24", strict=True), at(SITE, LAN, "10.0.2.6/24"), None),
    ("subnet: the other is strict", at(SITE, LAN, "10.0.1.5/24"), at(SITE, LAN, "10.0.2.6/24", strict=True), None),
    (
        "subnet: inside, another",
        at("10.0.1.5", LAN, "10.0.1.5/24", strict=True),
        at("10.0.2.5", LAN, "10.0.2.5/24"),
        None,
    ),
    ("subnet: not known", at(SITE, LAN, strict=True), at(SITE, LAN), None),
    (
        "group: across sites",
        at(SITE, IN_GROUP, group_id=GROUP),
        at(OTHER_SITE, IN_GROUP, group_id=GROUP),
        PeerKind.GROUP,
    ),
    (
        "group: on one LAN it is a LAN peer",
        at(SITE, IN_GROUP, group_id=GROUP),
        at(SITE, IN_GROUP, group_id=GROUP),
        PeerKind.LAN,
    ),
    (
        "group: another on the same LAN",
        at(SITE, IN_GROUP, group_id=GROUP),
        at(SITE, IN_GROUP, group_id=OTHER_GROUP),
        None,
    ),
    ("group: none named", at(SITE, IN_GROUP), at(SITE, IN_GROUP), None),
    ("group and LAN do not mix", at(SITE, IN_GROUP, group_id=GROUP), at(SITE, LAN, group_id=GROUP), None),
    ("internet: any", at(SITE, ANY), at(OTHER_SITE, ANY), PeerKind.INTERNET),
    ("internet: on one LAN", at(SITE, ANY), at(SITE, ANY), PeerKind.LAN),
    ("internet: does not reach into a LAN", at(SITE, ANY), at(OTHER_SITE, LAN), None),
    ("internet: helps a LAN peer next to it", at(SITE, LAN), at(SITE, ANY), PeerKind.LAN),
    ("internet: of one group", at(SITE, ANY, group_id=GROUP), at(OTHER_SITE, IN_GROUP, group_id=GROUP), PeerKind.GROUP),
    ("HTTP only", at(SITE, DownloadMode.HTTP_ONLY), at(SITE), None),
    ("simple", at(SITE, DownloadMode.SIMPLE), at(SITE), None),
    ("bypass", at(SITE, DownloadMode.BYPASS), at(SITE), None),
]


def given(asker: Member, *others: Member, wanted: int = 50) -> list[Member]:
    """Return whom a store full of ``others`` gives to ``asker``."""

    async def run() -> list[Member]:
        store = MemoryStore(lambda: 0.0, 1.0)
        for other in others:
            await store.join("swarm", other, 0)
        return choose(asker, await store.join("swarm", asker, wanted + wanted // 4 + 1), wanted)

    return asyncio.run(run())


@pytest.mark.parametrize(("what", "one", "other", "kind"), TABLE, ids=[row[0] for row in TABLE])
def test_modes(what: str, one: Spec, other: Spec, kind: PeerKind | None) -> None:
    """Each pair is brought together or not, whichever of them asks, and is called what it is."""
    for first, second in itertools.permutations((made(1, one), made(2, other))):
        found = given(first, second)
        assert found == ([second] if kind else [])
        assert all(kind_of(first, peer) is kind for peer in found)


def test_the_nearest_come_first() -> None:
    """The same subnet comes before the same public address, that before the group, and that before everybody."""
    far = [member(n, f"198.51.100.{n}", ANY) for n in range(1, 20)]
    group = [member(n, f"192.0.2.{n}", IN_GROUP, group_id=GROUP) for n in range(20, 30)]
    lan = [member(n, SITE, LAN, f"10.0.2.{n}/24") for n in range(30, 40)]
    near = [member(n, SITE, LAN, f"10.0.1.{n}/24") for n in range(40, 50)]
    asker = member(99, SITE, ANY, "10.0.1.99/24", group_id=GROUP)
    everybody = [*far, *group, *lan, *near]
    random.Random(1).shuffle(everybody)
    found = given(asker, *everybody)
    assert [set(found[:10]), set(found[10:20]), set(found[20:30])] == [set(near), set(lan), set(group)]
    assert set(found[30:]) == set(far)


def test_the_asker_is_never_given() -> None:
    """Neither itself nor what it was before it began again with another id comes back, but its neighbour does."""
    before, neighbour = member(1, "10.0.0.5"), member(3, "10.0.0.5", port=7681)
    assert given(member(2, "10.0.0.5"), before, neighbour) == [neighbour]


def test_a_member_with_two_ids_is_given_once() -> None:
    """One program that joined twice is one peer."""
    assert len(given(member(9, "10.0.0.9"), member(1, "10.0.0.5"), member(2, "10.0.0.5"))) == 1


def test_answers_are_capped() -> None:
    """No more than wanted are given, however many there are."""
    others = [member(n, f"10.0.0.{n}") for n in range(1, 100)]
    assert len(given(member(200, "10.0.0.200"), *others, wanted=7)) == 7
    assert given(member(200, "10.0.0.200"), *others, wanted=0) == []


def test_load_is_spread() -> None:
    """In a large swarm everybody is given about as often as everybody else."""

    async def run() -> Counter[str]:
        store, times = MemoryStore(lambda: 0.0, 1.0), Counter[str]()
        for n in range(100):
            await store.join("swarm", member(n, f"10.0.0.{n}"), 0)
        asker = member(200, "10.0.1.1")
        for _ in range(1000):
            times.update(peer.key for peer in choose(asker, await store.join("swarm", asker, 13), 10))
        return times

    times = asyncio.run(run())
    assert len(times) == 100
    assert min(times.values()) > 40
    assert max(times.values()) < 250


def test_one_machine_cannot_fill_a_swarm() -> None:
    """However often a machine joins, it is only so many members, and everybody else is given before its second."""
    crowd = [member(n, "10.0.0.66", port=n) for n in range(1000, 2000)]
    honest = [member(n, f"10.0.0.{n}") for n in range(1, 21)]
    found = given(member(200, "10.0.0.200"), *honest, *crowd)
    assert len([peer for peer in found if peer.owner == "10.0.0.66"]) <= OF_A_MACHINE
    assert set(honest) <= set(found[:21])


def test_one_site_cannot_fill_a_swarm() -> None:
    """What is behind one public address counts as one machine to other sites, whatever it reports of itself."""
    crowd = [member(n, "198.51.100.66", ANY, f"10.9.{n // 250}.{n % 250}") for n in range(1000, 2000)]
    honest = [member(n, f"203.0.113.{n}", ANY) for n in range(1, 21)]
    found = given(member(200, "203.0.113.200", ANY), *honest, *crowd, wanted=OF_A_SITE * 2)
    assert len([peer for peer in found if peer in crowd]) <= OF_A_SITE
    assert set(honest) <= set(found[:21])


@pytest.mark.parametrize(
    "reported", ["8.8.8.8", "169.254.169.254", "127.0.0.1", "224.0.0.1", "::1", "fe80::1", "2001:db8::1"]
)
def test_addresses_of_others_are_refused(reported: str) -> None:
    """Nobody can have a stranger, a metadata service or a listener on loopback connected to in its name."""
    with pytest.raises(UsageError, match="ReportedIp"):
        member(1, SITE, LAN, reported)


@pytest.mark.parametrize("reported", ["10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "fd00::1", SITE])
def test_addresses_that_may_be_reported(reported: str) -> None:
    """A private address is a machine's to report, and so is the public one that it comes from."""
    assert f'"PrivateAddress":"{reported}"' in member(1, SITE, LAN, reported).head


def test_pools_are_the_same_for_both_sides() -> None:
    """Modes without peers have no pools, and the others have theirs from the nearest to the widest."""
    assert pools_of(member(1, SITE, DownloadMode.SIMPLE)) == ()
    names = pools_of(member(1, SITE, ANY, "10.0.1.5/24", group_id=GROUP))
    assert [name.split()[0] for name in names] == ["subnet", "lan", "group", "group", "group", "all"]
