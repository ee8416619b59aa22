"""How figures become ratios, and ratios the table of the documentation."""

import pytest

from benchmarks import background_table, machine
from benchmarks.rows import Row, at_least, at_most
from benchmarks.table import BEGIN, END, page


def test_a_ratio_is_that_of_each_pair() -> None:
    """Ours to theirs, round by round, and their median; what is aimed at holds or does not."""
    row = Row("job", "MB/s", [30.0, 40.0, 10.0], "rival", [10.0, 10.0, 10.0], at_least(3))
    assert row.ratios == [3, 4, 1]
    found = row.as_json()
    assert (found["ratio"], found["reached"], found["aim"]) == ([3, 1, 4], True, "at least 3")


def test_a_limit_is_the_same_for_all_rounds() -> None:
    """A single figure stands beside every one of ours."""
    row = Row("job", "s", [3.0, 5.0], "the limit", [4.0], at_most(1))
    assert row.ratios == [0.75, 1.25]
    assert row.as_json()["reached"]


def test_the_table_says_what_was_reached_and_where() -> None:
    """What is not reached says so; below is the machine, with the rounds and how busy it was."""
    rows = [
        Row("fast", "ms", [1.0, 3.0], "rival", [2.0, 2.0], at_most(2)),
        Row("slow", "MB", [1234.0], "limit", [1000.0], at_most(1)),
    ]
    results = {"start": {"machine": "2 x CPU", "others": 0.52, "rows": [row.as_json() for row in rows]}}
    text = page(f"before\n{BEGIN}\nold\n{END}\nafter\n", results)
    assert text.startswith(f"before\n{BEGIN}\n\n| job |")
    assert "| fast | 2 ms | rival: 2 ms | **1** (0.5 to 1.5) | at most 2 |" in text
    assert "| slow | 1,234 MB | limit: 1,000 MB | **1.23** | at most 1: **not reached** |" in text
    meanwhile = "the cores that other programs kept busy meanwhile"
    assert text.endswith(f"2 x CPU. Rounds, and {meanwhile}: start (2 rounds, 0.5).\n\n{END}\nafter\n")


def test_a_page_without_marks_is_an_error() -> None:
    """A page that has no place for the table is not written over."""
    with pytest.raises(ValueError, match="lacks"):
        page("no marks", {})


def test_the_table_of_giving_way() -> None:
    """For each link and contender: what the foreground keeps, what it has alone beside plain TCP, and its queue."""
    link = {"rate": 10, "buffer_ms": 25, "others": 0.1, "foreground_alone": 10.0}
    points = [
        {**link, "contender": "doctl", "alone": 4.7, "queue_ms": 8.0, "foreground": 9.7},
        {**link, "contender": "plain TCP", "alone": 5.0, "queue_ms": 20.0, "foreground": 5.0},
    ]
    shares = {"rate": 20, "buffer_ms": 200, "first": 12.0, "late": 8.0, "soon": 4.0}
    costs = {"place": "loopback", "plain": [100.0, 50.0, 40.0], "giving_way": [97.0, 50.0, 20.0]}
    targets = [{**link, "contender": "5 ms", "alone": 9.0, "queue_ms": 5.0, "foreground": 9.8}]
    record = {"machine": "2 x CPU", "seconds": 5.0, "points": points, "targets": targets}
    record |= {"costs": [costs], "shares": [shares]}
    text = background_table.page(f"{background_table.BEGIN}\n{background_table.END}", record)
    assert "| 10 Mbit/s | 25 ms | 97 % · 94 % · 8 ms | 50 % · 100 % · 20 ms |" in text
    assert "| link | buffer | 5 ms |\n| --- | --- | --- |\n| 10 Mbit/s | 25 ms | 98 % · 90 % · 5 ms |" in text
    assert "5 seconds for each figure; 2 x CPU, of whose cores other programs kept 0.1 busy" in text
    assert "| loopback | 50 Mbit/s | 50 Mbit/s | **0.97** (0.50 to 1.00) |" in text
    assert "| 20 Mbit/s, 200 ms of buffer | 12.0 Mbit/s | 8.0 Mbit/s | **80 %** | 4.0 Mbit/s |" in text


def test_what_is_measured_while_others_are_busy_is_measured_again() -> None:
    """At most so often; what counts was measured while they did least."""
    calls: list[int] = []

    def measure() -> int:
        calls.append(len(calls))
        return calls[-1]

    result, others = machine.quietest(measure, 3)
    assert result in calls
    assert 1 <= len(calls) <= 3
    assert others >= 0
