"""What giving away 1 GiB costs: processor seconds of ``doctl serve`` beside nginx, both by sendfile.

On loopback, where nothing is held back, and to another machine, where doctl gives way to all other traffic.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import processor_seconds
from benchmarks.measure import Command, running
from benchmarks.rows import Row, at_most
from benchmarks.transfers import GIB, make_content, serve
from tests import namespaces
from tests.servers.nginx import nginx

DRAIN = (sys.executable, str(Path(__file__).with_name("drain.py")))
TIMES = 4
"""GiB in a round: one alone takes a quarter of a second."""
CONFIGURATION = """
user root; daemon off; worker_processes 1; pid {home}/pid; error_log {home}/log; events {{ }}
http {{ access_log off; sendfile on; tcp_nopush on; server {{ listen 80; root {folder}; }} }}
"""


@dataclass(frozen=True)
class Server:
    """A running server, and the client that has it send 1 GiB."""

    pid: int
    client: Command

    def cost(self) -> float:
        """Return the processor seconds that one GiB takes of it."""
        before = processor_seconds(self.pid)
        for _ in range(TIMES):
            subprocess.run(self.client, check=True)
        return (processor_seconds(self.pid) - before) / TIMES


def rows(home: Path, rounds: int) -> Iterator[Row]:
    """Measure both in turn, here and to another machine."""
    make_content(home)
    with nginx(home, home / "nginx-serving", "access_log off;") as server, running(serve(), home) as (said, pid):
        theirs = Server(server.process.pid, (*DRAIN, "http", "127.0.0.1", str(server.plain), "/content", str(GIB)))
        yield _compared("serve 1 GiB on loopback", Server(pid, _peer(said)), theirs, rounds)
    with namespaces.lan("server", "client", ipv6=False) as (host, client):
        far = home / "nginx-far"
        far.mkdir()
        (far / "conf").write_text(CONFIGURATION.format(home=far, folder=home))
        process = host.start("nginx", "-e", str(far / "log"), "-c", str(far / "conf"))
        with running(host.inside(*serve(listen=host.ipv4)), home) as (said, pid):
            theirs = Server(process.pid, client.inside(*DRAIN, "http", host.ipv4, "80", "/content", str(GIB)))
            ours = Server(pid, client.inside(*_peer(said)))
            yield _compared("serve 1 GiB to another machine, giving way", ours, theirs, rounds)


def _peer(said: str) -> tuple[str, ...]:
    listening = json.loads(said)
    host, port = listening["address"].split(":")
    return (*DRAIN, "peer", host, port, listening["hash_of_hashes"][0], str(GIB))


def _compared(job: str, ours: Server, theirs: Server, rounds: int) -> Row:
    pairs = [(ours.cost(), theirs.cost()) for _ in range(rounds + 1)][1:]  # the first is to warm up
    return Row(job, "processor s", [mine for mine, _ in pairs], "nginx", [other for _, other in pairs], at_most(1.5))
