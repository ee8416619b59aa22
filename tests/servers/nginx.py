"""A real nginx, serving a folder on a port that the system chose."""

import contextlib
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests import need

CONFIGURATION = """
{user} daemon off; worker_processes 1; pid {home}/nginx.pid; error_log {home}/error.log;
events {{ worker_connections 512; }}
http {{
    log_format asked '"$request" $status $body_bytes_sent "$http_range" "$http_if_range"';
    access_log {home}/access.log asked; sendfile on; tcp_nopush on;
    client_body_temp_path {home}/a; proxy_temp_path {home}/b; fastcgi_temp_path {home}/c; uwsgi_temp_path {home}/d;
    scgi_temp_path {home}/e;
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{secure} ssl;
        ssl_certificate {home}/server.pem; ssl_certificate_key {home}/server.pem;
        root {folder};
        {directives}
    }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running nginx: its URLs, and the authority that vouches for it as ``localhost``."""

    plain: int
    secure: int
    authority: trustme.CA
    log: Path
    process: "subprocess.Popen[bytes]"

    def url(self, name: str) -> str:
        """Return where ``name`` of the folder is."""
        return f"http://127.0.0.1:{self.plain}/{name}"

    def tls_url(self, name: str) -> str:
        """Return where ``name`` is by TLS."""
        return f"https://localhost:{self.secure}/{name}"

    def requests(self) -> list[str]:
        """Return the lines of the access log so far: request, status, bytes, Range and If-Range."""
        return self.log.read_text().splitlines()

    def stop(self) -> None:
        """End it at once, whatever it is sending."""
        self.process.terminate()
        self.process.wait(10)


@contextlib.contextmanager
def nginx(folder: Path, home: Path, directives: str = "") -> Iterator[Nginx]:
    """Serve ``folder``; ``home`` is an empty folder for nginx itself, ``directives`` go into its ``server`` block.

    The sockets are made here and handed down, as nginx hands them on when its program is replaced (environment variable
    NGINX): so no port is guessed, and a client may connect before nginx is up.
    """
    program = need.program("nginx")
    home.mkdir(exist_ok=True)
    authority = trustme.CA()
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(home / "server.pem")
    with socket.create_server(("127.0.0.1", 0)) as plain, socket.create_server(("127.0.0.1", 0)) as secure:
        ports = plain.getsockname()[1], secure.getsockname()[1]
        user = "user root;" if os.geteuid() == 0 else ""  # else it could not read the folders that tests make
        text = CONFIGURATION.format(
            home=home, folder=folder, plain=ports[0], secure=ports[1], directives=directives, user=user
        )
        (home / "nginx.conf").write_text(text)
        handles = plain.fileno(), secure.fileno()
        process = subprocess.Popen(
            [program, "-p", home, "-c", home / "nginx.conf", "-e", home / "error.log"],
            pass_fds=handles,
            env={**os.environ, "NGINX": f"{handles[0]};{handles[1]};"},
            stdin=subprocess.DEVNULL,
        )
    server = Nginx(*ports, authority, home / "access.log", process)
    try:
        yield server
    finally:
        server.stop()


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Return a client's context that trusts ``authority`` and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context
