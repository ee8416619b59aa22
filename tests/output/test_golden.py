"""Every format against its golden file."""

import pytest

from doctl.output import Format
from tests.output.golden import FOLDER, GOLDEN


@pytest.mark.parametrize("name", GOLDEN)
def test_format_is_as_it_was_found_good(name: str) -> None:
    """A format of a sample report is, byte for byte, its golden file; ``python -m tests.output.golden`` writes them."""
    assert GOLDEN[name]() == (FOLDER / name).read_bytes().decode("utf-8")


def test_no_golden_file_is_left_over() -> None:
    """Each golden file is made by something, and each format has one."""
    assert {path.name for path in FOLDER.iterdir()} == set(GOLDEN)
    endings = {"text": "txt", "junit": "xml", "prometheus": "prom"}
    for wanted in Format:
        assert any(name.endswith("." + endings.get(wanted, wanted)) for name in GOLDEN), wanted
