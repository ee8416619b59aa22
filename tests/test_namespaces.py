"""The namespaces that other tests stand on: hosts that reach each other, and nothing left of them afterwards."""

import subprocess
from pathlib import Path

from tests import namespaces


def test_hosts_reach_each_other_and_leave_nothing_behind() -> None:
    """Two hosts have both kinds of address, reach each other at once, and are gone after the block."""
    with namespaces.lan("a", "b") as (a, b):
        b.serve("python3", "-u", "-c", _SERVE)
        assert a.reaches(7680, b.ipv4, b.ipv6, timeout=5) == [True, True]
        assert a.reaches(7681, b.ipv4, b.ipv6, timeout=5) == [False, False]
        sleeper = b.start("sleep", "1000")
    assert sleeper.returncode is not None
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert a.name not in listed
    assert b.name not in listed
    assert not (Path("/etc/netns") / a.name).exists()


def test_names_are_only_those_given() -> None:
    """A host resolves the names it was given, and no other, without waiting."""
    with namespaces.lan("a") as (a,):
        a.set_names({"peer.example": "10.99.0.7"})
        assert a.run("getent", "ahosts", "peer.example").stdout.startswith("10.99.0.7")
        assert a.run("getent", "ahosts", "other.example", check=False, timeout=3).returncode == 2


_SERVE = """
import socket, time
listener = socket.create_server(("::", 7680), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready")
time.sleep(1000)
"""
