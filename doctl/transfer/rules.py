"""What a transfer may do under the conditions of the moment, which setting says so, and from where; pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from doctl.errors import UsageError
from doctl.settings import PEER_MODES, IPAddress, Origin, Settings, effective
from doctl.transfer.desk import Kind

KB: Final = 1_000
MB: Final = 1_000_000
GB: Final = 1_000_000_000
SLOTS: Final = 4
"""Peers that a device serves at a time."""
DNS_SD: Final = 2
"""DORestrictPeerSelectionBy: peers that local discovery finds, which a VPN does not forbid."""
_HOURS: Final = re.compile(r"(\d{1,2})-(\d{1,2}) in (\d{1,3}) out (\d{1,3})")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the world is like at the moment; None where the system does not tell, which forbids nothing.

    ``minute`` is of the local day; ``vpns`` names the adapters in use that count as VPNs; ``battery`` is its percent
    while the machine runs on it, None on mains; ``sent_to_internet`` counts this month's bytes to Internet peers;
    ``file_bytes`` is the length of what is fetched or shared. The rest is in bytes.
    """

    background: bool = False
    minute: int = 0
    addresses: tuple[IPAddress, ...] = ()
    vpns: tuple[str, ...] = ()
    metered: bool | None = None
    battery: float | None = None
    ram: int | None = None
    disk: int | None = None
    file_bytes: int | None = None
    sent_to_internet: int = 0


class Rule(NamedTuple):
    """A setting that changes what happens: what it does, its name and value, and where the value came from."""

    effect: str
    name: str
    value: int | str | None
    where: str

    def __str__(self) -> str:
        return f"{self.effect}: {self.name} is {self.value} ({self.where})"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be done. ``rules`` are those that changed something, ``no_uploads`` those of them that forbid uploads.

    ``most`` is bytes a second for everything that is received, ``percent`` of the link's speed for all but LAN peers;
    ``enough`` is what peers must bring a second before HTTP leaves it to them, None where HTTP never waits for that.
    The delays are seconds before HTTP is used beside peers, and before the cache server is left for the origin.
    """

    mode: int
    peering: bool = True
    no_uploads: tuple[Rule, ...] = ()
    uploads_to_internet: bool = True
    cache_server: bool = True
    slots: int = SLOTS
    most: int | None = None
    percent: int | None = None
    enough: int | None = None
    http_delay: int = 0
    cache_delay: int = 0
    rules: tuple[Rule, ...] = ()

    @property
    def uploads(self) -> bool:
        """Whether any peer may have pieces."""
        return not self.no_uploads

    def limit(self, kind: Kind, speed: float | None) -> float | None:
        """Return the bytes a second that may come from ``kind``, None for no limit.

        ``speed`` is what the link can carry, None while that is not known; LAN peers are not held to the percentage.
        """
        limits = [float(self.most)] if self.most is not None else []
        if self.percent is not None and speed is not None and kind is not Kind.LAN:
            limits.append(speed * self.percent / 100)
        return min(limits, default=None)

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
    mode = here.number("DODownloadMode")
    mode = 1 if mode is None else int(mode)
    no_peers = list(_no_peers(here, mode, now))
    no_uploads = list(_no_uploads(here, now))
    capped = _cap(here, now)
    no_cache = _no_cache(here, now)
    most = _most(here, background=now.background)
    percent, percent_rule = _percent(here, now)
    delays = _delays(here, background=now.background, peers=not no_peers)
    limits = [rule for rule in (capped, no_cache, most, percent_rule) if rule]
    return Allowed(
        mode=mode,
        peering=not no_peers,
        no_uploads=(*no_peers, *no_uploads),
        uploads_to_internet=capped is None,
        cache_server=no_cache is None,
        most=_times(most, KB),
        percent=percent,
        enough=(here.number("DOMinBackgroundQoS") or 0) * KB if now.background else None,
        http_delay=_seconds(delays, "DownloadFromHttp"),
        cache_delay=_seconds(delays, "CacheServerFallback"),
        rules=(*no_peers, *no_uploads, *limits, *delays),
    )


def _rule(settings: Settings, effect: str, name: str) -> Rule:
    value = settings.values[name]
    origin = "default" if value.origin is Origin.DEFAULT else f"{value.origin} {value.where}".strip()
    return Rule(effect, name, value.value, origin)


def _no_peers(here: Settings, mode: int, now: Conditions) -> Iterator[Rule]:
    """Yield each rule that forbids peers, both ways."""
    if mode not in PEER_MODES:
        yield _rule(here, "no peers in this download mode", "DODownloadMode")
    if now.vpns and not here.number("DOAllowVPNPeerCaching") and here.number("DORestrictPeerSelectionBy") != DNS_SD:
        yield _rule(here, f"no peers on a VPN ({', '.join(now.vpns[:3])})", "DOAllowVPNPeerCaching")
    needs: tuple[tuple[int | None, str, int, str], ...] = (
        (now.ram, "DOMinRAMAllowedToPeer", GB, "no peers with so little memory"),
        (now.disk, "DOMinDiskSizeAllowedToPeer", GB, "no peers with so small a disk"),
        (now.file_bytes, "DOMinFileSizeToCache", MB, "no peers for so small a file"),
    )
    for have, name, unit, effect in needs:
        if have is not None and have < (here.number(name) or 0) * unit:
            yield _rule(here, effect, name)


def _no_uploads(here: Settings, now: Conditions) -> Iterator[Rule]:
    """Yield each rule that forbids uploads to any peer."""
    if now.vpns and not here.number("DOAllowVPNPeerCaching"):
        yield _rule(here, f"uploads are suspended on a VPN ({', '.join(now.vpns[:3])})", "DOAllowVPNPeerCaching")
    if now.metered:
        yield Rule("uploads are suspended on a metered network", "metered", "yes", "the system")
    enough = here.number("DOMinBatteryPercentageAllowedToUpload") or 0
    if now.battery is not None and (enough == 0 or now.battery < enough):
        effect = f"uploads are suspended on battery ({now.battery:.0f} %)"
        yield _rule(here, effect, "DOMinBatteryPercentageAllowedToUpload")


def _cap(here: Settings, now: Conditions) -> Rule | None:
    cap = (here.number("DOMonthlyUploadDataCap") or 0) * GB
    if not cap or now.sent_to_internet < cap:
        return None
    return _rule(here, "this month's uploads to Internet peers are used up", "DOMonthlyUploadDataCap")


def _no_cache(here: Settings, now: Conditions) -> Rule | None:
    if not (now.vpns and here.number("DODisallowCacheServerDownloadsOnVPN")):
        return None
    return _rule(here, "no cache server on a VPN", "DODisallowCacheServerDownloadsOnVPN")


def _most(here: Settings, *, background: bool) -> Rule | None:
    name = f"DOMax{_ground(background=background)}DownloadBandwidth"
    return _rule(here, "a limit in KB/s", name) if here.number(name) else None


def _percent(here: Settings, now: Conditions) -> tuple[int | None, Rule | None]:
    """Return the percentage of the link in force: that of the hours if there are any, else the plain one."""
    ground = _ground(background=now.background)
    hours_name = f"DOSetHoursToLimit{ground}DownloadBandwidth"
    if text := here.text(hours_name):
        percent = read_hours(text, here.values[hours_name].where or hours_name).at(now.minute)
        rule = _rule(here, f"{percent} % of the link at this hour", hours_name)
        return (percent, rule) if percent else (None, None)
    name = f"DOPercentageMax{ground}Bandwidth"
    percent = here.number(name) or 0
    return (percent, _rule(here, f"{percent} % of the link", name)) if percent else (None, None)


def _delays(here: Settings, *, background: bool, peers: bool) -> list[Rule]:
    """Return the delays in force; where there are no peers nothing waits for them."""
    ground = _ground(background=background)
    rows = [(f"DODelay{ground}DownloadFromHttp", "HTTP waits for peers")] if peers else []
    rows.append((f"DODelayCacheServerFallback{ground}", "the origin waits for the cache server"))
    return [_rule(here, effect, name) for name, effect in rows if here.number(name)]


def _seconds(delays: list[Rule], which: str) -> int:
    return next((delay.value for delay in delays if which in delay.name and isinstance(delay.value, int)), 0)


def _times(rule: Rule | None, unit: int) -> int | None:
    return rule.value * unit if rule is not None and isinstance(rule.value, int) else None


def _ground(*, background: bool) -> str:
    return "Background" if background else "Foreground"
