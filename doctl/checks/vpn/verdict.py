"""Two answers for one adapter: what Windows' keyword rule says, and what the adapter is."""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from doctl.checks.vpn.clients import CLIENTS, KINDS_OF_NAMES, NOT_VPN
from doctl.net.adapters import KINDS_OF_TYPE, Adapter, Kind
from doctl.printable import printable

PHYSICAL: Final = frozenset({Kind.ETHERNET, Kind.WIFI, Kind.CELLULAR, Kind.LOOPBACK})
PROPRIETARY_VIRTUAL: Final = 53
"""IANA's ifType of adapters that only software knows; Microsoft asks VPN drivers to use it, or 131."""
TAILSCALE: Final = ipaddress.ip_network("fd7a:115c:a1e0::/48")
SHARED: Final = ipaddress.ip_network("100.64.0.0/10")
"""Carrier-grade NAT (RFC 6598); Tailscale and others number their peers from it too."""
SOFTWARE_WORDS: Final = ("virtual", "tap", "tunnel", "miniport", "vnic")


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword of Windows' rule and the field that has it: ``description`` or ``friendly name``."""

    word: str
    field: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an adapter is, how sure that is (``high``, ``medium``, ``low``), and why, the weightiest first."""

    is_vpn: bool
    confidence: str
    evidence: tuple[str, ...]
    word: str = ""
    """The word of a known client, as it stands in the description or friendly name."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An adapter with both answers."""

    adapter: Adapter
    verdict: Verdict
    keyword: Keyword | None


def both(adapter: Adapter, keywords: Sequence[str]) -> Judged:
    """Return the adapter with both answers; ``keywords`` are those of Windows' rule."""
    return Judged(adapter, judge(adapter), keyword_of(adapter, keywords))


def keyword_of(adapter: Adapter, keywords: Sequence[str]) -> Keyword | None:
    """Return what makes Windows take the adapter for a VPN, if anything: a substring, without regard to case."""
    for field, text in (("description", adapter.description), ("friendly name", adapter.friendly_name)):
        for word in keywords:
            if word.casefold() in text.casefold():
                return Keyword(word, field)
    return None


def judge(adapter: Adapter) -> Verdict:
    """Say what the adapter is: the first rule that has something to say decides."""
    verdict = next((verdict for rule in _RULES if (verdict := rule(adapter))), None)
    return verdict or Verdict(False, "low", (f"nothing says that it is a VPN (kind {adapter.kind})",))


def _listed(adapter: Adapter) -> Verdict | None:
    """Return the verdict on what only looks like a VPN."""
    for row in NOT_VPN:
        if word := next((word for word in row.words if word.casefold() in adapter.description.casefold()), None):
            return Verdict(False, "high", (f'not a VPN: {row.what} (description has "{word}")',))
        if not adapter.description and row.adapter_name and row.adapter_name.fullmatch(adapter.name):
            return Verdict(False, "high", (f"not a VPN: {row.what} (it is named {printable(adapter.name, 60)})",))
    return None


def _service(adapter: Adapter) -> Verdict | None:
    if adapter.driver == "vpn service":
        return Verdict(True, "high", ("macOS lists a VPN server for it",))
    return None


def _client(adapter: Adapter) -> Verdict | None:
    """Return the verdict on a known client; a mere name does not make hardware a VPN."""
    named = "" if _is_hardware(adapter) else adapter.friendly_name
    for field, text in (("description", adapter.description), ("friendly name", named)):
        for client in CLIENTS:
            for word in client.words:
                start = text.casefold().find(word.casefold())
                if start >= 0:
                    found = text[start : start + len(word)]
                    sure = "high" if client.seen else "medium"
                    return Verdict(True, sure, (f'client: {client.name} ({field} has "{found}")',), word=found)
    return None


def _client_by_name(adapter: Adapter) -> Verdict | None:
    if adapter.kind in PHYSICAL:
        return None
    for client in CLIENTS:
        if client.adapter_name and client.adapter_name.fullmatch(adapter.name):
            name = printable(adapter.name, 60)
            return Verdict(True, "high", (f"client: {client.name} (its adapters are named like {name})",))
    return None


def _tailscale_range(adapter: Adapter) -> Verdict | None:
    for address in adapter.addresses:
        if adapter.kind not in PHYSICAL and address.ip in TAILSCALE:
            return Verdict(True, "high", (f"client: Tailscale (address {address.ip} is in {TAILSCALE})",))
    return None


def _wireguard(adapter: Adapter) -> Verdict | None:
    return Verdict(True, "high", ("kind: wireguard",)) if adapter.kind is Kind.WIREGUARD else None


def _idle_utun(adapter: Adapter) -> Verdict | None:
    """Return the verdict on the tunnels that macOS keeps for its own services: they have link-local addresses only."""
    if not adapter.name.startswith("utun") or adapter.default_route:
        return None
    if any(not address.ip.is_link_local for address in adapter.addresses):
        return None
    return Verdict(False, "medium", ("not a VPN: a utun of macOS itself, with no routable address",))


def _provider(adapter: Adapter) -> Verdict | None:
    """Return the verdict on PPP to an Internet provider, which gives a public address or one of its shared ones."""
    text = f"{adapter.friendly_name} {adapter.description}".casefold()
    if adapter.kind is not Kind.PPP or "vpn" in text:
        return None
    if word := next((word for word in ("pppoe", "broadband", "breitband", "modem", "dsl") if word in text), None):
        return Verdict(False, "medium", (f'not a VPN: PPP to an Internet provider (its name has "{word}")',))
    for address in adapter.addresses:
        if address.version == 4 and (address.ip.is_global or address.ip in SHARED):
            return Verdict(False, "low", (f"not a VPN: PPP with an Internet provider's address, {address.ip}",))
    return None


def _by_kind(adapter: Adapter) -> Verdict | None:
    kind = _likely_kind(adapter)
    if kind in (Kind.PPP, Kind.TUNNEL):
        return Verdict(True, "medium", (_type(kind, adapter),))
    if adapter.if_type == PROPRIETARY_VIRTUAL:
        return Verdict(True, "medium", (_type("proprietary virtual", adapter),))
    return None


def _likely_kind(adapter: Adapter) -> Kind:
    """Return the kind, or what the type or a Unix name says where the kind is not telling."""
    if adapter.kind not in (Kind.UNKNOWN, Kind.VIRTUAL):
        return adapter.kind
    if adapter.if_type is not None:
        return KINDS_OF_TYPE.get(adapter.if_type, adapter.kind)
    if adapter.kind is Kind.VIRTUAL or adapter.description:
        return adapter.kind
    return next((kind for pattern, kind in KINDS_OF_NAMES if pattern.fullmatch(adapter.name)), adapter.kind)


def _tap(adapter: Adapter) -> Verdict | None:
    """Return the verdict on a TAP device: those of virtual machines carry no address of this machine."""
    if adapter.driver == "tap" and adapter.addresses:
        return Verdict(True, "low", (f"a TAP device with an address of its own, {adapter.addresses[0].ip}",))
    return None


def _called_vpn(adapter: Adapter) -> Verdict | None:
    named = "" if _is_hardware(adapter) else adapter.friendly_name
    for field, text in (("description", adapter.description), ("friendly name", named)):
        if word := next((word for word in ("vpn", "virtual private network") if word in text.casefold()), None):
            return Verdict(True, "medium", (f'it calls itself one ({field} has "{word}")',))
    return None


def _physical(adapter: Adapter) -> Verdict | None:
    if adapter.kind not in PHYSICAL:
        return None
    evidence = [_type(adapter.kind, adapter)]
    if shared := next((address.ip for address in adapter.addresses if address.ip in SHARED), None):
        evidence.append(f"{shared} is in {SHARED}, which carriers use for NAT: by itself no sign of a VPN")
    return Verdict(False, "medium", tuple(evidence))


def _is_hardware(adapter: Adapter) -> bool:
    """Whether the driver speaks of hardware, so that only its owner can have named it after a VPN."""
    described = adapter.description or adapter.driver
    software = any(word in described.casefold() for word in SOFTWARE_WORDS)
    return adapter.kind in PHYSICAL and bool(described) and not software


def _type(what: str, adapter: Adapter) -> str:
    number = "" if adapter.if_type is None else f" ({adapter.if_type})"
    driver = f", driver {printable(adapter.driver, 40)}" if adapter.driver else ""
    return f"type: {what}{number}{driver}"


_RULES: Final[tuple[Callable[[Adapter], Verdict | None], ...]] = (
    _listed,
    _service,
    _client,
    _client_by_name,
    _tailscale_range,
    _wireguard,
    _idle_utun,
    _provider,
    _by_kind,
    _tap,
    _called_vpn,
    _physical,
)
"""In this order; what is certain comes before what is likely."""
