"""The report as JUnit XML, for pipelines that show tests."""

import io
import json
from typing import TYPE_CHECKING

import junitparser

from doctl.digest import by_area
from doctl.report import Finding, Report, Status

if TYPE_CHECKING:
    from doctl.output import View


def render(report: Report, view: "View") -> str:
    """Return one suite an area and one case a finding.

    A failure is ``failure``, what was not determined ``error``, what was skipped ``skipped``; a warning passes, with
    its text as output, unless warnings count as failures.
    """
    document = junitparser.JUnitXml(name=f"doctl {report.command}")
    for area, findings in by_area(report.findings).items():
        suite = junitparser.TestSuite(name=area)
        suite.timestamp = report.started.removesuffix("Z")
        suite.hostname = report.host.name
        suite.add_testcases([_case(finding, report.command, view.strict) for finding in findings])
        document.add_testsuite(suite)
    document.update_statistics()
    written = io.BytesIO()
    document.write(written, pretty=True)
    return written.getvalue().decode("utf-8")


def _case(finding: Finding, command: str, strict: bool) -> "junitparser.TestCase":
    name = f"{finding.id} {finding.target}".strip()
    case = junitparser.TestCase(name=name, classname=f"doctl.{command}.{finding.area}", time=finding.duration_s)
    kind = _result_class(finding.status, strict)
    if kind is not None:
        result = kind(message=finding.summary, type_=finding.reason)
        result.text = _details(finding)
        case.result = [result]
    else:
        case.system_out = f"{finding.status}: {finding.reason}: {finding.summary}\n{_details(finding)}"
    return case


def _result_class(
    status: Status, strict: bool
) -> "type[junitparser.Failure | junitparser.Error | junitparser.Skipped] | None":
    if status is Status.FAIL or (strict and status is Status.WARN):
        return junitparser.Failure
    if status is Status.UNKNOWN:
        return junitparser.Error
    return junitparser.Skipped if status is Status.SKIP else None


def _details(finding: Finding) -> str:
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in finding.facts.items()]
    lines += [f"remedy: {finding.remedy}"] if finding.remedy else []
    lines += [f"see: {finding.reference}"] if finding.reference else []
    return "\n".join(lines)
