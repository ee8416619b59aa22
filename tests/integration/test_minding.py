"""The real commands follow real changes: a VPN that comes and goes, mains that are gone, a link that is down."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import namespaces, need
from tests.integration.commands import DOCTL, write_random
from tests.integration.test_giving_way import hash_file_of
from tests.namespaces import Host
from tests.waiting import until

SOON = 15.0
"""Seconds in which a change is to be noticed on a busy machine; a look is due every two."""
NGINX = """
daemon off; pid {home}/nginx.pid; error_log {home}/error.log; user root;
events {{ worker_connections 64; }}
http {{ access_log off; server {{ listen 80; root {home}; limit_rate 50k; }} }}
"""


def heard(process: "subprocess.Popen[str]", line: str) -> None:
    """Read what doctl says until ``line`` comes, soon."""
    assert process.stderr is not None
    start = time.monotonic()
    while line not in (said := process.stderr.readline()):
        assert said, f"it ended and had not said {line!r}"
    assert time.monotonic() - start < SOON


@contextmanager
def vpn(host: Host) -> Iterator[None]:
    """Have a network adapter on ``host`` that is called a VPN."""
    host.run("ip", "link", "add", "vpn0", "type", "veth", "peer", "name", "far0")
    host.run("ip", "link", "set", "far0", "up")
    host.run("ip", "link", "set", "vpn0", "up")
    yield
    host.run("ip", "link", "del", "vpn0")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Make a file that takes minutes at the rates here."""
    return write_random(tmp_path / "shared.cab", 64 << 20)


def test_two_machines_while_their_worlds_change(shared: Path, tmp_path: Path) -> None:
    """Within seconds a fetch leaves its peers on a VPN and while its link is down, and calls them again afterwards.

    A seed keeps its pieces on battery, and lets nobody in on a VPN. The result names the rules with their times.
    """
    supplies = power_supplies(tmp_path / "power_supply")
    (tmp_path / "nginx.conf").write_text(NGINX.format(home=tmp_path))
    with namespaces.lan("giver", "taker", ipv6=False) as (giver, taker):
        giver.start(need.program("nginx"), "-c", str(tmp_path / "nginx.conf"))
        seed, name = serve(giver, shared, supplies)
        fetching = taker.start(
            *DOCTL, "fetch", f"http://{giver.ipv4}/shared.cab", "-o", str(tmp_path / "got.cab"),
            "--phf", str(hash_file_of(shared)), "--hash-of-hashes", name, "--peer", f"{giver.ipv4}:7680",
            "--listen", f"{taker.ipv4}:0", "--format", "json",
        )  # fmt: skip
        connected(giver)
        with vpn(taker):
            (supplies / "AC0" / "online").write_text("0\n")
            heard(fetching, "no peers on a VPN (vpn0): DOAllowVPNPeerCaching is 0 (default)")
            heard(fetching, "uploads are suspended on a VPN (vpn0): DOAllowVPNPeerCaching is 0 (default)")
            heard(seed, "uploads are suspended on battery: DOMinBatteryPercentageAllowedToUpload is 0 (default)")
            connected(giver, to_peers=False)
        (supplies / "AC0" / "online").write_text("1\n")
        taker.run("ip", "link", "set", "eth0", "down")
        heard(fetching, "no longer: no peers on a VPN (vpn0)")
        heard(fetching, "no peers while every link is down: link is down (the system)")
        heard(seed, "no longer: uploads are suspended on battery")
        taker.run("ip", "link", "set", "eth0", "up")
        heard(fetching, "no longer: no peers while every link is down")
        connected(giver)
        with vpn(giver):
            heard(seed, "no peers on a VPN (vpn0): DOAllowVPNPeerCaching is 0 (default)")
            connected(giver, to_peers=False)
        fetching.send_signal(signal.SIGINT)
        output, _ = fetching.communicate(timeout=SOON)
    rules = json.loads(output)["rules"]
    assert [rule["rule"] for rule in rules] == ["vpn", "vpn_uploads", "offline"]
    assert all(rule["since_s"] < rule["until_s"] for rule in rules)


def power_supplies(folder: Path) -> Path:
    """Make what Linux shows of a machine on mains with a battery, in a folder to be put over its own."""
    for name, what in {"AC0/online": "1\n", "BAT0/capacity": "41\n"}.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(what)
    return folder


def serve(giver: Host, shared: Path, supplies: Path) -> "tuple[subprocess.Popen[str], str]":
    """Run ``doctl serve`` on a machine with these power supplies; return it, and the HashOfHashes."""
    see = f'mount --bind "{supplies}" /sys/class/power_supply && exec "$@"'
    inside = [need.program("unshare"), "-m", "sh", "-c", see, "sh"]
    share = ["serve", str(shared), "--listen", f"{giver.ipv4}:7680", "--max-up", "500KB", "--format", "json"]
    process = giver.start(*inside, *DOCTL, *share)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["hash_of_hashes"][0]


def connected(giver: Host, *, to_peers: bool = True) -> None:
    """Wait until peers have a connection to ``giver``, or have none any more."""
    command = ("ss", "-Htn", "state", "established", "sport = :7680")
    until(lambda: bool(giver.run(*command).stdout) is to_peers, SOON, what="a connection" if to_peers else "its end")
