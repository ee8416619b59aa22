"""The report as JSON, exactly as ``doctl schema report`` describes it."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from doctl.output import View
    from doctl.report import Report


def as_object(report: "Report") -> dict[str, Any]:
    """Return the report as JSON values, with the keys in the documented order."""
    return {
        "schema": report.schema,
        "tool": asdict(report.tool),
        "command": report.command,
        "host": asdict(report.host),
        "started": report.started,
        "duration_s": report.duration_s,
        "status": report.status,
        "findings": [asdict(finding) for finding in report.findings],
    }


def render(report: "Report", _view: "View") -> str:
    """Return one JSON object; ASCII only, so that no encoding on the way can break it."""
    return json.dumps(as_object(report), indent=2, allow_nan=False) + "\n"
