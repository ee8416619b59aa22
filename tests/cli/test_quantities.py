"""What users write on the command line: rates, durations, addresses, digests, modes."""

from collections.abc import Callable

import pytest

from doctl.cli import quantities
from doctl.endpoints import Address
from doctl.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1), ("500KB", 500_000), ("60MB", 60_000_000), ("1.5mb", 1_500_000), ("2 GB", 2 * 10**9), ("8KB/s", 8000)],
)
def test_rates(text: str, expected: int) -> None:
    """A rate is bytes a second, with a decimal suffix or none."""
    assert quantities.rate(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("10m", 600), ("1h", 3600), ("0s", 0), ("1.5h", 5400)])
def test_durations(text: str, expected: float) -> None:
    """A duration is a number and a unit."""
    assert quantities.duration(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("http", 0), ("LAN", 1), ("2", 2), ("internet", 3), ("99", 99)]
)
def test_modes(text: str, expected: int) -> None:
    """A download mode is a number or its name."""
    assert quantities.mode(text) == expected


def test_addresses() -> None:
    """A peer has port 7680 unless said; where to listen needs a port."""
    assert quantities.peer_address("fe80::1") == Address("fe80::1", 7680)
    assert quantities.peer_address("10.0.0.7:1") == Address("10.0.0.7", 1)
    with pytest.raises(UsageError, match="port 0, on which nobody can listen"):
        quantities.peer_address("10.0.0.7:0")
    assert quantities.listen_address("[::]:0") == Address("::", 0)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((quantities.rate, text) for text in ("", "fast", "-1KB", "0", "0.1", "1e9", "9" * 400, "5TB", "KB")),
        *((quantities.duration, text) for text in ("", "10", "-1s", "1y", "nan", "9" * 400 + "s", "366d")),
        *((quantities.mode, text) for text in ("", "4", "-1", "100", "lan2", "٣", "9" * 5000)),
        *((quantities.sha256, text) for text in ("", "abc", "g" * 64, "0" * 65)),
        *((quantities.listen_address, text) for text in ("", "10.0.0.7", "10.0.0.7:65536")),
    ],
)
def test_nonsense(read: Callable[[str], object], text: str) -> None:
    """What is none of them is refused in one line that says how to write it."""
    with pytest.raises(UsageError) as caught:
        read(text)
    assert "\n" not in str(caught.value)
