"""What comes from outside cannot break a format or reach the terminal."""

import json
import unicodedata

import defusedxml.ElementTree as ElementTree
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from doctl.output import Format, View, renderer
from doctl.output.github import summary
from doctl.report import Finding, Host, Report, Status, Tool
from tests.output.pages import look_at_page
from tests.output.sample import FULL, HOSTILE

ANY_TEXT = st.text(st.characters(), max_size=60) | st.sampled_from(
    [HOSTILE, "]]>", "</style>", "::error::", "|", "\u2028"]
)
FACTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
FINDINGS = st.builds(
    Finding,
    id=st.sampled_from(["ports.7680.outbound", "vpn.adapter"]),
    area=ANY_TEXT.filter(bool),
    target=ANY_TEXT,
    status=st.sampled_from(Status),
    reason=st.just("filtered"),
    summary=ANY_TEXT,
    facts=st.dictionaries(ANY_TEXT, FACTS, max_size=3),
    remedy=ANY_TEXT,
    reference=ANY_TEXT,
    duration_s=st.floats(0, 100),
)
REPORTS = st.builds(
    Report,
    tool=st.just(Tool("doctl", "0.1.0")),
    command=st.sampled_from(["check", "ports"]),
    host=st.builds(Host, ANY_TEXT, ANY_TEXT),
    started=st.just("2026-01-31T12:00:00Z"),
    duration_s=st.floats(0, 100),
    findings=st.lists(FINDINGS, max_size=4).map(tuple),
)
VIEWS = st.builds(
    View,
    width=st.integers(0, 200),
    symbols=st.booleans(),
    verbose=st.booleans(),
    quiet=st.booleans(),
    strict=st.booleans(),
    azure=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(REPORTS, VIEWS, st.sampled_from(Format))
def test_any_text_is_tamed(report: Report, view: View, wanted: Format) -> None:
    """Whatever a report holds, each format can be encoded, holds no control character, and its readers take it."""
    text = renderer(wanted)(report, view)
    text.encode("utf-8")
    assert not {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")} - {"\n", "\t", *EMOJI}
    {
        Format.JSON: json.loads,
        Format.JUNIT: ElementTree.fromstring,
        Format.PROMETHEUS: lambda metrics: list(text_string_to_metric_families(metrics)),
        Format.HTML: look_at_page,
    }.get(wanted, str)(text)


EMOJI = {"\N{VARIATION SELECTOR-16}"}


@pytest.mark.parametrize("azure", [False, True])
def test_no_line_of_a_log_is_a_command_but_ours(azure: bool) -> None:
    """Text from outside starts no workflow command, whichever pipeline reads the log."""
    lines = renderer(Format.GITHUB)(FULL, View(azure=azure)).splitlines()
    ours = "##vso[task.logissue type=" if azure else ("::error title=", "::warning title=")
    assert all(line.startswith(ours) for line in lines[:-1])
    assert lines[-1].startswith("doctl check: fail")


def test_summary_escapes_markdown_and_html() -> None:
    """In the Markdown summary, text from outside is neither markup nor HTML nor a further table cell."""
    rows = [line for line in summary(FULL).splitlines() if line.startswith("| ")]
    assert all(len(row.replace("\\|", "").split("|")) == 7 for row in rows)
    assert "<script" not in summary(FULL)
    assert "\\`x\\`" in summary(FULL)


def test_summary_of_a_huge_report_fits_its_page() -> None:
    """A summary stays well under the MiB that a step may have, and says how much did not fit."""
    finding = Finding("hosts.reach", "hosts", "x" * 500, Status.FAIL, "filtered", "字" * 3000, remedy="`" * 3000)
    page = summary(Report(FULL.tool, "hosts", FULL.host, FULL.started, 1.0, (finding,) * 1000))
    assert len(page.encode()) < 1 << 20
    assert "more findings did not fit here" in page
