"""What addresses stand for: those that a stranger may name, and whose they are."""

from ipaddress import ip_address

import pytest

from doctl.wire.places import Licence, Sort, literal_of, owner_of, owner_of_host, sort_of


@pytest.mark.parametrize(
    ("address", "sort"),
    [
        ("203.0.113.9", Sort.USUAL),
        ("10.0.0.7", Sort.USUAL),
        ("100.64.0.9", Sort.USUAL),
        ("fd00::7", Sort.USUAL),
        ("2001:db8::7", Sort.USUAL),
        ("::ffff:10.0.0.7", Sort.USUAL),
        ("64:ff9b::203.0.113.9", Sort.USUAL),
        ("127.8.9.10", Sort.LOOPBACK),
        ("::1", Sort.LOOPBACK),
        ("::127.0.0.1", Sort.LOOPBACK),
        ("::ffff:127.0.0.1", Sort.LOOPBACK),
        ("::ffff:0:127.0.0.1", Sort.LOOPBACK),
        ("64:ff9b::127.0.0.1", Sort.LOOPBACK),
        ("2002:7f00:1::1", Sort.LOOPBACK),
        ("2001:0:cb00:7109:0:63bf:80ff:fffe", Sort.LOOPBACK),
        ("169.254.1.1", Sort.LINK_LOCAL),
        ("fe80::1", Sort.LINK_LOCAL),
        ("2002:a9fe:101::1", Sort.LINK_LOCAL),
        ("169.254.169.254", Sort.NEVER),
        ("64:ff9b::169.254.169.254", Sort.NEVER),
        ("2002:a9fe:a9fe::1", Sort.NEVER),
        ("2001:0:cb00:7109:0:63bf:5601:5601", Sort.NEVER),
        ("64:ff9b:1::7", Sort.NEVER),
        ("fd00:ec2::254", Sort.NEVER),
        ("168.63.129.16", Sort.NEVER),
        ("224.0.0.251", Sort.NEVER),
        ("ff02::fb", Sort.NEVER),
        ("0.0.0.0", Sort.NEVER),
        ("0.1.2.3", Sort.NEVER),
        ("255.255.255.255", Sort.NEVER),
        ("::", Sort.NEVER),
    ],
)
def test_what_an_address_stands_for(address: str, sort: Sort) -> None:
    """An address is as bad as the worst that packets to it may reach: mapped, translated, 6to4 and Teredo forms too."""
    assert sort_of(ip_address(address)) is sort


def test_an_ipv6_network_has_one_owner() -> None:
    """All addresses of a /64 count as one; IPv4 addresses each count, however they are written."""
    owners = [owner_of(ip_address(text)) for text in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::", "2001:db8:1:3::1")]
    assert owners[0] == owners[1] != owners[2]
    assert owner_of(ip_address("192.0.2.1")) == owner_of(ip_address("::ffff:192.0.2.1")) == "192.0.2.1"
    assert owner_of(ip_address("fe80::1%eth0")) == owner_of(ip_address("fe80::2"))
    assert owner_of_host("fe80::1%eth0") == owner_of(ip_address("fe80::2"))
    assert owner_of_host("peer.example") == "peer.example"


@pytest.mark.parametrize(
    ("asked", "host", "address", "allowed"),
    [
        ("files.example", "cdn.example", "203.0.113.9", True),
        ("files.example", "cdn.example", "10.0.0.9", True),
        ("files.example", "cdn.example", "127.0.0.1", False),
        ("files.example", "127.0.0.1", "127.0.0.1", False),
        ("files.example", "files.example", "127.0.1.1", True),
        ("files.example", "cdn.example", "169.254.9.9", False),
        ("localhost", "127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "localhost", "::1", True),
        ("127.0.0.1", "cdn.example", "169.254.9.9", False),
        ("fe80::1", "fe80::2", "fe80::2", True),
        ("fe80::1", "metadata.example", "169.254.169.254", False),
    ],
)
def test_where_a_servers_word_may_send_us(asked: str, host: str, address: str, allowed: bool) -> None:
    """Into the machine and onto its link only where the user named such a place, and to the host that he named."""
    assert Licence.of(asked).allows(host, ip_address(address)) is allowed


def test_literals() -> None:
    """A scope is no part of an address, and a name is none."""
    assert literal_of("fe80::1%eth0") == ip_address("fe80::1")
    assert literal_of("peer.example") is None
