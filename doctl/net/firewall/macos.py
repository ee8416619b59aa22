"""Asks the two firewalls of macOS: the application firewall (socketfilterfw) and pf."""

import asyncio
import re
from typing import Final

from doctl.errors import LocalError
from doctl.net import programs
from doctl.net.firewall import Direction, Flow, Ruling, Verdict, pf
from doctl.net.firewall.chains import quoted

TOOL: Final = "socketfilterfw"
APPLICATION_FIREWALL: Final = "/usr/libexec/ApplicationFirewall/socketfilterfw"


async def rulings(flow: Flow, timeout: float) -> tuple[Ruling, ...]:
    """Return what both say about ``flow``; the application firewall has no say in what goes out."""
    asked = [_packet_filter(flow, timeout)]
    if flow.direction is Direction.IN:
        asked.append(_application_firewall(timeout))
    return tuple(await asyncio.gather(*asked))


async def _application_firewall(timeout: float) -> Ruling:
    try:
        said = await programs.ask([APPLICATION_FIREWALL, "--getglobalstate", "--getblockall"], timeout)
    except LocalError as error:
        return Ruling(TOOL, Verdict.UNKNOWN, str(error))
    return judge(said.output)


def judge(text: str) -> Ruling:
    """Return what the application firewall does with inbound connections, from its state and its block-all switch."""
    state = re.search(r"\(State = ([012])\)", text)
    if state is None:
        return Ruling(TOOL, Verdict.UNKNOWN, "the application firewall does not say whether it is on")
    evidence = quoted(text.splitlines())
    if state[1] == "0":
        return Ruling(TOOL, Verdict.ALLOWED, "the application firewall is off", evidence)
    if state[1] == "2" or re.search(r"block all.*(enabled|non-essential)", text, re.IGNORECASE):
        return Ruling(TOOL, Verdict.BLOCKED, "the application firewall blocks all inbound connections", evidence)
    return Ruling(TOOL, Verdict.LIMITED, "the application firewall decides program by program", evidence)


async def _packet_filter(flow: Flow, timeout: float) -> Ruling:
    try:
        info, rules = await asyncio.gather(
            *(programs.ask(["pfctl", "-s", what], timeout) for what in ("info", "rules"))
        )
    except LocalError as error:
        return Ruling(pf.TOOL, Verdict.UNKNOWN, str(error))
    if info.code != 0 or rules.code != 0:
        return Ruling(pf.TOOL, Verdict.UNKNOWN, "reading pf needs root", quoted([info.errors]))
    return pf.judge(info.output, rules.output, flow)
