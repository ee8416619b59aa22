"""Two hosts with a slow link between them, and what a flow makes of it."""

import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import namespaces

Process = subprocess.Popen[str]

FLOW = (sys.executable, "-m", "tests.servers.flow")
ECHO = (sys.executable, str(Path(__file__).with_name("echo.py")))
WARM_UP = 3.0
PORT = 7680


@dataclass(frozen=True)
class Link:
    """Two hosts with a bottleneck between them, and what sends to what."""

    sender: namespaces.Host
    receiver: namespaces.Host

    def received(self) -> int:
        """Bytes that have arrived."""
        return int(self.receiver.run("cat", "/sys/class/net/eth0/statistics/rx_bytes").stdout)

    def foreground(self, seconds: float) -> float:
        """Mbit/s that iperf3 gets over cubic."""
        report = self.sender.run("iperf3", "-c", self.receiver.ipv4, "-C", "cubic", "-J", "-t", f"{seconds:.0f}")
        return float(json.loads(report.stdout)["end"]["sum_received"]["bits_per_second"]) / 1e6

    def round_trips(self, seconds: float) -> list[float]:
        """Milliseconds that small datagrams take there and back, up to twenty a second."""
        done = self.sender.run(*ECHO, "ask", self.receiver.ipv4, str(PORT), str(seconds), timeout=seconds + 60)
        return [float(taken) for taken in json.loads(done.stdout)]


@contextlib.contextmanager
def bottleneck(rate: float, buffer_ms: int) -> Iterator[Link]:
    """Make the link, with a sink and an iperf3 server at its far end; all that is sent to there is sent by cubic."""
    with namespaces.lan("sender", "receiver", ipv6=False) as (sender, receiver):
        namespaces.throttle(receiver, rate, buffer_ms)
        sender.run(*f"ip route change 10.99.0.0/24 dev eth0 src {sender.ipv4} congctl cubic".split())
        for command in (
            (*FLOW, "sink", receiver.ipv4, str(PORT)),
            (*ECHO, "serve", receiver.ipv4, str(PORT)),
            ("iperf3", "-s", "--forceflush"),
        ):
            first_line(receiver.start(*command))
        yield Link(sender, receiver)


def first_line(process: Process) -> str:
    """Wait until a program says something."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextlib.contextmanager
def alive(processes: Sequence[Process]) -> Iterator[None]:
    """End the processes with the block."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def measure(link: Link, start: Callable[[], Sequence[Process]], seconds: float) -> tuple[float, float, float]:
    """Return what a flow has alone, the milliseconds of queue that it makes, and what iperf3 has beside it.

    The former counts every byte on the wire, the latter payload; both in Mbit/s.
    """
    free = link.round_trips(1)
    with alive(start()):
        time.sleep(WARM_UP)
        before, since = link.received(), time.monotonic()
        taken = link.round_trips(seconds)
        alone = (link.received() - before) * 8 / 1e6 / (time.monotonic() - since)
        queue = statistics.median(taken) - min(free + taken)
        return alone, queue, link.foreground(seconds)
