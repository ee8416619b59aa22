"""Windows' proxy settings: the registry's Internet Settings of the user or the machine, and WinHTTP's own proxy."""

import re
import struct
from typing import Final

from doctl.errors import LocalError
from doctl.net import programs, registry
from doctl.net.proxies.exclusions import split_list
from doctl.net.proxies.route import SystemSettings

SETTINGS: Final = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"
POLICY: Final = r"Software\Policies\Microsoft\Windows\CurrentVersion\Internet Settings"
CONNECTION: Final = "DefaultConnectionSettings"
"""A value under Connections. Its layout is not documented: a version, a counter and flags, each 32 bits, and more."""
AUTO_DETECT: Final = 0x08
"""The flag for automatic detection in that value, as many tools read and set it."""
NAMES: Final = ("ProxyEnable", "ProxyServer", "ProxyOverride", "AutoConfigURL")
LONGEST: Final = 65536


def read() -> SystemSettings:
    """Read the registry; LocalError where that fails."""
    policy = registry.values("HKEY_LOCAL_MACHINE", POLICY, ("ProxySettingsPerUser",))
    per_machine = policy.get("ProxySettingsPerUser") == 0
    root = "HKEY_LOCAL_MACHINE" if per_machine else "HKEY_CURRENT_USER"
    connection = registry.values(root, rf"{SETTINGS}\Connections", (CONNECTION,)).get(CONNECTION)
    return interpret(registry.values(root, SETTINGS, NAMES), connection, per_machine=per_machine)


def interpret(values: registry.Values, connection: object, *, per_machine: bool) -> SystemSettings:
    """Return what the values of the key Internet Settings mean; ``connection`` is DefaultConnectionSettings."""
    server = _text(values.get("ProxyServer")) if values.get("ProxyEnable") == 1 else ""
    whose = "the machine" if per_machine else "this user"
    return SystemSettings(
        owner=f"Windows' proxy settings of {whose}",
        proxies=parse_servers(server),
        exceptions=split_list(_text(values.get("ProxyOverride")).lower()),
        loopback_direct=True,
        pac_url=_text(values.get("AutoConfigURL")).strip(),
        auto_detect=_auto_detect(connection),
    )


def _text(value: object) -> str:
    return value[:LONGEST] if isinstance(value, str) else ""


def _auto_detect(connection: object) -> bool:
    if not isinstance(connection, bytes) or len(connection) < 12:
        return False
    flags: int = struct.unpack_from("<I", connection, 8)[0]
    return bool(flags & AUTO_DETECT)


def parse_servers(text: str) -> dict[str, str]:
    """Read ProxyServer, ``host:port`` for all or ``http=host:port;https=host:port``, into an address by scheme."""
    found: dict[str, str] = {}
    for entry in re.split(r"[\s;]+", text.strip()):
        scheme, equals, address = entry.rpartition("=")
        schemes = (scheme.lower(),) if equals else ("http", "https")
        for each in schemes:
            if address and each in ("http", "https"):
                found.setdefault(each, address)
    return found


async def winhttp(timeout: float) -> str:
    """Return the proxy that ``netsh winhttp`` has, ``direct``, or nothing where it does not say."""
    try:
        said = await programs.ask(["netsh", "winhttp", "show", "proxy"], timeout)
    except LocalError:
        return ""
    return parse_winhttp(said.output) if said.code == 0 else ""


def parse_winhttp(output: str) -> str:
    """Read what ``netsh winhttp show proxy`` says, in any language: values stand after a colon and spaces.

    A heading has nothing after its colon. Nothing at all, as where netsh is a stub, says nothing.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    values = [match[1] for line in lines if (match := re.search(r":\s+(\S.*)$", line))]
    if values:
        return values[0].strip()
    return "direct" if len(lines) > 1 else ""
