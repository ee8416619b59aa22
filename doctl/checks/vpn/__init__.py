"""Which adapters are VPNs, which of them Windows takes for one, and what follows for uploads and peers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from doctl.checks.vpn import routes
from doctl.checks.vpn.effect import Effect, Why, effect
from doctl.checks.vpn.split import AREA
from doctl.checks.vpn.verdict import Judged, Keyword, both, keyword_of
from doctl.net.adapters import Adapter, Kind
from doctl.printable import printable
from doctl.report import Finding, Found, Status
from doctl.settings import Settings, defaults, effective

if TYPE_CHECKING:
    from doctl.net.base import Network

ALL: Final = "all adapters"
NOTHING: Final = "There is no network adapter to judge."
LOOK_FOR_ADAPTERS: Final = (
    "See whether the system lists its adapters, or name one in an inventory: doctl vpn --from FILE"
)
POLICY_KEY: Final = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\DeliveryOptimization"
KEYWORDS_PAGE: Final = (
    "https://learn.microsoft.com/windows/deployment/do/waas-delivery-optimization-reference#vpn-keywords"
)
VPN_PAGE: Final = "https://learn.microsoft.com/windows/deployment/do/waas-delivery-optimization-faq"
MOST_FINDINGS: Final = 1_000
"""Adapters that are reported; an inventory of more is cut, and says so."""
LONGEST_LIST: Final = 1_000
"""Characters of a list of keywords that is put into a command."""
_SAFE_KEYWORD: Final = re.compile(r"[\w .()+/-]{1,80}")


@dataclass(frozen=True, slots=True)
class Options:
    """What to check: an inventory, or this machine's adapters; and the settings, boundary groups among them."""

    inventory: tuple[Adapter, ...] | None = None
    settings: Settings = field(default_factory=defaults)
    timeout: float = 5.0


async def run(network: "Network", options: Options, found: Found) -> None:
    """Report each adapter and the effect of all, and of this machine the routes of what should go past a VPN."""
    deadline = network.now() + options.timeout
    adapters = options.inventory
    if adapters is None:
        adapters = await network.adapters(options.timeout)
    windows = options.inventory is not None or network.platform == "win32"
    for finding in findings(adapters, options.settings):
        anywhere = windows or finding.remedy in ("", LOOK_FOR_ADAPTERS)
        found(finding if anywhere else replace(finding, remedy=f"On Windows: {finding.remedy}"))
    if options.inventory is None:
        await routes.report(network, adapters, options.settings.words("DOVpnKeywords"), deadline, found)


async def run_routes(network: "Network", options: Options, found: Found) -> None:
    """Report the routes alone."""
    deadline = network.now() + options.timeout
    adapters = await network.adapters(options.timeout)
    await routes.report(network, adapters, options.settings.words("DOVpnKeywords"), deadline, found)


def findings(adapters: Sequence[Adapter], settings: Settings) -> Iterator[Finding]:
    """Judge ``adapters``: one finding for each, and one for what they do together."""
    keywords = settings.words("DOVpnKeywords")
    judged = [both(adapter, keywords) for adapter in adapters]
    advice = _set_keywords(better_keywords(judged[:MOST_FINDINGS], keywords))
    for one in judged[:MOST_FINDINGS]:
        yield _of_adapter(one, advice)
    yield _of_all(judged, settings, advice)


def better_keywords(judged: Sequence[Judged], keywords: Sequence[str]) -> list[str]:
    """Return the keywords by which Windows would see every VPN among ``judged``, and no other by its description."""
    others = [one.adapter.description.casefold() for one in judged if not one.verdict.is_vpn]
    words = [word for word in keywords if not any(word.casefold() in text for text in others)]
    for one in judged:
        word = one.verdict.word or one.adapter.description or one.adapter.friendly_name
        if one.verdict.is_vpn and word.strip() and not keyword_of(one.adapter, words):
            words.append(word.replace(",", " ").strip())
    return words


def _of_adapter(one: Judged, advice: str) -> Finding:
    is_vpn, do_is_vpn = one.verdict.is_vpn, one.keyword is not None
    reason, summary = _words(one)
    return Finding(
        id="vpn.adapter",
        area=AREA,
        target=printable(one.adapter.name, 100),
        status=Status.PASS if is_vpn == do_is_vpn else Status.WARN,
        reason=reason,
        summary=summary,
        facts={
            "is_vpn": is_vpn,
            "do_is_vpn": do_is_vpn,
            "confidence": one.verdict.confidence,
            "evidence": [*one.verdict.evidence, _of_keyword(one.keyword)],
            "friendly_name": printable(one.adapter.friendly_name, 200),
            "description": printable(one.adapter.description, 200),
            "kind": one.adapter.kind,
            "if_type": one.adapter.if_type,
            "up": one.adapter.up,
            "default_route": one.adapter.default_route,
            "addresses": [str(address) for address in one.adapter.addresses],
        },
        remedy=_remedy(one, advice),
        reference=KEYWORDS_PAGE if is_vpn != do_is_vpn else "",
    )


def _of_keyword(keyword: Keyword | None) -> str:
    return (
        f'Windows: "{printable(keyword.word, 40)}" is in its {keyword.field}'
        if keyword
        else "Windows: no keyword is in its names"
    )


def _words(one: Judged) -> tuple[str, str]:
    """Return reason and summary for one adapter."""
    why = one.verdict.evidence[0] + ("" if one.adapter.up else "; it is down now")
    if one.verdict.is_vpn and one.keyword:
        return "vpn", f"Windows sees this VPN: {why}"
    if one.verdict.is_vpn:
        return "not_recognised", f"Windows does not see this VPN and uploads over it: {why}"
    if one.keyword:
        word = printable(one.keyword.word, 40)
        summary = f'Windows sees a VPN where none is, and stops peers: "{word}" is in the {one.keyword.field}; {why}'
        return "mistaken", summary
    return "not_vpn", f"no VPN, as Windows sees it: {why}"


def _remedy(one: Judged, advice: str) -> str:
    """Return what to do about one adapter; ``advice`` sets the keywords for all of them, whose list is one."""
    if one.verdict.is_vpn == (one.keyword is not None):
        return ""
    if one.keyword and one.keyword.field == "friendly name":
        return "Rename the adapter in Network Connections, so that its name has no keyword of DOVpnKeywords."
    return advice


def _set_keywords(words: Sequence[str]) -> str:
    """Return the command that sets DOVpnKeywords, which replaces the whole list; in words where it would be unsafe."""
    text = ",".join(words)
    if not words or len(text) > LONGEST_LIST or not all(_SAFE_KEYWORD.fullmatch(word) for word in words):
        return "Set the policy DOVpnKeywords to words that the descriptions of your VPN adapters have, and no others."
    return f'reg add "{POLICY_KEY}" /v DOVpnKeywords /t REG_SZ /d "{text}" /f'


def _of_all(judged: Sequence[Judged], settings: Settings, advice: str) -> Finding:
    used = [one for one in judged if one.adapter.up]
    addresses = [
        address.ip for one in used if one.adapter.kind is not Kind.LOOPBACK for address in one.adapter.addresses
    ]
    here = effective(settings, addresses)
    result = effect(_names(used, real=True), _names(used, real=False), here)
    facts = _facts(result, here, len(judged))
    if not judged:
        return Finding("vpn.effect", AREA, ALL, Status.UNKNOWN, "no_adapters", NOTHING, facts, LOOK_FOR_ADAPTERS)
    wrong = result.reason in (Why.NOT_RECOGNISED, Why.MISTAKEN)
    summary = f"Uploads {_allowed(result.uploads_allowed)}, peers {_allowed(result.peering_allowed)}: {result.why}."
    return Finding(
        id="vpn.effect",
        area=AREA,
        target=ALL,
        status=Status.WARN if wrong else Status.PASS,
        reason=result.reason,
        summary=summary,
        facts=facts,
        remedy=next(filter(None, (_remedy(one, advice) for one in used)), "") if wrong else "",
        reference=VPN_PAGE,
    )


def _names(used: Sequence[Judged], *, real: bool) -> list[str]:
    chosen = (one for one in used if (one.verdict.is_vpn if real else one.keyword))
    return [printable(one.adapter.friendly_name or one.adapter.name, 60) for one in chosen]


def _facts(result: Effect, settings: Settings, adapters: int) -> dict[str, object]:
    mode = settings.values["DODownloadMode"]
    return {
        "on_vpn": result.on_vpn,
        "do_on_vpn": result.do_on_vpn,
        "uploads_allowed": result.uploads_allowed,
        "peering_allowed": result.peering_allowed,
        "cache_server_allowed": result.cache_server_allowed,
        "download_mode": result.download_mode,
        "download_mode_from": f"{mode.origin} {mode.where}".strip(),
        "why": result.why,
        "adapters": adapters,
    }


def _allowed(allowed: bool) -> str:
    return "allowed" if allowed else "not allowed"
