"""The picture of the report: this machine, the ports it goes out by, and the hosts behind them, as inline SVG."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from rich.cells import cell_len, set_cell_size

from doctl.digest import worst_first
from doctl.endpoints import Address
from doctl.errors import UsageError
from doctl.output.html.markup import Markup, element, join
from doctl.report import WORST_FIRST, Finding, Report, Status

SYMBOLS: Final = {Status.PASS: "✓", Status.WARN: "!", Status.UNKNOWN: "?", Status.FAIL: "✕", Status.SKIP: "-"}
NAME: Final = re.compile(r"(\*\.|\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")
HERE: Final = {"", "*", "0.0.0.0", "::", "127.0.0.1", "::1", "localhost"}  # noqa: S104 - compared with, not bound to
WIDTH: Final = 720
ROW: Final = 26
MOST_ROWS: Final = 14
MACHINE: Final = (1, 186)
GATE: Final = (262, 336)
MARK: Final = 404
LONGEST_LABEL: Final = 40
"""Letters of a host; one that is twice as wide counts for two."""
LONGEST_LOCAL: Final = 21


@dataclass(frozen=True, slots=True)
class Place:
    """What one line of the picture leads to."""

    label: str
    status: Status


@dataclass(frozen=True, slots=True)
class Gate:
    """A port (empty where none is known) and the places behind it, worst first."""

    port: str
    places: tuple[Place, ...]

    @property
    def status(self) -> Status:
        """The worst of all places."""
        return _worst(self.places)


def _worst(places: Sequence[Place]) -> Status:
    return min((place.status for place in places), key=WORST_FIRST.index)


def draw(report: Report) -> Markup:
    """Return the SVG element; empty where the report has neither a host nor anything of this machine to show."""
    local, gates = places(report.findings)
    if not local and not gates:
        return Markup("")
    rows = sum(_height(gate) for gate in gates)
    height = max(rows * ROW, (len(local) + 2) * ROW) + 2
    parts = [_gates(gates, height), _machine(report.host.name, local, height)]
    caption = "This machine, the ports it uses and the hosts behind them"
    return element("svg", *parts, viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=caption)


def places(findings: Iterable[Finding]) -> tuple[list[Place], list[Gate]]:
    """Return what is on this machine, and by port what is elsewhere; of findings about one place the worst counts."""
    local: dict[str, Status] = {}
    remote: dict[str, dict[str, Status]] = {}
    for finding in worst_first(findings):
        host, port = _endpoint(finding)
        if host in HERE:
            local.setdefault(_local_label(finding), finding.status)
        else:
            remote.setdefault(port, {}).setdefault(host, finding.status)
    gates = [Gate(port, _as_places(hosts)) for port, hosts in remote.items()]
    return list(_cut(_as_places(local), MOST_ROWS)), gates


def _as_places(statuses: dict[str, Status]) -> tuple[Place, ...]:
    return tuple(Place(label, status) for label, status in statuses.items())


def _local_label(finding: Finding) -> str:
    """Name a finding about this machine: an adapter by its name, the rest by its id (``7680 listener``)."""
    words = finding.id.split(".")[1:]
    return " ".join(words) if any(word.isdigit() for word in words) else finding.target or finding.id


def _endpoint(finding: Finding) -> tuple[str, str]:
    """Return the host and the port that a finding is about; both empty where it is about this machine."""
    target, port = finding.target, finding.facts.get("port")
    known = str(port) if isinstance(port, int) else ""
    if "://" in target:
        return _of_url(target)
    if NAME.fullmatch(target) and not target.replace(".", "").isdigit():
        return target, known
    try:
        address = Address.parse(target)
    except UsageError:
        return "", ""
    return address.host, str(address.port)


def _of_url(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        return parts.hostname or "", str(port or "")
    except ValueError:
        return "", ""


def _cut(items: Sequence[Place], most: int) -> Sequence[Place]:
    if len(items) <= most:
        return items
    rest = items[most - 1 :]
    return [*items[: most - 1], Place(f"and {len(rest)} more", _worst(rest))]


def _height(gate: Gate) -> int:
    return min(len(gate.places), MOST_ROWS) + 1


def _gates(gates: Sequence[Gate], height: int) -> Markup:
    parts = []
    top = (height - sum(_height(gate) for gate in gates) * ROW) / 2
    for gate in gates:
        shown = _cut(gate.places, MOST_ROWS)
        middle = top + _height(gate) * ROW / 2
        parts.append(_line(MACHINE[1], height / 2, GATE[0], middle, gate.status))
        for number, place in enumerate(shown):
            y = top + (number + 1) * ROW
            parts += [_line(GATE[1], middle, MARK - 10, y, place.status), _place(place, y)]
        parts.append(_gate(gate, middle))
        top += _height(gate) * ROW
    return join(parts)


def _line(x1: float, y1: float, x2: float, y2: float, status: Status) -> Markup:
    bend = (x1 + x2) / 2
    return element("path", d=f"M{x1:g} {y1:g} C{bend:g} {y1:g} {bend:g} {y2:g} {x2:g} {y2:g}", _class=f"line {status}")


def _place(place: Place, y: float) -> Markup:
    label = _shortened(place.label, LONGEST_LABEL)
    text = element("text", label, x=MARK + 18, y=f"{y + 4.5:g}")
    return element("g", element("title", f"{place.label}: {place.status}"), _mark(MARK, y, place.status), text)


def _mark(x: float, y: float, status: Status) -> Markup:
    circle = element("circle", cx=f"{x:g}", cy=f"{y:g}", r=9, _class=f"mark {status}")
    symbol = element("text", SYMBOLS[status], x=f"{x:g}", y=f"{y + 4:g}", _class="symbol")
    return Markup(circle + symbol)


def _gate(gate: Gate, y: float) -> Markup:
    box = element("rect", x=GATE[0], y=f"{y - 14:g}", width=GATE[1] - GATE[0], height=28, rx=6, _class=gate.status)
    name = element("text", gate.port or "no port", x=f"{sum(GATE) / 2:g}", y=f"{y + 5:g}")
    return element("g", box, name, _class="gate")


def _machine(name: str, local: Sequence[Place], height: float) -> Markup:
    tall = (len(local) + 1.4) * ROW
    top = (height - tall) / 2
    box = element("rect", x=MACHINE[0], y=f"{top:g}", width=MACHINE[1] - MACHINE[0], height=f"{tall:g}", rx=8)
    title = element("text", _shortened(name or "this machine", LONGEST_LOCAL), x=16, y=f"{top + 23:g}", _class="name")
    rows = [_local(place, top + (number + 1.6) * ROW) for number, place in enumerate(local)]
    return element("g", box, title, *rows, _class="machine")


def _local(place: Place, y: float) -> Markup:
    text = element("text", _shortened(place.label, LONGEST_LOCAL), x=38, y=f"{y + 4.5:g}")
    return element("g", element("title", f"{place.label}: {place.status}"), _mark(22, y, place.status), text)


def _shortened(text: str, most: int) -> str:
    """Cut the middle out, since names differ at both ends; a Chinese or Japanese letter is as wide as two others."""
    if cell_len(text) <= most:
        return text
    before, after = most // 2, most - most // 2 - 1
    return f"{set_cell_size(text, before).rstrip()}…{set_cell_size(text[::-1], after).rstrip()[::-1]}"
