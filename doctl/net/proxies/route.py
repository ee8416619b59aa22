"""Decides which proxy applies to a URL, and says why; pure: what the system says comes in as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from doctl.errors import UsageError
from doctl.net.proxies.address import Proxy
from doctl.net.proxies.exclusions import Destination, environment_rule, system_rule
from doctl.printable import printable

VARIABLES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
"""The variables of the environment that count, in lower case or upper case; lower case wins."""
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class SystemSettings:
    """What the operating system's own proxy settings say; each field may be empty.

    ``owner`` names the settings for a message. ``proxies`` has ``http`` and ``https`` as keys and addresses as written
    there. ``exceptions`` are entries as written there. Where ``loopback_direct``, this machine is never asked through a
    proxy.
    """

    owner: str
    proxies: Mapping[str, str] = field(default_factory=dict)
    exceptions: tuple[str, ...] = ()
    loopback_direct: bool = False
    pac_url: str = ""
    auto_detect: bool = False


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """Everything this machine says about proxies.

    ``environment`` has the variables that are set, by their names. ``system`` is None where the system has no settings
    of its own or they could not be read, which ``unreadable`` then tells. ``winhttp`` is the proxy of
    ``netsh winhttp``, ``direct``, or empty where it is unknown. ``own_addresses`` are this machine's, for PAC scripts.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    system: SystemSettings | None = None
    unreadable: str = ""
    winhttp: str = ""
    own_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """How a URL is reached and why: through ``proxy``, or directly where that is None.

    ``source`` is ``option``, ``environment``, ``system`` or ``none``. Where ``pac_url`` is set a script decides, and
    ``proxy`` is not known until it was run. ``notes`` are sentences about what else is set; ``warning`` is one about
    something that makes Delivery Optimization go another way.
    """

    proxy: Proxy | None
    source: str
    why: str
    pac_url: str = ""
    notes: tuple[str, ...] = ()
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line says: at most one of a proxy, a PAC (URL or file) and no proxy."""

    proxy: str | None = None
    pac: str | None = None
    direct: bool = False

    def __post_init__(self) -> None:
        if sum((self.proxy is not None, self.pac is not None, self.direct)) > 1:
            raise UsageError("--proxy, --pac and --direct exclude each other: give one of them")


def destination(url: str) -> Destination:
    """Return where an http or https ``url`` leads; UsageError for anything else."""
    try:
        parts = urlsplit(url)
        if parts.scheme in _PORTS and parts.hostname:
            return Destination(parts.scheme, parts.hostname.rstrip("."), parts.port or _PORTS[parts.scheme])
    except ValueError:
        pass
    raise UsageError(f'"{printable(url, 80)}" is not usable: write http://HOST/PATH or https://HOST/PATH')


def choose(url: str, choice: Choice, settings: ProxySettings) -> Route:
    """Return the route of ``url``: by the command line, else by the environment, else by the system; else directly."""
    where = destination(url)
    if choice.direct:
        return Route(None, "option", "--direct")
    if choice.proxy is not None:
        return Route(Proxy.parse(choice.proxy), "option", "--proxy")
    if choice.pac is not None:
        return Route(None, "option", "--pac", pac_url=choice.pac)
    by_system = _by_system(where, settings)
    by_environment = _by_environment(where, settings.environment)
    if by_environment is None:
        return by_system
    return replace(by_environment, warning=_disagreement(by_environment, by_system, settings))


def _by_environment(where: Destination, environment: Mapping[str, str]) -> Route | None:
    """Return the route by the environment, or None where no variable applies."""
    name = next((n for n in _names(f"{where.scheme}_proxy", "all_proxy") if environment.get(n, "").strip()), None)
    if name is None:
        return None
    for exclusions in _names("no_proxy"):
        if entry := environment_rule(where, environment.get(exclusions, "")):
            why = f"{exclusions} in the environment names {printable(entry, 80)}, which goes past {name}"
            return Route(None, "environment", why)
        if environment.get(exclusions):
            break
    return Route(_parsed(environment[name], f"{name} in the environment"), "environment", f"{name} in the environment")


def _names(*lower: str) -> list[str]:
    return [name for each in lower for name in (each, each.upper())]


def _by_system(where: Destination, settings: ProxySettings) -> Route:
    system = settings.system
    if system is None:
        unreadable = (settings.unreadable,) if settings.unreadable else ()
        return Route(None, "none", "no proxy is set", notes=unreadable)
    notes = _about(system, settings)
    if system.pac_url:
        return Route(None, "system", f"{system.owner}: a PAC script", system.pac_url, notes)
    address = system.proxies.get(where.scheme, "")
    if not address:
        return Route(None, "none", f"{system.owner}: no proxy is set for {where.scheme}", notes=notes)
    if reason := _past(where, system):
        return Route(None, "system", f"{system.owner}: {reason}", notes=notes)
    return Route(_parsed(address, system.owner), "system", f"{system.owner}: a fixed proxy", notes=notes)


def _past(where: Destination, system: SystemSettings) -> str:
    """Return why ``where`` goes past the fixed proxy, or nothing."""
    if system.loopback_direct and where.loopback and "<-loopback>" not in system.exceptions:
        return "this machine itself is never asked through a proxy"
    entry = system_rule(where, system.exceptions)
    return f"the exception {printable(entry, 80)} covers the host" if entry else ""


def _about(system: SystemSettings, settings: ProxySettings) -> tuple[str, ...]:
    notes = []
    if system.auto_detect:
        notes.append(
            f"{system.owner}: automatic detection (WPAD) is on and comes first; what DHCP option 252 or "
            "http://wpad.DOMAIN/wpad.dat would say was not asked, since only --pac URL asks"
        )
    if settings.winhttp not in ("", "direct"):
        notes.append(
            f"WinHTTP has a proxy of its own ({printable(settings.winhttp, 120)}), "
            "which loses to these settings while a user is signed in"
        )
    return tuple(notes)


def _disagreement(chosen: Route, by_system: Route, settings: ProxySettings) -> str:
    """Say where the environment, which only programs like doctl read, hides what the system would do."""
    if settings.system is None or (not by_system.pac_url and by_system.proxy == chosen.proxy):
        return ""
    says = "by a PAC script" if by_system.pac_url else str(by_system.proxy) if by_system.proxy else "directly"
    return (
        "Delivery Optimization does not read the environment: it goes by the system's own settings, "
        f"{says} ({by_system.why})"
    )


def _parsed(address: str, owner: str) -> Proxy:
    try:
        return Proxy.parse(address)
    except UsageError as error:
        raise UsageError(f"{owner}: {error}") from None
