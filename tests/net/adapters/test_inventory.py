"""Inventories are read strictly and within bounds, and what is wrong with them is said in one line."""

import json
from ipaddress import ip_interface

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doctl.errors import UsageError
from doctl.net.adapters import Adapter, Kind
from doctl.net.adapters.inventory import MOST_ADAPTERS, MOST_BYTES, read_inventory

FULL = {
    "name": "Ethernet 2",
    "friendly_name": "Office",
    "description": "Realtek",
    "kind": "ethernet",
    "if_type": 6,
    "up": False,
    "addresses": ["10.0.0.5/24", "fe80::1%eth0/64"],
    "default_route": True,
    "driver": "e1000e",
}


def of(*rows: object) -> bytes:
    """Return the bytes of an inventory of ``rows``."""
    return json.dumps({"adapters": rows}).encode()


def test_every_key_is_read() -> None:
    """What the inventory says is in the adapter, with a byte order mark or without."""
    addresses = (ip_interface("10.0.0.5/24"), ip_interface("fe80::1%eth0/64"))
    wanted = Adapter("Ethernet 2", "Office", "Realtek", Kind.ETHERNET, 6, False, addresses, True, "e1000e")
    assert read_inventory(of(FULL), "x") == (wanted,)
    assert read_inventory(b"\xef\xbb\xbf" + of(FULL), "x") == (wanted,)


def test_only_the_name_must_be_there() -> None:
    """What is left out or null takes its default: up, no route, and the kind that the type says."""
    assert read_inventory(of({"name": "a"}, {"name": "b", "if_type": 131}, {"name": "c", "kind": None}), "x") == (
        Adapter("a"),
        Adapter("b", kind=Kind.TUNNEL, if_type=131),
        Adapter("c"),
    )
    assert read_inventory(of(), "x") == ()


WRONG: dict[str, tuple[bytes, str]] = {
    "no json": (b"{", "inv.json: not JSON"),
    "deep": (b"[" * 100_000, "inv.json: not JSON"),
    "huge number": (b'{"adapters": [{"name": "a", "if_type": ' + b"9" * 5000 + b"}]}", "not JSON"),
    "no text": (b'{"adapters": "\xff"}', "not UTF-8 text (byte 14)"),
    "a list": (b"[]", "not an inventory"),
    "no list": (b'{"adapters": 1}', "not an inventory"),
    "other key": (b'{"adapters": [], "adaptors": []}', 'unknown key "adaptors"; did you mean adapters?'),
    "a key twice": (b'{"adapters": [{"name": "a", "name": "b"}]}', "a key is given twice"),
    "not an object": (of({"name": "a"}, 7), "adapter 2: must be an object with a name"),
    "no name": (of({}), "adapter 1: has no name"),
    "blank name": (of({"name": " "}), "has no name"),
    "name is a number": (of({"name": 1}), "name must be text"),
    "typing error": (of({"name": "a", "desciption": "b"}), "did you mean description?"),
    "up": (of({"name": "a", "up": "yes"}), "up must be true or false"),
    "up is a number": (of({"name": "a", "up": 1}), "up must be true or false"),
    "kind": (of({"name": "a", "kind": "vpn"}), 'kind "vpn" is not one of ethernet, wifi'),
    "type": (of({"name": "a", "if_type": "6"}), "if_type must be a whole number from 0 to 65535"),
    "type true": (of({"name": "a", "if_type": True}), "if_type must be a whole number"),
    "type too high": (of({"name": "a", "if_type": 65536}), "if_type must be a whole number"),
    "addresses": (of({"name": "a", "addresses": "10.0.0.1"}), "addresses must be a list of addresses"),
    "address": (of({"name": "a", "addresses": ["10.0.0.256/24"]}), '"10.0.0.256/24" is not an address'),
    "address number": (of({"name": "a", "addresses": [1]}), '"int" is not an address'),
    "many addresses": (of({"name": "a", "addresses": ["10.0.0.1"] * 1001}), "1001 addresses"),
    "long text": (of({"name": "a", "description": "x" * 501}), "description has 501 characters"),
    "escapes": (of({"name": "a", "\x1b[2J": 1}), 'unknown key "\\x1b[2J"'),
    "many": (of(*[{"name": "a"}] * (MOST_ADAPTERS + 1)), f"{MOST_ADAPTERS + 1} adapters"),
    "large": (b" " * (MOST_BYTES + 1), "an inventory is small"),
}


@pytest.mark.parametrize(("data", "message"), WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_is_said(data: bytes, message: str) -> None:
    """A wrong inventory is a usage error that names the file, the adapter and what would be right."""
    with pytest.raises(UsageError) as caught:
        read_inventory(data, "inv.json")
    assert message in str(caught.value)
    assert str(caught.value).startswith("inv.json: ")
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever the bytes, the answer is adapters or a usage error."""
    try:
        read_inventory(data, "x")
    except UsageError:
        pass
