"""Tokens: who may join swarms, and who may publish content."""

import hmac
from dataclasses import dataclass
from typing import Final

from doctl.errors import UsageError

MOST_TOKENS: Final = 1000
SHORTEST: Final = 16
LONGEST: Final = 256
_SCHEME: Final = "bearer "


@dataclass(frozen=True, slots=True)
class Tokens:
    """What allows to join, and what allows to publish as well; ``join`` is None where anybody may join."""

    join: tuple[str, ...] | None = None
    publish: tuple[str, ...] = ()

    def may_join(self, authorization: str) -> bool:
        """Whether a request with this ``Authorization`` may join and list swarms."""
        return self.join is None or _is_one_of(authorization, self.join) or self.may_publish(authorization)

    def may_publish(self, authorization: str) -> bool:
        """Whether it may publish; without tokens nobody may."""
        return _is_one_of(authorization, self.publish)


def parse_tokens(text: str, where: str) -> Tokens:
    """Read a token file: a token a line, ``publish`` before those that may publish, ``#`` before a remark."""
    lines = [line.strip() for line in text.splitlines()]
    words = [line.split() for line in lines if line and not line.startswith("#")]
    if len(words) > MOST_TOKENS:
        raise UsageError(f"{where}: more than {MOST_TOKENS} tokens")
    if not words:
        raise UsageError(f"{where}: holds no token, so that nobody could join; openssl rand -hex 16 makes one")
    for line in words:
        _check(line, where)
    return Tokens(
        tuple(line[0] for line in words if len(line) == 1), tuple(line[1] for line in words if len(line) == 2)
    )


def _check(words: list[str], where: str) -> None:
    if len(words) > 2 or (len(words) == 2 and words[0] != "publish"):
        raise UsageError(f"{where}: a line is a token, or publish and a token")
    if not SHORTEST <= len(words[-1]) <= LONGEST or not words[-1].isascii():
        raise UsageError(
            f"{where}: a token has {SHORTEST} to {LONGEST} ASCII characters; openssl rand -hex 16 makes one"
        )


def _is_one_of(authorization: str, tokens: tuple[str, ...]) -> bool:
    if not authorization.lower().startswith(_SCHEME):
        return False
    given = authorization[len(_SCHEME) :].strip().encode()
    same = [hmac.compare_digest(given, token.encode()) for token in tokens]  # all of them, so that time tells nothing
    return any(same)
