"""The report as one page that needs no network and no script: the verdict, a picture, then the details."""

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from doctl.digest import PROBLEMS, by_area, counted, counts, next_steps, was_tested
from doctl.output.html.markup import Markup, element, join, void
from doctl.output.html.picture import SYMBOLS, draw
from doctl.report import Finding, Report, Status

if TYPE_CHECKING:
    from doctl.digest import Step
    from doctl.output import View

VERDICTS: Final = {
    Status.PASS: "Everything passed",
    Status.WARN: "Works, with warnings",
    Status.UNKNOWN: "Could not be determined",
    Status.FAIL: "Something is wrong",
}
ABBREVIATED: Final = {"vpn": "VPN", "wsus": "WSUS"}
"""Areas whose names are abbreviations, as a heading has them; of others the style makes the first letter a capital."""
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser may load for this page: nothing but the style that is in it."""


def render(report: Report, _view: "View") -> str:
    """Return the page."""
    main = [_header(report), _next_steps(report), _picture(report), *_areas(report), _footer(report)]
    body = element("body", element("main", join([part for part in main if part])))
    return f"<!doctype html>\n{element('html', _head(report), body, lang='en')}\n"


def _head(report: Report) -> Markup:
    return element(
        "head",
        void("meta", charset="utf-8"),
        void("meta", http_equiv="Content-Security-Policy", content=POLICY),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="color-scheme", content="light dark"),
        element("title", f"{report.status.upper()}: doctl {report.command} on {report.host.name}"),
        element("style", Markup(files(__package__).joinpath("page.css").read_text("utf-8"))),
    )


def _header(report: Report) -> Markup:
    verdict = element("span", SYMBOLS[report.status], aria_hidden="true"), f" {VERDICTS[report.status]}"
    return element(
        "header",
        element("p", f"doctl {report.command}", _class="command"),
        element("h1", *verdict),
        element("ul", *[element("li", chip) for chip in _chips(report)], _class="chips"),
        element("dl", *_pair("Machine", report.host.name), *_pair("System", report.host.platform), *_times(report)),
        _class=f"verdict {report.status}",
    )


def _chips(report: Report) -> list[Markup]:
    seen = [_badge(status, counted(number, status)) for status, number in counts(report.findings).items() if number]
    return seen if was_tested(report) else [_badge(Status.UNKNOWN, "nothing was tested"), *seen]


def _times(report: Report) -> tuple[Markup, ...]:
    started = report.started.replace("T", " ").replace("Z", " UTC")
    return (*_pair("Started", started), *_pair("Took", f"{report.duration_s:.1f} s"))


def _pair(name: str, value: str) -> tuple[Markup]:
    return (element("div", element("dt", name), element("dd", value)),)


def _badge(status: Status, words: str = "") -> Markup:
    symbol = element("span", SYMBOLS[status], aria_hidden="true", _class="symbol")
    return element("span", symbol, f" {words or status}", _class=f"badge {status}")


def _next_steps(report: Report) -> Markup:
    steps = next_steps(report.findings)
    if not steps:
        return Markup("")
    return element("section", element("h2", "Next steps"), element("ol", *map(_step, steps), _class="steps"))


def _step(step: "Step") -> Markup:
    first, *others = step.findings
    more = f", and {len(others)} more" if others else ""
    why = f"{first.target or first.id}: {first.reason}{more}"
    return element("li", element("code", step.remedy, _class="remedy"), element("p", why), _class=first.status)


def _picture(report: Report) -> Markup:
    picture = draw(report)
    if not picture:
        return picture
    key = "Each line is the worst of what was found there: solid where it works, dashed where it does not."
    figure = element("figure", element("div", picture, _class="picture"), element("figcaption", key))
    return element("section", element("h2", "Ports and hosts"), figure)


def _areas(report: Report) -> list[Markup]:
    return [
        element("section", element("h2", ABBREVIATED.get(area, area)), *map(_finding, findings))
        for area, findings in by_area(report.findings).items()
    ]


def _finding(finding: Finding) -> Markup:
    return _problem(finding) if finding.status in PROBLEMS else _row(finding)


def _problem(finding: Finding) -> Markup:
    """Give what needs attention a card of its own, with the remedy in sight."""
    return element(
        "article",
        element("h3", _badge(finding.status), _target(finding)),
        element("p", element("strong", finding.reason), f" {finding.summary}"),
        element("code", finding.remedy, _class="remedy") if finding.remedy else Markup(""),
        element("details", element("summary", "Facts"), _facts(finding)),
        _class=finding.status,
    )


def _row(finding: Finding) -> Markup:
    """Give what needs none a line that opens."""
    words = element("span", finding.summary or finding.reason, _class="words")
    line = element("summary", _badge(finding.status), _target(finding), words)
    return element("details", line, _facts(finding), _class=f"row {finding.status}")


def _target(finding: Finding) -> Markup:
    return element("span", finding.target or finding.id, _class="target")


def _facts(finding: Finding) -> Markup:
    rows = {"check": finding.id, "reason": finding.reason, **finding.facts, "took": f"{finding.duration_s:g} s"}
    pairs = [pair for name, value in rows.items() for pair in _pair(name, _plain(value))]
    if finding.reference:
        pairs.append(element("div", element("dt", "see"), element("dd", _link(finding.reference))))
    return element("dl", *pairs)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _link(reference: str) -> Markup:
    if not reference.startswith(("https://", "http://")):  # never javascript: or another scheme
        return element("span", reference)
    return element("a", reference, href=reference, rel="noreferrer noopener")


def _footer(report: Report) -> Markup:
    return element("footer", f"{report.tool.name} {report.tool.version}, {report.schema}")
