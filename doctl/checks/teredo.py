"""Which NAT this machine is behind as a Teredo server sees it, and what Windows' own Teredo client says of itself."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from doctl.endpoints import Address
from doctl.errors import LocalError
from doctl.net.probe import Outcome
from doctl.net.teredo import DOCUMENTED, Asked, ask_in_turn
from doctl.printable import printable
from doctl.report import Finding, Found, Status
from doctl.settings import MODES, TEREDO_MODES, Settings, defaults
from doctl.wire.qualification import Ask, Nat, Result

if TYPE_CHECKING:
    from doctl.net.base import Network
    from doctl.net.teredo_state import TeredoState

AREA: Final = "teredo"
RFC: Final = "https://www.rfc-editor.org/rfc/rfc4380#section-5.2.1"
PAGE: Final = "https://learn.microsoft.com/windows/deployment/do/waas-delivery-optimization-faq"
CLIENT: Final = "Windows' Teredo client"


@dataclass(frozen=True, slots=True)
class Options:
    """What to ask: ``servers`` in turn; ``second`` is their second address where it is not the next one.

    Where it is ``asked_for`` by name, each server has ``timeout`` seconds; else all together have them, and nobody is
    asked in a download mode that uses no Teredo.
    """

    servers: tuple[Address, ...] = DOCUMENTED
    second: Address | None = None
    asked_for: bool = False
    settings: Settings = field(default_factory=defaults)
    timeout: float = 5.0


async def run(network: "Network", options: Options, found: Found) -> None:
    """Ask the servers, and on Windows its own client, at once."""
    mode = options.settings.number("DODownloadMode")
    if not options.asked_for and mode not in TEREDO_MODES:
        found(_not_needed(options))
        return
    async with asyncio.TaskGroup() as group:
        group.create_task(_report(_qualified(network, options), found))
        group.create_task(_report(_client(network, options.timeout), found))


async def _report(look: Awaitable[Finding | None], found: Found) -> None:
    finding = await look
    if finding is not None:
        found(finding)


async def _qualified(network: "Network", options: Options) -> Finding:
    start = network.now()
    within = None if options.asked_for else options.timeout
    asked = await ask_in_turn(network, options.servers, options.second, options.timeout, within=within)
    return finding(asked, network.now() - start)


async def _client(network: "Network", timeout: float) -> Finding | None:
    try:
        state = await network.teredo_state(timeout)
    except LocalError as error:
        return client_finding(error)
    return None if state is None else client_finding(state)


def _not_needed(options: Options) -> Finding:
    value = options.settings.values["DODownloadMode"]
    name = MODES.get(int(value.value or 0), "unknown")
    return Finding(
        id="teredo.qualify",
        area=AREA,
        target=str(options.servers[0]),
        status=Status.SKIP,
        reason="not_needed",
        summary=f"Download mode {value.value} ({name}, from {value.where or value.origin}) uses no Teredo.",
        remedy="doctl teredo asks all the same",
        reference=PAGE,
    )


class Verdict(NamedTuple):
    """What a finding says."""

    status: Status
    reason: str
    summary: str
    remedy: str = ""


def finding(asked: Sequence[Asked], duration_s: float) -> Finding:
    """Judge what came of asking servers, of which the first told most."""
    verdict = _verdict(asked[0])
    return Finding(
        id="teredo.qualify",
        area=AREA,
        target=printable(str(asked[0].name), 300),
        status=verdict.status,
        reason=verdict.reason,
        summary=verdict.summary,
        facts=_facts(asked),
        remedy=verdict.remedy,
        reference=RFC,
        duration_s=round(duration_s, 3),
    )


def _verdict(best: Asked) -> Verdict:
    if best.result is None:
        return _not_asked(best)
    if best.result.nat is None:
        return _half(best)
    if best.result.nat is Nat.BLOCKED:
        return _blocked(best)
    return _symmetric(best.result) if best.result.nat is Nat.SYMMETRIC else _through(best.result)


def _not_asked(best: Asked) -> Verdict:
    problem = f"No server could be asked: {printable(best.problem, 200)}."
    if best.server is not None:
        return Verdict(
            Status.UNKNOWN, "not_testable", problem, "Give it more time, --timeout 12; or name another --second"
        )
    remedy = "See that this machine's name server resolves names of the Internet, or name another one with --server"
    return Verdict(Status.FAIL, "dns_failed", problem, remedy)


def _through(result: Result) -> Verdict:
    """Return the verdict on what Teredo works through."""
    cone = result.nat is Nat.CONE
    words = "No NAT, or one that lets anybody in (cone)" if cone else "A restricted NAT, which lets answers in"
    summary = f"{words}: {result.mapped} outside; Teredo works through it."
    return Verdict(Status.PASS, Nat.CONE if cone else Nat.RESTRICTED, summary)


def _symmetric(result: Result) -> Verdict:
    return Verdict(
        Status.FAIL,
        Nat.SYMMETRIC,
        f"A symmetric NAT: the server's two addresses see {result.mapped} and {result.mapped_second}. Teredo as in "
        "RFC 4380 does not work through it; with RFC 6081 some peers behind other kinds of NAT can be reached.",
        "Set the router's NAT to keep one port for all destinations (endpoint-independent mapping, or cone)",
    )


def _half(best: Asked) -> Verdict:
    """Return the verdict where one of the server's two addresses is silent."""
    answered = best.result is not None and Ask.SERVER in best.result.seconds
    silent, reason = (best.second, "second_silent") if answered else (best.server, "first_silent")
    return Verdict(
        Status.UNKNOWN,
        reason,
        f"UDP passes, but {silent} does not answer: without it the kind of NAT cannot be told.",
        f"Allow UDP to both {best.server} and {best.second}, and the answers from there; or name "
        "the server's second address with --second",
    )


def _blocked(best: Asked) -> Verdict:
    ignored = sum(best.result.ignored.values()) if best.result else 0
    how = {
        None: "neither of the server's addresses answered",
        Outcome.REFUSED: "what was sent is refused (ICMP port unreachable)",
        Outcome.UNREACHABLE: "the network says that there is no way, or that it is prohibited",
    }.get(best.rejected, "nothing was delivered")
    unusable = f", and {ignored} datagrams that came were no answers" if ignored else ""
    return Verdict(
        Status.FAIL,
        Nat.BLOCKED,
        f"No Teredo: {how}{unusable}. The port is UDP, although older pages call it TCP.",
        f"Allow UDP (not TCP) to {best.server} and {best.second} on the firewalls on the way, and what comes back",
    )


def _facts(asked: Sequence[Asked]) -> dict[str, object]:
    best = asked[0]
    result = best.result
    facts: dict[str, object] = {
        "nat": result.nat if result else None,
        "mapped": str(result.mapped) if result and result.mapped else None,
        "server": str(best.server) if best.server else None,
        "second": str(best.second) if best.second else None,
        "protocol": "udp",
        "servers": [_one(each) for each in asked],
    }
    if result is None:
        return facts
    same_port = result.mapped.port == best.local_port if result.mapped else None
    return facts | {
        "mapped_second": str(result.mapped_second) if result.mapped_second else None,
        "local_port": best.local_port,
        "port_preserved": same_port,
        "rejected": best.rejected,
        "tries": dict(result.tries),
        "seconds": {ask: round(took, 3) for ask, took in result.seconds.items()},
        "ignored": dict(result.ignored),
    }


def _one(asked: Asked) -> dict[str, object]:
    """Return what came of one server in short."""
    result = None if asked.result is None else asked.result.nat or "undecided"
    return {"name": printable(str(asked.name), 300), "nat": result, "problem": printable(asked.problem, 200)}


def client_finding(state: "TeredoState | LocalError") -> Finding:
    """Judge what Windows' own client says, or why it says nothing."""
    verdict = _of_client(state)
    facts = {} if isinstance(state, LocalError) else {name: getattr(state, name) for name in state.__slots__}
    return Finding(
        id="teredo.client",
        area=AREA,
        target=CLIENT,
        status=verdict.status,
        reason=verdict.reason,
        summary=verdict.summary,
        facts=facts,
        remedy=verdict.remedy,
        reference=PAGE,
    )


def _of_client(state: "TeredoState | LocalError") -> Verdict:
    if isinstance(state, LocalError):
        summary = f"What it says cannot be told: {printable(str(state), 200)}."
        return Verdict(Status.UNKNOWN, "not_told", summary, f"As administrator: {SHOW}")
    if state.type.lower().startswith("disabled"):
        summary = "It is switched off, as Windows has it since version 1803: peers behind other NATs are not reached."
        return Verdict(Status.WARN, "disabled", summary, "netsh interface teredo set state type=default")
    word = state.state.split("(")[0].split()[0].lower()
    summary = f"It is {state.state}, with {state.server or 'no server'}"
    if word == "offline":
        return Verdict(Status.WARN, word, f"{summary}: {state.error or 'no reason is given'}", SHOW)
    if word == "probe":
        return Verdict(Status.WARN, word, f"{summary}: it has no answer yet.", SHOW)
    return Verdict(Status.PASS, word, f"{summary}{f'; NAT: {state.nat}' if state.nat else ''}.")


SHOW: Final = "netsh interface teredo show state"
