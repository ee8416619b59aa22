"""``doctl proxy`` against real proxies and servers: squid, tinyproxy, nginx; opened TLS; a network that is dead."""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests import namespaces, need
from tests.namespaces import Host
from tests.servers.bad_proxy import BadProxy, answers
from tests.servers.forward_proxies import await_ports, start_squid, start_tinyproxy
from tests.servers.nginx import Nginx, nginx

DOCTL = (sys.executable, "-m", "doctl")
ORIGIN = """
daemon off; pid {home}/nginx.pid; error_log {home}/error.log; user root;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {home}/a; proxy_temp_path {home}/b; fastcgi_temp_path {home}/c; uwsgi_temp_path {home}/d;
    scgi_temp_path {home}/e;
    proxy_cache_path {home}/cache keys_zone=kept:1m;
    root {home}/www; gzip_types *; gzip_http_version 1.0; gzip_proxied any;
    server {{ listen 80; }}
    server {{ listen 81; max_ranges 0; }}
    server {{ listen 82; gzip on; }}
    server {{ listen 83; location / {{ proxy_pass http://127.0.0.1:82; proxy_set_header Accept-Encoding gzip; }} }}
    server {{ listen 84; location / {{ proxy_pass http://127.0.0.1:81; }} }}
    server {{
        listen 85;
        location / {{
            slice 256k; proxy_cache kept; proxy_cache_key $uri$slice_range; proxy_set_header Range $slice_range;
            proxy_http_version 1.1; proxy_cache_valid 200 206 1h; proxy_pass http://127.0.0.1:80;
        }}
    }}
    server {{ listen 86; location / {{ proxy_pass http://127.0.0.1:80; }} }}
}}
"""


@dataclass(frozen=True)
class Net:
    """A machine, its proxies and a server."""

    client: Host
    proxy: Host
    origin: Host

    def doctl(self, *arguments: str, env: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
        """Run ``doctl proxy`` on the machine and return its findings by id."""
        done = self.client.run(*DOCTL, "proxy", "--timeout", "30", *arguments, "--format", "json", check=False, env=env)
        assert done.stderr == ""
        return {finding["id"]: finding for finding in json.loads(done.stdout)["findings"]}

    def ranges(self, *arguments: str, port: int = 80, host: str = "files.test", copy: str = "") -> dict[str, Any]:
        """Return what is found of the ranges of the file at the server's ``port``; each ``copy`` is cached apart."""
        return self.doctl(f"http://{host}:{port}/file.txt?{copy}", *arguments)["proxy.range"]

    def via(self, port: int) -> tuple[str, str]:
        """Return the option for a proxy of the proxies' host."""
        return "--proxy", f"http://{self.proxy.ipv4}:{port}"


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    """Make the network; everything on it has started when a test begins."""
    with namespaces.lan("client", "proxy", "origin") as hosts, tempfile.TemporaryDirectory() as squids:
        net = Net(*hosts)
        home = tmp_path_factory.mktemp("origin")
        (home / "www").mkdir()
        (home / "www" / "file.txt").write_text(random.Random(3).randbytes(750_000).hex())  # gzip wants it
        (home / "nginx.conf").write_text(ORIGIN.format(home=home))
        (home / "www" / "proxy.pac").write_text(
            "function FindProxyForURL(url, host) {"
            f" if (isInNet(host, '{net.origin.ipv4}', '255.255.255.255')) return 'PROXY {net.proxy.ipv4}:8888; DIRECT';"
            " return 'DIRECT'; }"
        )
        net.origin.start(need.program("nginx"), "-p", str(home), "-c", str(home / "nginx.conf"))
        names = dict.fromkeys(("files.test", "blocked.test"), net.origin.ipv4)
        net.client.set_names(names)
        net.proxy.set_names(names)
        start_squid(net.proxy, Path(squids))
        start_tinyproxy(net.proxy, tmp_path_factory.mktemp("tinyproxy"))
        await_ports(net.origin, range(80, 87))
        await_ports(net.proxy, (*range(3128, 3133), 8888))
        yield net


@pytest.mark.parametrize("port", [3128, 3130, 8888], ids=["squid", "squid that fetches whole files", "tinyproxy"])
def test_good_proxies_pass(net: Net, port: int) -> None:
    """Squid as it comes, squid with range_offset_limit none, and tinyproxy let ranges through, and are named."""
    finding = net.ranges(*net.via(port), copy=str(port))
    assert (finding["status"], finding["reason"]) == ("pass", "ok"), finding["summary"]
    assert ("tiny" if port == 8888 else "squid") in finding["facts"]["via"]
    assert finding["facts"]["direct"] == "ok"


def test_a_cached_file_passes_too(net: Net) -> None:
    """What squid has in its cache comes out of it right, though it answers what is past the end with the whole file."""
    net.client.run("curl", "-fsSo", "/dev/null", "-x", net.via(3128)[1], "http://files.test:80/file.txt?cached")
    finding = net.ranges(*net.via(3128), copy="cached")
    assert (finding["status"], finding["reason"]) == ("pass", "ok"), finding["summary"]


@pytest.mark.parametrize(
    ("port", "host", "reason", "remedy"),
    [
        (3129, "files.test", "auth_required", "acl do dstdomain files.test; http_access allow do"),
        (3128, "blocked.test", "forbidden", "acl do dstdomain blocked.test; http_access allow do"),
        (3131, "files.test", "range_ignored", "no request_header_access Range deny"),
        (3132, "files.test", "forbidden", "reply_body_max_size none do"),
    ],
    ids=["credentials", "blocked", "Range dropped", "size limited"],
)
def test_what_squid_breaks_has_squids_remedy(net: Net, port: int, host: str, reason: str, remedy: str) -> None:
    """Credentials, a block, a dropped Range and a limit are told apart; the remedy is lines for squid.conf."""
    finding = net.ranges(*net.via(port), host=host, copy=str(port))
    assert (finding["status"], finding["reason"]) == ("fail", reason), finding["summary"]
    assert remedy in finding["remedy"]
    assert finding["remedy"].startswith("squid.conf")


@pytest.mark.parametrize(
    ("port", "status", "reason"),
    [
        (80, "pass", "ok"),
        (81, "fail", "range_ignored"),
        (82, "pass", "ok"),
        (83, "fail", "range_encoded"),
        (84, "fail", "range_ignored"),
        (85, "pass", "ok"),
        (86, "pass", "ok"),
    ],
    ids=["plain", "max_ranges 0", "gzip on", "gzip forced", "in front of no ranges", "slices", "in front"],
)
def test_nginx_as_server_and_in_front_of_one(net: Net, port: int, status: str, reason: str) -> None:
    """Each way to set nginx up gets its verdict; a compressing one is good as long as it heeds what was asked for."""
    finding = net.ranges("--direct", port=port)
    assert (finding["status"], finding["reason"]) == (status, reason), finding["summary"]
    assert status == "pass" or finding["remedy"].startswith("nginx.conf")


def test_a_broken_server_is_not_blamed_on_squid(net: Net) -> None:
    """Ranges that the server ignores are the server's fault also through squid, which passes on what comes."""
    finding = net.ranges(*net.via(3128), port=84)
    assert finding["reason"] == "range_ignored"
    assert "the same without the proxy" in finding["summary"]


def test_the_environment_names_the_proxy(net: Net) -> None:
    """A variable of the environment is named as the reason, and so is an exclusion."""
    url, proxy = "http://files.test/file.txt", net.via(8888)[1]
    found = net.doctl(url, env={"http_proxy": proxy.replace("//", "//me:secret@")})
    assert found["proxy.route"]["facts"]["why"] == "http_proxy in the environment"
    assert found["proxy.range"]["facts"]["proxy"] == proxy.replace("//", "//***@")
    assert "tiny" in found["proxy.range"]["facts"]["via"]
    excluded = net.doctl(url, env={"HTTP_PROXY": proxy, "NO_PROXY": "*.test"})
    assert "NO_PROXY in the environment names *.test" in excluded["proxy.route"]["summary"]
    assert excluded["proxy.range"]["facts"]["proxy"] is None


@pytest.mark.parametrize("source", ["url", "file"])
def test_a_pac_script_chooses_the_proxy(net: Net, source: str, tmp_path: Path) -> None:
    """A script from a URL or a file is run, names it asks for are resolved, and what it returned is said."""
    place = "http://files.test/proxy.pac"
    if source == "file":
        place = str(tmp_path / "proxy.pac")
        Path(place).write_bytes(net.client.run("curl", "-fsS", "http://files.test/proxy.pac").stdout.encode())
    found = net.doctl("http://files.test/file.txt", "--pac", place)
    assert found["proxy.route"]["facts"]["pac_result"] == f"PROXY {net.proxy.ipv4}:8888; DIRECT"
    assert found["proxy.route"]["facts"]["pac"] == place
    assert "tiny" in found["proxy.range"]["facts"]["via"]


def test_a_network_that_swallows_everything_ends_in_time(net: Net) -> None:
    """With every packet dropped, names included, the command ends within a second of its time, in clear findings."""
    with namespaces.lan("lost") as (lost,):
        lost.run("ip", "route", "add", "default", "via", "10.99.0.9")
        lost.set_name_server("10.99.0.9")
        lost.nft("add table inet t; add chain inet t o { type filter hook output priority 0; policy drop; }")
        runs = {
            "name": ("http://files.test/f",),
            "address": ("http://192.0.2.1/f", "https://192.0.2.1/f"),
            "proxy": ("http://192.0.2.1/f", "https://192.0.2.1/f", "--proxy", "192.0.2.2:3128"),
            "script": ("http://192.0.2.1/f", "--pac", "http://192.0.2.2/p.pac"),
        }
        for name, arguments in runs.items():
            done = lost.in_time(2, *DOCTL, "proxy", *arguments, "--timeout", "1", "--format", "json")
            report = json.loads(done.stdout)
            assert report["status"] == "fail", name
            assert {f["reason"] for f in report["findings"] if f["status"] == "fail"} == {"unreachable"}


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """Run a server that speaks TLS too."""
    folder = tmp_path_factory.mktemp("www")
    (folder / "file.bin").write_bytes(random.Random(5).randbytes(600_000))
    with nginx(folder, tmp_path_factory.mktemp("nginx")) as server:
        yield server


def ranges_by_tls(server: Nginx, proxy: BadProxy, trusted: list[trustme.CA], folder: Path) -> dict[str, Any]:
    """Check the server's file by TLS through ``proxy``, on a machine that trusts these authorities."""
    bundle = folder / "trusted.pem"
    bundle.write_bytes(b"".join(authority.cert_pem.bytes() for authority in trusted))
    done = subprocess.run(
        [*DOCTL, "proxy", server.tls_url("file.bin"), "--proxy", proxy.url, "--format", "json"],
        env={**os.environ, "SSL_CERT_FILE": str(bundle)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    findings = {finding["id"]: finding for finding in json.loads(done.stdout)["findings"]}
    return dict(findings["proxy.range"])


def test_a_tunnel_passes(secure: Nginx, tmp_path: Path) -> None:
    """TLS that goes through the proxy untouched passes, and the issuer is among the facts."""
    with BadProxy() as proxy:
        finding = ranges_by_tls(secure, proxy, [secure.authority], tmp_path)
    assert (finding["status"], finding["reason"]) == ("pass", "ok"), finding["summary"]
    assert finding["facts"]["issuer"].startswith("trustme")


@pytest.mark.parametrize(("trusts", "status"), [(False, "fail"), (True, "warn")])
def test_tls_that_is_opened_is_seen_by_its_issuer(secure: Nginx, tmp_path: Path, trusts: bool, status: str) -> None:
    """A proxy that shows a certificate of its own is found, also where this machine trusts it."""
    snoop = trustme.CA(organization_name="Snoop Ltd")
    trusted = [secure.authority, snoop] if trusts else [secure.authority]
    with BadProxy(authority=snoop, opened=secure.url("").rstrip("/")) as proxy:
        finding = ranges_by_tls(secure, proxy, trusted, tmp_path)
    assert (finding["status"], finding["reason"]) == (status, "tls_intercepted"), finding["summary"]
    assert "issued by Snoop Ltd, without the proxy by trustme" in finding["summary"]
    assert finding["facts"]["issuer"] == "Snoop Ltd"


@pytest.mark.parametrize(("code", "reason"), [(407, "auth_required"), (403, "forbidden"), (502, "unreachable")])
def test_a_tunnel_that_is_refused_is_told_apart(secure: Nginx, tmp_path: Path, code: int, reason: str) -> None:
    """What a proxy answers to CONNECT has the same meaning as what it answers to GET."""
    with BadProxy(answers(code), tunnels=False) as proxy:
        finding = ranges_by_tls(secure, proxy, [secure.authority], tmp_path)
    assert (finding["status"], finding["reason"]) == ("fail", reason), finding["summary"]
