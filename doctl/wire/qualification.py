"""Teredo qualification as a state machine without I/O and clock: what to send when, and which NAT the answers mean.

RFC 4380 section 5.2.1 asks one thing after the other; here everything is asked at once, which gives the same answers in
a third of the time. The question with the cone bit has a local port of its own: its answer is unasked for as a NAT sees
it, and Linux then keeps that port taken, so that the same one would look like a symmetric NAT afterwards.
"""

import enum
import ipaddress
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from doctl.endpoints import Address
from doctl.wire.teredo import CONE_SOURCE, NONCE_SIZE, PLAIN_SOURCE, PREFIX, Answer, Flaw, parse_answer, solicitation


class Nat(enum.StrEnum):
    """What stands between this machine and the Internet, as far as Teredo is concerned."""

    CONE = "cone"
    """Nothing, or a NAT that lets anybody in to a port that was used."""
    RESTRICTED = "restricted"
    """A NAT that lets in those who were sent something; one port outside stands for one inside."""
    SYMMETRIC = "symmetric"
    """A NAT that takes another port, or address, outside for each destination."""
    BLOCKED = "blocked"
    """Nothing comes back."""


class Ask(enum.StrEnum):
    """The three questions."""

    CONE = "cone"
    """Asked of the server, with the cone bit: the answer comes from its second address, if the NAT lets it in."""
    SERVER = "server"
    """Asked of the server's address; the answer comes from there."""
    SECOND = "second"
    """Asked of the server's second address; the answer comes from there."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often each question is put, and the seconds that each try waits; RFC 4380 has 3 tries of 4 s."""

    tries: int = 3
    interval: float = 4.0


@dataclass(frozen=True, slots=True)
class Sending:
    """A datagram to send: from the local port that stands for ``ask``, to ``to``."""

    ask: Ask
    data: bytes
    to: Address


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it. ``nat`` is None where the server answered at one of its addresses only.

    ``mapped`` is the address and port outside (of a cone NAT, those of the question with the cone bit), and
    ``mapped_second`` as the server's second address sees it. ``tries`` has the datagrams sent for each question,
    ``seconds`` how long each answer took from the last of them, and ``ignored`` how many datagrams were no answers, and
    why.
    """

    nat: Nat | None
    mapped: Address | None
    mapped_second: Address | None
    tries: Mapping[Ask, int]
    seconds: Mapping[Ask, float]
    ignored: Mapping[Flaw, int]


@dataclass
class _Question:
    """One question on its way. ``to`` is asked and ``answers`` is who answers."""

    ask: Ask
    to: Address
    answers: Address
    nonce: bytes
    sent: list[float] = field(default_factory=list)
    mapped: Address | None = None
    seconds: float = 0.0

    @property
    def source(self) -> bytes:
        """The IPv6 address that it comes from, and its answer goes to."""
        return CONE_SOURCE if self.ask is Ask.CONE else PLAIN_SOURCE


NONCES_SIZE: Final = NONCE_SIZE * len(Ask)


def second_of(server: Address) -> Address:
    """Return the second address of a server by convention: the next one, same port."""
    number = int(ipaddress.IPv4Address(server.host))
    return Address(str(ipaddress.IPv4Address((number + 1) & 0xFFFFFFFF)), server.port)


class Qualification:
    """One run against ``server``, an IPv4 address, from ``start`` on; ``nonces`` are NONCES_SIZE random bytes.

    Send what is ``due``, hand over each datagram by ``receive``, and look again at ``wake``, until that is None. The
    two questions without the cone bit are sent from one local port, the other one from another.
    """

    def __init__(self, server: Address, second: Address, nonces: bytes, start: float, pace: Pace) -> None:
        ends = {Ask.CONE: (server, second), Ask.SERVER: (server, server), Ask.SECOND: (second, second)}
        self._questions = {
            ask: _Question(ask, *ends[ask], nonces[number * NONCE_SIZE :][:NONCE_SIZE])
            for number, ask in enumerate(Ask)
        }
        self._prefixes = {PREFIX + ipaddress.IPv4Address(each.host).packed for each in (server, second)}
        self._start = start
        self._pace = pace
        self._ignored: Counter[Flaw] = Counter()

    def due(self, now: float) -> list[Sending]:
        """Return what has to be sent by ``now``, and count it as sent."""
        waiting = [each for each in self._questions.values() if self._open(each) and self._next(each) <= now]
        for question in waiting:
            question.sent.append(now)
        return [Sending(each.ask, solicitation(each.nonce, cone=each.ask is Ask.CONE), each.to) for each in waiting]

    def _open(self, question: _Question) -> bool:
        return question.mapped is None and len(question.sent) < self._pace.tries

    def _next(self, question: _Question) -> float:
        """When the present try has waited long enough."""
        return question.sent[-1] + self._pace.interval if question.sent else self._start

    def wake(self, now: float) -> float | None:
        """Return when to look again, or None where there is nothing left to wait for."""
        if self._questions[Ask.CONE].mapped:
            return None
        unanswered = [each for each in self._questions.values() if each.mapped is None]
        times = [self._next(each) for each in unanswered if self._open(each) or self._next(each) > now]
        return min(times, default=None)

    def receive(self, data: bytes, sender: Address, now: float) -> None:
        """Take a datagram; one that is no answer to a question is counted, and changes nothing."""
        answer = parse_answer(data)
        if isinstance(answer, Flaw):
            self._ignored[answer] += 1
            return
        question = next((each for each in self._questions.values() if each.nonce == answer.nonce), None)
        if question is None or not question.sent:
            self._ignored[Flaw.NONCE] += 1
        elif flaw := self._flaw(answer, sender, question):
            self._ignored[flaw] += 1
        elif question.mapped is None:
            question.mapped, question.seconds = answer.mapped, now - question.sent[-1]

    def _flaw(self, answer: Answer, sender: Address, question: _Question) -> Flaw | None:
        if sender != question.answers:
            return Flaw.SENDER
        if answer.destination != question.source:
            return Flaw.DESTINATION
        return None if answer.prefix in self._prefixes else Flaw.PREFIX

    @property
    def result(self) -> Result:
        """What is known by now; final once there is nothing left to wait for."""
        cone, server, second = (self._questions[ask].mapped for ask in Ask)
        return Result(
            nat=_nat(cone, server, second),
            mapped=cone or server or second,
            mapped_second=second,
            tries={ask: len(each.sent) for ask, each in self._questions.items()},
            seconds={ask: each.seconds for ask, each in self._questions.items() if each.mapped},
            ignored=dict(self._ignored),
        )


def _nat(cone: Address | None, server: Address | None, second: Address | None) -> Nat | None:
    """Return what it means where each question was answered with these addresses."""
    if cone:
        return Nat.CONE
    if server and second:
        return Nat.RESTRICTED if server == second else Nat.SYMMETRIC
    return None if server or second else Nat.BLOCKED
