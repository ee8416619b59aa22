"""Debian's Teredo server, miredo-server, in a network namespace; it refuses private addresses, and starts as root."""

import time
from pathlib import Path

from tests import namespaces, need

FIRST, SECOND = "192.0.2.1", "192.0.2.2"
"""Its two addresses; the second is the next one, by convention."""


def start(host: namespaces.Host, home: Path) -> None:
    """Serve Teredo on ``host``, from addresses on its loopback device, until the namespace ends; wait until it does."""
    program = need.program("miredo-server")
    for address in (FIRST, SECOND):
        host.run("ip", "address", "add", f"{address}/32", "dev", "lo")
    configuration = home / "miredo.conf"
    configuration.write_text(f"ServerBindAddress {FIRST}\n")
    host.start(program, "-f", "-c", str(configuration), "-p", str(home / "miredo.pid"), "-u", "nobody")
    for _ in range(100):
        if host.run("ss", "-lunH").stdout.count(":3544") == 2:
            return
        time.sleep(0.05)  # it says nothing when it is ready
    raise AssertionError("miredo-server did not start")
