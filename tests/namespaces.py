"""Hosts on a network of their own: Linux network namespaces around a switch, made and removed by a context manager.

    with namespaces.lan("client", "server") as (client, server):
        server.nft("add table inet t; ...")
        client.run("ping", "-c1", server.ipv4)

Each host has ``10.99.0.N/24`` and ``fd99::N/64`` on ``eth0``, N from 1 in the order of their names, and nothing else:
no route to anywhere, no name server. Everything that runs inside ends with the ``with`` block.
"""

import contextlib
import functools
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests import need

_numbers = itertools.count(1)
SETTLE = 5.0
"""Seconds that what runs inside has to end in after SIGTERM, before SIGKILL."""

_CONNECT = """
import socket, sys, threading
port, timeout, *addresses = sys.argv[1:]
reached = dict.fromkeys(addresses, False)

def reach(address):
    try:
        socket.create_connection((address, int(port)), float(timeout)).close()
    except OSError:
        return
    reached[address] = True

threads = [threading.Thread(target=reach, args=[address]) for address in addresses]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(*reached.values())
"""

SWALLOW = """
table inet hole {
    chain everything {
        type filter hook prerouting priority -300; policy drop;
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    }
}
"""
"""Drops every packet that comes in, so that nothing is ever answered; neighbours are still found."""


@dataclass(frozen=True)
class Host:
    """One network namespace; ``name`` is what ``ip netns exec`` knows it by, ``number`` is N in its addresses."""

    name: str
    number: int
    processes: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def ipv4(self) -> str:
        """Its IPv4 address."""
        return f"10.99.0.{self.number}"

    @property
    def ipv6(self) -> str:
        """Its IPv6 address."""
        return f"fd99::{self.number}"

    def inside(self, *argv: str) -> list[str]:
        """Return the command line that runs ``argv`` in here."""
        return ["ip", "netns", "exec", self.name, *argv]

    def run(
        self,
        *argv: str,
        check: bool = True,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program in here to its end; ``env`` is added to the environment."""
        return subprocess.run(
            self.inside(*argv),
            check=check,
            timeout=timeout,
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
        )

    def in_time(
        self, seconds: float, *argv: str, env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program in here, ahead of others on this machine, and return a run that ended within ``seconds``.

        What else a machine does can only lengthen a run: the shortest of three tells what the program itself takes.
        """
        times = []
        for _ in range(3):
            start = time.monotonic()
            done = self.run(*ahead(), *argv, check=False, env=env)
            times.append(time.monotonic() - start)
            if times[-1] < seconds:
                return done
        raise AssertionError(f"took {times} s, not {seconds}: {done.stdout}")

    def start(self, *argv: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """Start a program in here with piped standard output and errors; it is ended with the network."""
        process = subprocess.Popen(
            self.inside(*argv),
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def serve(self, *argv: str) -> None:
        """Start a server in here and wait until it has printed ``ready``."""
        process = self.start(*argv)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    def reaches(self, port: int, *addresses: str, timeout: float) -> list[bool]:
        """Return for each address whether a TCP connection to ``port`` succeeds within ``timeout`` seconds."""
        done = self.run(sys.executable, "-c", _CONNECT, str(port), str(timeout), *addresses)
        return [word == "True" for word in done.stdout.split()]

    def nft(self, rules: str) -> None:
        """Load nftables ``rules``, in nft's own language."""
        self.run(need.program("nft"), "-f", "-", stdin=rules)

    def set_names(self, names: Mapping[str, str]) -> None:
        """Let programs in here find these host names, as ``/etc/hosts``; addresses have spaces between them."""
        lines = [f"{address} {name}\n" for name, addresses in names.items() for address in addresses.split()]
        self._etc("hosts").write_text("127.0.0.1 localhost\n::1 localhost\n" + "".join(lines))

    def set_name_server(self, address: str) -> None:
        """Let programs in here ask this name server, as ``/etc/resolv.conf``."""
        self._etc("resolv.conf").write_text(f"nameserver {address}\noptions timeout:1 attempts:1\n")

    def _etc(self, name: str) -> Path:
        folder = Path("/etc/netns") / self.name
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name


@contextlib.contextmanager
def lan(*names: str, ipv4: bool = True, ipv6: bool = True) -> Iterator[tuple[Host, ...]]:
    """Make a host for each name, all on one switch, with one or both kinds of address; needs root."""
    need.root()
    need.program("ip")
    prefix = f"doctl-{os.getpid()}-{next(_numbers)}"
    hosts = tuple(Host(f"{prefix}-{name}", number) for number, name in enumerate(names, 1))
    switch = f"{prefix}-switch"
    try:
        _ip(f"netns add {switch}", *(f"netns add {host.name}" for host in hosts))
        _ip("link add switch type bridge", "link set switch up", netns=switch)
        for host in hosts:
            _plug_in(host, switch, ipv4=ipv4, ipv6=ipv6)
        _await_links(switch, *(host.name for host in hosts))
        yield hosts
    finally:
        for host in hosts:
            _remove(host)
        subprocess.run(["ip", "netns", "del", switch], check=False, capture_output=True)


@contextlib.contextmanager
def black_hole() -> Iterator[Host]:
    """Make a host whose way to everywhere, its name server included, swallows all packets."""
    with lan("client", "hole") as (client, hole):
        hole.nft(SWALLOW)
        client.run("ip", "route", "add", "default", "via", hole.ipv4)
        client.run("ip", "-6", "route", "add", "default", "via", hole.ipv6)
        client._etc("resolv.conf").write_text(f"nameserver {hole.ipv4}\n")
        yield client


@functools.cache
def ahead() -> tuple[str, ...]:
    """Return what to put before a command so that it runs ahead of others on this machine; nothing where none may."""
    command = (need.program("chrt"), "-r", "1")
    return command if subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0 else ()


def acquaint(*hosts: Host) -> None:
    """Let hosts know each other's link addresses for good.

    A filter may drop what they find them out by; and the kernel keeps no more than 1,024 of those that were found out,
    in all namespaces together: 32 hosts that talk to each other have about as many.
    """
    links = {host.number: json.loads(host.run("ip", "-j", "link", "show", "eth0").stdout)[0] for host in hosts}
    for host in hosts:
        others = [other for other in hosts if other is not host]
        known = [(address, links[other.number]["address"]) for other in others for address in (other.ipv4, other.ipv6)]
        _ip(*(f"neigh replace {address} lladdr {link} dev eth0" for address, link in known), netns=host.name)


def throttle(host: Host, mbit: float, buffer_ms: int) -> None:
    """Let no more than so many Mbit/s through to ``host``; what the link cannot take waits in a buffer of so long."""
    switch = f"{host.name.rpartition('-')[0]}-switch"
    limit = max(int(mbit * 1e3 * buffer_ms / 8), 3000)
    burst = max(5000, int(mbit * 125))  # a millisecond of it: no timer is finer
    shape = f"tbf rate {mbit:g}mbit burst {burst} limit {limit}".split()
    port = f"port{host.number}"
    subprocess.run(["ip", "netns", "exec", switch, "tc", "qdisc", "add", "dev", port, "root", *shape], check=True)


def _plug_in(host: Host, switch: str, *, ipv4: bool, ipv6: bool) -> None:
    port = f"port{host.number}"
    _ip(f"link add eth0 type veth peer name {port} netns {switch}", "link set lo up", netns=host.name)
    _ip(f"link set {port} master switch", f"link set {port} up", netns=switch)
    addresses = ([f"{host.ipv4}/24"] if ipv4 else []) + ([f"{host.ipv6}/64 nodad"] if ipv6 else [])
    _ip("link set eth0 up", *(f"addr add {address} dev eth0" for address in addresses), netns=host.name)
    host.set_names({})
    host._etc("resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    # the kernel sends few ICMP errors a second, and tests want every one of them
    settings = ("net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
    host.run("sysctl", "-q", "-w", *settings)


def _await_links(*names: str) -> None:
    """Wait until the links in these namespaces carry: on a busy machine that is seconds after they were set up.

    What is sent before is lost, and who looks for a neighbour gives up after three seconds.
    """
    deadline = time.monotonic() + SETTLE
    for name in names:
        command = ["ip", "-n", name, "-j", "link", "show", "up"]
        while time.monotonic() < deadline:
            links = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            # those that were not asked about are empty, and loopback is never more than unknown
            if all(link["operstate"] in ("UP", "UNKNOWN") for link in links if link):
                break
            time.sleep(0.01)


def _ip(*commands: str, netns: str | None = None) -> None:
    where = ["-n", netns] if netns else []
    subprocess.run(["ip", *where, "-batch", "-"], input="\n".join(commands), text=True, check=True)


def _remove(host: Host) -> None:
    """End what runs in ``host`` and take it away; what is not there any more is no error."""
    _signal_all(host, signal.SIGTERM)
    deadline = time.monotonic() + SETTLE
    for process in host.processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.01, deadline - time.monotonic()))
    _signal_all(host, signal.SIGKILL)
    for process in host.processes:
        process.communicate()
    subprocess.run(["ip", "netns", "del", host.name], check=False, capture_output=True)
    shutil.rmtree(Path("/etc/netns") / host.name, ignore_errors=True)


def _signal_all(host: Host, number: signal.Signals) -> None:
    listed = subprocess.run(["ip", "netns", "pids", host.name], check=False, capture_output=True, text=True)
    for pid in listed.stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), number)
