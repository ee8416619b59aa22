"""Whole swarms in namespaces: an origin, coordinators, fetches that know nothing else, peers beyond a NAT."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from doctl.jobs.phf import beside
from doctl.transfer.content import PIECE_SIZE
from doctl.transfer.hashing import describe
from doctl.wire.hash_file import content_id, encode, to_json
from tests import need
from tests.integration.swarms import NAME, URL, Site, result_of, site
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
        site(origin, tmp_path, 24 * MB, mbit=40, hosts=clients, address=origin.ipv4) as place,
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


def _peers_used(result: dict[str, Any]) -> set[str]:
    """Return the kinds of peers that gave anything; how much is a race with the origin."""
    return {kind for kind, count in result["bytes_from"].items() if count and kind != "http"}


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
            assert _peers_used(near_result) - {from_far} == {from_near}, (options, near_result)
            assert _peers_used(far_result) == ({from_far} if from_far else set()), (options, far_result)
            if from_far is None:
                assert far_result["peers"] == []
            sharing.send_signal(signal.SIGINT)
            sharing.communicate(timeout=100)


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


def hostile(place: Site, host: Host, peers: list[dict[str, object]]) -> "subprocess.Popen[str]":
    """Run a service on ``host`` that tells the truth about the content and gives ``peers`` to everybody."""
    digest = describe(place.file, PIECE_SIZE)
    beside(place.file).write_bytes(to_json(digest))
    policy = {
        "ContentId": content_id(digest.hash_of_hashes),
        "HashOfHashes": encode(digest.hash_of_hashes),
        "PiecesHashFileCdnUrls": [f"{URL}.phf"],
    }
    said = place.home / "said.json"
    said.write_text(json.dumps({"policy": policy, "peers": peers}))
    program = str(Path(__file__).parents[1] / "servers" / "hostile_coordinator.py")
    process = host.start(sys.executable, program, host.ipv4, "8480", str(said))
    deadline = time.monotonic() + 60
    ask = f"import socket; socket.create_connection(({host.ipv4!r}, 8480), 1)"
    while host.run(sys.executable, "-c", ask, check=False).returncode:
        assert time.monotonic() < deadline
    return process


def peer(address: str, number: int, port: int = 7680) -> dict[str, object]:
    """Return an entry of a peer list."""
    return {"Address": address, "Port": port, "PeerId": f"{number:040x}", "Kind": "lan"}


FORBIDDEN = ("127.0.0.1", "169.254.169.254", "224.0.0.1", "100.100.100.200", "0.0.0.0")
COUNTING = """
table inet t {
    counter forbidden {
    }
    counter victim {
    }
    chain out {
        type filter hook output priority 0
        ip daddr { 127.0.0.1, 169.254.169.254, 224.0.0.1, 100.100.100.200 } tcp dport 7680 counter name "forbidden"
        ip daddr 10.99.0.3 tcp flags & (syn|ack) == syn counter name "victim"
    }
}
"""


def test_a_hostile_coordinator_directs_nobody(tmp_path: Path) -> None:
    """Of lists with this machine, metadata, ourselves and a victim only the victim is called, and a few times."""
    with (
        lan("origin", "pc", "victim") as (origin, client, victim),
        site(origin, tmp_path, 12 * MB, mbit=10, hosts=[client], address=origin.ipv4) as place,
    ):
        peers = [peer(address, number) for number, address in enumerate(FORBIDDEN)]
        peers += [peer(victim.ipv4, 100 + number) for number in range(150)]
        peers += [peer(victim.ipv4, 300, port=22)]
        hostile(place, origin, peers)
        client.nft(COUNTING)
        fetch = place.fetch(client, "--coordinator", f"http://{origin.ipv4}:8480", "--insecure-coordinator")
        result = result_of(fetch, place.file)
        counters = json.loads(client.run(need.program("nft"), "-j", "list", "counters").stdout)["nftables"]
        calls = {row["counter"]["name"]: row["counter"]["packets"] for row in counters if "counter" in row}
        assert result["bytes_from"]["http"] == place.length
        assert calls["forbidden"] == 0
        assert 0 < calls["victim"] <= 3 * 2


def test_ten_thousand_peers_are_no_answer(tmp_path: Path) -> None:
    """A list that no service would send is refused as a whole, with its reason, and the fetch goes on."""
    with (
        lan("origin", "pc") as (origin, client),
        site(origin, tmp_path, 12 * MB, mbit=200, hosts=[client], address=origin.ipv4) as place,
    ):
        hostile(place, origin, [peer(f"10.1.{n // 250}.{n % 250}", n) for n in range(10_000)])
        fetch = place.fetch(client, "--coordinator", f"http://{origin.ipv4}:8480", "--insecure-coordinator")
        assert result_of(fetch, place.file)["bytes_from"]["http"] == place.length


def test_small_files_are_not_worth_a_swarm(tmp_path: Path) -> None:
    """A file under 10 MB comes over HTTP in mode 99, verified all the same, and nobody joins for it."""
    with (
        lan("origin", "pc") as (origin, client),
        site(origin, tmp_path, 10 * MB - 1, mbit=200, hosts=[client], address=origin.ipv4) as place,
    ):
        place.coordinator(origin)
        result = result_of(place.fetch(client), place.file)
        assert (result["mode"], result["peers"]) == (99, [])
        assert "under 10 MB" in result["mode_reason"]
        assert result["hash_of_hashes"]
