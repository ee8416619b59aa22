"""What being on a VPN, the settings and boundary groups do to uploads, peering and the cache server."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from doctl.settings import MODES, PEER_MODES, Origin, Settings

DNS_SD = 2
"""DORestrictPeerSelectionBy: peers found on the local network alone."""


class Why(enum.StrEnum):
    """Why peers are allowed or not, the reasons of ``vpn.effect``."""

    NO_VPN = "no_vpn"
    UPLOADS_SUSPENDED = "uploads_suspended"
    ALLOWED_BY_POLICY = "allowed_by_policy"
    LOCAL_DISCOVERY = "local_discovery"
    MODE_WITHOUT_PEERS = "mode_without_peers"
    BOUNDARY_GROUP = "boundary_group"
    NOT_RECOGNISED = "not_recognised"
    MISTAKEN = "mistaken"


@dataclass(frozen=True, slots=True)
class Effect:
    """What Windows does. ``on_vpn`` is what is so, ``do_on_vpn`` what Windows takes it for."""

    on_vpn: bool
    do_on_vpn: bool
    uploads_allowed: bool
    peering_allowed: bool
    cache_server_allowed: bool
    download_mode: int
    reason: Why
    why: str


def effect(real: Sequence[str], recognised: Sequence[str], settings: Settings) -> Effect:
    """Say what Windows does with settings that boundary groups have been applied to.

    ``real`` names the adapters in use that are VPNs, ``recognised`` those that Windows takes for one.
    """
    mode = settings.number("DODownloadMode")
    mode = 1 if mode is None else mode
    uploads, peering, reason, why = _peers(mode, real, recognised, settings)
    return Effect(
        on_vpn=bool(real),
        do_on_vpn=bool(recognised),
        uploads_allowed=uploads,
        peering_allowed=peering,
        cache_server_allowed=not (recognised and settings.number("DODisallowCacheServerDownloadsOnVPN")),
        download_mode=mode,
        reason=reason,
        why=why,
    )


def _peers(
    mode: int, real: Sequence[str], recognised: Sequence[str], settings: Settings
) -> tuple[bool, bool, Why, str]:
    """Return whether uploads and peering are allowed, and why."""
    if mode not in PEER_MODES:
        return False, False, *_without_peers(mode, settings)
    if recognised:
        return _on_vpn(real, recognised, settings)
    if real:
        return (
            True,
            True,
            Why.NOT_RECOGNISED,
            f"Windows does not see that {_list(real)} is a VPN and uses peers over it",
        )
    return True, True, Why.NO_VPN, f"no VPN is in use and download mode {mode} ({MODES[mode]}) uses peers"


def _without_peers(mode: int, settings: Settings) -> tuple[Why, str]:
    value = settings.values["DODownloadMode"]
    words = f"download mode {mode} ({MODES[mode]}) uses no peers"
    if value.origin is Origin.BOUNDARY:
        return Why.BOUNDARY_GROUP, f"{words}; the boundary group {value.where} sets it"
    return Why.MODE_WITHOUT_PEERS, f"{words}; it comes from {value.where or f'the {value.origin}'}"


def _on_vpn(real: Sequence[str], recognised: Sequence[str], settings: Settings) -> tuple[bool, bool, Why, str]:
    if settings.number("DOAllowVPNPeerCaching"):
        return (
            True,
            True,
            Why.ALLOWED_BY_POLICY,
            f"{_list(recognised)} is a VPN, and DOAllowVPNPeerCaching allows peers",
        )
    if not set(real) & set(recognised):
        words = f"Windows takes {_list(recognised)} for a VPN, which it is not, and suspends uploads and peering"
        return False, False, Why.MISTAKEN, words
    if settings.number("DORestrictPeerSelectionBy") == DNS_SD:
        words = f"{_list(recognised)} is a VPN: uploads are suspended; peers that local discovery finds are still used"
        return False, True, Why.LOCAL_DISCOVERY, words
    return False, False, Why.UPLOADS_SUSPENDED, f"{_list(recognised)} is a VPN: uploads and peering are suspended"


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
