"""Says what was seen of a host means for Delivery Optimization; pure."""

from typing import Final, NamedTuple
from urllib.parse import urlsplit

from doctl.checks.hosts.reach import TOTALS, HttpAnswer, Place, Seen
from doctl.errors import FilteredError
from doctl.net.commands import look_up
from doctl.net.probe import Attempt, Outcome
from doctl.printable import printable
from doctl.report import Finding, Status

AREA: Final = "hosts"
OURS: Final = (".microsoft.com", ".windowsupdate.com")
"""Where a documented host may redirect to; anybody else who is redirected to is a login page."""
MOST_SAID: Final = (Outcome.REFUSED, Outcome.FILTERED, Outcome.UNREACHABLE)
"""Failures of two address families, the one that says more first."""
AGAIN: Final = "doctl hosts --timeout 30"


class Verdict(NamedTuple):
    """What a finding says of a host."""

    status: Status
    reason: str
    summary: str
    remedy: str = ""


def finding(seen: Seen, platform: str) -> Finding:
    """Return the finding on what was seen; ``platform`` chooses the commands that remedies name."""
    place = seen.place
    verdict = _verdict(seen, platform)
    return Finding(
        id="hosts.reach",
        area=AREA,
        target=_target(place),
        status=verdict.status,
        reason=verdict.reason,
        summary=verdict.summary,
        facts=_facts(seen),
        remedy=verdict.remedy,
        reference=place.row.source if place.row else "",
        duration_s=round(seen.duration_s, 3),
    )


def _target(place: Place) -> str:
    """Return the name of what was looked at, with its port where that is another one than its scheme has."""
    return place.name if place.authority in (place.name, f"[{place.name}]") else place.authority


def _url(place: Place) -> str:
    return f"{place.scheme}://{place.authority}/"


def _verdict(seen: Seen, platform: str) -> Verdict:
    place = seen.place
    attempts = seen.reach.attempts if seen.reach else ()
    if place.scheme == "teredo" and seen.reach and not seen.reach.problem:
        remedy = f"doctl teredo --server {place.name}"
        return Verdict(Status.SKIP, "not_testable", "The name resolves; what answers there is UDP.", remedy)
    if seen.reach is None:
        summary = "There was no free connection to try it with in time."
        return Verdict(Status.UNKNOWN, "not_testable", summary, f"Once more, with more time: {AGAIN}")
    if not attempts:
        return _no_address(seen, platform)
    if not seen.is_open:
        return _no_connection(place, attempts, platform)
    if place.scheme == "https":
        return _tls(seen, platform)
    return _http(seen, _missed(place)) or _reached(seen)


def _missed(place: Place) -> Status:
    """Return how bad it is that a host is missed."""
    return Status.WARN if place.row and place.row.optional else Status.FAIL


def _no_address(seen: Seen, platform: str) -> Verdict:
    place = seen.place
    why = seen.dns_problem or (seen.reach.problem if seen.reach else "")
    why = why.removeprefix(f"{place.name}: ")
    if place.sample:
        summary = f"Seen in use once, without an address now; such names come and go: {printable(why, 200)}."
        return Verdict(Status.SKIP, "not_testable", summary)
    return Verdict(_missed(place), "dns_failed", _sentence(why), _look_up(place, platform))


def _look_up(place: Place, platform: str) -> str:
    return f"Let this machine's name servers resolve it; test: {look_up(place.name, platform)}"


def _no_connection(place: Place, attempts: tuple[Attempt, ...], platform: str) -> Verdict:
    worst = min((one.outcome for one in attempts), key=MOST_SAID.index)
    told = "; ".join(f"{one.family}: {one.outcome}" for one in attempts)
    summary = f"No connection to TCP port {place.port} ({told})."
    return Verdict(_missed(place), str(worst), summary, _open_port(place, platform))


def _open_port(place: Place, platform: str) -> str:
    host, port = place.name, place.port
    command = f"Test-NetConnection {host} -Port {port}" if platform == "win32" else f"curl -v {_url(place)}"
    through = f"doctl proxy {_url(place)}"
    return f"Allow TCP port {port} out to {host}; test: {command} (where only a proxy leads out: {through})"


def _tls(seen: Seen, platform: str) -> Verdict:
    place, certificate = seen.place, seen.certificate
    if certificate is None:
        error = seen.tls_error
        summary = f"The connection opens, but TLS fails: {error or 'no certificate in time'}."
        if error is None or isinstance(error, FilteredError):
            return Verdict(_missed(place), "filtered", summary, _open_port(place, platform))
        return Verdict(_missed(place), "tls_failed", summary, _let_tls_pass(place))
    if not certificate.public:
        return _intercepted(seen)
    return _http(seen, Status.WARN) or _reached(seen)


def _let_tls_pass(place: Place) -> str:
    """Return what to do where a connection opens and no TLS is spoken on it."""
    allow = f"Let {place.name} pass in firewalls and filters that look into TLS"
    return allow if place.row else f"{allow}; if it speaks plain HTTP, doctl hosts --host http://{place.authority}"


def _intercepted(seen: Seen) -> Verdict:
    place, certificate = seen.place, seen.certificate
    issuer = (certificate.issuer if certificate else "") or "somebody without a name"
    if place.row is None:
        summary = f'Its certificate is from "{issuer}", no public authority: a server of your own, or TLS inspection.'
        remedy = f"Nothing, if {place.name} is a server of your own; else exempt it from TLS inspection."
        return Verdict(Status.WARN, "tls_intercepted", summary, remedy)
    remedy = f"Exempt {place.row.pattern} from TLS inspection; no certificate but Microsoft's own will do."
    if place.row.pinned:
        summary = (
            f'TLS inspection: the certificate is from "{issuer}". The service pins its own, so peers will not work.'
        )
        return Verdict(Status.FAIL, "tls_intercepted", summary, remedy)
    trusted = certificate is not None and certificate.verified
    summary = f'TLS inspection: the certificate is from "{issuer}", which this machine {_trusts(trusted)}.'
    return Verdict(Status.WARN if trusted else _missed(place), "tls_intercepted", summary, remedy)


def _trusts(trusted: bool) -> str:
    return "trusts; what runs as another account or pins certificates will not" if trusted else "does not trust"


def _http(seen: Seen, missed: Status) -> Verdict | None:
    """Return the verdict on a bad HTTP answer, None where it is good or was not asked for."""
    place, answer = seen.place, seen.answer
    if answer is None:
        asked = place.scheme == "http" or (seen.certificate is not None and seen.certificate.verified)
        if not asked:
            return None
        problem = str(seen.http_error or "no HTTP answer in time")
        return Verdict(missed, "http_error", _sentence(problem), _let_pass(place))
    problem = _wrong_with(place, answer)
    return Verdict(missed, "http_error", _sentence(problem), _let_pass(place)) if problem else None


def _let_pass(place: Place) -> str:
    return f"Let {_url(place)} pass unchanged and without login in proxies and filters on the way."


def _wrong_with(place: Place, answer: HttpAnswer) -> str:
    """Say what is wrong with an answer, nothing where it can be the host's own."""
    code, known = answer.status_code, TOTALS.get(place.name)
    away = 300 <= code < 400 and bool(answer.location) and not _is_ours(place, answer.location)
    other = known is not None and code in (200, 206) and answer.total not in (None, known)
    problems = (
        (bool(answer.proxy_error), f"a squid proxy on the way answers instead: {answer.proxy_error}"),
        (code in (407, 511), f"something on the way wants a login (answer {code})"),
        (code == 451 or code >= 500, f"answers {code}"),
        (away, f"redirects to {answer.location}: a login page, or a filter"),
        (known is not None and code >= 400, f"answers {code} for a file that it is known to have"),
        (other, f"answers with something else: {answer.total} bytes instead of the {known} of the known file"),
    )
    return next((text for wrong, text in problems if wrong), "")


def _is_ours(place: Place, location: str) -> bool:
    """Whether a redirect stays with the host or with Microsoft."""
    try:
        host = (urlsplit(location).hostname or place.name).rstrip(".")
    except ValueError:
        return False
    return host == place.name or (place.row is not None and f".{host}".endswith(OURS))


def _reached(seen: Seen) -> Verdict:
    attempts = seen.reach.attempts if seen.reach else ()
    closed = [f"{one.family} is {one.outcome}" for one in attempts if one.outcome is not Outcome.OPEN]
    parts = [f"TCP port {seen.place.port} is open"]
    if seen.certificate:
        parts.append(f"certificate from {seen.certificate.issuer}")
    if seen.answer:
        parts.append(f"HTTP answers {seen.answer.status_code}")
    return Verdict(Status.PASS, "ok", f"{', '.join(parts + closed)}.")


def _facts(seen: Seen) -> dict[str, object]:
    place = seen.place
    facts: dict[str, object] = {
        "scheme": place.scheme,
        "port": place.port,
        "addresses": [
            {"address": one.address, "family": one.family, "outcome": str(one.outcome), "detail": printable(one.detail)}
            for one in (seen.reach.attempts if seen.reach else ())
        ],
        "cname": list(seen.aliases),
        "documented": place.row is not None,
        "sample": place.sample,
    }
    if seen.dns_problem:
        facts["dns_problem"] = printable(seen.dns_problem, 200)
    if place.row:
        facts |= {"pattern": place.row.pattern, "sets": list(place.row.sets), "purpose": place.row.purpose}
        facts |= {"pinned": place.row.pinned, "optional": place.row.optional}
    if seen.port_80:
        facts["port_80"] = str(seen.port_80)
    return facts | _tls_facts(seen) | _http_facts(seen)


def _tls_facts(seen: Seen) -> dict[str, object]:
    certificate = seen.certificate
    if certificate is None:
        return {"tls_error": printable(str(seen.tls_error), 200)} if seen.tls_error else {}
    return {
        "issuer": certificate.issuer,
        "issuer_name": certificate.issuer_name,
        "subject": certificate.subject,
        "not_after": certificate.not_after.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "trusted_here": certificate.verified,
    }


def _http_facts(seen: Seen) -> dict[str, object]:
    if seen.answer is None:
        return {"http_error": printable(str(seen.http_error), 200)} if seen.http_error else {}
    facts: dict[str, object] = {"status_code": seen.answer.status_code, "server": seen.answer.server}
    return facts | ({"location": seen.answer.location} if seen.answer.location else {})


def _sentence(text: str) -> str:
    text = printable(text, 300).strip().removesuffix(".")
    return f"{text[:1].upper()}{text[1:]}."
