"""Real forward proxies, squid and tinyproxy, for hosts on a network of their own, where ports may be fixed."""

import time
from collections.abc import Sequence
from pathlib import Path

from tests import need
from tests.namespaces import Host

SQUID = """
auth_param basic program {helper}
http_port {address}:3128
http_port {address}:3129 name=credentials
http_port {address}:3130 name=whole
http_port {address}:3131 name=drops
http_port {address}:3132 name=limits
acl on_credentials myportname credentials
acl on_whole myportname whole
acl on_drops myportname drops
acl on_limits myportname limits
acl signed_in proxy_auth REQUIRED
acl blocked dstdomain blocked.test
http_access deny blocked
http_access deny on_credentials !signed_in
http_access allow all
range_offset_limit none on_whole
request_header_access Range deny on_drops
reply_body_max_size 100 KB on_limits
maximum_object_size_in_memory 8 MB
access_log none
cache_log {home}/cache.log
pid_filename {home}/squid.pid
coredump_dir {home}
shutdown_lifetime 0 seconds
visible_hostname squid.test
netdb_filename none
dns_nameservers 127.0.0.1
"""
TINYPROXY = """
Port 8888
Listen {address}
Timeout 10
Allow {network}
ViaProxyName "tiny.test"
LogFile "{home}/tinyproxy.log"
PidFile "{home}/tinyproxy.pid"
"""


def start_squid(host: Host, home: Path) -> None:
    """Start squid in ``host``: as it comes on 3128; it wants credentials on 3129, fetches whole files on 3130.

    On 3131 it asks servers for no ranges, on 3132 it lets no more than 100 KB through. ``home`` must be a folder that
    everybody can get to: squid goes there as its own user.
    """
    program = need.program("squid")
    home.chmod(0o777)
    helper = next(Path(folder) / "basic_fake_auth" for folder in ("/usr/lib/squid", "/usr/libexec/squid"))
    text = SQUID.format(address=host.ipv4, home=home, helper=helper)
    (home / "squid.conf").write_text(text)
    host.start(program, "-N", "-f", str(home / "squid.conf"))


def start_tinyproxy(host: Host, home: Path) -> None:
    """Start tinyproxy in ``host`` on port 8888."""
    program = need.program("tinyproxy")
    (home / "tinyproxy.conf").write_text(TINYPROXY.format(address=host.ipv4, network="10.99.0.0/24", home=home))
    host.start(program, "-d", "-c", str(home / "tinyproxy.conf"))


def await_ports(host: Host, ports: Sequence[int], seconds: float = 20) -> None:
    """Wait until something listens on each of the ports."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        listening = host.run("ss", "-Hltn").stdout
        if all(f":{port} " in listening for port in ports):
            return
        time.sleep(0.05)
    said = [process.communicate() for process in host.processes if process.poll() is not None]
    raise AssertionError(f"{host.name}: nobody listens on {ports}; {said}")
