"""The real command suspends uploads while a real VPN adapter is up."""

import time
from pathlib import Path

from tests import namespaces
from tests.integration.commands import DOCTL

SECONDS = 10.0


def test_a_vpn_that_appears_and_vanishes(tmp_path: Path) -> None:
    """Within seconds of the adapter coming up ``doctl serve`` says that uploads stop, and when it is gone, go on."""
    shared = tmp_path / "shared.cab"
    shared.write_bytes(bytes(1 << 20))
    with namespaces.lan("giver", ipv6=False) as (giver,):
        serving = giver.start(*DOCTL, "serve", str(shared), "--listen", f"{giver.ipv4}:7680")
        assert serving.stdout is not None
        assert serving.stderr is not None
        assert "listening" in serving.stdout.readline()
        start = time.monotonic()
        giver.run("ip", "link", "add", "vpn0", "type", "veth", "peer", "name", "far0")
        giver.run("ip", "link", "set", "far0", "up")
        giver.run("ip", "link", "set", "vpn0", "up")
        said = serving.stderr.readline()
        assert "uploads are suspended on a VPN (vpn0)" in said
        assert "DOAllowVPNPeerCaching is 0 (default)" in said
        giver.run("ip", "link", "del", "vpn0")
        assert serving.stderr.readline() == "uploads are allowed again\n"
        assert time.monotonic() - start < SECONDS
