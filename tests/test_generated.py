"""What is generated and checked in is what doctl generates now."""

import sys
from pathlib import Path

import dev
from doctl.cli.schema import Kind


def test_generated_files_are_current() -> None:
    """Each file says what ``python3 dev.py docs`` would write; run that where this fails."""
    wanted = dev.generated(Path(sys.executable))
    assert {path: path.read_text(encoding="utf-8") for path in wanted} == wanted


def test_every_schema_is_among_them() -> None:
    """What ``doctl schema`` can print, ``docs/schema`` has."""
    assert set(dev.SCHEMAS) == set(Kind)
