"""macOS' proxy settings, as ``scutil --proxy`` prints them."""

import re
from typing import Final

from doctl.errors import LocalError
from doctl.net import programs
from doctl.net.proxies.route import SystemSettings

OWNER: Final = "macOS' network settings"
_LINE: Final = re.compile(r"\s*(\S+) : (.*?)\s*")
_LISTS: Final = re.compile(r"(\w+) : <array> \{([^}]*)\}")
MOST: Final = 1 << 20


async def read(timeout: float) -> SystemSettings:
    """Ask the system; LocalError where it does not say."""
    said = await programs.ask(["scutil", "--proxy"], timeout, MOST)
    if said.code != 0 or "<dictionary>" not in said.output:
        raise LocalError("scutil --proxy said nothing that can be used")
    return parse(said.output)


def parse(output: str) -> SystemSettings:
    """Read the dictionary that ``scutil --proxy`` prints: ``Key : value`` lines, and arrays with numbered lines."""
    lists = {match[1]: match[2] for match in _LISTS.finditer(output)}
    values = _pairs(_LISTS.sub("", output))
    exceptions = tuple(_pairs(lists.get("ExceptionsList", "")).values())
    simple = ("<local>",) if values.get("ExcludeSimpleHostnames") == "1" else ()
    automatic = values.get("ProxyAutoConfigEnable") == "1"
    return SystemSettings(
        owner=OWNER,
        proxies={scheme: _address(values, scheme.upper()) for scheme in ("http", "https")},
        exceptions=exceptions + simple,
        pac_url=values.get("ProxyAutoConfigURLString", "") if automatic else "",
        auto_detect=values.get("ProxyAutoDiscoveryEnable") == "1",
    )


def _pairs(text: str) -> dict[str, str]:
    return {match[1]: match[2] for line in text.splitlines() if (match := _LINE.fullmatch(line))}


def _address(values: dict[str, str], scheme: str) -> str:
    """Return ``host:port`` of the proxy for ``HTTP`` or ``HTTPS``; nothing where that is off."""
    host = values.get(f"{scheme}Proxy", "")
    if values.get(f"{scheme}Enable") != "1" or not host:
        return ""
    port = values.get(f"{scheme}Port", "")
    return f"[{host}]:{port or 80}" if ":" in host else f"{host}:{port or 80}"
