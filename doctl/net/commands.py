"""The commands with which a user tries the same thing on this system; shown in remedies and never run."""

import re
from typing import Final

_SAFE_ALIAS: Final = re.compile(r"[\w .()+#-]{1,100}")
_SAFE_DEVICE: Final = re.compile(r"\w[\w.+-]{0,30}")


def look_up(name: str, platform: str) -> str:
    """Return the command that looks ``name`` up as programs do; ``platform`` is as ``sys.platform`` has it."""
    command = {"win32": "Resolve-DnsName", "linux": "getent ahosts"}.get(platform, "host")
    return f"{command} {name}"


def trace(host: str, platform: str) -> str:
    """Return the command that shows the way to ``host``."""
    return f"{'tracert' if platform == 'win32' else 'traceroute'} {host}"


def show_route(address: str, platform: str) -> str:
    """Return the command that shows which way packets to ``address`` leave."""
    if platform == "win32":
        return f"Find-NetRoute -RemoteIPAddress {address}"
    if platform == "linux":
        return f"ip route get {address}"
    return f"route -n get {'-inet6 ' if ':' in address else ''}{address}"


def add_route(address: str, gateway: str, adapter: str, platform: str) -> str:
    """Return the command that has packets to ``address`` leave by ``gateway`` on ``adapter``, whatever a VPN wants.

    Empty where the name of the adapter could end the command.
    """
    ipv6 = ":" in address
    prefix = f"{address}/{128 if ipv6 else 32}"
    if platform == "win32":
        command = f'New-NetRoute -DestinationPrefix {prefix} -InterfaceAlias "{adapter}" -NextHop {gateway}'
        return command if _SAFE_ALIAS.fullmatch(adapter) else ""
    if not _SAFE_DEVICE.fullmatch(adapter):
        return ""
    if platform == "linux":
        return f"sudo ip route add {prefix} via {gateway} dev {adapter}"
    scope = f"%{adapter}" if gateway.startswith("fe80:") else ""
    return f"sudo route -n add {'-inet6' if ipv6 else '-inet'} -host {address} {gateway}{scope}"
