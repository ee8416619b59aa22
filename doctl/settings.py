"""The DO* settings: defaults, where each value came from, boundary groups."""

import difflib
import enum
import ipaddress
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from doctl.errors import UsageError


class DownloadMode(enum.IntEnum):
    """Where content may come from; BYPASS hands the job to BITS and is gone in Windows 11."""

    HTTP_ONLY = 0
    LAN = 1
    GROUP = 2
    INTERNET = 3
    SIMPLE = 99
    BYPASS = 100


MODES: Final[Mapping[int, str]] = {
    DownloadMode.HTTP_ONLY: "HTTP only",
    DownloadMode.LAN: "LAN",
    DownloadMode.GROUP: "Group",
    DownloadMode.INTERNET: "Internet",
    DownloadMode.SIMPLE: "Simple",
    DownloadMode.BYPASS: "Bypass",
}
"""Download modes by number, as people know them."""
PEER_MODES: Final = frozenset({DownloadMode.LAN, DownloadMode.GROUP, DownloadMode.INTERNET})
TEREDO_MODES: Final = frozenset({DownloadMode.GROUP, DownloadMode.INTERNET})
"""The modes whose peers may be behind other NATs."""
MOST_TEXT: Final = 1 << 18
"""Characters of a settings file that are read at most."""
MOST_NETWORKS: Final = 10_000

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

ENVIRONMENT: Final = "DOCTL_"
"""What stands before a setting's name in capitals in the environment: ``DOCTL_DODOWNLOADMODE``."""
POLICY_KEY: Final = r"SOFTWARE\Policies\Microsoft\Windows\DeliveryOptimization"
"""Where Windows has the policy, below HKEY_LOCAL_MACHINE."""

MANY: Final = 12
"""So many names are too long a list for one line."""
_DWORD = 2**32 - 1
_GUID = re.compile(r"\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?", re.IGNORECASE)


class Kind(enum.StrEnum):
    """What values a setting takes."""

    NUMBER = "number"
    SWITCH = "switch"
    TEXT = "text"
    GUID = "guid"


class Origin(enum.StrEnum):
    """Where a value came from, the strongest first."""

    BOUNDARY = "boundary"
    OPTION = "option"
    FILE = "file"
    ENVIRONMENT = "environment"
    REGISTRY = "registry"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """One DO* policy: ``low`` and ``high`` bound a number, ``choices`` lists the only ones, ``unit`` says of what."""

    name: str
    kind: Kind
    default: int | str | None
    unit: str = ""
    low: int = 0
    high: int = _DWORD
    choices: tuple[int, ...] = ()


def _number(name: str, default: int | None, unit: str = "", low: int = 0, high: int = _DWORD) -> Setting:
    return Setting(name, Kind.NUMBER, default, unit, low, high)


def _choice(name: str, default: int | None, *choices: int) -> Setting:
    return Setting(name, Kind.NUMBER, default, choices=choices)


SETTINGS: Final[Mapping[str, Setting]] = {
    row.name: row
    for row in (
        _choice("DODownloadMode", 1, *MODES),
        Setting("DOGroupId", Kind.GUID, None),
        _choice("DOGroupIdSource", 0, 0, 1, 2, 3, 4, 5),
        _choice("DORestrictPeerSelectionBy", 1, 0, 1, 2),
        _number("DOMinRAMAllowedToPeer", 4, "GB"),
        _number("DOMinDiskSizeAllowedToPeer", 32, "GB"),
        _number("DOMinFileSizeToCache", 50, "MB"),
        _number("DOMaxCacheAge", 259_200, "s"),
        _number("DOMaxCacheSize", 20, "%", 1, 100),
        _number("DOAbsoluteMaxCacheSize", 10, "GB"),
        Setting("DOModifyCacheDrive", Kind.TEXT, "%SYSTEMDRIVE%"),
        _number("DOMonthlyUploadDataCap", 20, "GB"),
        _number("DOMinBackgroundQoS", 2500, "KB/s"),
        _number("DOMaxForegroundDownloadBandwidth", 0, "KB/s"),
        _number("DOMaxBackgroundDownloadBandwidth", 0, "KB/s"),
        _number("DOPercentageMaxForegroundBandwidth", 0, "%", 0, 100),
        _number("DOPercentageMaxBackgroundBandwidth", 0, "%", 0, 100),
        Setting("DOSetHoursToLimitBackgroundDownloadBandwidth", Kind.TEXT, None),
        Setting("DOSetHoursToLimitForegroundDownloadBandwidth", Kind.TEXT, None),
        _number("DODelayBackgroundDownloadFromHttp", None, "s"),
        _number("DODelayForegroundDownloadFromHttp", None, "s"),
        _number("DODelayCacheServerFallbackBackground", None, "s"),
        _number("DODelayCacheServerFallbackForeground", None, "s"),
        Setting("DOAllowVPNPeerCaching", Kind.SWITCH, 0, high=1),
        Setting("DOVpnKeywords", Kind.TEXT, "VPN,Secure,Virtual Private Network"),
        Setting("DODisallowCacheServerDownloadsOnVPN", Kind.SWITCH, 0, high=1),
        _number("DOMinBatteryPercentageAllowedToUpload", 0, "%", 0, 100),
        Setting("DOCacheHost", Kind.TEXT, None),
        _choice("DOCacheHostSource", None, 1, 2),
    )
}
"""Every setting by name. A default of None means that the setting is not made; 0 often means unlimited or off."""


class Value(NamedTuple):
    """A setting's value, the kind of place it came from, and which one: a file's name, an option, a registry key."""

    value: int | str | None
    origin: Origin
    where: str = ""


@dataclass(frozen=True, slots=True)
class Boundary:
    """A boundary group: inside ``networks`` the download mode is ``download_mode``. ``name`` is for people."""

    networks: tuple[IPNetwork, ...]
    download_mode: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with where its value came from, and the boundary groups."""

    values: Mapping[str, Value]
    boundaries: tuple[Boundary, ...] = ()

    def number(self, name: str) -> int | None:
        """Return a numeric setting or switch, None where it is not made."""
        value = self.values[name].value
        return value if isinstance(value, int) else None

    def text(self, name: str) -> str:
        """Return a text setting, empty where it is not made."""
        value = self.values[name].value
        return value if isinstance(value, str) else ""

    def words(self, name: str) -> tuple[str, ...]:
        """Return the parts of a comma-separated setting, without blank ones."""
        return tuple(word.strip() for word in self.text(name).split(",") if word.strip())


def defaults() -> Settings:
    """Return Windows' own defaults."""
    return Settings({name: Value(row.default, Origin.DEFAULT) for name, row in SETTINGS.items()})


def layered(*layers: Settings | Mapping[str, Value], base: Settings | None = None) -> Settings:
    """Return ``base`` (the defaults) with ``layers`` over it, the last one strongest."""
    result = base or defaults()
    for layer in layers:
        values, boundaries = (layer.values, layer.boundaries) if isinstance(layer, Settings) else (layer, ())
        result = Settings({**result.values, **values}, boundaries + result.boundaries)
    return result


def effective(settings: Settings, addresses: Iterable[IPAddress]) -> Settings:
    """Return what boundary groups make of the settings on a machine with ``addresses``.

    The narrowest network that holds an address decides; of equally narrow ones the first.
    """
    inside = _boundary_at(settings.boundaries, list(addresses))
    if inside is None:
        return settings
    boundary, network = inside
    where = f"{boundary.name} {network}".strip()
    mode = Value(boundary.download_mode, Origin.BOUNDARY, where)
    return replace(settings, values={**settings.values, "DODownloadMode": mode})


def may_have_peers(settings: Settings) -> bool:
    """Whether the download mode uses peers, here or in any boundary group that this machine may come to."""
    return bool(PEER_MODES & possible_modes(settings))


def possible_modes(settings: Settings) -> frozenset[int]:
    """Return the download mode and those of all boundary groups."""
    made = settings.number("DODownloadMode")
    return frozenset({1 if made is None else made, *(boundary.download_mode for boundary in settings.boundaries)})


def _boundary_at(boundaries: tuple[Boundary, ...], addresses: list[IPAddress]) -> tuple[Boundary, IPNetwork] | None:
    matches = [
        (boundary, network)
        for boundary in boundaries
        for network in boundary.networks
        if any(address in network for address in addresses)
    ]
    return max(matches, key=lambda match: match[1].prefixlen / match[1].max_prefixlen, default=None)


def read_settings(text: str, where: str) -> Settings:
    """Read a settings file in TOML; only what it sets is in the result.

    ``where`` names the file in messages and values. Raises UsageError for anything that is not exactly right.
    """
    if len(text) > MOST_TEXT:
        raise UsageError(f"{where}: longer than {MOST_TEXT} characters; a settings file is short")
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: not TOML: {error}") from error
    _known(document, ("settings", "boundary"), where)
    table = document.get("settings", {})
    if not isinstance(table, dict):
        raise UsageError(f"{where}: settings must be a table: write [settings]")
    _known(table, SETTINGS, f"{where} [settings]")
    values = {name: Value(checked(name, value, where), Origin.FILE, where) for name, value in table.items()}
    return Settings(values, _boundaries(document.get("boundary", []), where))


def read_environment(environment: Mapping[str, str]) -> dict[str, Value]:
    """Read the settings in ``environment``, each ``DOCTL_`` and its name in capitals; an empty one is not made.

    Raises UsageError for one that is unknown or whose value will not do.
    """
    names = {f"{ENVIRONMENT}{name.upper()}": name for name in SETTINGS}
    made = {key: text for key, text in environment.items() if key.startswith(f"{ENVIRONMENT}DO") and text}
    _known(made, names, "the environment")
    return {names[key]: Value(of_text(names[key], text, key), Origin.ENVIRONMENT, key) for key, text in made.items()}


def read_policy(values: Mapping[str, object]) -> tuple[dict[str, Value], tuple[str, ...]]:
    """Read what the registry's policy key holds; also return a line for each value that will not do and is left out."""
    where = f"HKLM\\{POLICY_KEY}"
    found: dict[str, Value] = {}
    problems: list[str] = []
    for name, value in values.items():
        try:
            found[name] = Value(checked(name, value, where), Origin.REGISTRY, where)
        except UsageError as error:
            problems.append(f"{error}; it is left out")
    return found, tuple(problems)


def read_assignment(text: str, where: str) -> tuple[str, Value]:
    """Read ``NAME=VALUE`` as it is written on a command line; ``where`` names the option."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{where}: {_shown(text)} has no value; write DODownloadMode=1")
    _known({name: value}, SETTINGS, where)
    return name, Value(of_text(name, value, where), Origin.OPTION, where)


def of_text(name: str, text: str, where: str) -> int | str:
    """Return the value of setting ``name`` from ``text``, where a number has digits and no quotes."""
    is_number = SETTINGS[name].kind in (Kind.NUMBER, Kind.SWITCH) and re.fullmatch("[0-9]{1,10}", text.strip())
    return checked(name, int(text) if is_number else text, where)


def checked(name: str, value: object, where: str) -> int | str:
    """Return the value of setting ``name`` if it is of the right type and in range, else raise UsageError."""
    row = SETTINGS[name]
    if row.kind in (Kind.TEXT, Kind.GUID):
        return _text(row, value, where)
    if isinstance(value, bool) and row.kind is Kind.SWITCH:
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError(f"{where}: {name} is {_shown(value)}; it must be a whole number")
    if row.choices and value not in row.choices:
        raise UsageError(f"{where}: {name} is {_shown(value)}; it must be one of {', '.join(map(str, row.choices))}")
    if not row.low <= value <= row.high:
        raise UsageError(
            f"{where}: {name} is {_shown(value)}; it must be from {row.low} to {row.high} {row.unit}".rstrip()
        )
    return value


def _text(row: Setting, value: object, where: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{where}: {row.name} is {_shown(value)}; it must be text in quotes")
    if row.kind is Kind.GUID and not _GUID.fullmatch(value):
        example = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
        raise UsageError(f"{where}: {row.name} is {_shown(value)}; it must be a GUID such as {example}")
    return value


def _meant(text: str) -> str:
    """Return the range that an address with a prefix lies in, else how one is written."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return "a range such as 10.8.0.0/16"


def read_network(text: object, where: str) -> IPNetwork:
    """Read an address range such as ``10.8.0.0/16``; UsageError when it is none or has host bits set."""
    try:
        if isinstance(text, str):
            return ipaddress.ip_network(text)
    except ValueError as error:
        raise UsageError(f"{where}: {error}; write {_meant(str(text))}") from error
    raise UsageError(f"{where}: {_shown(text)} is not a range; write one in quotes such as 10.8.0.0/16")


def _boundaries(rows: object, where: str) -> tuple[Boundary, ...]:
    if not isinstance(rows, list):
        raise UsageError(f"{where}: boundary must be a list of tables: write [[boundary]]")
    result = tuple(_boundary(row, f"{where} [[boundary]] {number}") for number, row in enumerate(rows, 1))
    if sum(len(boundary.networks) for boundary in result) > MOST_NETWORKS:
        raise UsageError(f"{where}: more than {MOST_NETWORKS} ranges in boundary groups")
    return result


def _boundary(row: object, where: str) -> Boundary:
    if not isinstance(row, dict):
        raise UsageError(f"{where}: must be a table")
    _known(row, ("name", "cidr", "download_mode"), where)
    ranges, name = row.get("cidr"), row.get("name", "")
    if not isinstance(ranges, list) or not ranges:
        raise UsageError(f'{where}: needs ranges: write cidr = ["10.8.0.0/16"]')
    if "download_mode" not in row:
        raise UsageError(f"{where}: needs a mode: write download_mode = 0")
    if not isinstance(name, str):
        raise UsageError(f"{where}: name is {_shown(name)}; it must be text in quotes")
    mode = checked("DODownloadMode", row["download_mode"], where)
    assert isinstance(mode, int)  # noqa: S101 - checked() returns numbers for numeric settings
    return Boundary(tuple(read_network(text, where) for text in ranges), mode, name)


def _known(table: Mapping[str, object], names: Collection[str], where: str) -> None:
    """Raise UsageError for the first key of ``table`` that is not one of ``names``, with the nearest that is."""
    for key in table:
        if key not in names:
            by_folded = {name.casefold(): name for name in names}
            near = difflib.get_close_matches(key[:100].casefold(), by_folded, n=1)
            every = f"known are {', '.join(names)}" if len(names) < MANY else "doctl settings shows every one there is"
            hint = f"did you mean {by_folded[near[0]]}?" if near else every
            raise UsageError(f"{where}: unknown key {_shown(key)}; {hint}")


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, tables thousands deep
        return "something huge"
    return text if len(text) <= 60 else f"{text[:57]}..."
