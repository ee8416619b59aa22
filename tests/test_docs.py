"""The documentation: its links lead somewhere, and no command is left out."""

import re
from pathlib import Path

import pytest

from doctl.cli.app import COMMANDS
from doctl.error_codes import ERROR_CODES

TOP = Path(__file__).parents[1]
PAGES = sorted([*TOP.glob("*.md"), *TOP.glob("docs/**/*.md"), *TOP.glob("benchmarks/**/*.md")])
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    """Return how a page is called from the top."""
    return str(page.relative_to(TOP))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings as GitHub makes them: lower case, spaces to hyphens, the rest dropped."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    bare = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {heading.replace(" ", "-") for heading in bare}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file of the project, and every anchor a heading of it."""
    broken = []
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"https?://|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_page(command: str) -> None:
    """``docs/COMMAND.md`` is there, and README leads to it."""
    assert (TOP / "docs" / f"{command}.md").is_file()
    assert f"docs/{command}.md" in (TOP / "README.md").read_text(encoding="utf-8")


def test_every_error_code_is_on_its_page() -> None:
    """docs/explain.md has each error code with its area and meaning."""
    page = (TOP / "docs" / "explain.md").read_text(encoding="utf-8")
    assert [line for line in page.splitlines() if line.startswith("| `0x80D0")] == [
        f"| `{row}` | {row.area} | {row.meaning} |" for row in ERROR_CODES
    ]
