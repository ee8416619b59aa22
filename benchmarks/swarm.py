"""Whole swarms on one machine: an origin and N machines in network namespaces, doctl beside libtorrent.

Each has as much up as the origin and twice that down; all want the same 64 MiB. All processes have started and know
each other before the origin opens; what is measured is the time from then until the last machine has the file. The
lines are slow enough for this machine's processors: doctl takes three to twelve seconds of a core for each, more
the slower its line: packets of 1,500 bytes come one by one.
"""

import contextlib
import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import run
from benchmarks.rows import Row, at_most
from benchmarks.transfers import DOCTL, RIVAL, make_content
from tests import namespaces, need
from tests.namespaces import Host


class Size(NamedTuple):
    """In how many ``rounds`` a swarm is measured at most, and Mbit/s up of all its machines for each core here."""

    rounds: int
    core_mbit: float


SIZES = {8: Size(3, 100.0), 16: Size(1, 50.0), 32: Size(1, 50.0)}
"""Swarms by their machines; all of it takes twenty minutes. Many machines take more processor time for a byte."""
LENGTH = 64 << 20
FASTEST = 50.0
"""Mbit/s up of each machine and of the origin, where there are cores enough."""
BUFFER_MS = 50
LOOK = 0.02
PORT = 7680
READY = 120.0
LONGEST = 900.0

NGINX = """
daemon off; worker_processes 1; pid {home}/nginx.pid; error_log {home}/nginx.log; user root;
events {{ worker_connections 2048; }}
http {{ access_log off; sendfile on; server {{ listen 80; root {home}; }} }}
"""


@dataclass(frozen=True)
class Outcome:
    """One run: seconds until the last machine was done and half of them were, and what the origin sent, in MiB.

    ``work`` is the processor seconds of all its processes, ``busy`` the percentage of all processors that anybody used.
    """

    seconds: float
    median: float
    from_origin: float
    work: float
    busy: float


def rows(home: Path, rounds: int) -> Iterator[Row]:
    """Measure a swarm of each size in so many rounds."""
    content = home / "swarm"
    content.mkdir(exist_ok=True)
    make_content(content, LENGTH)
    run((*RIVAL, "make", content / "content", "content.torrent", "v1"), content)
    for machines, size in SIZES.items():
        yield from _of_size(machines, content, min(rounds, size.rounds))


def _of_size(machines: int, content: Path, rounds: int) -> Iterator[Row]:
    taken = [{name: _told(name, machines, content) for name in CONTENDERS} for _ in range(rounds)]
    ours, theirs = ([each[name] for each in taken] for name in CONTENDERS)
    rate = line_rate(machines)
    last = f"swarm of {machines} at {rate:g} Mbit/s up, {2 * rate:g} down: until the last has 64 MiB"
    seconds = [each.seconds for each in ours]
    also = {
        f"{who}: {what}": [getattr(each, name) for each in runs]
        for who, runs in (("doctl", ours), ("libtorrent", theirs))
        for what, name in (
            ("seconds of the median machine", "median"),
            ("MiB from the origin", "from_origin"),
            ("processor seconds", "work"),
            ("percent of all processors in use", "busy"),
        )
    }
    yield Row(last, "s", seconds, "the lower bound", [bound(machines)], at_most(1.25), also)
    yield Row(last, "s", seconds, "libtorrent", [each.seconds for each in theirs], at_most(1))
    sent, aim = [each.from_origin for each in ours], at_most(1.5)
    yield Row(f"swarm of {machines}: what the origin sends", "MiB", sent, "the file", [LENGTH / (1 << 20)], aim)


def _told(contender: str, machines: int, content: Path) -> Outcome:
    """Run one swarm, and say how it went and how much of the processors that took."""
    outcome = measure(contender, machines, content)
    print(f"{machines} machines, {contender}: {outcome.seconds:.1f} s, {outcome.work:.1f} s of a processor; "
          f"{outcome.busy:.0f} % of all processors in use, by others too", flush=True)  # fmt: skip
    return outcome


def line_rate(machines: int) -> float:
    """Return the Mbit/s up of each of so many machines."""
    return min(FASTEST, SIZES[machines].core_mbit * (os.cpu_count() or 1) / machines)


def bound(machines: int) -> float:
    """Return the seconds that no method can beat: the origin's line, one machine's, all lines together."""
    bits, up = LENGTH * 8 / 1e6, line_rate(machines)
    return max(bits / up, bits / (2 * up), machines * bits / ((machines + 1) * up))


@contextlib.contextmanager
def star(machines: int) -> Iterator[tuple[Host, list[Host]]]:
    """Make the network; gives the origin and the machines."""
    rate = line_rate(machines)
    with namespaces.lan("origin", *(f"m{number}" for number in range(machines)), ipv6=False) as (origin, *hosts):
        for host in (origin, *hosts):
            host.run(*f"tc qdisc add dev eth0 root tbf rate {rate:g}mbit burst 20000 latency {BUFFER_MS}ms".split())
            namespaces.throttle(host, 2 * rate, BUFFER_MS)
        namespaces.acquaint(origin, *hosts)
        yield origin, hosts


def doctl(home: Path, origin: Host, hosts: Sequence[Host]) -> Callable[[], None]:
    """Start doctl on every machine; returns what opens the origin."""
    configuration = home / "nginx.conf"
    configuration.write_text(NGINX.format(home=home))
    origin.start(need.program("nginx"), "-p", str(home), "-c", str(configuration))
    _until(lambda: (home / "nginx.pid").exists() and bool(_workers(home)))
    _signal(home, signal.SIGSTOP)
    trusted = json.loads((home / "content.phf").read_text())["HashOfHashes"]
    for place, host in enumerate(hosts):
        peers = [word for other in hosts[:place] for word in ("--peer", f"{other.ipv4}:{PORT}")]
        host.start(
            *map(str, DOCTL), "fetch", f"http://{origin.ipv4}/content", "-o", str(home / f"got-{place}"), "-q",
            "--phf", str(home / "content.phf"), "--hash-of-hashes", trusted, "--listen", f"{host.ipv4}:{PORT}",
            "--seed-for", "10m", "--timeout", "60", *peers,
        )  # fmt: skip
        _until(lambda host=host: _listens(host))  # type: ignore[misc]
    _until(lambda: all(_connections(host) >= len(hosts) - 1 for host in hosts))
    return lambda: _signal(home, signal.SIGCONT)


def libtorrent(home: Path, origin: Host, hosts: Sequence[Host]) -> Callable[[], None]:
    """Start libtorrent on every machine; returns what opens the origin: a seed that calls them all."""
    torrent = str(home / "content.torrent")
    for place, host in enumerate(hosts):
        peers = [other.ipv4 for other in hosts[:place]]
        (home / f"folder-{place}").mkdir()
        marker = str(home / f"got-{place}")
        host.start(*map(str, RIVAL), "join", torrent, str(home / f"folder-{place}"), marker, host.ipv4, *peers)
        _until(lambda host=host: _listens(host))  # type: ignore[misc]
    seed = origin.start(
        *map(str, RIVAL), "origin", str(home / "content"), torrent, origin.ipv4, *(host.ipv4 for host in hosts)
    )
    _until(lambda: all(_connections(host) >= len(hosts) - 1 for host in hosts))
    assert seed.stdout is not None
    seed.stdout.readline()
    return lambda: seed.send_signal(signal.SIGUSR1)


CONTENDERS = {"doctl": doctl, "libtorrent": libtorrent}


def measure(contender: str, machines: int, content: Path) -> Outcome:
    """Run one swarm."""
    with tempfile.TemporaryDirectory(prefix="doctl-swarm-") as folder, star(machines) as (origin, hosts):
        home = Path(folder)
        for name in ("content", "content.phf", "content.torrent"):
            (home / name).symlink_to(content / name)
        open_origin = CONTENDERS[contender](home, origin, hosts)
        time.sleep(1)
        processes = [process.pid for host in (origin, *hosts) for process in host.processes]
        sent, work, busy, since = _sent(origin), _work(processes), _busy(), time.monotonic()
        open_origin()
        times = _finish_times(home, machines, since)
        return Outcome(
            seconds=times[-1],
            median=statistics.median(times),
            from_origin=(_sent(origin) - sent) / (1 << 20),
            work=_work(processes) - work,
            busy=100 * (_busy() - busy) / (times[-1] * (os.cpu_count() or 1)),
        )


def _finish_times(home: Path, machines: int, since: float) -> list[float]:
    left, times = {home / f"got-{place}" for place in range(machines)}, []
    while left:
        done = {path for path in left if path.exists()}
        times += [time.monotonic() - since] * len(done)
        left -= done
        if time.monotonic() - since > LONGEST:
            raise RuntimeError(f"{len(left)} machines are not done after {LONGEST:g} s")
        time.sleep(LOOK)
    return times


def _signal(home: Path, number: signal.Signals) -> None:
    """Signal an nginx and its worker."""
    for process in (*_workers(home), _master(home)):
        os.kill(process, number)


def _master(home: Path) -> int:
    return int((home / "nginx.pid").read_text())


def _workers(home: Path) -> list[int]:
    """Return the processes that answer; there are none for a moment after it began."""
    master = _master(home)
    return [int(child) for child in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("the swarm did not get ready")
        time.sleep(0.1)


def _listens(host: Host) -> bool:
    return bool(host.run("ss", "-Hltn", "sport", "=", f":{PORT}").stdout)


def _connections(host: Host) -> int:
    """Return how many machines ``host`` is connected to."""
    lines = host.run("ss", "-Htn", "state", "established", f"( sport = :{PORT} or dport = :{PORT} )").stdout
    return len({line.split()[3].rpartition(":")[0] for line in lines.splitlines()})


def _sent(host: Host) -> int:
    return int(host.run("cat", "/sys/class/net/eth0/statistics/tx_bytes").stdout)


def _busy() -> float:
    """Return the seconds that processors have worked."""
    user, nice, system, _, _, interrupt, soft, _ = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + interrupt + soft) / os.sysconf("SC_CLK_TCK")


def _work(processes: Sequence[int]) -> float:
    """Return the processor seconds that ``processes`` have used."""
    fields = [Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split() for process in processes]
    return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")
