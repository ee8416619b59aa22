"""What each format promises beyond its golden file."""

import json
import re
from dataclasses import replace
from importlib.resources import files
from typing import Any
from xml.etree.ElementTree import Element

import defusedxml.ElementTree as ElementTree
import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families
from rich.cells import cell_len

from doctl.output import Format, View, renderer
from doctl.report import Finding, Report, Status
from tests.output.sample import EMPTY, FULL, GOOD

SCHEMA = json.loads(files("doctl.output").joinpath("schema", "report.json").read_text("utf-8"))


def shown(wanted: Format, report: Report = FULL, view: View | None = None) -> str:
    """Return ``report`` in a format."""
    return renderer(wanted)(report, view or View())


def with_statuses(*statuses: Status) -> Report:
    """Return a report whose findings have ``statuses``."""
    findings = tuple(Finding("a.b", "area", f"t{n}", status, "ok", "So.") for n, status in enumerate(statuses))
    return replace(GOOD, findings=findings)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("verbose", [False, True])
def test_text_fits_its_width(width: int, verbose: bool) -> None:
    """No line of the table is wider than the terminal, whatever its script; only remedies are not broken."""
    lines = shown(Format.TEXT, view=View(width=width, verbose=verbose)).splitlines()
    assert max(cell_len(line) for line in lines if not re.match(r"    → |  \d\. ", line)) <= width


def test_each_remedy_is_one_line_to_copy() -> None:
    """Under each problem its remedy stands on one line, whole, however long it is."""
    report = replace(FULL, findings=tuple(f for f in FULL.findings if f.remedy.isprintable()))
    lines = shown(Format.TEXT, report, View(width=40)).splitlines()
    remedies = [f.remedy for f in report.findings if f.remedy and f.status is not Status.SKIP]
    assert sorted(line.removeprefix("    → ") for line in lines if line.startswith("    → ")) == sorted(remedies)


def test_text_without_colour_has_no_escape_codes() -> None:
    """Plain text is plain; colour is there only where it was asked for."""
    assert "\x1b" not in shown(Format.TEXT)
    assert "\x1b[" in shown(Format.TEXT, view=View(colour=True))


def test_text_without_symbols_is_ascii() -> None:
    """Where only ASCII can be shown, doctl's own marks are ASCII too."""
    assert shown(Format.TEXT, GOOD, View(symbols=False)).isascii()


def test_a_long_name_in_one_area_leaves_the_others_their_room() -> None:
    """The column of targets is as wide as those of its own area."""
    long, short = (Finding("a.b", name, name, Status.PASS, "ok", "So it is.") for name in ("x" * 30, "y"))
    text = shown(Format.TEXT, replace(GOOD, findings=(long, short)))
    assert "  ✓ pass     y  ok: So it is.\n" in text


def test_text_is_worst_first_and_has_each_remedy() -> None:
    """Areas and findings come worst first, and each problem has its remedy under it."""
    text = shown(Format.TEXT, view=View(width=200))
    words = re.findall(r"^  . (FAIL|unknown|warn|pass|skip) ", text, re.MULTILINE)
    assert words[:2] == ["FAIL", "FAIL"]
    areas = re.findall(r"^(\w+)$", text, re.MULTILINE)
    assert areas == ["peers", "proxy", "service", "vpn", "hosts"]
    for line in ("→ Resolve-DnsName", "→ squid.conf:", "→ DOVpnKeywords ="):
        assert line in text


def test_quiet_text_shows_only_problems() -> None:
    """With -q the table leaves out what passed and what was skipped; the verdict still counts it."""
    text = shown(Format.TEXT, view=View(quiet=True))
    assert "pass " not in text
    assert "3 passed, 2 skipped" in text


def test_verbose_text_shows_ids_and_facts() -> None:
    """With -v every finding has its id, its facts and where to read more."""
    text = shown(Format.TEXT, view=View(verbose=True, width=200))
    assert "id: ports.7680.listener" in text
    assert 'addresses: ["0.0.0.0", "::"]' in text
    assert "see: https://learn.microsoft.com/" in text


def test_next_steps_end_the_text_of_check_only() -> None:
    """``doctl check`` ends with the three most useful next steps; a single check's remedies stand by themselves."""
    assert re.findall(r"^  (\d)\. ", shown(Format.TEXT), re.MULTILINE) == ["1", "2", "3"]
    assert "Next steps" not in shown(Format.TEXT, replace(FULL, command="ports"))
    assert "Next steps" not in shown(Format.TEXT, replace(GOOD, command="check"))


@pytest.mark.parametrize("report", [FULL, GOOD, EMPTY], ids=["full", "good", "empty"])
def test_json_is_what_the_schema_says(report: Report) -> None:
    """The JSON report keeps to its schema and says the same as the report."""
    document = json.loads(shown(Format.JSON, report))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["status"] == report.status
    assert list(document) == ["schema", "tool", "command", "host", "started", "duration_s", "status", "findings"]
    assert [finding["target"] for finding in document["findings"]][:2] == [f.target for f in report.findings][:2]


def test_schema_refuses_what_is_wrong() -> None:
    """The schema is worth something: a report with a key missing, or a status that is none, does not keep to it."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    document = json.loads(shown(Format.JSON))
    for path in (["status"], ["host", "name"], ["findings", 0, "facts"]):
        assert not validator.is_valid(without(document, path))
    document["findings"][0]["status"] = "fine"
    assert not validator.is_valid(document)


def without(document: Any, path: list[Any]) -> Any:
    """Return a copy of ``document`` in which what ``path`` leads to is missing."""
    copy = json.loads(json.dumps(document))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return copy


def cases(document: str) -> dict[str, Element]:
    """Return the test cases of a JUnit document by name."""
    return {case.get("name", ""): case for case in ElementTree.fromstring(document).iter("testcase")}


def test_junit_counts_what_pipelines_count() -> None:
    """A failure is a failure, what is unknown an error, what was skipped skipped; a warning passes with its text."""
    root = ElementTree.fromstring(shown(Format.JUNIT))
    assert [root.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["11", "3", "1", "2"]
    case = cases(shown(Format.JUNIT))["ports.7680.outbound 192.0.2.7:7680"]
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("type") == "filtered"
    assert "remedy: Let TCP 7680 through" in (failure.text or "")
    assert cases(shown(Format.JUNIT))["vpn.adapter Ethernet 2 → Büro 東京"].find("system-out") is not None


def test_strict_junit_fails_on_warnings() -> None:
    """Where warnings make the exit code 1 they are failures in JUnit too."""
    root = ElementTree.fromstring(shown(Format.JUNIT, view=View(strict=True)))
    assert root.get("failures") == "5"


@pytest.mark.parametrize(
    ("statuses", "word"),
    [
        ([Status.PASS, Status.SKIP], "OK"),
        ([Status.PASS, Status.WARN], "WARNING"),
        ([Status.PASS, Status.UNKNOWN, Status.WARN], "UNKNOWN"),
        ([Status.FAIL, Status.UNKNOWN, Status.WARN], "CRITICAL"),
        ([Status.SKIP], "UNKNOWN"),
        ([], "UNKNOWN"),
    ],
)
def test_nagios_first_line_has_state_and_performance_data(statuses: list[Status], word: str) -> None:
    """The status line has the report's state, a summary and data in the form of the plugin guidelines."""
    first = shown(Format.NAGIOS, with_statuses(*statuses)).splitlines()[0]
    text, _, data = first.partition(" | ")
    assert text.startswith(f"DOCTL PORTS {word} - ")
    assert all(re.fullmatch(r"[a-z]+=[0-9.]+s?(;[0-9]*){0,4}", item) for item in data.split())
    assert f"fail={statuses.count(Status.FAIL)};" in data


def test_nagios_keeps_bars_for_performance_data() -> None:
    """Only the status line has a vertical bar, since what follows one is read as performance data."""
    first, *others = shown(Format.NAGIOS).splitlines()
    assert first.count("|") == 1
    assert others
    assert not any("|" in line for line in others)


def samples(text: str) -> dict[tuple[str, str], float]:
    """Return the samples of a metrics text by name and target (or status)."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, sample.labels.get("target", sample.labels.get("status", ""))] = sample.value
    return found


def test_prometheus_has_verdict_counts_and_each_finding() -> None:
    """The metrics have the verdict, how many findings ended how, and each finding's status by target."""
    found = samples(shown(Format.PROMETHEUS))
    assert found["doctl_status", ""] == 2
    assert found["doctl_findings", "warn"] == 2
    assert found["doctl_finding_status", "192.0.2.7:7680"] == 2
    assert found["doctl_finding_status", "geo.prod.do.dsp.mp.microsoft.com:443"] == 3
    assert found["doctl_finding_status", "emdl.ws.microsoft.com"] == -1
    assert found["doctl_started_timestamp_seconds", ""] == 1769860800


def test_prometheus_shows_the_worse_of_two_about_the_same() -> None:
    """Two findings with the same id and target make one series, of the worse, with one reason."""
    good = replace(GOOD.findings[0], status=Status.PASS, reason="open")
    bad = replace(good, status=Status.FAIL, reason="filtered")
    text = shown(Format.PROMETHEUS, replace(GOOD, findings=(bad, good)))
    assert samples(text)["doctl_finding_status", good.target] == 2
    assert 'reason="filtered"' in text
    assert 'reason="open"' not in text


def test_github_annotations_have_level_title_and_remedy() -> None:
    """Failures are errors, warnings and what is unknown are warnings, in GitHub's escaping."""
    lines = shown(Format.GITHUB).splitlines()
    assert lines[0].startswith("::error title=ports.7680.firewall blocked_by_local_firewall::7680/tcp: No rule")
    assert "%0ARemedy: New-NetFirewallRule" in lines[0]
    assert [line.split(" ", 1)[0] for line in lines[:-1]] == ["::error"] * 3 + ["::warning"] * 3
    assert "%250A" in lines[-2]


def test_azure_has_its_own_form() -> None:
    """Where Azure DevOps reads the log, the annotations are its commands in its escaping."""
    lines = shown(Format.GITHUB, view=View(azure=True)).splitlines()
    assert lines[0].startswith("##vso[task.logissue type=error;code=ports.7680.firewall blocked_by_local_firewall]")
    assert "%AZP250A" in lines[-2]


def test_page_loads_nothing_and_says_so_to_the_browser() -> None:
    """The page has a policy that forbids loading anything, no script, and nothing that would be fetched."""
    page = shown(Format.HTML)
    assert "default-src &#x27;none&#x27;" in page
    assert "url(" not in page
    assert "@import" not in page
    assert "<script" not in page


def test_page_shows_verdict_before_picture_before_details() -> None:
    """The page begins with the verdict, then what to do, then the picture, then every finding."""
    page = shown(Format.HTML)
    order = [page.index(part) for part in ("<h1>", "Next steps", "<svg", "<h2>peers</h2>", "<h2>hosts</h2>")]
    assert order == sorted(order)
    for finding in FULL.findings[:-3]:
        assert (finding.target or finding.id) in page
