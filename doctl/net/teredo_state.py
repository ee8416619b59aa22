"""What Windows' own Teredo client says of itself, by ``netsh interface teredo show state``.

The labels are in the language of the system, and so are the reasons of errors; the order of the rows is the same
everywhere, and so are the words for types, states and kinds of NAT. So rows are read by their place.
"""

from dataclasses import dataclass
from typing import Final

from doctl.errors import LocalError
from doctl.net import programs
from doctl.printable import printable

COMMAND: Final = ("netsh", "interface", "teredo", "show", "state")
STATES: Final = ("offline", "dormant", "probe", "qualified")
"""The first words of every state that is known."""
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class TeredoState:
    """The client's settings and state, made safe to show; what it does not tell is empty.

    ``type`` is ``disabled``, ``client``, ``enterpriseclient``, ``default``, ... ``state`` begins with one of STATES.
    ``port`` is ``unspecified`` unless it is set. ``error`` is in the language of the system. ``nat``, ``local`` and
    ``external`` (addresses with ports) are told while it is qualified.
    """

    type: str
    server: str
    port: str
    state: str
    error: str = ""
    nat: str = ""
    local: str = ""
    external: str = ""


async def read(timeout: float) -> TeredoState:
    """Ask netsh; LocalError where it does not tell."""
    said = await programs.ask(COMMAND, timeout)
    if said.code != 0:
        raise LocalError(f"netsh failed with exit code {said.code}")
    return parse_state(said.output)


def parse_state(text: str) -> TeredoState:
    """Read what netsh said; LocalError where that is not the whole of a state."""
    values = [value.strip() for line in text.splitlines() for _, colon, value in [line.partition(":")] if colon]
    if not text.strip():
        raise LocalError("netsh said nothing at all")
    if len(values) < 5 or not values[4].lower().startswith(STATES):
        raise LocalError("netsh did not tell the state, which it tells administrators only")
    rows = [printable(value, _LONGEST) for value in values] + [""] * 6
    kind, server, _, port, state = rows[:5]
    if state.lower().startswith("offline"):
        return TeredoState(kind, server, port, state, error=rows[5])
    return TeredoState(kind, server, port, state, nat=rows[7], local=rows[9], external=rows[10])
