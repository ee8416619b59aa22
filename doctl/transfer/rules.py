"""What a transfer may do under the conditions of the moment, which setting says so, and from where; pure."""

import enum
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from doctl.errors import UsageError
from doctl.settings import PEER_MODES, IPAddress, Origin, Settings, effective
from doctl.transfer.desk import Kind

KB: Final = 1_000
MB: Final = 1_000_000
GB: Final = 1_000_000_000
ENOUGH: Final = 2_500_000
"""Bytes a second from peers from which on HTTP leaves to them what they have, in the foreground."""
DNS_SD: Final = 2
"""DORestrictPeerSelectionBy: peers that local discovery finds, which a VPN does not forbid."""
_HOURS: Final = re.compile(r"(\d{1,2})-(\d{1,2}) in (\d{1,3}) out (\d{1,3})")


class Name(enum.StrEnum):
    """The rules, as results call them."""

    DOWNLOAD_MODE = "download_mode"
    OFFLINE = "offline"
    VPN = "vpn"
    MEMORY = "memory"
    DISK = "disk"
    FILE_SIZE = "file_size"
    VPN_UPLOADS = "vpn_uploads"
    METERED = "metered"
    BATTERY = "battery"
    UPLOAD_CAP = "upload_cap"
    VPN_CACHE = "vpn_cache"
    BANDWIDTH = "bandwidth"
    PERCENTAGE = "percentage"
    HOURS = "hours"
    HTTP_DELAY = "http_delay"
    CACHE_DELAY = "cache_delay"
    BACKGROUND_QOS = "background_qos"


NO_PEERS: Final = frozenset({Name.DOWNLOAD_MODE, Name.OFFLINE, Name.VPN, Name.MEMORY, Name.DISK, Name.FILE_SIZE})
NO_UPLOADS: Final = frozenset({Name.VPN_UPLOADS, Name.METERED, Name.BATTERY})


class Ground(enum.StrEnum):
    """Which download it is, as names of settings have it."""

    FORE = "Foreground"
    BACK = "Background"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the world is like at the moment; None where the system does not tell, which forbids nothing.

    ``fetching`` is false for what is only given to others, ``swarm`` for content that cannot come from peers whatever
    the rules are; ``age`` is the transfer's, in seconds; ``minute`` is of the local day; ``offline`` means that every
    link there was is down; ``vpns`` names the adapters in use that count as VPNs; ``battery`` is its percent while the
    machine runs on it, None on mains; ``from_peers`` is what peers bring a second, None where there are none;
    ``sent_to_internet`` counts this month's bytes to Internet peers; ``file_bytes`` is the length of what is fetched or
    shared. The rest is in bytes.
    """

    background: bool = False
    fetching: bool = True
    swarm: bool = True
    age: float = 0.0
    minute: int = 0
    addresses: tuple[IPAddress, ...] = ()
    offline: bool = False
    vpns: tuple[str, ...] = ()
    metered: bool | None = None
    battery: float | None = None
    ram: int | None = None
    disk: int | None = None
    file_bytes: int | None = None
    from_peers: float | None = None
    sent_to_internet: int = 0

    @property
    def ground(self) -> Ground:
        """Whose settings count."""
        return Ground.BACK if self.background else Ground.FORE


class Rule(NamedTuple):
    """A rule that changes what happens: its effect, the setting behind it, its value, and where the value came from."""

    name: Name
    effect: str
    setting: str
    value: int | str | None
    source: str

    def __str__(self) -> str:
        return f"{self.effect}: {self.setting} is {self.value} ({self.source})"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be done; ``rules`` are those that changed something.

    ``most`` is bytes a second for everything that is received, ``percent`` of the link's speed for all but LAN peers;
    ``enough`` is what peers must bring a second before HTTP leaves to them what they have.
    The delays are seconds before HTTP is used beside peers, and before the cache server is left for the origin.
    """

    mode: int
    peering: bool = True
    uploads: bool = True
    uploads_to_internet: bool = True
    cache_server: bool = True
    most: int | None = None
    percent: int | None = None
    enough: int = ENOUGH
    http_delay: int = 0
    cache_delay: int = 0
    rules: tuple[Rule, ...] = ()

    @property
    def why_no_peers(self) -> str:
        """The rules against peers, in words."""
        return "; ".join(str(rule) for rule in self.rules if rule.name in NO_PEERS)

    def may_send_to(self, kind: Kind) -> bool:
        """Whether a peer of ``kind`` may have pieces."""
        return self.uploads and (self.uploads_to_internet or kind is not Kind.INTERNET)


class Hours(NamedTuple):
    """Business hours, and the percentage of the link inside and outside of them; 0 is no limit."""

    start: int
    end: int
    inside: int
    outside: int

    def at(self, minute: int) -> int:
        """Return the percentage at a minute of the day; hours may go past midnight."""
        hour = minute // 60
        within = self.start <= hour < self.end if self.start <= self.end else hour >= self.start or hour < self.end
        return self.inside if within else self.outside


def read_hours(text: str, where: str) -> Hours:
    """Read ``8-17 in 20 out 80``: from 8:00 to 17:00 a fifth of the link, else four fifths. UsageError otherwise."""
    match = _HOURS.fullmatch(text.strip())
    hours = Hours(*map(int, match.groups())) if match else None
    if hours is None or hours.start > 24 or hours.end > 24 or hours.inside > 100 or hours.outside > 100:
        raise UsageError(f"{where}: {text[:60]!r} are no hours with limits in percent; write 8-17 in 20 out 80")
    return hours


def allowed(settings: Settings, now: Conditions) -> Allowed:
    """Say what ``settings`` allow under the conditions ``now``; boundary groups are applied to them here."""
    here = effective(settings, now.addresses)
    about_peers = [*_no_peers(here, now), *_no_uploads(here, now)] if now.swarm else []
    peering = now.swarm and not any(rule.name in NO_PEERS for rule in about_peers)
    about_sources = [*_limits(here, now), *_delays(here, now, peers=peering)] if now.fetching else []
    rules = (*about_peers, *about_sources)
    names = {rule.name for rule in rules}
    return Allowed(
        mode=_mode(here),
        peering=peering,
        uploads=peering and not names & NO_UPLOADS,
        uploads_to_internet=Name.UPLOAD_CAP not in names,
        cache_server=Name.VPN_CACHE not in names,
        most=(here.number(f"DOMax{now.ground}DownloadBandwidth") or 0) * KB or None,
        percent=_percent(here, now)[1],
        enough=_enough(here, now),
        http_delay=_seconds(rules, Name.HTTP_DELAY),
        cache_delay=_seconds(rules, Name.CACHE_DELAY),
        rules=rules,
    )


def too_small(settings: Settings, file_bytes: int) -> Rule | None:
    """Return the rule that keeps peers away from a file of so many bytes, None where there is none."""
    rules = _too_little(settings, Conditions(file_bytes=file_bytes))
    return next((rule for rule in rules if rule.name is Name.FILE_SIZE), None)


def _rule(settings: Settings, name: Name, effect: str, setting: str) -> Rule:
    value = settings.values[setting]
    origin = "default" if value.origin is Origin.DEFAULT else f"{value.origin} {value.where}".strip()
    return Rule(name, effect, setting, value.value, origin)


def _mode(here: Settings) -> int:
    mode = here.number("DODownloadMode")
    return 1 if mode is None else mode


def _no_peers(here: Settings, now: Conditions) -> Iterator[Rule]:
    """Yield each rule that forbids peers, both ways."""
    if _mode(here) not in PEER_MODES:
        yield _rule(here, Name.DOWNLOAD_MODE, "no peers in this download mode", "DODownloadMode")
    if now.offline:
        yield Rule(Name.OFFLINE, "no peers while every link is down", "link", "down", "the system")
    if now.vpns and not here.number("DOAllowVPNPeerCaching") and here.number("DORestrictPeerSelectionBy") != DNS_SD:
        yield _rule(here, Name.VPN, f"no peers on a VPN ({', '.join(now.vpns[:3])})", "DOAllowVPNPeerCaching")
    yield from _too_little(here, now)


def _too_little(here: Settings, now: Conditions) -> Iterator[Rule]:
    """Yield each minimum that was set and is not reached.

    Windows' defaults for these are made for a service that nobody asked for peers; doctl uses them only when asked to.
    """
    needs: tuple[tuple[int | None, str, int, Name, str], ...] = (
        (now.ram, "DOMinRAMAllowedToPeer", GB, Name.MEMORY, "no peers with so little memory"),
        (now.disk, "DOMinDiskSizeAllowedToPeer", GB, Name.DISK, "no peers with so small a disk"),
        (now.file_bytes, "DOMinFileSizeToCache", MB, Name.FILE_SIZE, "no peers for so small a file"),
    )
    for have, setting, unit, name, effect in needs:
        made = here.values[setting].origin is not Origin.DEFAULT
        if have is not None and made and have < (here.number(setting) or 0) * unit:
            yield _rule(here, name, effect, setting)


def _no_uploads(here: Settings, now: Conditions) -> Iterator[Rule]:
    """Yield each rule that forbids uploads: to any peer, or to Internet peers."""
    if now.vpns and not here.number("DOAllowVPNPeerCaching"):
        effect = f"uploads are suspended on a VPN ({', '.join(now.vpns[:3])})"
        yield _rule(here, Name.VPN_UPLOADS, effect, "DOAllowVPNPeerCaching")
    if now.metered:
        yield Rule(Name.METERED, "uploads are suspended on a metered network", "metered", "yes", "the system")
    least = here.number("DOMinBatteryPercentageAllowedToUpload") or 0
    if now.battery is not None and (least == 0 or now.battery < least):
        yield _rule(here, Name.BATTERY, "uploads are suspended on battery", "DOMinBatteryPercentageAllowedToUpload")
    cap = (here.number("DOMonthlyUploadDataCap") or 0) * GB
    if cap and now.sent_to_internet >= cap:
        effect = "this month's uploads to Internet peers are used up"
        yield _rule(here, Name.UPLOAD_CAP, effect, "DOMonthlyUploadDataCap")


def _limits(here: Settings, now: Conditions) -> Iterator[Rule]:
    """Yield each rule that says how much may come, and from where."""
    if now.vpns and here.number("DODisallowCacheServerDownloadsOnVPN") and here.text("DOCacheHost"):
        yield _rule(here, Name.VPN_CACHE, "no cache server on a VPN", "DODisallowCacheServerDownloadsOnVPN")
    bandwidth = f"DOMax{now.ground}DownloadBandwidth"
    if most := here.number(bandwidth):
        yield _rule(here, Name.BANDWIDTH, f"at most {most} KB/s", bandwidth)
    setting, percent = _percent(here, now)
    if percent is not None:
        name = Name.HOURS if "Hours" in setting else Name.PERCENTAGE
        when = " at this hour" if name is Name.HOURS else ""
        yield _rule(here, name, f"{percent} % of the link{when}, LAN peers aside", setting)
    if now.background and now.from_peers is not None and now.from_peers < _enough(here, now):
        yield _rule(here, Name.BACKGROUND_QOS, "HTTP helps peers that are slower than this", "DOMinBackgroundQoS")


def _percent(here: Settings, now: Conditions) -> tuple[str, int | None]:
    """Return the percentage of the link in force and its setting: that of the hours if there are any."""
    hours = f"DOSetHoursToLimit{now.ground}DownloadBandwidth"
    plain = f"DOPercentageMax{now.ground}Bandwidth"
    if text := here.text(hours):
        setting, percent = hours, read_hours(text, here.values[hours].where or hours).at(now.minute)
    else:
        setting, percent = plain, here.number(plain) or 0
    return setting, percent if 0 < percent < 100 else None


def _enough(here: Settings, now: Conditions) -> int:
    return (here.number("DOMinBackgroundQoS") or 0) * KB if now.background else ENOUGH


def _delays(here: Settings, now: Conditions, *, peers: bool) -> Iterator[Rule]:
    """Yield the delays in force; where there are no peers nothing waits for them."""
    http, cache = f"DODelay{now.ground}DownloadFromHttp", f"DODelayCacheServerFallback{now.ground}"
    if peers and (seconds := here.number(http)) and now.age < seconds:
        yield _rule(here, Name.HTTP_DELAY, f"HTTP waits {seconds} s for peers", http)
    if here.text("DOCacheHost") and (seconds := here.number(cache)):
        yield _rule(here, Name.CACHE_DELAY, f"the origin waits {seconds} s for the cache server", cache)


def _seconds(rules: Iterable[Rule], name: Name) -> int:
    return next((rule.value for rule in rules if rule.name is name and isinstance(rule.value, int)), 0)
