"""Addresses as users write them."""

import pytest

from doctl.endpoints import Address
from doctl.errors import UsageError

GOOD = [
    ("example.com:80", "example.com", 80),
    ("192.0.2.7:7680", "192.0.2.7", 7680),
    ("[2001:db8::1]:443", "2001:db8::1", 443),
    ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
    ("[::]:0", "::", 0),
    (" host:65535\n", "host", 65535),
    ("bücher.example:1", "bücher.example", 1),
    ("host:00080", "host", 80),
]


@pytest.mark.parametrize(("text", "host", "port"), GOOD)
def test_host_and_port(text: str, host: str, port: int) -> None:
    """Names, IPv4 and bracketed IPv6 are read with their port; white space around them is no part."""
    assert Address.parse(text) == Address(host, port)
    assert Address.parse(text, default_port=1) == Address(host, port)


@pytest.mark.parametrize("text", ["host", "192.0.2.7", "2001:db8::1", "::1", "[::1]", "fe80::1%eth0"])
def test_the_host_alone(text: str) -> None:
    """Without a port the default applies, for IPv6 with or without brackets; without a default it is wrong use."""
    assert Address.parse(text, default_port=7680) == Address(text.strip("[]"), 7680)
    with pytest.raises(UsageError, match="has no port: write HOST:PORT"):
        Address.parse(text)


@pytest.mark.parametrize("address", [Address("host", 1), Address("192.0.2.7", 0), Address("2001:db8::1", 65535)])
def test_written_addresses_read_the_same(address: Address) -> None:
    """What is written can be read again."""
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", " ", ":80", "[]:80", "[::1", "[::1]80", "::1]:80", "a b:80", "http://host:80", "user@host:80", "host/:80",
     "h\x1bost:80", "h\u202eost:80", "host:80:90", "1:2:3", "[host:80]:80", "x" * 256 + ":80", "[::1]]:80", "\x00:1",
     "http://host/", "*:80", "*.host", "-x", "a..b:80", ".host:80"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    """Empty hosts, URLs, patterns, half brackets, control characters and colons that make no IPv6 are wrong use."""
    with pytest.raises(UsageError, match="is not an address: write HOST:PORT, with IPv6 in brackets"):
        Address.parse(text, default_port=1)


@pytest.mark.parametrize(
    "port",
    ["", " ", "-1", "+1", "65536", "99999", "http", "8_0", "0x50", "\u0663", "00000080", "0" * 6 + "9" * 8, "9" * 5000],
)
def test_what_is_no_port(port: str) -> None:
    """Anything but up to five digits within 65535 is refused in a short line."""
    with pytest.raises(UsageError, match="write a number from 0 to 65535") as caught:
        Address.parse(f"host:{port}", default_port=1)
    assert len(str(caught.value)) < 200
