"""Asks the firewall tools of Linux: nftables and iptables for the kernel's rules, and ufw and firewalld above them."""

import asyncio
import os
from collections.abc import Mapping
from typing import Final

from doctl.errors import LocalError
from doctl.net import programs
from doctl.net.firewall import Flow, Ruling, Verdict, firewalld, iptables, nftables, ufw
from doctl.net.firewall.chains import alternatives, quoted
from doctl.net.firewall.packet import Packet
from doctl.net.programs import Said

QUESTIONS: Final = {
    "nft": ("nft", "-j", "list", "ruleset"),
    "nft-text": ("nft", "-a", "list", "ruleset"),
    "iptables": ("iptables-save",),
    "ip6tables": ("ip6tables-save",),
    "iptables-legacy": ("iptables-legacy-save",),
    "ip6tables-legacy": ("ip6tables-legacy-save",),
    "ufw": ("ufw", "status", "verbose"),
    "firewalld": ("firewall-cmd", "--list-all-zones"),
}
"""Every question to a tool; none of them changes anything."""
NOT_RUNNING: Final = 252
"""The exit code of firewall-cmd where firewalld does not run."""

Answers = Mapping[str, Said]
"""What was said to each question; a tool that is not installed is missing, one that failed to answer has code -1."""


async def rulings(flow: Flow, timeout: float) -> tuple[Ruling, ...]:
    """Return what each tool that is installed and in use says about ``flow``."""
    installed = [name for name, argv in QUESTIONS.items() if programs.find(argv[0])]
    said = await asyncio.gather(*(_ask(QUESTIONS[name], timeout) for name in installed))
    return judge(dict(zip(installed, said, strict=True)), flow, root=os.geteuid() == 0)


async def _ask(argv: tuple[str, ...], timeout: float) -> Said:
    try:
        return await programs.ask(argv, timeout)
    except LocalError as error:
        return Said(-1, "", str(error))


def judge(answers: Answers, flow: Flow, *, root: bool) -> tuple[Ruling, ...]:
    """Return the rulings that follow from what the tools said; without ``root`` an empty answer says nothing."""
    found = [
        *_nftables(answers, flow),
        *_iptables(answers, flow, "", root),
        *_iptables(answers, flow, "-legacy", root),
        *_hidden_legacy(answers),
        *_ufw(answers, flow),
        *_firewalld(answers, flow),
    ]
    if not {"nft", "iptables", "iptables-legacy"} & set(answers):
        found.append(_unknown("kernel", "neither nft nor iptables is installed, so the kernel's rules cannot be read"))
    return tuple(dict.fromkeys(found))


def _unknown(tool: str, why: str, said: str = "") -> Ruling:
    return Ruling(tool, Verdict.UNKNOWN, why, quoted([said] if said.strip() else []))


def _failed(tool: str, said: Said) -> Ruling:
    needs_root = any(words in said.errors for words in ("not permitted", "ermission denied", "need to be root"))
    return _unknown(tool, "reading the rules needs root" if needs_root else "the rules could not be read", said.errors)


def _nftables(answers: Answers, flow: Flow) -> list[Ruling]:
    said = answers.get("nft")
    if said is None:
        return []
    if said.code != 0:
        return [_failed(nftables.TOOL, said)]
    return [nftables.judge(said.output, answers["nft-text"].output, flow, _ceded(answers))]


def _ceded(answers: Answers) -> set[nftables.Table]:
    """Return the nftables tables that iptables-save shows in iptables' own words, which say more."""
    families = {"iptables": "ip", "ip6tables": "ip6"}
    return {
        (family, table)
        for name, family in families.items()
        if name in answers and "(nf_tables)" in answers[name].output
        for table in iptables.read(answers[name].output).rules
    }


def _iptables(answers: Answers, flow: Flow, variant: str, root: bool) -> list[Ruling]:
    """Judge the rules of one variant for both families; where there are none it has no say."""
    cases = {}
    for case, name, ipv6 in (("over IPv4", "iptables", False), ("over IPv6", "ip6tables", True)):
        said = answers.get(name + variant)
        if said is None:
            continue
        if said.code != 0:
            cases[case] = _failed(iptables.TOOL, said)
        elif said.output.strip():
            cases[case] = iptables.judge(said.output, Packet(flow, ipv6))
        elif not root:
            cases[case] = _unknown(iptables.TOOL, "reading the rules needs root")
    return [alternatives(cases)] if cases else []


def _hidden_legacy(answers: Answers) -> list[Ruling]:
    """Say so where there are legacy tables besides those that were shown, and no program to show them."""
    names = ("iptables", "ip6tables")
    hidden = [name for name in names if name in answers and "legacy tables present" in answers[name].errors]
    if all(f"{name}-legacy" in answers for name in hidden):
        return []
    return [_unknown(iptables.TOOL, "there are legacy tables, and no iptables-legacy-save to read them")]


def _ufw(answers: Answers, flow: Flow) -> list[Ruling]:
    said = answers.get("ufw")
    if said is None:
        return []
    ruling = ufw.judge(said.output, flow) if said.code == 0 else _failed(ufw.TOOL, said)
    return [ruling] if ruling else []


def _firewalld(answers: Answers, flow: Flow) -> list[Ruling]:
    said = answers.get("firewalld")
    if said is None or said.code == NOT_RUNNING:
        return []
    ruling = firewalld.judge(said.output, flow) if said.code == 0 else _failed(firewalld.TOOL, said)
    return [ruling] if ruling else []
