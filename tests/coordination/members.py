"""Members of swarms for tests, by the few things that tell them apart."""

import ipaddress
from typing import Any

from doctl.coordination.matching import Member, member_of
from doctl.settings import DownloadMode
from doctl.wire.joining import JoinRequest, Restriction

GROUP = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
OTHER_GROUP = "00000000-0000-0000-0000-000000000001"


def request(number: int, mode: DownloadMode = DownloadMode.LAN, reported: str = "", **more: Any) -> JoinRequest:
    """Return a join of peer ``number``; ``reported`` may be ``address/prefix``."""
    address, _, prefix = reported.partition("/")
    return JoinRequest(
        peer_id=number.to_bytes(20, "big"),
        mode=mode,
        content_id="content",
        reported=ipaddress.ip_address(address) if address else None,
        prefix=int(prefix) if prefix else None,
        **more,
    )


def member(number: int, seen: str, mode: DownloadMode = DownloadMode.LAN, reported: str = "", **more: Any) -> Member:
    """Return peer ``number`` as a service sees it at ``seen``; ``strict`` restricts it to its subnet."""
    if more.pop("strict", False):
        more["restriction"] = Restriction.SUBNET
    return member_of(request(number, mode, reported, **more), ipaddress.ip_address(seen))
