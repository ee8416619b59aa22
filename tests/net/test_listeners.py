"""Who listens on a port of this machine, as the system tells it."""

import asyncio
import os
import socket
import sys

import pytest

from doctl.net import listeners
from doctl.net.listeners import Listening

PATIENCE = 60.0
"""Seconds; under Wine the list of sockets takes its time."""


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("0.0.0.0", socket.AF_INET)])
def test_a_listener_of_our_own_is_found(host: str, family: socket.AddressFamily) -> None:
    """The address, the process and its name are told, and nobody else for that port."""
    with socket.create_server((host, 0), family=family) as server:
        [found] = asyncio.run(listeners.read(server.getsockname()[1], PATIENCE))
    assert found.address == host
    assert found.pid == os.getpid() or (sys.platform == "win32" and found.pid is None)  # Wine does not tell
    assert found.process is None or "python" in found.process.lower() or "pytest" in found.process.lower()
    assert found.loopback_only is (host == "127.0.0.1")


def test_nobody_listens_on_a_port_that_was_just_closed() -> None:
    """A port without a listener has an empty list."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert asyncio.run(listeners.read(port, PATIENCE)) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Wine has no list of IPv6 sockets")
def test_ipv6_listeners_are_found() -> None:
    """A listener on IPv6 is told with its address."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        [found] = asyncio.run(listeners.read(server.getsockname()[1], PATIENCE))
    assert (found.address, found.loopback_only) == ("::1", True)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("0.0.0.0", False), ("::", False), ("127.0.0.53", True), ("::1", True), ("fe80::1%eth0", False)],
)
def test_what_is_loopback(address: str, loopback: bool) -> None:
    """All of 127.0.0.0/8 and ::1 are loopback, and an address with a zone is read."""
    assert Listening(address).loopback_only is loopback
