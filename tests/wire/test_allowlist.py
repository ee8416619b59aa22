"""Allowlists are read as administrators have them, and each entry covers exactly what it says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doctl.errors import UsageError
from doctl.wire.allowlist import MOST_BYTES, MOST_LINES, MOST_PROBLEMS, Entry, Problem, read_allowlist

FORMS = {
    "name.example": ("name.example", None, ""),
    "  Name.EXAMPLE.  ": ("name.example", None, ""),
    ".name.example": (".name.example", None, ""),
    "*.name.example": ("*.name.example", None, ""),
    "kv*.prod.example": ("kv*.prod.example", None, ""),
    "http://name.example": ("name.example", 80, ""),
    "HTTPS://*.name.example/": ("*.name.example", 443, ""),
    "https://name.example/*": ("name.example", 443, ""),
    "*://name.example": ("name.example", None, ""),
    "http://name.example/files/x.cab": ("name.example", 80, "/files/x.cab"),
    "name.example:8080": ("name.example", 8080, ""),
    "name.example:*": ("name.example", None, ""),
    "https://name.example:8443/": ("name.example", 8443, ""),
    "name.example # why": ("name.example", None, ""),
    "name.example\t# why": ("name.example", None, ""),
    "bücher.example": ("xn--bcher-kva.example", None, ""),
    ".bücher.example": (".xn--bcher-kva.example", None, ""),
    "*.BÜCHER.example": ("*.xn--bcher-kva.example", None, ""),
    "_dns.name.example": ("_dns.name.example", None, ""),
    "192.0.2.7": ("192.0.2.7", None, ""),
    "*": ("*", None, ""),
}


@pytest.mark.parametrize("line", FORMS)
def test_every_form_is_read(line: str) -> None:
    """Plain names, squid's, wildcards, URLs, ports, comments and international names become one form."""
    read = read_allowlist(line.encode(), "list")
    assert read.problems == ()
    assert [(entry.pattern, entry.port, entry.path) for entry in read.entries] == [FORMS[line]]


WRONG = {
    "two names.example": "has a space in it",
    "ftp://name.example": "begins with ftp://",
    "name\x07.example": "has a character that does not belong",
    "\x1b[2Jname.example": "has a character that does not belong",
    "name\u202e.example": "has a character that does not belong",
    "-name.example": "is not a host name",
    "name..example": "is not a host name",
    ".": "is not a host name",
    "http://": "is not a host name",
    "[2001:db8::1]": "has a port",
    "name.example:http": "has a port",
    "name.example:0": "has a port",
    "10.0.0.0/8": "is a range of addresses",
    "name?.example": "is not a host name",
    "a" * 64 + ".example": "is not a host name",
    "a." * 127 + "example": "is not a host name",
    "ü" * 64 + ".example": "has a label that no",
    "ü" * 254: "is longer than",
    "x" * 2001: "longer than 2000",
}


@pytest.mark.parametrize("line", WRONG, ids=lambda line: ascii(line)[:30])
def test_what_cannot_be_read_is_named_with_its_line(line: str) -> None:
    """A bad line is quoted cleaned, with its number and the reason, and the others still count."""
    read = read_allowlist(f"good.example\n{line}\nlast.example\n".encode(), "list")
    assert [entry.pattern for entry in read.entries] == ["good.example", "last.example"]
    (problem,) = read.problems
    assert problem.line == 2
    assert WRONG[line] in problem.why
    assert problem.text.isprintable()
    assert len(problem.text) < 200
    assert read.unread == 1


@pytest.mark.parametrize(
    "data",
    [
        b"a.example\n# note\n\n.b.example\n",
        b"a.example\r\n#note\r\n\r\n.b.example",
        b"a.example\r\r# note\r.b.example",
        b"\xef\xbb\xbfa.example\n \t\n   # note\n.b.example",
        "a.example\n#\n\n.b.example".encode("utf-16"),
        "\ufeffa.example\n#\n\n.b.example".encode("utf-16-be"),
    ],
)
def test_line_ends_and_byte_order_marks_do_not_matter(data: bytes) -> None:
    """Files of any system and editor are read, and lines keep their numbers."""
    read = read_allowlist(data, "list")
    assert [(entry.line, entry.pattern) for entry in read.entries] == [(1, "a.example"), (4, ".b.example")]
    assert read.problems == ()


COVERED = [
    # entry, what it covers, what it does not
    ("x.y", {"x.y"}, {"a.x.y", "*.x.y", "ax.y", "y", "*.y"}),
    (".x.y", {"x.y", "a.x.y", "b.a.x.y", "*.x.y", "*.a.x.y"}, {"ax.y", "y", "*.y", "x.yy"}),
    ("*.x.y", {"a.x.y", "b.a.x.y", "*.x.y", "*.a.x.y"}, {"x.y", "ax.y", "*.y"}),
    ("*x.y", {"x.y", "ax.y", "a.x.y", "*.x.y"}, {"x.z", "*.y"}),
    ("*", {"x.y", "*.x.y", "y"}, set()),
    ("kv*.x.y", {"kv501.x.y", "kv.x.y", "kva.b.x.y"}, {"*.x.y", "kv501.x.z", "akv.x.y", "kvx.y"}),
    ("a*b*c.y", {"abc.y", "a-b-c.y", "abbc.y"}, {"ac.y", "acb.y", "abc.z", "*.abc.y"}),
    ("*.a*.y", {"x.ab.y"}, {"ab.y", "*.a.y"}),
]


@pytest.mark.parametrize(("pattern", "covered", "not_covered"), COVERED)
def test_an_entry_covers_what_it_says(pattern: str, covered: set[str], not_covered: set[str]) -> None:
    """A wildcard does not cover its bare name, squid's dot does, and a name covers itself alone."""
    entry = Entry(1, pattern, pattern)
    assert {name for name in covered | not_covered if entry.covers(name)} == covered


def test_an_entry_opens_its_port_and_path_only() -> None:
    """An entry with a scheme or port opens that port, and one with a path opens no host."""
    entries = read_allowlist(b"a\nhttp://a\nhttps://a/\nhttps://a/x", "list").entries
    assert [(entry.opens(80), entry.opens(443)) for entry in entries] == [
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    ]


def test_size_is_bounded() -> None:
    """What is too large for a list is refused, and of many bad lines only some are quoted."""
    with pytest.raises(UsageError, match="larger than"):
        read_allowlist(b"a" * (MOST_BYTES + 1), "list")
    with pytest.raises(UsageError, match="more than 100000 lines"):
        read_allowlist(b"\n" * MOST_LINES, "list")
    read = read_allowlist(b"?\n" * 5000, "list")
    assert (len(read.problems), read.unread, read.entries) == (MOST_PROBLEMS, 5000, ())
    assert read.problems[0] == Problem(1, "?", "is not a host name or pattern such as name, .name or *.name")


def test_a_pattern_of_many_stars_costs_little() -> None:
    """Matching is linear: stars cannot make it slow."""
    entry = Entry(1, "", "a*" * 120 + "b")
    assert not entry.covers_name("a" * 253)


@settings(deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_become_entries_and_problems(data: bytes) -> None:
    """Whatever the bytes, every line is an entry in ASCII, a named problem, or nothing."""
    read = read_allowlist(data, "list")
    for entry in read.entries:
        assert entry.pattern.isascii()
        assert entry.pattern == entry.pattern.lower()
        assert entry.text.isprintable()
    assert all(problem.text.isprintable() for problem in read.problems)
