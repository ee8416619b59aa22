"""The demonstration's origin answers as RFC 9110 has it, so that the check of ranges has nothing to find."""

import pytest

from doctl.jobs.demo_origin import VERSION, answer_to

ANSWERS = [
    ("GET", (), 200, None, (0, 1000)),
    ("HEAD", (), 200, None, (0, 0)),
    ("GET", ("Range: bytes=0-0",), 206, "0-0/1000", (0, 1)),
    ("GET", ("range:bytes=10-19",), 206, "10-19/1000", (10, 10)),
    ("GET", ("Range: bytes=990-5000",), 206, "990-999/1000", (990, 10)),
    ("GET", ("Range: bytes=1000-1001",), 416, "*/1000", (0, 0)),
    ("GET", ("Range: bytes=1-2", f"If-Range: {VERSION}"), 206, "1-2/1000", (1, 2)),
    ("GET", ('If-Range: "another"', "Range: bytes=1-2"), 200, None, (0, 1000)),
    ("GET", ("Range: bytes=-5",), 200, None, (0, 1000)),
]


@pytest.mark.parametrize(("method", "headers", "status", "where", "stretch"), ANSWERS)
def test_answers(
    method: str, headers: tuple[str, ...], status: int, where: str | None, stretch: tuple[int, int]
) -> None:
    """One range, a range past the end, another version and a request without a body each get their answer."""
    request = "\r\n".join([f"{method} /update.cab HTTP/1.1", "Host: x", *headers, "", ""])
    answer = answer_to(request, 1000)
    lines = answer.head.split("\r\n")
    assert lines[0].startswith(f"HTTP/1.1 {status} ")
    assert f"ETag: {VERSION}" in lines
    assert [line for line in lines if line.startswith("Content-Range")] == (
        [f"Content-Range: bytes {where}"] if where else []
    )
    assert (answer.first, answer.size) == stretch
