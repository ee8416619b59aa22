"""Which peers of a list are called, and where a service may lead; the lists here are a hostile service's."""

from ipaddress import ip_address

import pytest

from doctl.coordination.peer_list import acceptable, check_place, home_of
from doctl.errors import ServiceError
from doctl.wire.joining import Peer, PeerKind

OURS = bytes(20)
HERE = ip_address("10.0.0.5")
OUTSIDE = ip_address("203.0.113.1")


def called(address: str, private: str | None = None, *, port: int = 7680, url: str = "https://c.test") -> list[str]:
    """Return whom a list of one LAN peer makes us call."""
    peer = Peer(ip_address(address), port, b"\1" * 20, ip_address(private) if private else None, PeerKind.LAN)
    home = home_of(url, [HERE], 7680, OURS)
    return [str(place) for found in acceptable([peer], OUTSIDE, home) for place in found.addresses]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.1.1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.251",
        "ff02::fb",
        "0.0.0.0",
        "::",
        "255.255.255.255",
        "10.0.0.5",
        "64:ff9b::127.0.0.1",
        "2002:7f00:1::1",
        "2001:0:cb00:7109:0:63bf:80ff:fffe",
        "::127.0.0.1",
    ],
)
def test_what_no_peer_can_have_is_refused(address: str) -> None:
    """Loopback, link-local, multicast, metadata and our own address are never called, as public or private address."""
    assert called(address) == []
    assert called("10.0.0.7", address) == ["10.0.0.7:7680"]


def test_loopback_is_our_network_only_where_the_user_says_so() -> None:
    """With a service on loopback peers may be there, but not metadata; what the service says of it does not count."""
    for url in ("http://127.0.0.1:8480", "http://localhost:8480", "http://[::1]:8480"):
        assert called("127.0.0.1", url=url) == ["127.0.0.1:7680"]
        assert called("169.254.169.254", url=url) == []
    assert called("169.254.9.9", url="http://169.254.1.1") == ["169.254.9.9:7680"]
    assert called("169.254.169.254", url="http://169.254.1.1") == []


def test_the_order_of_addresses() -> None:
    """A near peer is called at its private address first; ports of other services are never called."""
    assert called("203.0.113.9", "10.0.0.7") == ["10.0.0.7:7680", "203.0.113.9:7680"]
    assert called("203.0.113.9", "10.0.0.7", port=22) == []
    assert called("10.0.0.5", port=7681) == ["10.0.0.5:7681"]  # another program on this machine


def test_never_ourselves_by_id() -> None:
    """Our own peer id is not called, whatever its address."""
    peer = Peer(ip_address("10.0.0.9"), 7680, OURS, None, PeerKind.LAN)
    assert list(acceptable([peer], OUTSIDE, home_of("https://c.test", [], 1, OURS))) == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://c.test/all", "downgraded"),
        ("https://127.0.0.1/all", "bad_place"),
        ("https://localhost/all", "bad_place"),
        ("https://169.254.169.254/latest/meta-data", "bad_place"),
        ("https://[::1]/all", "bad_place"),
    ],
)
def test_where_a_service_may_not_lead(url: str, reason: str) -> None:
    """From https down to http, to this machine, or to where a cloud tells secrets, no service leads us."""
    with pytest.raises(ServiceError) as caught:
        check_place(url, "https://c.test")
    assert caught.value.reason == reason
    check_place("https://other.test/all", "https://c.test")
    check_place("http://127.0.0.1:1/all", "http://127.0.0.1:2")
