"""Joining a swarm, as JSON: what a client says of itself, and the peers it is given.

The request has the names of published captures, its values as text. The shape of the real answer is not public: ours is
our own, and so are the request's ``Port``, ``RestrictPeerSelectionBy`` and the event 2 for the last join.
"""

import enum
import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from doctl.endpoints import PEER_PORT
from doctl.settings import MODES, DownloadMode, IPAddress
from doctl.wire.service import MOST_CONTENT_ID
from doctl.wire.service_fields import Fields, of_request, read_answer, read_object
from doctl.wire.urls import LONGEST as LONGEST_URL

MOST_REQUEST: Final = 16 * 1024
"""Bytes of a join; real ones have about 700, and a URL may be long."""
MOST_PEERS: Final = 200
"""Peers in one answer."""
INTERVAL: Final = 900
"""Seconds until the next join, unless the answer says otherwise."""
LONGEST_INTERVAL: Final = 86_400

_PEER_ID = re.compile("[0-9a-f]{40}")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PeerKind(enum.StrEnum):
    """What a peer is to whoever asked."""

    LAN = "lan"
    GROUP = "group"
    INTERNET = "internet"


_TAILS: Final = {kind: f'"Kind":"{kind.value}"}}' for kind in PeerKind}


class JoinEvent(enum.IntEnum):
    """Why a client joins: FIRST was seen in captures, LAST, which takes it out of the swarm, is our own."""

    AGAIN = 0
    FIRST = 1
    LAST = 2


class Restriction(enum.IntEnum):
    """DORestrictPeerSelectionBy: LAN peers are those behind the same NAT, in the same subnet, or found by DNS-SD."""

    NAT = 0
    SUBNET = 1
    DNS_SD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """What a client says of itself. ``content_id`` or, where there is none, ``url`` names the swarm.

    ``peer_id`` is 20 bytes; ``reported`` is its own address with the prefix length of its subnet, None where it does
    not say; ``uploaded`` and the like are bytes, ``*_bps`` bytes a second.
    """

    peer_id: bytes
    mode: DownloadMode
    content_id: str = ""
    url: str = ""
    reported: IPAddress | None = None
    prefix: int | None = None
    ipv6: ipaddress.IPv6Address | None = None
    port: int = PEER_PORT
    group_id: str = ""
    restriction: Restriction = Restriction.NAT
    event: JoinEvent = JoinEvent.AGAIN
    peers_wanted: int = 50
    background: bool = False
    restricted_upload: bool = False
    version: tuple[int, int, int, int] = (0, 0, 0, 0)
    uploaded: int = 0
    downloaded: int = 0
    downloaded_http: int = 0
    downloaded_cache: int = 0
    left: int = 0
    uploaded_bps: int = 0
    downloaded_bps: int = 0
    profile: str = ""
    sequence: int = 0

    def encode(self) -> bytes:
        """Return the JSON."""
        swarm = {"ContentId": self.content_id} if self.content_id else {"AltCatalogId": self.url}
        values = {
            **swarm,
            "PeerId": self.peer_id.hex(),
            "ReportedIp": self.reported or "",
            "SubnetMask": _mask(self.reported, self.prefix),
            "Ipv6": self.ipv6 or "",
            "Port": self.port,
            "IsBackground": int(self.background),
            **dict(zip(_VERSION, self.version, strict=True)),
            "Uploaded": self.uploaded,
            "Downloaded": self.downloaded,
            "DownloadedCdn": self.downloaded_http,
            "DownloadedDoinc": self.downloaded_cache,
            "Left": self.left,
            "JoinRequestEvent": self.event,
            "RestrictedUpload": int(self.restricted_upload),
            "PeersWanted": self.peers_wanted,
            "GroupId": self.group_id,
            "Scope": self.mode,
            "RestrictPeerSelectionBy": self.restriction,
            "UploadedBPS": self.uploaded_bps,
            "DownloadedBPS": self.downloaded_bps,
            "Profile": self.profile,
            "Seq": self.sequence,
        }
        return json.dumps({name: str(value) for name, value in values.items()}, separators=(",", ":")).encode()


_VERSION: Final = tuple(f"ClientDialectVersion{part}" for part in ("Major", "Minor", "Build", "Revision"))


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer of an answer: its address as the service sees it, and its own where it says one."""

    address: IPAddress
    port: int
    peer_id: bytes
    private_address: IPAddress | None
    kind: PeerKind

    def encode(self) -> str:
        """Return the JSON object."""
        return of_kind(peer_head(self.address, self.port, self.peer_id, self.private_address), self.kind)


def peer_head(address: IPAddress, port: int, peer_id: bytes, private_address: IPAddress | None) -> str:
    """Return the JSON of a peer but for its kind: a service keeps it, and whoever asks decides about the kind."""
    private = f'"{private_address}"' if private_address else "null"
    return f'{{"Address":"{address}","Port":{port},"PeerId":"{peer_id.hex()}","PrivateAddress":{private},'


def of_kind(head: str, kind: PeerKind) -> str:
    """Complete what ``peer_head`` wrote."""
    return head + _TAILS[kind]


def encode_answer(peers: Iterable[str], external_address: IPAddress, interval: int) -> bytes:
    """Write the answer to a join from the JSON of its peers."""
    return f'{{"Peers":[{",".join(peers)}],"Interval":{interval},"ExternalIpAddress":"{external_address}"}}'.encode()


@dataclass(frozen=True, slots=True)
class JoinAnswer:
    """The peers, the nearest first; seconds until the next join; our own address as the service sees it."""

    peers: tuple[Peer, ...]
    external_address: IPAddress
    interval: int = INTERVAL

    def encode(self) -> bytes:
        """Return the JSON."""
        return encode_answer((peer.encode() for peer in self.peers), self.external_address, self.interval)


def parse_join_request(data: bytes) -> JoinRequest:
    """Read a join; UsageError says what is wrong with it."""
    fields = read_object(data, of_request)
    content_id, url = _swarm(fields)
    reported = fields.address("ReportedIp")
    ipv6 = fields.address("Ipv6")
    return JoinRequest(
        peer_id=_peer_id(fields),
        mode=_mode(fields),
        content_id=content_id,
        url=url,
        reported=reported,
        prefix=_prefix(fields, reported),
        ipv6=ipv6 if isinstance(ipv6, ipaddress.IPv6Address) else None,
        port=fields.number("Port", PEER_PORT, 1, 65535),
        group_id=_group(fields),
        restriction=Restriction(fields.number("RestrictPeerSelectionBy", high=2)),
        event=JoinEvent(fields.number("JoinRequestEvent", high=2)),
        peers_wanted=min(fields.number("PeersWanted", 50), MOST_PEERS),
        background=fields.switch("IsBackground"),
        restricted_upload=fields.switch("RestrictedUpload"),
        version=_version(fields),
        uploaded=fields.number("Uploaded"),
        downloaded=fields.number("Downloaded"),
        downloaded_http=fields.number("DownloadedCdn"),
        downloaded_cache=fields.number("DownloadedDoinc"),
        left=fields.number("Left"),
        uploaded_bps=fields.number("UploadedBPS"),
        downloaded_bps=fields.number("DownloadedBPS"),
        profile=fields.text("Profile", ""),
        sequence=fields.number("Seq"),
    )


def parse_swarm_query(query: Mapping[str, str]) -> tuple[str, str]:
    """Return the content id and the URL, one of them empty, that a request to list a swarm names; else UsageError."""
    return _swarm(Fields(query, of_request))


def parse_join_answer(data: bytes, content_type: str) -> JoinAnswer:
    """Read the peers; ServiceError as of ``service``. Whether an address is wise to connect to is not decided here."""
    fields = read_answer(data, content_type)
    external = fields.address("ExternalIpAddress")
    if external is None or external.is_unspecified:
        raise fields.fault("no_address", "it does not know our address")
    peers = tuple(_peer(row) for row in fields.rows("Peers", MOST_PEERS))
    return JoinAnswer(peers, external, fields.number("Interval", INTERVAL, 1, LONGEST_INTERVAL))


def _peer(row: Fields) -> Peer:
    address = row.address("Address")
    kind = row.text("Kind")
    if address is None:
        raise row.fault("incomplete", "a peer has no Address")
    if kind not in set(PeerKind):
        raise row.wrong("Kind", f"must be one of {', '.join(PeerKind)}")
    port = row.number("Port", PEER_PORT, 1, 65535)
    return Peer(address, port, _peer_id(row), row.address("PrivateAddress"), PeerKind(kind))


def _swarm(fields: Fields) -> tuple[str, str]:
    content_id = fields.text("ContentId", "", most=MOST_CONTENT_ID)
    url = fields.text("AltCatalogId", "", most=LONGEST_URL)
    if not content_id and not url:
        raise fields.fault("incomplete", "ContentId or AltCatalogId must say which content")
    return content_id, "" if content_id else url


def _peer_id(fields: Fields) -> bytes:
    text = fields.text("PeerId").lower()
    if not _PEER_ID.fullmatch(text):
        raise fields.wrong("PeerId", "must be 40 hexadecimal digits")
    return bytes.fromhex(text)


def _mode(fields: Fields) -> DownloadMode:
    mode = fields.number("Scope", DownloadMode.LAN)
    if mode not in MODES:
        raise fields.wrong("Scope", f"must be a download mode: {', '.join(map(str, MODES))}")
    return DownloadMode(mode)


def _group(fields: Fields) -> str:
    group = fields.text("GroupId", "").lower().removeprefix("{").removesuffix("}")
    if group and not _GUID.fullmatch(group):
        raise fields.wrong("GroupId", "must be a GUID")
    return group


def _version(fields: Fields) -> tuple[int, int, int, int]:
    major, minor, build, revision = (fields.number(name, high=2**32 - 1) for name in _VERSION)
    return major, minor, build, revision


def _mask(address: IPAddress | None, prefix: int | None) -> str:
    """Write a prefix length as a mask; for IPv6, which has none, as the number itself."""
    if address is None or prefix is None:
        return ""
    return str(ipaddress.ip_network((0, prefix)).netmask) if address.version == 4 else str(prefix)


def _prefix(fields: Fields, reported: IPAddress | None) -> int | None:
    """Read SubnetMask, which has no meaning without an address."""
    text = fields.text("SubnetMask", "")
    if not text or reported is None:
        return None
    try:
        return ipaddress.ip_network(f"{reported}/{text}", strict=False).prefixlen
    except ValueError:
        raise fields.wrong("SubnetMask", "must be a mask such as 255.255.255.0, or a prefix length") from None
