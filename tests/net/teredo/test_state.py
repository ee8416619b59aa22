"""What Windows says of its Teredo client, by outputs that people posted."""

from pathlib import Path

import pytest

from doctl.errors import LocalError
from doctl.net.teredo_state import TeredoState, parse_state

RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> str:
    """Return a recorded output, with the line ends of Windows."""
    return (RECORDED / f"{name}.txt").read_text(encoding="utf-8").replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("name", "state"),
    [
        (
            "qualified",
            TeredoState(
                type="enterpriseclient",
                server="win1910.ipv6.microsoft.com.",
                port="34567",
                state="qualified",
                nat="restricted (port)",
                local="192.168.3.6:34567",
                external="203.0.113.37:18778",
            ),
        ),
        (
            "qualified-chinese",
            TeredoState(
                type="enterpriseclient (Group Policy)",
                server="teredo.example.org (Group Policy)",
                port="unspecified",
                state="qualified",
                nat="symmetric (port)",
                local="192.168.1.123:55553",
                external="203.0.113.20:55553",
            ),
        ),
        ("disabled", TeredoState("disabled", "win1910.ipv6.microsoft.com.", "unspecified", "offline", error="none")),
        (
            "offline-chinese",
            TeredoState(
                "enterpriseclient",
                "win1710.ipv6.microsoft.com.",
                "unspecified",
                "offline",
                error="无法通过 UDP 访问主 teredo 服务器",
            ),
        ),
        (
            "dormant",
            TeredoState(
                "default", "win1910.ipv6.microsoft.com.", "unspecified", "dormant", nat="none (global connectivity)"
            ),
        ),
        (
            "probing",
            TeredoState("enterpriseclient", "win10.ipv6.microsoft.com.", "unspecified", "probe (primary server)"),
        ),
        (
            "probing-chinese-xp",
            TeredoState("enterpriseclient", "teredo.example.org.", "default", "probe(cone)", nat="cone"),
        ),
    ],
)
def test_states_are_read_in_any_language(name: str, state: TeredoState) -> None:
    """Type, server, state and addresses are taken by their place, whatever the labels say."""
    assert parse_state(recorded(name)) == state


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "nothing at all"),
        (" \r\n\r\n", "nothing at all"),
        (recorded("no-rights"), "administrators only"),
        ("The following command was not found: interface teredo show state.\r\n", "did not tell the state"),
        (recorded("qualified").replace("qualified", "wedged"), "did not tell the state"),
    ],
    ids=["empty", "blank", "no rights", "no such command", "unknown state"],
)
def test_what_is_no_state_is_an_error_and_never_a_state(text: str, problem: str) -> None:
    """Nothing, half an output, a complaint and a state of which nothing is known are told as what they are."""
    with pytest.raises(LocalError, match=problem):
        parse_state(text)
