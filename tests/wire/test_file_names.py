"""File names that are safe whatever a URL or a server suggests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctl.wire.file_names import DEFAULT, LONGEST, clean, suggest


@pytest.mark.parametrize(
    ("url", "disposition", "name"),
    [
        ("http://host/a/update.cab?P1=1&P2=2#x", None, "update.cab"),
        ("http://host/a/update.cab", 'attachment; filename="other.exe"', "update.cab"),
        ("http://host/", 'attachment; filename="setup.exe"', "setup.exe"),
        ("http://host/", "attachment; filename=setup.exe; size=3", "setup.exe"),
        ("http://host/", "attachment; filename=a.bin; filename*=UTF-8''%c3%a9.bin", "é.bin"),
        ("http://host/", r'attachment; filename="a\"b.bin"', "a_b.bin"),
        ("http://host/", 'attachment; filename="../../etc/passwd"', "passwd"),
        ("http://host/", "attachment", DEFAULT),
        ("http://host", None, DEFAULT),
        ("http://host/a/", None, DEFAULT),
        ("http://host/..", None, DEFAULT),
        ("http://host/%2e%2e%2f%2e%2e%2fetc%2fpasswd", None, "passwd"),
        ("http://host/..%5c..%5cwin.ini", None, "win.ini"),
        ("http://host/a%00b%0a%1b[2J.bin", None, "ab[2J.bin"),
        ("http://host/%e2%80%aegnp.exe", None, "gnp.exe"),
        ("http://host/with%20space.bin", None, "with space.bin"),
    ],
)
def test_names_that_are_suggested(url: str, disposition: str | None, name: str) -> None:
    """The URL's last part comes first, then the server's idea, then a default; nothing leads elsewhere."""
    assert suggest(url, disposition) == name


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        (".bashrc", "bashrc"),
        ("...", ""),
        (" a. ", "a"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("aux .iso", "_aux .iso"),
        ("CONIN$", "_CONIN$"),
        ("conout$ .txt", "_conout$ .txt"),
        ("com1", "_com1"),
        ("console", "console"),
        ("a:b*c?.txt", "a_b_c_.txt"),
        ("\ud800x", "x"),
        ("é" * 200 + ".cab", "é" * 98 + ".cab"),
        ("a" * 300, "a" * LONGEST),
        ("a." + "b" * 300, "a." + "b" * (LONGEST - 2)),
    ],
)
def test_names_are_made_harmless(name: str, cleaned: str) -> None:
    """Hidden files, Windows devices and characters, and endless names are mended; the extension stays."""
    assert clean(name) == cleaned


@given(st.text(max_size=600))
def test_whatever_comes_the_name_is_safe(name: str) -> None:
    """No name escapes its folder, hides, ends in what Windows drops, or is too long; cleaning twice changes nothing."""
    cleaned = clean(name)
    assert not set(cleaned) & set('/\\:*?"<>|')
    assert cleaned.isprintable()
    assert len(cleaned.encode()) <= LONGEST
    assert cleaned.strip(". ") == cleaned
    assert clean(cleaned) == cleaned


@given(st.text(max_size=600), st.text(max_size=6000))
def test_there_is_always_a_name(path: str, disposition: str) -> None:
    """Something usable comes out for any path and header, and nothing is raised."""
    assert suggest(f"http://host/{path}", disposition)
