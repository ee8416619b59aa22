"""What Windows and macOS say about proxies is read from their own data; recorded outputs stand for the machines."""

import asyncio
import struct
import sys
from pathlib import Path

import pytest

from doctl.net.proxies import macos, reading, windows
from doctl.net.proxies.route import SystemSettings

FIXTURES = Path(__file__).parent / "fixtures"


def recorded(name: str) -> str:
    """Return a recorded output."""
    return (FIXTURES / f"{name}.txt").read_text(encoding="utf-8")


def connection(flags: int) -> bytes:
    """Make a DefaultConnectionSettings value."""
    return struct.pack("<III", 0x46, 7, flags) + bytes(44)


@pytest.mark.parametrize(
    ("text", "proxies"),
    [
        ("proxy.test:8080", {"http": "proxy.test:8080", "https": "proxy.test:8080"}),
        ("http=a.test:80;https=b.test:81;ftp=c.test:82", {"http": "a.test:80", "https": "b.test:81"}),
        ("socks=a.test:1080", {}),
        ("https=b.test:81 proxy.test:80", {"https": "b.test:81", "http": "proxy.test:80"}),
        ("http=http://a.test:80", {"http": "http://a.test:80"}),
        ("", {}),
        (";;=;http=", {}),
    ],
)
def test_proxy_server_has_two_forms(text: str, proxies: dict[str, str]) -> None:
    """One proxy for everything, or one for each scheme."""
    assert windows.parse_servers(text) == proxies


def test_the_registry_is_interpreted() -> None:
    """A fixed proxy with exceptions, a PAC, and automatic detection from the flags of the connection."""
    values = {
        "ProxyEnable": 1,
        "ProxyServer": "proxy.test:8080",
        "ProxyOverride": "*.Inside.test;<local>",
        "AutoConfigURL": "http://p.test/p.pac",
    }
    assert windows.interpret(values, connection(0x0F), per_machine=False) == SystemSettings(
        owner="Windows' proxy settings of this user",
        proxies={"http": "proxy.test:8080", "https": "proxy.test:8080"},
        exceptions=("*.inside.test", "<local>"),
        loopback_direct=True,
        pac_url="http://p.test/p.pac",
        auto_detect=True,
    )


@pytest.mark.parametrize(
    ("values", "blob"),
    [
        ({"ProxyEnable": 0, "ProxyServer": "old.test:8080"}, connection(0x01)),
        ({}, None),
        ({"ProxyEnable": "1", "ProxyServer": b"x", "AutoConfigURL": 7}, b"short"),
    ],
    ids=["switched off", "empty", "of other types"],
)
def test_what_is_off_absent_or_of_another_type_is_no_proxy(values: dict[str, object], blob: object) -> None:
    """A server that is switched off stays in the registry and does not count; neither does nonsense."""
    assert windows.interpret(values, blob, per_machine=True) == SystemSettings(
        owner="Windows' proxy settings of the machine", loopback_direct=True
    )


@pytest.mark.parametrize(
    ("output", "meaning"),
    [
        (recorded("winhttp-direct"), "direct"),
        (recorded("winhttp-proxy"), "proxy.test:8080"),
        (recorded("winhttp-proxy-french"), "http=a.test:80;https=b.test:81"),
        ("", ""),
        ("\r\n\r\n", ""),
        ("An error occurred\r\n", ""),
    ],
)
def test_winhttp_is_read_in_any_language(output: str, meaning: str) -> None:
    """A proxy, no proxy, and nothing said, as where netsh is a stub, are told apart."""
    assert windows.parse_winhttp(output) == meaning


def test_winhttp_without_netsh_says_nothing() -> None:
    """Where there is no netsh the answer is empty, and no error."""
    assert sys.platform == "win32" or asyncio.run(windows.winhttp(5)) == ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "scutil-fixed",
            SystemSettings(
                macos.OWNER,
                {"http": "proxy.mac.test:3128", "https": "[2001:db8::9]:3129"},
                ("*.local", "169.254/16", "files.inside.test", "<local>"),
            ),
        ),
        (
            "scutil-automatic",
            SystemSettings(
                macos.OWNER,
                {"http": "", "https": ""},
                ("*.local", "169.254/16"),
                pac_url="http://pac.mac.test/proxy.pac",
                auto_detect=True,
            ),
        ),
        ("scutil-none", SystemSettings(macos.OWNER, {"http": "", "https": ""})),
    ],
)
def test_scutil_is_read(name: str, expected: SystemSettings) -> None:
    """Proxies, exceptions and automatic settings of macOS are read; what is switched off does not count."""
    assert macos.parse(recorded(name)) == expected


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has scutil")
def test_a_tool_that_is_not_there_is_told() -> None:
    """Without scutil the settings are unreadable, which is said and stops nothing."""
    found = asyncio.run(reading.read(5, platform="darwin"))
    assert found.system is None
    assert "scutil" in found.unreadable


def test_this_machine_has_an_address() -> None:
    """Scripts that ask for the machine's own address get one, without a packet being sent."""
    assert reading.own_addresses()
