"""Proxies from the registry on Windows' own CPython, under Wine: set with winreg, read and used by doctl's own code."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Run
from tests.servers.bad_proxy import BadProxy, instead
from tests.servers.canned import saying
from tests.servers.nginx import nginx

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first run sets Wine up

SET = r"""
import json, sys, winreg
settings = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"
policy = r"Software\Policies\Microsoft\Windows\CurrentVersion\Internet Settings"
kinds = {"int": winreg.REG_DWORD, "str": winreg.REG_SZ, "list": winreg.REG_BINARY}
for place, name, value in json.loads(sys.argv[1]):
    root = winreg.HKEY_LOCAL_MACHINE if place.startswith("machine") else winreg.HKEY_CURRENT_USER
    path = {"connections": settings + r"\Connections", "machine policy": policy}.get(place, settings)
    with winreg.CreateKey(root, path) as key:
        if value is None:
            try:
                winreg.DeleteValue(key, name)
            except FileNotFoundError:
                pass
        else:
            winreg.SetValueEx(key, name, 0, kinds[type(value).__name__], bytes(value) if type(value) is list else value)
"""
NAMES = ("ProxyEnable", "ProxyServer", "ProxyOverride", "AutoConfigURL")
CLEAN = [(place, name, None) for place in ("user", "machine") for name in NAMES]
CLEAN += [("connections", "DefaultConnectionSettings", None), ("machine policy", "ProxySettingsPerUser", None)]
AUTOMATIC = [0x46, 0, 0, 0, 1, 0, 0, 0, 0x09, 0, 0, 0]


@pytest.fixture
def registry(windows_python: Run) -> Iterator[Run]:
    """Give ``set(values)``, which writes values into Wine's registry; they are gone afterwards."""

    def write(values: object) -> Any:
        done = windows_python("-c", SET, json.dumps(values))
        assert done.returncode == 0, done.stderr

    write(CLEAN)
    yield write
    write(CLEAN)


@pytest.fixture
def through(tmp_path: Path) -> Iterator[BadProxy]:
    """Run a proxy that has the file, whatever it is asked for."""
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "file.bin").write_bytes(random.Random(1).randbytes(400_000))
    with nginx(folder, tmp_path / "nginx") as server, BadProxy(instead(server.url("file.bin"))) as proxy:
        yield proxy


def findings(windows: Run, *arguments: str) -> dict[str, dict[str, Any]]:
    """Run ``doctl proxy`` for a file that only a proxy can have, and return the findings by id."""
    done = windows("proxy", "http://files.test/file.bin", "--timeout", "30", "--format", "json", *arguments)
    assert done.stderr == ""
    return {finding["id"]: finding for finding in json.loads(done.stdout)["findings"]}


def test_a_fixed_proxy_of_the_user_is_used(windows: Run, registry: Run, through: BadProxy) -> None:
    """ProxyServer for each scheme is read and used, and automatic detection is named from the connection's flags."""
    server = f"http={through.url.removeprefix('http://')};https=other.test:1"
    registry(
        [
            ("user", "ProxyEnable", 1),
            ("user", "ProxyServer", server),
            ("user", "ProxyOverride", "<local>;*.inside.test"),
            ("connections", "DefaultConnectionSettings", AUTOMATIC),
        ]
    )
    found = findings(windows)
    assert (found["proxy.route"]["status"], found["proxy.route"]["facts"]["source"]) == ("pass", "system")
    assert "Windows' proxy settings of this user: a fixed proxy" in found["proxy.route"]["summary"]
    assert "WPAD" in found["proxy.route"]["summary"]
    assert (found["proxy.range"]["status"], found["proxy.range"]["facts"]["proxy"]) == ("pass", through.url)


def test_an_exception_goes_past_it(windows: Run, registry: Run) -> None:
    """ProxyOverride takes a host past the proxy, and the entry is named."""
    registry(
        [
            ("user", "ProxyEnable", 1),
            ("user", "ProxyServer", "127.0.0.1:1"),
            ("user", "ProxyOverride", "<local>;*.test"),
        ]
    )
    found = findings(windows)
    assert found["proxy.route"]["facts"]["proxy"] is None
    assert "the exception *.test covers the host" in found["proxy.route"]["summary"]


def test_a_proxy_that_is_switched_off_does_not_count(windows: Run, registry: Run) -> None:
    """A ProxyServer that is switched off stays in the registry and means nothing; netsh, a stub here, says nothing."""
    registry([("user", "ProxyEnable", 0), ("user", "ProxyServer", "127.0.0.1:1")])
    found = findings(windows)
    assert "no proxy is set for http" in found["proxy.route"]["summary"]
    assert "winhttp" not in found["proxy.route"]["facts"]


def test_settings_of_the_machine_count_where_a_policy_says_so(windows: Run, registry: Run, through: BadProxy) -> None:
    """With ProxySettingsPerUser 0 the user's own settings are not looked at."""
    registry(
        [
            ("machine policy", "ProxySettingsPerUser", 0),
            ("machine", "ProxyEnable", 1),
            ("machine", "ProxyServer", through.url),
            ("user", "ProxyEnable", 1),
            ("user", "ProxyServer", "127.0.0.1:1"),
        ]
    )
    found = findings(windows)
    assert "of the machine: a fixed proxy" in found["proxy.route"]["summary"]
    assert found["proxy.range"]["status"] == "pass"


def test_a_script_from_the_registry_is_run(windows: Run, registry: Run, through: BadProxy) -> None:
    """AutoConfigURL is fetched and its script run on Windows, in a process of its own, before a fixed proxy counts."""
    script = f"function FindProxyForURL(url, host) {{ return 'PROXY {through.url.removeprefix('http://')}'; }}".encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(script), script)
    with saying(answer) as address:
        registry(
            [
                ("user", "AutoConfigURL", f"http://{address}/p.pac"),
                ("user", "ProxyEnable", 1),
                ("user", "ProxyServer", "127.0.0.1:1"),
            ]
        )
        found = findings(windows)
    assert found["proxy.route"]["facts"]["pac_result"].startswith("PROXY 127.0.0.1:")
    assert (found["proxy.range"]["status"], found["proxy.range"]["facts"]["proxy"]) == ("pass", through.url)
