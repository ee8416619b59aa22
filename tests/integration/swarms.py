"""What tests of swarms share: an origin and coordinators in namespaces, and fetches and seeds on other hosts."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from tests import need
from tests.integration.commands import DOCTL, write_random
from tests.namespaces import Host
from tests.waiting import until

NGINX = """
daemon off; pid {home}/nginx.pid; error_log {home}/error.log; user root;
events {{ worker_connections 512; }}
http {{ access_log off; server {{ listen 80; root {home}/www; }} }}
"""
URL = "http://origin.test/file.bin"
NAME = "coordinator.test"


@dataclass
class Site:
    """An origin with the file, throttled, and what clients need to trust its coordinators."""

    host: Host
    home: Path
    length: int
    environment: dict[str, str]

    @property
    def file(self) -> Path:
        """The file at the origin."""
        return self.home / "www" / "file.bin"

    def coordinator(self, host: Host, port: int = 443, store: str = "memory") -> "subprocess.Popen[str]":
        """Start a coordinator on ``host`` and wait until it listens."""
        command = [*DOCTL, "coordinator", "--listen", f"0.0.0.0:{port}", "--publish", f"{self.file}={URL}"]
        tls = ["--tls-cert", str(self.home / "tls.pem"), "--tls-key", str(self.home / "tls.pem")]
        environment = {"XDG_CACHE_HOME": str(self.home / "cache")}
        process = host.start(*command, *tls, "--store", store, "--format", "json", env=environment)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "listening" in line, process.communicate()
        return process

    def fetch(self, host: Host, *more: str) -> "subprocess.Popen[str]":
        """Start a fetch on ``host``, with nothing but a coordinator and ``more``."""
        into = self.home / f"got-{host.number}"
        command = [*DOCTL, "fetch", URL, "-o", str(into), "--coordinator", f"https://{NAME}", "--force"]
        return host.start(*command, "--format", "json", *more, env=self.environment)

    def serve(self, host: Host, *more: str) -> "subprocess.Popen[str]":
        """Start a seed on ``host`` and wait until it shares."""
        command = [*DOCTL, "serve", str(self.file), "--coordinator", f"https://{NAME}", "--format", "json", "-q"]
        process = host.start(*command, *more, env=self.environment)
        assert process.stdout is not None
        assert "listening" in process.stdout.readline()
        return process

    def peers(self, host: Host) -> list[dict[str, Any]]:
        """Return the swarm as the coordinator shows it to ``host``."""
        command = [*DOCTL, "peers", URL, "--coordinator", f"https://{NAME}", "--format", "json"]
        done = host.run(*command, env=self.environment)
        peers: list[dict[str, Any]] = json.loads(done.stdout)["peers"]
        return peers

    def until_known(self, host: Host, count: int) -> None:
        """Wait until the coordinator knows of so many peers."""
        until(lambda: len(self.peers(host)) >= count, what=f"a swarm of {count}")


@contextmanager
def site(host: Host, home: Path, length: int, *, mbit: int, hosts: Iterable[Host], address: str) -> Iterator[Site]:
    """Run an origin on ``host`` with ``mbit`` upstream; ``hosts`` know it and the coordinator at ``address``."""
    (home / "www").mkdir()
    write_random(home / "www" / "file.bin", length)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(home / "ca.pem")
    authority.issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(home / "tls.pem")
    (home / "nginx.conf").write_text(NGINX.format(home=home))
    shape = f"tbf rate {mbit}mbit burst {mbit * 1250} latency 50ms".split()
    host.run("tc", "qdisc", "add", "dev", "eth0", "root", *shape)
    host.start(need.program("nginx"), "-p", str(home), "-c", str(home / "nginx.conf"))
    for each in (host, *hosts):
        each.set_names({"origin.test": address.split(maxsplit=1)[0], NAME: address})
    yield Site(host, home, length, {"SSL_CERT_FILE": str(home / "ca.pem"), "HOME": str(home)})


def result_of(process: "subprocess.Popen[str]", expected: Path, timeout: float = 250) -> dict[str, Any]:
    """Wait for a fetch and return its result; its file must be exactly the expected one."""
    out, err = process.communicate(timeout=timeout)
    assert out, err
    result: dict[str, Any] = json.loads(out)
    assert result["status"] == "pass", (result, err)
    assert process.returncode == 0
    same = subprocess.run(["cmp", result["file"], expected], check=False, capture_output=True)
    assert same.returncode == 0
    Path(result["file"]).unlink()
    return result
