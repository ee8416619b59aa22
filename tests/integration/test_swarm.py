"""Whole swarms in namespaces: an origin, coordinators, fetches that know nothing else, peers beyond a NAT."""

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.swarms import NAME, Site, result_of, site
from tests.namespaces import Host, lan
from tests.servers.redis import redis

pytestmark = pytest.mark.slow

MB = 1_000_000
GROUP = ("--group", "6f9619ff-8b86-d011-b42d-00c04fc964ff")


def test_eight_fetches_at_once_share_the_work(tmp_path: Path) -> None:
    """Nine machines: eight fetch at once in LAN mode with nothing but a coordinator; most bytes come from peers."""
    names = ("origin", *(f"pc{number}" for number in range(8)))
    with (
        lan(*names) as (origin, *clients),
        site(origin, tmp_path, 48 * MB, mbit=100, hosts=clients, address=origin.ipv4) as place,
    ):
        place.coordinator(origin)
        results = [result_of(process, place.file) for process in [place.fetch(client) for client in clients]]
        for result in results:
            assert result["mode"] == 1
            assert sum(result["bytes_from"].values()) == place.length
        from_peers = sum(result["bytes_from"]["lan"] for result in results)
        assert from_peers > 0.5 * sum(sum(result["bytes_from"].values()) for result in results)
        assert place.peers(clients[0]) == []  # all said goodbye


@contextlib.contextmanager
def two_sites(home: Path) -> Iterator[tuple[Site, Host, Host, Host]]:
    """Make two sites behind a NAT each, with public addresses of their own: a seed and a client, and a far client."""
    with lan("origin", "gate1", "gate2", "seed", "near", "far", ipv6=False) as hosts:
        origin, gate1, gate2, seed, near, far = hosts
        _readdress(origin, "93.184.216.1/24")
        for number, gate, inside in ((1, gate1, (seed, near)), (2, gate2, (far,))):
            _readdress(gate, f"93.184.216.{number + 1}/24", f"192.168.{number}.1/24")
            # all share one switch, which routers must not point out to those that they serve
            quiet = (f"net.ipv4.conf.{which}.send_redirects=0" for which in ("all", "eth0"))
            gate.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", *quiet)
            _become_gate(gate, number)
            for each in inside:
                _readdress(each, f"192.168.{number}.{each.number}/24")
                each.run("ip", "route", "add", "default", "via", f"192.168.{number}.1")
        with site(origin, home, 16 * MB, mbit=20, hosts=(seed, near, far), address="93.184.216.1") as place:
            place.coordinator(origin)
            yield place, seed, near, far


def _readdress(host: Host, *addresses: str) -> None:
    host.run("ip", "addr", "flush", "dev", "eth0")
    for address in addresses:
        host.run("ip", "addr", "add", address, "dev", "eth0")


def _become_gate(gate: Host, number: int) -> None:
    """Masquerade what comes from inside, and bring port 7000 + N in to the host N."""
    forwards = ", ".join(f"{7000 + n} : 192.168.{number}.{n}" for n in (4, 5, 6))
    incoming = f"ip daddr 93.184.216.{number + 1} dnat to tcp dport map {{ {forwards} }}"
    outgoing = f"ip saddr 192.168.{number}.0/24 ip daddr != 192.168.0.0/16 masquerade"
    gate.nft(
        f"table ip t {{\n"
        f"chain pre {{\n type nat hook prerouting priority dstnat;\n {incoming}\n }}\n"
        f"chain post {{\n type nat hook postrouting priority srcnat;\n {outgoing}\n }}\n"
        f"}}\n"
    )


def test_modes_decide_who_is_a_peer(tmp_path: Path) -> None:
    """Across two public addresses LAN peers only with its own side, Group with both, Internet with anybody."""
    with two_sites(tmp_path) as (place, seed, near, far):

        def listening(host: Host, *more: str) -> tuple[str, ...]:
            return ("--listen", f"0.0.0.0:{7000 + host.number}", *more)

        for options, from_near, from_far in (
            (("--mode", "lan"), "lan", None),
            (("--mode", "group", *GROUP), "lan", "group"),
            (("--mode", "internet"), "lan", "internet"),
        ):
            sharing = place.serve(seed, *listening(seed, *options))
            place.until_known(near, 1)
            fetches = [place.fetch(host, *listening(host, *options)) for host in (near, far)]
            near_result, far_result = (result_of(fetch, place.file) for fetch in fetches)
            assert near_result["bytes_from"][from_near] > place.length / 2, (options, near_result)
            came = {kind for kind, count in far_result["bytes_from"].items() if count and kind != "http"}
            assert came == ({from_far} if from_far else set()), (options, far_result)
            if from_far is None:
                assert far_result["peers"] == []
            sharing.send_signal(signal.SIGINT)
            sharing.communicate(timeout=20)


def test_a_coordinator_may_die_and_redis_may_forget(tmp_path: Path) -> None:
    """Two coordinators over one Redis: one is killed and Redis restarted during a swarm; no fetch fails."""
    names = ("first", "second", *(f"pc{number}" for number in range(4)))
    with (
        redis(tmp_path) as store,
        lan(*names) as (first, second, *clients),
        site(first, tmp_path, 48 * MB, mbit=40, hosts=clients, address=f"{first.ipv4} {second.ipv4}") as place,
    ):
        doomed = place.coordinator(first, store=store.url)
        place.coordinator(second, store=store.url)
        fetches = [place.fetch(client) for client in clients[:2]]
        place.until_known(clients[3], 2)
        doomed.kill()
        fetches.append(place.fetch(clients[2]))
        place.until_known(clients[3], 3)
        store.stop()
        store.start()
        results = [result_of(fetch, place.file) for fetch in fetches]
        assert [result["mode"] for result in results] == [1, 1, 1]
        assert sum(result["bytes_from"]["lan"] for result in results) > place.length / 2


def test_without_the_service_the_file_comes_over_http(tmp_path: Path) -> None:
    """A service that nobody runs is mode 99 with the reason, and the fetch goes on."""
    with (
        lan("origin", "pc") as (origin, client),
        site(origin, tmp_path, 12 * MB, mbit=200, hosts=[client], address=origin.ipv4) as place,
    ):
        start = time.monotonic()
        result = result_of(place.fetch(client), place.file)
        assert time.monotonic() - start < 20
        assert result["mode"] == 99
        assert f"https://{NAME}" in result["mode_reason"]
        assert "refused" in result["mode_reason"]
        assert result["bytes_from"]["http"] == place.length
