"""What a report comes to."""

from dataclasses import replace

import pytest

from doctl.digest import by_area, cleaned, counts, headline, next_steps, worst_first
from doctl.report import Finding, Report, Status
from tests.output.sample import EMPTY, FULL, GOOD, HOSTILE

FAIL, UNKNOWN, WARN, PASS, SKIP = Status.FAIL, Status.UNKNOWN, Status.WARN, Status.PASS, Status.SKIP


def finding(status: Status, remedy: str = "", reason: str = "ok", target: str = "t", area: str = "a") -> Finding:
    """Return a finding of which only this matters."""
    return Finding("a.b", area, target, status, reason, "So.", remedy=remedy)


def of(*findings: Finding) -> Report:
    """Return a report of ``findings``."""
    return replace(GOOD, findings=findings)


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (FULL, "3 failed, 1 not determined, 2 warnings, 3 passed, 2 skipped"),
        (GOOD, "2 passed"),
        (of(finding(WARN)), "1 warning"),
        (EMPTY, "nothing was tested"),
        (of(finding(SKIP)), "nothing was tested, 1 skipped"),
    ],
)
def test_headline_counts_worst_first(report: Report, words: str) -> None:
    """The verdict in a line counts each status, the worst first, and says when nothing was tested."""
    assert headline(report) == words


def test_counts_have_every_status() -> None:
    """Every status is counted, those that do not occur with 0."""
    assert counts([finding(WARN)]) == {FAIL: 0, UNKNOWN: 0, WARN: 1, PASS: 0, SKIP: 0}


def test_worst_first_keeps_the_order_of_equals() -> None:
    """Findings are ordered by status, and those of equal status stay as they were."""
    statuses = [PASS, WARN, FAIL, SKIP, UNKNOWN, FAIL]
    ordered = worst_first(finding(status, target=str(n)) for n, status in enumerate(statuses))
    assert [found.target for found in ordered] == ["2", "5", "4", "1", "0", "3"]


def test_areas_come_worst_first() -> None:
    """The area with the worst finding comes first, and each area's findings worst first."""
    areas = by_area([finding(PASS, area="x"), finding(WARN, area="y"), finding(FAIL, area="x")])
    assert {name: [f.status for f in found] for name, found in areas.items()} == {"x": [FAIL, PASS], "y": [WARN]}
    assert list(areas) == ["x", "y"]


@pytest.mark.parametrize(
    ("findings", "remedies"),
    [
        ([], []),
        ([finding(PASS, "none needed"), finding(SKIP, "give --target")], []),
        ([finding(FAIL)], []),
        ([finding(WARN, "w", "w"), finding(UNKNOWN, "u", "u"), finding(FAIL, "f", "f")], ["f", "u", "w"]),
        ([finding(FAIL, "one", "x"), finding(FAIL, "two", "y"), finding(FAIL, "two", "z")], ["two", "one"]),
        (
            [finding(FAIL, "x"), finding(FAIL, "host 1", "filtered"), finding(FAIL, "host 2", "filtered")],
            ["host 1", "x"],
        ),
        (
            [finding(FAIL, "many"), finding(FAIL, "many"), finding(FAIL, "sign in", "captive_portal")],
            ["sign in", "many"],
        ),
        (
            [finding(FAIL, "dns", "dns_failed"), Finding("c.d", "a", "t", FAIL, "dns_failed", "So.", remedy="again")],
            ["dns"],
        ),
        ([finding(WARN, "both", "x"), finding(FAIL, "both", "y"), finding(FAIL, "one", "z")], ["both", "one"]),
        ([finding(FAIL, str(n), str(n)) for n in range(5)], ["0", "1", "2"]),
    ],
)
def test_next_steps_are_the_most_useful_first(findings: list[Finding], remedies: list[str]) -> None:
    """Failures before the rest, what stands in the way before the rest, and what helps most before what helps once."""
    assert [step.remedy for step in next_steps(findings)] == remedies


def test_a_step_names_what_it_answers_worst_first() -> None:
    """A remedy that several findings share is one step, and the worst of them stands first."""
    (step,) = next_steps([finding(WARN, "r", target="w"), finding(FAIL, "r", target="f")])
    assert [found.target for found in step.findings] == ["f", "w"]


def test_cleaning_leaves_nothing_unprintable_and_nothing_endless() -> None:
    """After cleaning all text is printable and bounded, and all facts are JSON values of bounded size."""
    deep: object = HOSTILE
    for _ in range(50):
        deep = [deep]
    facts = {HOSTILE: deep, "long": "x" * 10_000, "many": list(range(5000)), "nan": float("nan"), "tuple": (1, 2)}
    (found,) = cleaned(of(replace(finding(FAIL), target=HOSTILE * 100, facts=facts))).findings
    assert found.target.isprintable()
    assert len(found.target) < 4000
    assert all(name.isprintable() for name in found.facts)
    assert len(str(found.facts["long"])) < 2100
    assert found.facts["many"] == list(range(1000))
    assert found.facts["nan"] is None
    assert found.facts["tuple"] == [1, 2]
