"""Text from outside, shown harmlessly."""

import pytest

from doctl.printable import printable


@pytest.mark.parametrize("text", ["", "plain text", "grüße, 世界, 🙂", "back\\slash 'quotes\""])
def test_readable_text_stays(text: str) -> None:
    """Letters of any script, spaces, quotes and backslashes are shown as they are."""
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("bell\a", r"bell\x07"),
        ("two\r\nlines", r"two\r\nlines"),
        ("\x9b31m", r"\x9b31m"),  # the one-byte form of ESC [
        ("abc\u202ecba", r"abc\u202ecba"),  # would turn the direction of what follows
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("no\xa0break", r"no\xa0break"),
        ("lone\udc80", r"lone\udc80"),  # how Python carries a byte of a file name that is not UTF-8
        ("\U000e0041", r"\U000e0041"),
        ("\x00", r"\x00"),
    ],
)
def test_what_a_terminal_would_act_on_is_written_out(text: str, shown: str) -> None:
    """Escapes, line ends, direction marks and invisible characters become their escape in ASCII."""
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1.1 ##vso[task.setvariable variable=PATH]x", r"1.1 \x23#vso[task.setvariable variable=PATH]x"),
        ("##VSO[x] ###[error]", r"\x23#VSO[x] #\x23#[error]"),
        ("# a ## b #[c] #", "# a ## b #[c] #"),
    ],
)
def test_what_a_pipeline_would_act_on_is_written_out(text: str, shown: str) -> None:
    """A header or a name gives no orders to an agent that reads the log; a number sign alone is none."""
    assert printable(text) == shown
    assert printable(shown) == shown


def test_long_text_is_cut() -> None:
    """A long text shows its beginning and that there is more; one that just fits is whole."""
    assert printable("x" * 501) == "x" * 500 + "..."
    assert printable("x" * 500) == "x" * 500
    assert printable("x" * 10, most=3) == "xxx..."


def test_whatever_comes_in_printable_text_comes_out() -> None:
    """No code point at all gets through unless it is printable."""
    assert printable("".join(map(chr, range(0x110000))), most=0x110000).isprintable()
