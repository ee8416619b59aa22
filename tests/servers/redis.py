"""A real Redis on a socket in a folder, which may be stopped and started again; it keeps nothing."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests import need


class Redis:
    """A Redis in ``home``; ``url`` is where."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._socket = home / "redis.socket"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    @property
    def pid(self) -> int:
        """The process id; it must run."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Run it, empty, and wait until it answers."""
        options = ("--port", "0", "--unixsocket", self._socket, "--save", "", "--dir", self._home)
        self._process = subprocess.Popen([need.program("redis-server"), *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self._socket.exists():
            assert time.monotonic() < deadline, "redis-server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._socket.unlink(missing_ok=True)
            self._process = None


@contextlib.contextmanager
def redis(home: Path) -> Iterator[Redis]:
    """Run a Redis until the block ends."""
    server = Redis(home)
    server.start()
    try:
        yield server
    finally:
        server.stop()
