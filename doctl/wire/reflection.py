"""What a client and a reflector say to each other: one JSON request, one JSON answer, and the proof in between.

The reflector connects back to whoever asked. With a nonce it then sends ``CHALLENGE_SIZE`` random bytes on that
connection, and whoever answers proves with an HMAC-SHA256 keyed with the nonce that it is the caller, and not some
other machine that shares its public address.
"""

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from doctl.endpoints import PEER_PORT
from doctl.errors import ServiceError, UsageError

CHALLENGE_SIZE: Final = 32
PROOF_SIZE: Final = 32
NONCE_SIZE: Final = 16
MOST_BYTES: Final = 1024
"""Bytes of a request or an answer; real ones have about 150."""
OUTCOMES: Final = ("open", "refused", "filtered", "unreachable")
SHORTEST: Final = 0.2
LONGEST: Final = 5.0
"""Seconds that a reflector may be asked to wait."""


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """Ask to be connected to on ``port``, 7680 or one that needs no rights.

    Without ``nonce`` nothing is sent on that connection. ``timeout_s`` is for connecting and proof together.
    """

    port: int
    nonce: bytes | None = None
    timeout_s: float = LONGEST

    def encode(self) -> bytes:
        """Return the JSON."""
        fields = {"port": self.port, "nonce": self.nonce and self.nonce.hex(), "timeout_s": self.timeout_s}
        return json.dumps(fields).encode()

    @classmethod
    def decode(cls, data: bytes) -> "ProbeRequest":
        """Read the JSON; UsageError says what is wrong with it."""
        fields = _object(data)
        port, nonce, timeout = fields.get("port", PEER_PORT), fields.get("nonce"), fields.get("timeout_s", LONGEST)
        if type(port) is not int or (port != PEER_PORT and not 1024 <= port <= 65535):
            raise UsageError(f"port must be {PEER_PORT} or from 1024 to 65535")
        if not _is_number(timeout):
            raise UsageError("timeout_s must be a number of seconds")
        return cls(port, _nonce(nonce), min(max(float(timeout), SHORTEST), LONGEST))


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What came of it: the caller's address as the reflector saw it, and one of ``OUTCOMES``.

    ``nonce_matched`` is None where there was no nonce or no connection to prove it on.
    """

    address: str
    port: int
    outcome: str
    nonce_matched: bool | None
    duration_s: float

    def encode(self) -> bytes:
        """Return the JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> "ProbeAnswer":
        """Read the JSON; ServiceError when it is not what a reflector says."""
        try:
            fields = _object(data)
        except UsageError:
            fields = {}
        answer = cls(*(fields.get(name) for name in cls.__slots__))  # type: ignore[arg-type] # judged below
        if not _is_answer(answer):
            raise ServiceError("the answer is not that of a reflector")
        return answer


def proof(nonce: bytes, challenge: bytes) -> bytes:
    """Return the ``PROOF_SIZE`` bytes that answer ``challenge``."""
    return hmac.digest(nonce, challenge, hashlib.sha256)


def _object(data: bytes) -> dict[str, Any]:
    if len(data) > MOST_BYTES:
        raise UsageError(f"more than {MOST_BYTES} bytes")
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError("not JSON") from None
    if not isinstance(fields, dict):
        raise UsageError("not a JSON object")
    return fields


def _nonce(text: object) -> bytes | None:
    if text is None:
        return None
    try:
        nonce = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        nonce = b""
    if len(nonce) != NONCE_SIZE:
        raise UsageError(f"nonce must be {NONCE_SIZE} bytes in hexadecimal")
    return nonce


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e9 < value < 1e9


def _is_answer(answer: ProbeAnswer) -> bool:
    return (
        isinstance(answer.address, str)
        and type(answer.port) is int
        and answer.outcome in OUTCOMES
        and (answer.nonce_matched is None or isinstance(answer.nonce_matched, bool))
        and _is_number(answer.duration_s)
    )
