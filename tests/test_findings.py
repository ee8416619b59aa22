"""Every id and every reason that a check can give is explained on the page of its command."""

import ast
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import doctl
from doctl.checks.vpn.effect import Why
from doctl.checks.wsus.verdict import Reason as WsusReason
from doctl.cli.check import AREAS
from doctl.net.probe import Outcome
from doctl.wire.range_faults import Reason

DOCS = Path(__file__).parents[1] / "docs"
CODE = Path(doctl.__file__).parent
ID = re.compile(rf"({'|'.join(AREAS)})(\.[a-z0-9_]+)+")
WORD = re.compile(r"[a-z]+(_[a-z]+)*")
LISTED: dict[str, Iterable[str]] = {
    "proxy": Reason,
    "vpn": Why,
    "ports": Outcome,
    "hosts": set(Outcome) - {Outcome.OPEN},
    "wsus": WsusReason,
}
"""The reasons that an area has as an enumeration."""


def sources(area: str) -> list[ast.Module]:
    """Return the parsed modules of an area's check."""
    paths = [CODE / "checks" / f"{area}.py", *(CODE / "checks" / area).glob("*.py")]
    return [ast.parse(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def strings(tree: ast.AST) -> Iterator[str]:
    """Return every text that may come out of ``tree``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def is_status(node: ast.AST) -> bool:
    """Say whether ``node`` is ``Status.X``, or chooses between such, or says how bad it is to miss a host."""
    found = ast.unparse(node)
    return ("Status." in found or "missed" in found) and not any(strings(node))


def places(tree: ast.Module) -> Iterator[ast.AST]:
    """Return where a reason is written: after a status, as ``reason=``, or in what is assigned to ``reason``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call | ast.Tuple):
            values = node.args if isinstance(node, ast.Call) else node.elts
            yield from (second for first, second in itertools.pairwise(values) if is_status(first))
        if isinstance(node, ast.keyword) and node.arg == "reason":
            yield node.value
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["reason"]:
            yield node.value


def reasons(area: str) -> set[str]:
    """Return every reason that the code of an area can give."""
    written = {text for tree in sources(area) for place in places(tree) for text in strings(place)}
    return {text for text in written if WORD.fullmatch(text)} | {str(each) for each in LISTED.get(area, ())}


def ids(area: str) -> set[str]:
    """Return every id that stands in the code of an area."""
    return {text for tree in sources(area) for text in strings(tree) if ID.fullmatch(text)}


@pytest.mark.parametrize("area", AREAS)
def test_every_id_and_reason_of_the_code_is_on_its_page(area: str) -> None:
    """docs/AREA.md explains each id and each reason that stands in the code of the check."""
    page = (DOCS / f"{area}.md").read_text(encoding="utf-8")
    assert len(ids(area)) >= 1
    assert len(reasons(area)) >= 2
    assert not {each for each in ids(area) | reasons(area) if f"`{each}`" not in page}


@pytest.mark.parametrize("area", AREAS)
def test_every_reason_of_a_page_is_in_the_code(area: str) -> None:
    """No reason in a table of docs/AREA.md is a word that no code knows any more."""
    page = (DOCS / f"{area}.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `([a-z_]+)` \| (?:pass|warn|fail|unknown|skip)", page, re.MULTILINE)
    code = "".join(path.read_text(encoding="utf-8") for path in CODE.rglob("*.py"))
    assert told or area in {"ports", "wsus"}  # whose tables have no column for the status
    assert not [each for each in told if f'"{each}"' not in code]
