"""The error codes, against a list of their own."""

import re

import pytest

from doctl.error_codes import ERROR_CODES, find, nearest, parse
from doctl.error_codes.row import ErrorCode
from doctl.errors import UsageError
from doctl.settings import SETTINGS

CODES = """
80D01001 80D02002 80D02003 80D02004 80D02005 80D0200B 80D0200C 80D0200D 80D02010 80D02011 80D02012 80D02013
80D02015 80D02016 80D02017 80D02018 80D02019 80D0201A 80D0201B 80D0201C 80D0201D 80D0201E 80D02200 80D02201
80D02202 80D02203 80D02204 80D03001 80D03002 80D03801 80D03802 80D03803 80D03804 80D03805 80D03806 80D03807
80D03808 80D03809 80D0380A 80D0380B 80D0380C 80D0380D 80D05001 80D05002 80D05010 80D05011 80D05012 80D06800
80D06802 80D06803 80D06804 80D06805 80D06806 80D06807 80D06808 80D06809 80D0680A 80D0680B 80D0680C 80D0680D
80D0680E 80D0680F 80D06810 80D06811 80D06812 80D06813 80D06814 80D06815 80D06816 80D06817 80D06818 80D06819
"""
"""The codes that Microsoft documents for Delivery Optimization."""
COMMANDS = {"check", "ports", "proxy", "vpn", "hosts", "settings", "phf", "fetch"}


def test_all_72_codes_are_known() -> None:
    """The table has exactly the 72 documented codes, each once, in ascending order."""
    assert [f"{row.code:08X}" for row in ERROR_CODES] == CODES.split()
    assert len(ERROR_CODES) == 72


@pytest.mark.parametrize("row", ERROR_CODES, ids=str)
def test_each_row_helps(row: ErrorCode) -> None:
    """Each code has a meaning, a cause and a remedy in sentences, and names only settings and commands that exist."""
    assert find(parse(str(row))) is row
    texts = (row.meaning, row.cause, row.remedy)
    assert all((len(text) > 10 and text[0].isupper()) or text.startswith("doctl ") for text in texts)
    assert len(set(texts)) == 3
    named = {*re.findall(r"\bDO[A-Z][A-Za-z]+", " ".join(texts)), row.setting} - {""}
    assert named <= set(SETTINGS)
    assert set(re.findall(r"doctl (\w+)", " ".join(texts))) <= COMMANDS


@pytest.mark.parametrize(
    "text",
    [
        "0x80D02002",
        "0X80d02002",
        "80D02002",
        "80d02002",
        " 0x80D0 2002 ",
        "-2133843966",
        "2161123330",
        "- 2133843966",
        "\t2161 123 330",
    ],
)
def test_a_code_can_be_written_in_many_ways(text: str) -> None:
    """Hexadecimal with or without 0x in either case, signed and unsigned decimal, with spaces: all are one code."""
    assert parse(text) == 0x80D02002


@pytest.mark.parametrize(
    "text",
    ["", " ", "0x", "0x123456789", "80D0200", "80D020022", "hello", "0x80D0200G", "4294967296", "-2147483649", "1e5",
     "0b1", "٨٠", "+5", "--5", "0x-5", "12_34", "\x1b[31m", "9" * 5000],
)  # fmt: skip
def test_what_is_no_code_is_refused_in_a_line(text: str) -> None:
    """Anything else is wrong use, said in one short, printable line."""
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("code", "known"),
    [(0x80D02102, 0x80D02002), (0x80D12002, 0x80D02002), (0x90D02002, 0x80D02002), (0x80240022, None), (0, None)],
)
def test_a_slip_of_one_digit_finds_the_nearest_code(code: int, known: int | None) -> None:
    """A code that is one digit off has a nearest one; what is further off has none."""
    row = nearest(code)
    assert (row.code if row else None) == known
