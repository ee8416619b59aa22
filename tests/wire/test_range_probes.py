"""What is asked of a file covers what can break, and stays inside it, whatever its size."""

import pytest

from doctl.wire.range_probes import FIRST, SMALLEST_FILE, STALE, Answer, Ask, End, Kind, at_once, one_by_one


@pytest.mark.parametrize("total", [SMALLEST_FILE, 65, 1000, 99_999, 1 << 20, 25_006_511, 1 << 45])
def test_questions_stay_inside_the_file(total: int) -> None:
    """Every range lies inside the file but the one past its end; two are adjacent, one lies over their seam."""
    asks = [*one_by_one(total, '"v"'), *at_once(total)]
    inside = [ask for ask in asks if ask.kind is not Kind.PAST]
    assert all(0 <= ask.first <= ask.last < total for ask in inside)
    assert next(ask for ask in asks if ask.kind is Kind.PAST).first == total
    assert any(ask.last == total - 1 for ask in inside)
    one, other = asks[:2]
    assert one.last + 1 == other.first
    assert one.size == other.size
    seam = at_once(total)[0]
    assert one.first < seam.first <= one.last < seam.last <= other.last
    assert sum(ask.size for ask in inside) < 700_000


def test_questions_are_told_by_headers() -> None:
    """A range is asked for with Range, a version with If-Range, and HEAD with neither."""
    asks = {ask.kind: ask for ask in (*FIRST, *one_by_one(1000, '"v"'))}
    assert asks[Kind.HEAD].headers == {}
    assert asks[Kind.SAME].headers == {"Range": "bytes=1-125", "If-Range": '"v"'}
    assert asks[Kind.CHANGED].headers == {"Range": "bytes=1-125", "If-Range": STALE}
    assert FIRST[1].headers == {"Range": "bytes=0-0"}


def test_without_a_validator_no_version_is_asked_for() -> None:
    """Where the server tells no version that If-Range could carry, that question is left out."""
    assert Kind.SAME not in {ask.kind for ask in one_by_one(1000, None)}


def test_a_good_answer_is_whole() -> None:
    """Only a 206 that came to its end with the size asked for is good."""
    ask = Ask("a range", Kind.PART, 0, 3)
    assert Answer(ask, 206, {}, b"four").good
    assert not any(
        answer.good
        for answer in (
            Answer(ask, 200, {}, b"four"),
            Answer(ask, 206, {}, b"two"),
            Answer(ask, 206, {}, b"four", End.CLOSED),
            Answer(ask),
        )
    )
