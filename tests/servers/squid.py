"""A real squid that forwards and tunnels, and keeps nothing."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import need

CONFIGURATION = """
http_port {host}:{port}
http_access allow all
cache deny all
access_log stdio:{home}/access.log
cache_log {home}/cache.log
coredump_dir {home}
pid_filename none
netdb_filename none
shutdown_lifetime 0 seconds
"""


@dataclass(frozen=True)
class Squid:
    """A running squid."""

    url: str
    log: Path

    def requests(self) -> list[str]:
        """Return the lines of the access log so far; a tunnel is logged when it ends, a bare connection not at all."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if "error:transaction-end-before-headers" not in line]


@contextlib.contextmanager
def squid(directives: str = "") -> Iterator[Squid]:
    """Run squid with more ``directives``, which come first.

    squid neither takes a socket from its parent nor a port of the system's choice, so it gets a loopback address of its
    own, made of our process number, where nobody else looks for ports, and a name of its own, by which it calls its
    shared memory. Started as root it becomes another user, so its
    folder is one that anybody may write to.
    """
    program = need.program("squid")
    if not sys.platform.startswith("linux"):
        need.absent("needs the loopback addresses of Linux")
    host = "127." + ".".join(str(os.getpid() >> shift & 255) for shift in (16, 8, 0))
    with socket.create_server((host, 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="doctl-squid-") as folder:
        home = Path(folder)
        home.chmod(0o777)
        (home / "squid.conf").write_text(directives + CONFIGURATION.format(home=home, host=host, port=port))
        command = [program, "-N", "-n", f"doctl{os.getpid()}", "-f", str(home / "squid.conf")]
        null = subprocess.DEVNULL
        process = subprocess.Popen(command, stdin=null, stdout=null, stderr=null)
        try:
            _wait_for(process, home, host, port)
            yield Squid(f"http://{host}:{port}", home / "access.log")
        finally:
            process.terminate()  # killed, it would leave shared memory behind
            process.wait(10)


def _wait_for(process: "subprocess.Popen[bytes]", home: Path, host: str, port: int) -> None:
    """Wait until squid answers; it has no other way to say that it is ready."""
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection((host, port), timeout=5).close()
            return
        except ConnectionRefusedError:
            assert process.poll() is None, f"squid ended at once: {(home / 'cache.log').read_text()}"
            assert time.monotonic() < end, "squid does not listen"
            time.sleep(0.05)
