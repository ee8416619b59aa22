"""What was seen of a WSUS server and of the coordination service means this for Delivery Optimization; pure."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from doctl.checks.wsus.asking import Reply, Seen
from doctl.errors import DoctlError, TlsError
from doctl.net.probe import Outcome, Reach
from doctl.printable import printable
from doctl.report import Status
from doctl.wire import wsus
from doctl.wire.range_faults import find_fault, total_of
from doctl.wire.range_probes import Answer
from doctl.wire.urls import shown

DOWN: Final = (401, 403, 407)


class Reason(enum.StrEnum):
    """The verdict in a word; a promise to scripts."""

    OK = "ok"
    NOT_CONFIGURED = "not_configured"
    TCP_BLOCKED = "tcp_blocked"
    HTTP_ERROR = "http_error"
    NOT_WSUS = "not_wsus"
    CONTENT_UNAVAILABLE = "content_unavailable"
    RANGES_UNSUPPORTED = "ranges_unsupported"
    REDIRECTED_HSTS = "redirected_hsts"
    SERVICE_UNREACHABLE = "service_unreachable"
    NOT_TESTABLE = "not_testable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a finding says; ``facts`` are added to those of its kind."""

    status: Status
    reason: Reason
    summary: str
    remedy: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


def of_server(seen: Seen) -> Verdict:
    """Judge whether it is a WSUS server, by its answer to GetConfig and else by its description."""
    config = seen.config
    if config.error:
        return _unreached(config.error, seen.server_port)
    if wsus.is_config(config.body) and config.status == 200:
        version = wsus.protocol_version(config.body)
        words = f" (protocol {version})" if version else ""
        return Verdict(Status.PASS, Reason.OK, f"It is a WSUS server{words}.", facts={"protocol_version": version})
    if _to_tls(config):
        return _redirected(config)
    if _is_described(seen.description):
        summary = f"It describes itself as a WSUS server, but answers {config.status} to a client's first question."
        return Verdict(Status.WARN, Reason.HTTP_ERROR, summary, POOL)
    if config.status in DOWN or config.status >= 500:
        remedy = TLS_ONLY if config.status == 403 and seen.place.url.startswith("http://") else POOL
        return Verdict(Status.FAIL, Reason.HTTP_ERROR, f"It answers {config.status} to GetConfig.", remedy)
    summary = f"What answers is no WSUS server (status {config.status} to GetConfig)."
    return Verdict(Status.FAIL, Reason.NOT_WSUS, summary, "Give the URL with WSUS' own port: 8530, with TLS 8531")


POOL: Final = (
    "On the server: see that the IIS application pool WsusPool runs, and that nothing in between wants a login"
)
TLS_ONLY: Final = "If this WSUS is set up for TLS, give its other URL, as https://HOST:8531"


def _is_described(reply: Reply | None) -> bool:
    return reply is not None and reply.status == 200 and wsus.is_description(reply.body)


def _unreached(error: DoctlError, port: Reach) -> Verdict:
    """Judge what never answered, by whether its ``port`` could be connected to."""
    outcomes = {attempt.outcome for attempt in port.attempts}
    if Outcome.OPEN not in outcomes:
        outcome = str(port.attempts[0].outcome) if port.attempts else "dns_failed"
        remedy = f"Open the way to {port.target} on the firewalls in between, and see that the server listens there"
        problem = port.problem or f"No connection to {port.target} ({outcome})"
        return Verdict(Status.FAIL, Reason.TCP_BLOCKED, _sentence(problem), remedy, {"outcome": outcome})
    remedy = TRUST if isinstance(error, TlsError) else POOL
    return Verdict(Status.FAIL, Reason.HTTP_ERROR, _sentence(str(error)), remedy, {"outcome": "open"})


TRUST: Final = "Have this machine trust the authority of its certificate, as every Windows client must"


def _to_tls(reply: Reply) -> bool:
    """Whether plain HTTP is sent on to HTTPS."""
    return reply.url.startswith("http://") and reply.away_to.lower().startswith("https://")


def _redirected(reply: Reply) -> Verdict:
    summary = f"HSTS is in the way: the server redirects plain HTTP to {printable(shown(reply.away_to), 120)}."
    remedy = "On the server: IIS Manager, the WSUS site, HSTS: switch off 'Redirect Http to Https', or HSTS altogether"
    return Verdict(Status.FAIL, Reason.REDIRECTED_HSTS, summary, remedy, {"location": printable(reply.away_to, 200)})


def of_content(seen: Seen) -> Verdict:
    """Judge whether content is served, by the empty file that is there for trying it."""
    verdict = of_check_file(seen.check_file, seen.content_port)
    if verdict.status is Status.PASS and seen.place.content != seen.place.url:
        words = f"Only metadata comes by TLS; content comes over {shown(seen.place.content)}, where it is served."
        return Verdict(Status.PASS, Reason.OK, words)
    return verdict


def of_check_file(reply: Reply, port: Reach) -> Verdict:
    """Judge the answer to the request for the check file, which went to ``port``."""
    if reply.error:
        return _unreached(reply.error, port)
    if _to_tls(reply):
        return _redirected(reply)
    if reply.status == 200 and not reply.body:
        return Verdict(Status.PASS, Reason.OK, "Content is served: the check file is there, and empty as it should be.")
    if reply.status == 200:
        summary = "Something else answers for the check file, which should be empty."
        return Verdict(Status.FAIL, Reason.CONTENT_UNAVAILABLE, summary, FOLDER)
    if reply.status in (403, 404, 410):
        summary = f"Content is not served: the answer to the check file is {reply.status}."
        return Verdict(Status.FAIL, Reason.CONTENT_UNAVAILABLE, summary, FOLDER)
    where = f", to {printable(shown(reply.away_to), 120)}" if reply.away_to else ""
    return Verdict(Status.FAIL, Reason.HTTP_ERROR, f"The answer to the check file is {reply.status}{where}.", POOL)


FOLDER: Final = (
    "On the server: the virtual folder Content must lead to WsusContent and be open to anybody (wsusutil checkhealth)"
)


def of_ranges(seen: Seen, content: Verdict) -> Verdict:
    """Judge whether byte ranges are honoured, unless ``content`` says that nothing comes at all."""
    if seen.place.file is None and content.reason in (Reason.TCP_BLOCKED, Reason.REDIRECTED_HSTS):
        return Verdict(Status.SKIP, content.reason, "Not tried, since no content comes from there.")
    first = seen.ranges[0]
    if first.status not in (200, 206, 416):
        return _no_file(seen, first)
    fault = find_fault(seen.ranges)
    if fault is not None:
        summary = f"Byte ranges do not work: {fault.detail}."
        return Verdict(Status.FAIL, Reason.RANGES_UNSUPPORTED, summary, RANGES, {"fault": str(fault.reason)})
    asked = len(seen.ranges)
    words = "two ranges side by side come as they should" if asked == 3 else "its first byte comes as it should"
    return Verdict(Status.PASS, Reason.OK, f"Byte ranges are honoured: {words}.")


RANGES: Final = (
    "Have proxies and security products in between pass byte ranges: doctl proxy URL says which one does not"
)


def _no_file(seen: Seen, first: Answer) -> Verdict:
    """Judge a file to try ranges with that does not come."""
    location = first.headers.get("location", "")
    if 300 <= first.status < 400 and location.lower().startswith("https://"):
        return _redirected(Reply(seen.range_file, first.status, {"location": location}))
    if not first.status:
        remedy = "Do first what wsus.content says of that server, then try again"
        return Verdict(Status.UNKNOWN, Reason.TCP_BLOCKED, _sentence(first.error or "no answer came"), remedy)
    summary = f"There is no file to try ranges with: the answer is {first.status}."
    missing = first.status in (403, 404, 410)
    reason = Reason.CONTENT_UNAVAILABLE if missing else Reason.HTTP_ERROR
    if seen.place.file is not None:
        return Verdict(Status.FAIL, reason, summary, "See that WSUS has this file: approve and download the update")
    return Verdict(Status.UNKNOWN, reason, summary, "doctl wsus URL, with the URL of a file below /Content/")


def range_facts(answers: Sequence[Answer]) -> dict[str, object]:
    """Return the answers to range requests as JSON values."""
    return {
        "total": total_of(answers[0]),
        "ranges": [
            {
                "asked": f"{answer.ask.first}-{answer.ask.last}",
                "status_code": answer.status,
                "content_range": printable(answer.headers.get("content-range", ""), 100),
                "etag": printable(answer.headers.get("etag", ""), 100),
                "bytes": len(answer.body),
            }
            for answer in answers
        ],
    }


def _sentence(text: str) -> str:
    return f"{printable(text, 300).strip().removesuffix('.')}."
