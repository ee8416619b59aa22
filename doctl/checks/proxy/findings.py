"""Turns what was seen of routes and ranges into findings; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from doctl.checks.proxy.interception import find_interception
from doctl.checks.proxy.probing import Path
from doctl.checks.proxy.remedies import remedy
from doctl.checks.proxy.routing import Routed
from doctl.errors import ContentError, UsageError
from doctl.net.proxies import pac
from doctl.net.proxies.route import ProxySettings, destination
from doctl.printable import printable
from doctl.report import Finding, Status
from doctl.wire.range_faults import REDIRECTS, Fault, Reason, compare, find_fault, find_oddity, tag_of
from doctl.wire.range_probes import SMALLEST_FILE

AREA: Final = "proxy"
REFERENCE: Final = "https://learn.microsoft.com/windows/deployment/do/delivery-optimization-proxy"
LONGEST_TARGET: Final = 1000
PAGES: Final = (".htm", ".html", "/")
USABLE: Final = ("http",)
"""How a proxy must be reached. Windows' own downloader knows neither SOCKS nor proxies behind TLS (deduced)."""
_CORRECT: Final = "Correct the setting that is named, or give the proxy: doctl proxy --proxy http://HOST:PORT"
_SERVE_PAC: Final = "Serve the PAC script at that URL to every client, or take the URL out of the settings."
_SAME: Final = "Unset the variable to test what Delivery Optimization does, or give its proxy: doctl proxy --proxy URL"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one URL: on its route, and directly to compare, where that was asked for."""

    routed: Routed
    path: Path
    direct: Path | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a finding says."""

    status: Status
    reason: Reason
    summary: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is wrong, if anything is, and whether it is the proxy or the server that does it."""

    fault: Fault | None
    by_proxy: bool
    direct_fault: Fault | None


def route_finding(routed: Routed, settings: ProxySettings) -> Finding:
    """Report which proxy applies to a URL and why."""
    route = routed.route
    facts: dict[str, object] = {
        "proxy": str(routed.proxy) if routed.proxy else None,
        "source": route.source,
        "why": route.why,
        "notes": list(route.notes),
    }
    if route.pac_url:
        facts |= {"pac": pac.shown(route.pac_url), "pac_result": routed.script_said}
    if settings.winhttp:
        facts["winhttp"] = printable(settings.winhttp, 120)
    return _finding("proxy.route", routed.url, _of_route(routed), facts)


def _of_route(routed: Routed) -> Verdict:
    route, error = routed.route, routed.error
    if isinstance(error, UsageError | ContentError):
        summary = f"Which proxy applies is not known: {error}."
        return Verdict(Status.UNKNOWN, Reason.NOT_TESTABLE, summary, _CORRECT)
    if error is not None:
        summary = f"The PAC script that decides cannot be had, so clients go their own ways: {error}."
        return Verdict(Status.FAIL, Reason.UNREACHABLE, summary, _SERVE_PAC)
    said = f' which returned "{routed.script_said}"' if routed.script_said else ""
    way = f"Through {routed.proxy}" if routed.proxy else "Directly"
    notes = [route.warning, *route.notes]
    summary = " ".join([f"{way}: {route.why}{said}.", *(f"{note}." for note in notes if note)])
    if route.warning:
        return Verdict(Status.WARN, Reason.OK, summary, _SAME)
    return Verdict(Status.PASS, Reason.OK, summary)


def untested(routed: Routed) -> Finding:
    """Report that ranges were not tested, since nobody knows or can use the route."""
    if routed.error is not None:
        summary = "Not tested, since it is not known which proxy applies."
        return _finding("proxy.range", routed.url, Verdict(Status.SKIP, Reason.NOT_TESTABLE, summary), {})
    summary = f"{routed.proxy} cannot be tested: only proxies that are reached by plain HTTP are asked."
    verdict = Verdict(Status.UNKNOWN, Reason.NOT_TESTABLE, summary, _CORRECT)
    return _finding("proxy.range", routed.url, verdict, {"proxy": str(routed.proxy)})


def range_finding(seen: Seen) -> Finding:
    """Report whether ranges of a URL come through its route unharmed."""
    judged = judge(seen)
    verdict = _of_fault(seen, judged, judged.fault) if judged.fault else _without_fault(seen, judged)
    return _finding("proxy.range", seen.routed.url, verdict, _facts(seen, judged))


def judge(seen: Seen) -> Judged:
    """Return what is wrong on the route of a URL, and who does it."""
    proxied, page = seen.routed.proxy is not None, _is_page(seen.routed.url)
    direct_fault = find_fault(seen.direct.answers, page=page) if seen.direct else None
    fault = find_fault(seen.path.answers, page=page)
    if fault is None and seen.direct and _works(seen.direct, direct_fault):
        fault = compare(seen.path.answers, seen.direct.answers)
    fault = fault or find_oddity(seen.path.answers)
    same = fault is not None and direct_fault is not None and _alike(fault, direct_fault)
    if fault is not None:
        fault = _told_apart(seen, fault, direct_fault)
    if (intercepted := _interception(seen)) and (fault is None or fault.mild or not intercepted.mild):
        return Judged(intercepted, proxied, direct_fault)
    return Judged(fault, proxied and not same, direct_fault)


def _works(direct: Path, fault: Fault | None) -> bool:
    return fault is None and direct.first.good


def _alike(one: Fault, other: Fault) -> bool:
    """Whether two faults are the same one, seen twice."""
    where = one.answer.headers.get("location"), other.answer.headers.get("location")
    return one.reason is other.reason and where[0] == where[1]


def _told_apart(seen: Seen, fault: Fault, direct_fault: Fault | None) -> Fault:
    """Return ``fault`` with the reason it has in the light of the direct way.

    An answer of the proxy alone that says nothing else is a refusal. A page or a redirect is the server's own, and no
    sign-in page, where it comes without the proxy too; where nobody knows, if the redirect stays with the host.
    """
    if fault.reason is Reason.NOT_TESTABLE and seen.direct and _works(seen.direct, direct_fault):
        return replace(fault, reason=Reason.FORBIDDEN)
    if fault.reason is not Reason.CAPTIVE_PORTAL:
        return fault
    own = _alike(fault, direct_fault) if direct_fault else _stays(seen, fault)
    return replace(fault, reason=Reason.NOT_TESTABLE) if own else fault


def _stays(seen: Seen, fault: Fault) -> bool:
    """Whether ``fault`` is a redirect to the same host."""
    try:
        target = urlsplit(fault.answer.headers.get("location", "")).hostname
    except ValueError:
        return False
    return fault.answer.status in REDIRECTS and target in (None, _host(seen))


def _interception(seen: Seen) -> Fault | None:
    direct = seen.direct.certificate if seen.direct else None
    found = find_interception(_host(seen), seen.path.certificate, direct)
    return Fault(Reason.TLS_INTERCEPTED, found.detail, seen.path.first, mild=found.harmless) if found else None


def _of_fault(seen: Seen, judged: Judged, fault: Fault) -> Verdict:
    status = Status.WARN if fault.mild else Status.UNKNOWN if fault.reason is Reason.NOT_TESTABLE else Status.FAIL
    way = f"Through {seen.routed.proxy}" if seen.routed.proxy else "Directly"
    summary = f"{way}, {fault.answer.ask.name}: {fault.detail}."
    if seen.routed.proxy and not judged.by_proxy:
        summary += " It is the same without the proxy."
    elif seen.direct and _works(seen.direct, judged.direct_fault):
        summary += " Without the proxy all is well."
    if fault.reason is Reason.UNREACHABLE and seen.routed.others:
        others = ", ".join(str(each) if each else "a direct connection" for each in seen.routed.others[:3])
        summary += f" The PAC script names {others} for this case."
    return Verdict(
        status, fault.reason, summary, remedy(fault.reason, fault.answer, seen.routed.url, by_proxy=judged.by_proxy)
    )


def _without_fault(seen: Seen, judged: Judged) -> Verdict:
    path = seen.path
    if (reason := _untestable(path)) is not None:
        what_to_do = remedy(Reason.NOT_TESTABLE, None, seen.routed.url, by_proxy=False)
        return Verdict(Status.UNKNOWN, Reason.NOT_TESTABLE, reason, what_to_do)
    way = f"through {seen.routed.proxy}" if seen.routed.proxy else "directly"
    parts = sum(1 for answer in path.answers if answer.good)
    return Verdict(Status.PASS, Reason.OK, f"All {parts} ranges came {way} as asked for{_compared(seen, judged)}.")


def _untestable(path: Path) -> str | None:
    """Return why right answers do not make a verdict, or None."""
    if path.cut_off:
        return f"The time was up after {len(path.answers)} questions, the answers to which were right."
    if path.total is None:
        return "The size of the file is not told, so ranges cannot be chosen."
    if path.total < SMALLEST_FILE:
        return f"The file has {path.total} bytes, and testing ranges takes {SMALLEST_FILE}."
    return None


def _compared(seen: Seen, judged: Judged) -> str:
    if seen.routed.proxy is None:
        return ""
    if seen.direct is None:
        return "; not compared with a direct connection"
    if judged.direct_fault is None:
        return ", the same as directly" if seen.direct.first.good else "; there was no time to compare"
    return f"; directly they do not ({judged.direct_fault.detail})"


def _facts(seen: Seen, judged: Judged) -> dict[str, object]:
    answer = judged.fault.answer if judged.fault else seen.path.first
    headers: Mapping[str, str] = answer.headers
    facts: dict[str, object] = {
        "proxy": str(seen.routed.proxy) if seen.routed.proxy else None,
        "status_code": answer.status or None,
        "content_range": _clean(headers.get("content-range")),
        "etag": _clean(tag_of(answer)),
        "total": seen.path.total,
        "via": _clean(headers.get("via")),
        "asked": answer.ask.name,
        "answers": len(seen.path.answers),
    }
    if seen.routed.proxy:
        facts["direct"] = _direct_word(seen, judged)
    if seen.path.certificate:
        facts["issuer"] = seen.path.certificate.issuer
    return facts


def _direct_word(seen: Seen, judged: Judged) -> str:
    if seen.direct is None:
        return "not compared"
    return judged.direct_fault.reason if judged.direct_fault else Reason.OK


def _clean(text: str | None) -> str | None:
    return None if text is None else printable(text, 200)


def _host(seen: Seen) -> str:
    return printable(destination(seen.routed.url).host, 200)


def _is_page(url: str) -> bool:
    """Whether ``url`` looks as if a web page were meant."""
    return (urlsplit(url).path or "/").lower().endswith(PAGES)


def _target(url: str) -> str:
    """Return ``url`` without what may be secret: credentials and query."""
    parts = urlsplit(url)
    return printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", LONGEST_TARGET)


def _finding(name: str, url: str, verdict: Verdict, facts: Mapping[str, object]) -> Finding:
    return Finding(
        id=name,
        area=AREA,
        target=_target(url),
        status=verdict.status,
        reason=verdict.reason,
        summary=verdict.summary,
        facts=facts,
        remedy=verdict.remedy,
        reference=REFERENCE,
    )
