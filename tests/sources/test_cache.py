"""Where a cache has a file, and how long one that fails is left alone."""

import pytest

from doctl.errors import BusyError, DoctlError, OriginError, RefusedError, UsageError
from doctl.sources.cache import MOST_NOTES, REST, Rests, origin_of, url_at


@pytest.mark.parametrize(
    ("host", "url", "asked"),
    [
        ("mcc", "http://cdn.test/a/b.cab", "http://mcc/a/b.cab?cacheHostOrigin=cdn.test"),
        ("mcc:8080", "https://u:p@CDN.test:81/a?x=1", "http://mcc:8080/a?x=1&cacheHostOrigin=cdn.test:81"),
        ("[fd00::1]", "http://cdn.test", "http://[fd00::1]/?cacheHostOrigin=cdn.test"),
    ],
)
def test_the_cache_is_asked_for_the_same_path(host: str, url: str, asked: str) -> None:
    """Path and query stay, the original host goes into cacheHostOrigin, credentials go nowhere."""
    assert url_at(host, url) == asked


def test_a_host_that_is_none_is_wrong_use() -> None:
    """A URL is no cache host."""
    with pytest.raises(UsageError):
        url_at("http://mcc/", "http://cdn.test/a")


@pytest.mark.parametrize(
    ("error", "same", "other"),
    [
        (RefusedError("nobody"), REST, REST),
        (OriginError("404", status=404), REST, 0),
        (BusyError("503", status=503), REST, REST),
        (OriginError("ranges are broken"), REST, REST),
    ],
)
def test_a_4xx_counts_for_one_origin_only(error: DoctlError, same: float, other: float) -> None:
    """A failing host rests for 15 minutes for every origin, one that answered 4xx for that origin alone."""
    rests = Rests()
    rests.failed("mcc", "a.test", error, 1000.0)
    again = Rests.decode(rests.encode())
    assert (again.left("mcc", "a.test", 1000.0), again.left("mcc", "b.test", 1000.0)) == (same, other)
    assert again.left("mcc", "a.test", 1000.0 + REST) == 0
    assert again.left("else", "a.test", 1000.0) == 0


NOT_YET = [b'{"mcc": NaN}', b'{"mcc": -Infinity}', b'{"mcc": 1%s}' % (b"0" * 400), b'{"mcc": 99999}']


@pytest.mark.parametrize("data", [b"", b"[]", b"[" * 100_000, b'{"mcc": "x"}', b'{"mcc": 1e999}', b"\xff", *NOT_YET])
def test_damaged_notes_never_stop_a_fetch(data: bytes) -> None:
    """Notes that are none count for nothing, nor do those of a time to come, as a clock that is set back makes them."""
    assert Rests.decode(data).left("mcc", "a.test", 0.0) == 0


def test_notes_are_bounded() -> None:
    """Only so many failures are kept, the oldest go first."""
    rests = Rests()
    for number in range(MOST_NOTES + 1):
        rests.failed(f"h{number}", "a.test", RefusedError(""), float(number))
    assert rests.left("h0", "a.test", MOST_NOTES) == 0
    assert rests.left("h1", "a.test", MOST_NOTES) > 0
    assert origin_of("http://A.test:80/x") == "a.test:80"
