"""Peers found on the local network by DNS-SD, in namespaces with multicast."""

from pathlib import Path

import pytest

from doctl.jobs.phf import beside
from doctl.transfer.content import PIECE_SIZE
from doctl.transfer.hashing import describe
from doctl.wire.hash_file import encode, to_json
from tests.integration.commands import DOCTL
from tests.integration.swarms import URL, result_of, site
from tests.namespaces import lan

pytestmark = pytest.mark.slow


def test_neighbours_find_each_other(tmp_path: Path) -> None:
    """A seed announces itself; a fetch that knows only the hash takes most from it, and without the option nothing."""
    with (
        lan("origin", "seed", "pc", ipv6=False) as (origin, seed, client),
        site(origin, tmp_path, 24_000_000, mbit=20, hosts=[seed, client], address=origin.ipv4) as place,
    ):
        digest = describe(place.file, PIECE_SIZE)
        beside(place.file).write_bytes(to_json(digest))
        for host in (seed, client):
            host.run("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
        options = ("--local-discovery", "--format", "json")
        sharing = seed.start(*DOCTL, "serve", str(place.file), "--listen", "0.0.0.0:7680", *options)
        assert sharing.stdout is not None
        assert "listening" in sharing.stdout.readline()
        trusted = ("--hash-of-hashes", encode(digest.hash_of_hashes), "-o", str(tmp_path / "got"))
        command = (*DOCTL, "fetch", URL, *trusted, "--format", "json")
        alone = result_of(client.start(*command), place.file)
        assert alone["peers"] == []
        near = result_of(client.start(*command, "--local-discovery"), place.file)
        assert near["bytes_from"]["lan"] > place.length / 2, near
        assert [peer["address"] for peer in near["peers"] if peer["bytes_received"]] == [f"{seed.ipv4}:7680"]
