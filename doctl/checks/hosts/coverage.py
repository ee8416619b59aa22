"""Which required hosts an allowlist covers, which it misses, and which of its entries are of no use; pure."""

import enum
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from doctl.endpoints import HOSTS, Endpoint
from doctl.printable import printable
from doctl.report import Finding, Status
from doctl.wire.allowlist import Allowlist, Entry

AREA: Final = "hosts"
MOST_QUOTED: Final = 50
"""Entries of a list that are quoted in one fact; the rest are counted."""


class Use(enum.Enum):
    """What an entry of a list is good for."""

    NEEDED = "lets through a host in use"
    RETIRED = "lets through retired hosts alone"
    NONE = "has nothing to do with Delivery Optimization"


def coverage(hosts: Sequence[Endpoint], allowlist: Allowlist) -> Iterator[Finding]:
    """Hold each of ``hosts`` against the list: a finding for each, and one on the list as a whole."""
    uses = [(entry, _use(entry)) for entry in allowlist.entries]
    of_use = [entry for entry, use in uses if use is not Use.NONE]
    for host in hosts:
        yield _of_host(host, of_use)
    yield _of_list(allowlist, uses)


def _of_host(host: Endpoint, entries: Sequence[Entry]) -> Finding:
    covering = [entry for entry in entries if entry.covers(host.pattern)]
    whole = [entry for entry in covering if entry.opens(host.port)]
    status, reason, summary, remedy = _verdict(host, covering, whole, entries)
    facts: dict[str, object] = {
        "covered": bool(whole),
        "covered_by": _quoted(whole or covering),
        "purpose": host.purpose,
        "scheme": host.scheme,
        "port": host.port,
        "sets": list(host.sets),
        "pinned": host.pinned,
        "optional": host.optional,
    }
    if host.wildcard:
        facts["bare_name_covered"] = _is_covered(host.pattern[2:], host.port, entries)
        facts["names_missed"] = _names_missed(host, entries)
    return Finding(
        id="hosts.covered",
        area=AREA,
        target=host.pattern,
        status=status,
        reason=reason,
        summary=summary,
        facts=facts,
        remedy=remedy,
        reference=host.source,
    )


def _verdict(
    host: Endpoint, covering: Sequence[Entry], whole: Sequence[Entry], entries: Sequence[Entry]
) -> tuple[Status, str, str, str]:
    """Return status, reason, summary and remedy for one host."""
    if host.retired:
        return _retired(covering)
    if whole:
        return Status.PASS, "ok", f"Covered by {_lines(whole)}.", ""
    missed = Status.WARN if host.optional else Status.FAIL
    remedy = f"Add {host.pattern} ({host.scheme}, port {host.port}) to the list: {host.purpose}."
    if covering:
        summary = f"Covered by {_lines(covering)} only in part: {_limits(covering[0], host)}."
        return Status.WARN, "limited", summary, remedy
    if not host.wildcard and (above := _covered_above(host, entries)):
        summary = f"{_lines([above])} covers what is below this name, but not the bare name itself."
        return missed, "apex_not_covered", summary, remedy
    if host.wildcard and (host.names or host.samples) and not _names_missed(host, entries):
        summary = "The names that are known today are covered one by one; the wildcard is not, and names change."
        return Status.WARN, "not_covered", summary, remedy
    return missed, "not_covered", f"Nothing in the list covers it: {host.purpose}.", remedy


def _retired(covering: Sequence[Entry]) -> tuple[Status, str, str, str]:
    if not covering:
        return Status.SKIP, "retired", "No longer in use, and not in the list: nothing to do.", ""
    own = [entry for entry in covering if _use(entry) is Use.RETIRED]
    remedy = f"{_lines(own)} can go." if own else ""
    return Status.SKIP, "retired", f"No longer in use, and still covered by {_lines(covering)}.", remedy


def _limits(entry: Entry, host: Endpoint) -> str:
    if entry.path:
        return f"it opens {entry.path} alone"
    return f"it opens port {entry.port}, and this host is used on port {host.port}"


def _covered_above(host: Endpoint, entries: Iterable[Entry]) -> Entry | None:
    """Return the entry that covers everything below the name, but not the name."""
    below = f"*.{host.pattern}"
    return next((entry for entry in entries if entry.covers(below) and entry.opens(host.port)), None)


def _is_covered(name: str, port: int, entries: Iterable[Entry]) -> bool:
    return any(entry.covers_name(name) and entry.opens(port) for entry in entries)


def _names_missed(host: Endpoint, entries: Sequence[Entry]) -> list[str]:
    return [name for name in host.names + host.samples if not _is_covered(name, host.port, entries)]


def _of_list(allowlist: Allowlist, uses: Sequence[tuple[Entry, Use]]) -> Finding:
    superfluous = [entry for entry, use in uses if use is Use.NONE]
    retired = [entry for entry, use in uses if use is Use.RETIRED]
    redundant = _redundant([entry for entry, use in uses if use is Use.NEEDED])
    status, reason, summary = _of_entries(allowlist, len(superfluous))
    return Finding(
        id="hosts.allowlist",
        area=AREA,
        target=printable(allowlist.where, 200),
        status=status,
        reason=reason,
        summary=summary,
        facts={
            "entries": len(allowlist.entries),
            "superfluous": _quoted(superfluous),
            "superfluous_count": len(superfluous),
            "redundant": _quoted(redundant),
            "retired": _quoted(retired),
            "unread": [f"line {one.line}: {one.text} ({one.why})" for one in allowlist.problems[:MOST_QUOTED]],
            "unread_count": allowlist.unread,
        },
        remedy=_TO_DO.get(reason, ""),
    )


_TO_DO: Final = {
    "unreadable_lines": "Correct the lines that could not be read.",
    "empty": "Write the hosts that are needed into the list, one pattern a line: hosts.covered names them.",
}


def _of_entries(allowlist: Allowlist, superfluous: int) -> tuple[Status, str, str]:
    if allowlist.unread:
        first = allowlist.problems[0]
        summary = f"Not read: {_count(allowlist.unread, 'line')}; line {first.line} {first.why}: {first.text}"
        return Status.WARN, "unreadable_lines", summary
    if not allowlist.entries:
        return Status.WARN, "empty", "The list has no entry."
    if superfluous:
        summary = f"{superfluous} of {_count(len(allowlist.entries), 'entry')} match no host of Delivery Optimization."
        return Status.PASS, "superfluous", summary
    return Status.PASS, "ok", "Every entry matches a host of Delivery Optimization."


def _count(number: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def _use(entry: Entry) -> Use:
    """Say what an entry is good for."""
    touched = {host.retired for host in HOSTS if _touches(entry, host)}
    if not touched:
        return Use.NONE
    return Use.RETIRED if touched == {True} else Use.NEEDED


def _touches(entry: Entry, host: Endpoint) -> bool:
    """Whether an entry lets through a documented pattern or name, or lies at or below a documented wildcard."""
    if host.wildcard and f".{entry.pattern.lstrip('*.')}".endswith(host.pattern[1:]):
        return True
    return any(map(entry.covers, (host.pattern, *host.names, *host.samples)))


def _redundant(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that a wider one makes needless; found by their parents, so that long lists cost little."""
    wide = {entry.suffix for entry in entries if entry.suffix is not None and not entry.path and entry.port is None}
    return [entry for entry in entries if wide & _parents(entry)]


def _parents(entry: Entry) -> set[str]:
    """Return the suffixes of wider entries that would cover all of ``entry``."""
    labels = entry.pattern.lstrip("*.").split(".")
    above = {f".{'.'.join(labels[start:])}" for start in range(1, len(labels))}
    return above | {""} if entry.pattern != "*" else set()


def _quoted(entries: Sequence[Entry]) -> list[str]:
    return [f"line {entry.line}: {entry.text}" for entry in entries[:MOST_QUOTED]]


def _lines(entries: Sequence[Entry]) -> str:
    numbers = " and ".join(f"{entry.line} ({printable(entry.text, 60)})" for entry in entries[:2])
    more = f" and {len(entries) - 2} more" if len(entries) > 2 else ""
    return f"line {numbers}{more}"
