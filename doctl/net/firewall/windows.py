"""Asks the Windows firewall through PowerShell, and says what its rules do with a connection.

The script names every property that is read, so that what comes back has the shape of the script and not of some
version of PowerShell. In the active policy a rule that blocks beats one that allows; where none matches, the profile's
default decides.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from doctl.endpoints import PEER_PORT, TEREDO_PORT
from doctl.errors import LocalError
from doctl.net import programs
from doctl.net.firewall import Direction, Flow, Ruling, Verdict
from doctl.net.firewall.chains import Action, Chain, Match, Rule, all_of, alternatives, any_of, ends_of, quoted, ruling
from doctl.net.firewall.packet import yes_if

TOOL: Final = "windows"
OWNERS: Final = {PEER_PORT: "dosvc", TEREDO_PORT: "iphlpsvc"}
"""The service, inside svchost.exe, whose traffic a port is: Delivery Optimization, and IP Helper for Teredo."""
PROFILES: Final = {"DomainAuthenticated": "Domain", "Private": "Private", "Public": "Public"}
"""The firewall profile of each category of network."""
DEFAULTS: Final = {"in": ("DefaultInboundAction", "Block"), "out": ("DefaultOutboundAction", "Allow")}
ACTIONS: Final = {"Allow": Action.ACCEPT, "Block": Action.DROP}
SCRIPT: Final = r"""
$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'
[Console]::OutputEncoding = [Text.Encoding]::UTF8
$from = @{ PolicyStore = 'ActiveStore' }
function ById($items) { $table = @{}; foreach ($item in $items) { $table[$item.InstanceID] = $item }; $table }
function Texts($values) { $values | ForEach-Object { [string]$_ } }
$ports = ById (Get-NetFirewallPortFilter -All @from)
$programs = ById (Get-NetFirewallApplicationFilter -All @from)
$services = ById (Get-NetFirewallServiceFilter -All @from)
$addresses = ById (Get-NetFirewallAddressFilter -All @from)
$interfaces = ById (Get-NetFirewallInterfaceTypeFilter -All @from)
$security = ById (Get-NetFirewallSecurityFilter -All @from)
$rules = Get-NetFirewallRule @from -Enabled True -Direction %DIRECTION% |
  Where-Object { @('Any', '%PROTOCOL%', '%NUMBER%') -contains [string]$ports[$_.InstanceID].Protocol } |
  ForEach-Object { $id = $_.InstanceID; @{
    Name = [string]$_.Name; DisplayName = [string]$_.DisplayName; Action = [string]$_.Action
    Profile = [string]$_.Profile; Protocol = [string]$ports[$id].Protocol
    LocalPort = @(Texts $ports[$id].LocalPort); RemotePort = @(Texts $ports[$id].RemotePort)
    Program = [string]$programs[$id].Program; Package = [string]$programs[$id].Package
    Service = [string]$services[$id].Service
    LocalAddress = @(Texts $addresses[$id].LocalAddress); RemoteAddress = @(Texts $addresses[$id].RemoteAddress)
    InterfaceType = [string]$interfaces[$id].InterfaceType; Authentication = [string]$security[$id].Authentication
  } }
$profiles = Get-NetFirewallProfile @from | ForEach-Object { @{
  Name = [string]$_.Name; Enabled = [string]$_.Enabled; AllowInboundRules = [string]$_.AllowInboundRules
  DefaultInboundAction = [string]$_.DefaultInboundAction; DefaultOutboundAction = [string]$_.DefaultOutboundAction
} }
$networks = Get-NetConnectionProfile | ForEach-Object { [string]$_.NetworkCategory }
@{ Networks = @($networks); Profiles = @($profiles); Rules = @($rules) } | ConvertTo-Json -Depth 4 -Compress
"""


def script(flow: Flow) -> str:
    """Return the PowerShell that prints the rules for the direction and protocol of ``flow``."""
    direction = "Inbound" if flow.direction is Direction.IN else "Outbound"
    protocol, number = ("TCP", "6") if flow.protocol == "tcp" else ("UDP", "17")
    return SCRIPT.replace("%DIRECTION%", direction).replace("%PROTOCOL%", protocol).replace("%NUMBER%", number)


async def rulings(flow: Flow, timeout: float) -> tuple[Ruling, ...]:
    """Return what the Windows firewall says about ``flow``; unknown where it could not be asked in time."""
    try:
        said = await programs.ask(["powershell", "-NoProfile", "-NonInteractive", "-Command", script(flow)], timeout)
    except LocalError as error:
        return (Ruling(TOOL, Verdict.UNKNOWN, str(error)),)
    if said.code != 0:
        return (Ruling(TOOL, Verdict.UNKNOWN, "PowerShell could not read the rules", quoted([said.errors])),)
    return (judge(said.output, flow),)


def judge(text: str, flow: Flow) -> Ruling:
    """Return what the firewall does with ``flow``, from what the script printed."""
    if not text.strip():
        return Ruling(TOOL, Verdict.UNKNOWN, "PowerShell said nothing at all")
    try:
        told = json.loads(text)
        names = {PROFILES[network] for network in told["Networks"] if network} or {"Public"}
        profiles = [profile for profile in told["Profiles"] if profile["Name"] in names]
        cases = {f"in profile {profile['Name']}": _profile(profile, told["Rules"], flow) for profile in profiles}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Ruling(TOOL, Verdict.UNKNOWN, "the output of PowerShell is not what doctl knows")
    if not cases:
        return Ruling(TOOL, Verdict.UNKNOWN, "no firewall profile is active")
    return alternatives(cases)


def _profile(profile: Mapping[str, str], rules: list[dict[str, Any]], flow: Flow) -> Ruling:
    """Judge one profile, as the script describes it."""
    name = profile["Name"]
    if profile["Enabled"] == "False":
        return Ruling(TOOL, Verdict.ALLOWED, "the firewall is off", (f"profile {name}: Enabled False",))
    if flow.direction is Direction.IN and profile["AllowInboundRules"] == "False":
        evidence = (f"profile {name}: AllowInboundRules False",)
        return Ruling(TOOL, Verdict.BLOCKED, "all inbound connections are blocked, whatever the rules say", evidence)
    key, unless_set = DEFAULTS[flow.direction]
    default = unless_set if profile[key] == "NotConfigured" else profile[key]
    end = Rule(f"profile {name}: {key} {default}", Match.YES, ACTIONS.get(default, Action.OPAQUE), is_policy=True)
    read = [_rule(rule, flow) for rule in rules if rule["Profile"] == "Any" or name in rule["Profile"].split(", ")]
    read.sort(key=lambda rule: rule.action is not Action.DROP)
    return ruling(TOOL, [ends_of(Chain(read, end), {})])


def _rule(rule: Mapping[str, Any], flow: Flow) -> Rule:
    ports = rule["LocalPort"] if flow.direction is Direction.IN else rule["RemotePort"]
    others = rule["RemotePort"] if flow.direction is Direction.IN else rule["LocalPort"]
    conditions = [
        any_of(_port(port, flow.port) for port in ports),
        _open(*others),
        _open(*rule["LocalAddress"], *rule["RemoteAddress"], rule["InterfaceType"]),
        _program(rule, OWNERS.get(flow.port, "")),
        Match.YES if rule["Authentication"] in ("NotRequired", "") else Match.DEPENDS,
    ]
    text = f"{rule['Action']}: {rule['Name']} ({rule['DisplayName']}, {rule['Protocol']} {','.join(ports)})"
    return Rule(text, all_of(conditions), ACTIONS.get(rule["Action"], Action.OPAQUE))


def _port(text: str, port: int) -> Match:
    """Judge one port, range or keyword; the keywords (RPC, Teredo, ...) stand for ports that doctl does not ask for."""
    if text in ("Any", ""):
        return Match.YES
    low, _, high = text.partition("-")
    return yes_if(low.isdigit() and int(low) <= port <= int(high or low))


def _open(*values: str) -> Match:
    """Return YES where a condition leaves everything open."""
    return Match.YES if all(value in ("Any", "") for value in values) else Match.DEPENDS


def _program(rule: Mapping[str, Any], owner: str) -> Match:
    """Judge whose traffic the rule is for: anybody's, or that of the service ``owner``."""
    if rule["Package"] not in ("Any", ""):
        return Match.NO  # an app from the Store
    if rule["Service"] not in ("Any", "", "*"):
        return yes_if(rule["Service"].lower() == owner)
    return yes_if(rule["Program"] in ("Any", "") or rule["Program"].lower().endswith("\\svchost.exe"))
