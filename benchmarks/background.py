"""Giving way on a bottleneck: doctl beside plain TCP and libtorrent's uTP, iperf3 in the foreground.

sudo .venv/bin/python -m benchmarks.background [--seconds N] [--rate MBIT]... [--buffer MS]... [--results FILE]
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.bars import draw
from tests import namespaces

HERE = Path(__file__).parent
RESULTS = HERE / "background.json"
PICTURES = HERE.parent / "docs"
FLOW = (sys.executable, "-m", "tests.servers.flow")
ECHO = (sys.executable, str(HERE / "echo.py"))
UTP = (sys.executable, str(HERE / "rival_utp.py"))
WARM_UP = 3.0
PORT = 7680
ENDLESS = "3600"
CARRIED = 0.95
"""Of a link's rate: about what TCP's payload can have of it."""


@dataclass(frozen=True)
class Point:
    """One contender on one link. Rates are Mbit/s of all bytes on the wire but ``foreground``, which is payload."""

    rate: float
    buffer_ms: int
    contender: str
    alone: float
    queue_ms: float
    foreground: float
    foreground_alone: float
    load: float

    @property
    def share(self) -> float:
        """What the foreground keeps, in percent of what it has alone."""
        return 100 * self.foreground / self.foreground_alone


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
        done = self.sender.run(*ECHO, "ask", self.receiver.ipv4, str(PORT), str(seconds))
        return [float(taken) for taken in json.loads(done.stdout)]


@contextlib.contextmanager
def bottleneck(rate: float, buffer_ms: int) -> Iterator[Link]:
    """Make the link, with a sink and an iperf3 server at its far end."""
    with namespaces.lan("sender", "receiver", ipv6=False) as (sender, receiver):
        namespaces.throttle(receiver, rate, buffer_ms)
        for command in (
            (*FLOW, "sink", receiver.ipv4, str(PORT)),
            (*ECHO, "serve", receiver.ipv4, str(PORT)),
            ("iperf3", "-s", "--forceflush"),
        ):
            process = receiver.start(*command)
            assert process.stdout is not None
            process.stdout.readline()
        yield Link(sender, receiver)


def start_flow(link: Link, kind: str) -> list["subprocess.Popen[str]"]:
    """Start a flow of our own."""
    return [link.sender.start(*FLOW, kind, link.receiver.ipv4, str(PORT), ENDLESS)]


def start_utp(link: Link, home: Path) -> list["subprocess.Popen[str]"]:
    """Start libtorrent at both ends."""
    seed = link.sender.start(*UTP, "seed", str(home), link.sender.ipv4, "6881")
    assert seed.stdout is not None
    seed.stdout.readline()
    return [seed, link.receiver.start(*UTP, "fetch", str(home), link.sender.ipv4, "6881")]


def measure(
    link: Link, start: Callable[[], list["subprocess.Popen[str]"]], seconds: float
) -> tuple[float, float, float]:
    """Return what a contender has alone, the milliseconds of queue that it makes, and what iperf3 has beside it."""
    base = min(link.round_trips(1))
    processes = start()
    try:
        time.sleep(WARM_UP)
        before, since = link.received(), time.monotonic()
        queue = statistics.median(link.round_trips(seconds)) - base
        alone = (link.received() - before) * 8 / 1e6 / (time.monotonic() - since)
        return alone, queue, link.foreground(seconds)
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def points(rate: float, buffer_ms: int, seconds: float) -> Iterator[Point]:
    """Measure every contender on one link."""
    with tempfile.TemporaryDirectory(prefix="doctl-bench-") as home:
        with bottleneck(rate, buffer_ms) as link:
            nobody = link.foreground(seconds)
        for name in ("doctl", "uTP", "plain TCP"):
            with bottleneck(rate, buffer_ms) as link:
                kind = "background" if name == "doctl" else "plain"
                alone, queue, beside = measure(
                    link,
                    lambda link=link, kind=kind, name=name: (  # type: ignore[misc]
                        start_utp(link, Path(home)) if name == "uTP" else start_flow(link, kind)
                    ),
                    seconds,
                )
            yield Point(rate, buffer_ms, name, alone, queue, beside, nobody, os.getloadavg()[0])


def idle(seconds: float, rounds: int) -> dict[str, float]:
    """Return what giving way leaves of the speed where nobody else is: on loopback and on a free gigabit."""
    with bottleneck(1000, 100) as link:
        places = {"loopback": (link.receiver, "127.0.0.1"), "gigabit": (link.sender, link.receiver.ipv4)}
        sink = link.receiver.start(*FLOW, "sink", "127.0.0.1", str(PORT))
        assert sink.stdout is not None
        sink.stdout.readline()
        result = {}
        for name, (host, address) in places.items():
            ratios = []
            for _ in range(rounds):
                plain, ours = (_rate(host, kind, address, seconds) for kind in ("plain", "background"))
                ratios.append(ours / plain)
                print(f"idle {name:<9} plain {plain / 1e6:8.0f}  giving way {ours / 1e6:8.0f} Mbit/s", flush=True)
            result[name] = statistics.median(ratios)
    return result


def _rate(host: namespaces.Host, kind: str, address: str, seconds: float) -> float:
    done = host.run(*FLOW, kind, address, str(PORT), f"{seconds:g}", timeout=seconds + 60)
    return float(json.loads(done.stdout)["rate"])


def pictures(measured: Sequence[Point]) -> None:
    """Draw what the foreground keeps, what the background has alone, and the queue."""
    contenders = list(dict.fromkeys(point.contender for point in measured))
    groups = list(dict.fromkeys(f"{point.rate:g} Mbit/s\n{point.buffer_ms} ms" for point in measured))
    drawings: dict[str, tuple[str, Callable[[Point], float], float, float]] = {
        "foreground": ("foreground keeps, % of what it has alone", lambda point: point.share, 110, 97),
        "alone": ("background alone, % of the link", lambda point: 100 * point.alone / point.rate, 110, 95),
        "queue": ("queue added by the background alone, ms", lambda point: point.queue_ms, 60, 25),
    }
    for name, (title, value, top, line) in drawings.items():
        series = {who: [value(point) for point in measured if point.contender == who] for who in contenders}
        (PICTURES / f"background-{name}.svg").write_text(draw(title, groups, series, top, line))


def main() -> None:
    """Measure, print, and keep the results."""
    parser = argparse.ArgumentParser(prog="benchmarks.background", description="giving way beside others")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, action="append")
    parser.add_argument("--buffer", type=int, action="append")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    measured = []
    for rate in options.rate or (10, 20, 100):
        for buffer_ms in options.buffer or (10, 25, 200):
            for point in points(rate, buffer_ms, options.seconds):
                measured.append(point)
                print(
                    f"{rate:4g} Mbit/s {buffer_ms:4} ms  {point.contender:<10} foreground {point.share:5.1f} %  "
                    f"alone {point.alone:6.2f}  queue {point.queue_ms:6.1f} ms  load {point.load:.1f}",
                    flush=True,
                )
    cost = idle(options.seconds / 5, 5)
    print(f"idle: {', '.join(f'{name} {ratio:.2f} of plain' for name, ratio in cost.items())}")
    record = {"seconds": options.seconds, "points": [asdict(point) for point in measured], "idle": cost}
    options.results.write_text(json.dumps(record, indent=1) + "\n")
    pictures(measured)


if __name__ == "__main__":
    main()
