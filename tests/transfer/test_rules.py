"""Each DO* setting that limits a transfer: when it holds, what it does, and that it names itself."""

import ipaddress
from typing import Any

import pytest

from doctl.errors import UsageError
from doctl.settings import Boundary, Origin, Settings, Value, layered
from doctl.transfer.desk import Kind
from doctl.transfer.rules import ENOUGH, GB, MB, Allowed, Conditions, Hours, Name, allowed, read_hours, too_small

NOON, MIDNIGHT = 12 * 60, 0
VPN = ("Contoso VPN",)


def made(**values: int | str) -> Settings:
    """Return the defaults with some settings from a file over them."""
    return layered({name: Value(value, Origin.FILE, "site.toml") for name, value in values.items()})


def at(conditions: dict[str, Any], **values: int | str) -> Allowed:
    """Return what is allowed."""
    return allowed(made(**values), Conditions(**conditions))


def names(result: Allowed) -> list[str]:
    """Return the settings that changed something."""
    return [rule.setting for rule in result.rules]


def test_by_default_nothing_is_forbidden_and_no_rule_speaks() -> None:
    """On mains, off every VPN, nothing changes what happens: peers and uploads, no limits, no delays."""
    result = allowed(layered(), Conditions())
    assert result == Allowed(mode=1)
    assert result.may_send_to(Kind.INTERNET)


FORBIDDEN: tuple[tuple[dict[str, Any], dict[str, int | str], bool, bool, list[str]], ...] = (
    ({}, {"DODownloadMode": 0}, False, False, ["DODownloadMode"]),
    ({}, {"DODownloadMode": 99}, False, False, ["DODownloadMode"]),
    ({}, {"DODownloadMode": 2}, True, True, []),
    ({"vpns": VPN}, {}, False, False, ["DOAllowVPNPeerCaching", "DOAllowVPNPeerCaching"]),
    ({"vpns": VPN}, {"DOAllowVPNPeerCaching": 1}, True, True, []),
    ({"vpns": VPN}, {"DORestrictPeerSelectionBy": 2}, True, False, ["DOAllowVPNPeerCaching"]),
    ({"offline": True}, {}, False, False, ["link"]),
    ({"ram": 8 * GB - 1}, {"DOMinRAMAllowedToPeer": 8}, False, False, ["DOMinRAMAllowedToPeer"]),
    ({"ram": 8 * GB}, {"DOMinRAMAllowedToPeer": 8}, True, True, []),
    ({"disk": 32 * GB - 1}, {"DOMinDiskSizeAllowedToPeer": 32}, False, False, ["DOMinDiskSizeAllowedToPeer"]),
    ({"disk": 32 * GB}, {"DOMinDiskSizeAllowedToPeer": 32}, True, True, []),
    ({"file_bytes": 50 * MB - 1}, {"DOMinFileSizeToCache": 50}, False, False, ["DOMinFileSizeToCache"]),
    ({"file_bytes": 50 * MB}, {"DOMinFileSizeToCache": 50}, True, True, []),
    ({"file_bytes": 1}, {"DOMinFileSizeToCache": 0}, True, True, []),
    ({"ram": 1, "disk": 1, "file_bytes": 1}, {}, True, True, []),
    ({"swarm": False, "vpns": VPN, "battery": 1.0, "metered": True}, {"DODownloadMode": 0}, False, False, []),
    ({"battery": 100.0}, {}, True, False, ["DOMinBatteryPercentageAllowedToUpload"]),
    ({"battery": 59.0}, {"DOMinBatteryPercentageAllowedToUpload": 60}, True, False,
     ["DOMinBatteryPercentageAllowedToUpload"]),
    ({"battery": 60.0}, {"DOMinBatteryPercentageAllowedToUpload": 60}, True, True, []),
    ({"metered": True}, {}, True, False, ["metered"]),
    ({"metered": False}, {}, True, True, []),
)  # fmt: skip


@pytest.mark.parametrize(("conditions", "values", "peering", "uploads", "rules"), FORBIDDEN)
def test_peers_and_uploads(
    conditions: dict[str, Any], values: dict[str, int | str], peering: bool, uploads: bool, rules: list[str]
) -> None:
    """Peers and uploads are off exactly where a setting says so, which then names itself.

    The minimums count only if somebody set them; and where there is no swarm no rule about peers changes anything.
    """
    result = at(conditions, **values)
    assert (result.peering, result.uploads, names(result)) == (peering, uploads, rules)
    assert result.may_send_to(Kind.LAN) is uploads


def test_what_is_only_given_has_no_limits_on_downloads() -> None:
    """A seed hears of rules about peers and uploads alone."""
    limits: dict[str, int | str] = {
        "DOMaxForegroundDownloadBandwidth": 300,
        "DOPercentageMaxForegroundBandwidth": 20,
        "DODelayForegroundDownloadFromHttp": 5,
    }
    assert names(at({}, **limits)) == [*limits]
    assert names(at({"fetching": False, "battery": 50.0}, **limits)) == ["DOMinBatteryPercentageAllowedToUpload"]


def test_a_rule_says_what_it_does_and_where_it_came_from() -> None:
    """In words: the effect, the setting, its value, and its origin; the default is called that."""
    set_so = at({"battery": 41.0}, DOMinBatteryPercentageAllowedToUpload=60)
    assert [str(rule) for rule in set_so.rules] == [
        "uploads are suspended on battery: DOMinBatteryPercentageAllowedToUpload is 60 (file site.toml)"
    ]
    by_default = allowed(layered(), Conditions(vpns=VPN))
    assert str(by_default.rules[0]) == "no peers on a VPN (Contoso VPN): DOAllowVPNPeerCaching is 0 (default)"


@pytest.mark.parametrize(
    ("sent", "cap", "may"), [(20 * GB - 1, 20, True), (20 * GB, 20, False), (5 * GB, 5, False), (999 * GB, 0, True)]
)
def test_the_monthly_cap_is_for_internet_peers_alone(sent: int, cap: int, may: bool) -> None:
    """When it is used up peers on the LAN and of the group still get pieces; 0 is no cap."""
    result = at({"sent_to_internet": sent}, DOMonthlyUploadDataCap=cap)
    assert result.may_send_to(Kind.INTERNET) is may
    assert result.may_send_to(Kind.LAN)
    assert result.may_send_to(Kind.GROUP)
    assert names(result) == ([] if may else ["DOMonthlyUploadDataCap"])


@pytest.mark.parametrize(("vpns", "value", "may"), [(VPN, 1, False), (VPN, 0, True), ((), 1, True)])
def test_the_cache_server_on_a_vpn(vpns: tuple[str, ...], value: int, may: bool) -> None:
    """It is left out on a VPN where the policy says so."""
    policy = {"DODisallowCacheServerDownloadsOnVPN": value, "DOAllowVPNPeerCaching": 1}
    result = at({"vpns": vpns}, DOCacheHost="mcc.example", **policy)
    assert result.cache_server is may
    assert names(result) == ([] if may else ["DODisallowCacheServerDownloadsOnVPN"])
    assert names(at({"vpns": vpns}, **policy)) == [], "without a cache server nothing changes"


LIMITS: tuple[tuple[bool, int, dict[str, int | str], int | None, int | None], ...] = (
    (False, NOON, {}, None, None),
    (False, NOON, {"DOMaxForegroundDownloadBandwidth": 300}, 300_000, None),
    (False, NOON, {"DOMaxBackgroundDownloadBandwidth": 300}, None, None),
    (True, NOON, {"DOMaxBackgroundDownloadBandwidth": 300}, 300_000, None),
    (True, NOON, {"DOMaxForegroundDownloadBandwidth": 300}, None, None),
    (False, NOON, {"DOPercentageMaxForegroundBandwidth": 50}, None, 50),
    (True, NOON, {"DOPercentageMaxForegroundBandwidth": 50}, None, None),
    (True, NOON, {"DOPercentageMaxBackgroundBandwidth": 10}, None, 10),
    (True, NOON, {"DOPercentageMaxBackgroundBandwidth": 100}, None, None),
    (True, NOON, {"DOPercentageMaxBackgroundBandwidth": 10, "DOMaxBackgroundDownloadBandwidth": 50}, 50_000, 10),
    (True, NOON, {"DOSetHoursToLimitBackgroundDownloadBandwidth": "8-17 in 20 out 80"}, None, 20),
    (True, MIDNIGHT, {"DOSetHoursToLimitBackgroundDownloadBandwidth": "8-17 in 20 out 80"}, None, 80),
    (True, MIDNIGHT, {"DOSetHoursToLimitBackgroundDownloadBandwidth": "8-17 in 20 out 0"}, None, None),
    (True, MIDNIGHT, {"DOSetHoursToLimitBackgroundDownloadBandwidth": "8-17 in 20 out 100"}, None, None),
    (False, NOON, {"DOSetHoursToLimitBackgroundDownloadBandwidth": "8-17 in 20 out 80"}, None, None),
    (False, NOON, {"DOSetHoursToLimitForegroundDownloadBandwidth": "8-17 in 30 out 80"}, None, 30),
    (True, NOON, {"DOSetHoursToLimitBackgroundDownloadBandwidth": "8-17 in 20 out 80",
                  "DOPercentageMaxBackgroundBandwidth": 5}, None, 20),
)  # fmt: skip


@pytest.mark.parametrize(("background", "minute", "values", "most", "percent"), LIMITS)
def test_limits(
    background: bool, minute: int, values: dict[str, int | str], most: int | None, percent: int | None
) -> None:
    """Foreground and background have their own KB/s and percentages; hours come before the plain percentage."""
    result = at({"background": background, "minute": minute}, **values)
    assert (result.most, result.percent) == (most, percent)
    assert len(result.rules) == (most is not None) + (percent is not None)
    assert {rule.value for rule in result.rules} <= {*values.values()}


@pytest.mark.parametrize(
    ("text", "hours"),
    [("8-17 in 20 out 80", Hours(8, 17, 20, 80)), (" 22-6 in 0 out 100 ", Hours(22, 6, 0, 100))],
)
def test_hours_are_read(text: str, hours: Hours) -> None:
    """From, to, and the percentages inside and outside."""
    assert read_hours(text, "there") == hours


@pytest.mark.parametrize(
    "text", ["", "8-17", "8-25 in 20 out 80", "8-17 in 101 out 80", "8-17 in 20 out 80 x", "9" * 99]
)
def test_hours_that_are_none_are_refused(text: str) -> None:
    """What is not exactly right is wrong use, and the message says what would be right."""
    with pytest.raises(UsageError, match=r"there: .* write 8-17 in 20 out 80"):
        read_hours(text, "there")


@pytest.mark.parametrize(("hour", "percent"), [(21, 80), (22, 20), (23, 20), (0, 20), (5, 20), (6, 80)])
def test_hours_may_go_past_midnight(hour: int, percent: int) -> None:
    """From 22:00 to 6:00 the night is inside; the first minute counts, the last does not."""
    assert Hours(22, 6, 20, 80).at(hour * 60) == percent


QOS: tuple[tuple[dict[str, Any], dict[str, int | str], int, bool], ...] = (
    ({"background": True}, {}, 2_500_000, False),
    ({"background": True, "from_peers": 2_499_999.0}, {}, 2_500_000, True),
    ({"background": True, "from_peers": 2_500_000.0}, {}, 2_500_000, False),
    ({"background": True, "from_peers": 63_999.0}, {"DOMinBackgroundQoS": 64}, 64_000, True),
    ({"background": True, "from_peers": 0.0}, {"DOMinBackgroundQoS": 0}, 0, False),
    ({"from_peers": 0.0}, {"DOMinBackgroundQoS": 64}, ENOUGH, False),
)


@pytest.mark.parametrize(("conditions", "values", "enough", "helps"), QOS)
def test_what_peers_must_bring(
    conditions: dict[str, Any], values: dict[str, int | str], enough: int, helps: bool
) -> None:
    """In the background it is DOMinBackgroundQoS, which speaks when HTTP helps slower peers; else what is usual."""
    result = at(conditions, **values)
    assert result.enough == enough
    assert names(result) == (["DOMinBackgroundQoS"] if helps else [])


@pytest.mark.parametrize(("background", "http", "cache"), [(True, 60, 30), (False, 5, 3)])
def test_delays_are_for_their_ground_and_only_where_somebody_is_waited_for(
    background: bool, http: int, cache: int
) -> None:
    """HTTP waits for peers, and no longer than it is to; the origin for the cache server, if there is one."""
    values: dict[str, int | str] = {
        "DODelayBackgroundDownloadFromHttp": 60,
        "DODelayForegroundDownloadFromHttp": 5,
        "DODelayCacheServerFallbackBackground": 30,
        "DODelayCacheServerFallbackForeground": 3,
    }
    cached = values | {"DOCacheHost": "mcc.example"}
    result = at({"background": background}, **cached)
    assert (result.http_delay, result.cache_delay) == (http, cache)
    assert [rule.name for rule in result.rules] == [Name.HTTP_DELAY, Name.CACHE_DELAY]
    for later in (at({"background": background, "age": http}, **cached), at({"vpns": VPN}, **cached)):
        assert later.http_delay == 0
        assert Name.HTTP_DELAY not in {rule.name for rule in later.rules}
    assert at({"background": background}, **values).cache_delay == 0


@pytest.mark.parametrize(("least", "kept"), [(None, True), (0, True), (50, True), (51, False)])
def test_files_that_are_too_small_to_share(least: int | None, kept: bool) -> None:
    """DOMinFileSizeToCache keeps smaller files from peers where it was set."""
    rule = too_small(made() if least is None else made(DOMinFileSizeToCache=least), 50 * MB)
    assert (rule is None) is kept


@pytest.mark.parametrize(("address", "peering"), [("10.8.3.4", False), ("10.9.3.4", True)])
def test_boundary_groups_go_by_the_address_of_the_moment(address: str, peering: bool) -> None:
    """Inside a boundary group with mode 0 there are no peers, and the rule names the group."""
    group = Boundary((ipaddress.ip_network("10.8.0.0/16"),), 0, "VPN clients")
    result = allowed(layered(Settings({}, (group,))), Conditions(addresses=(ipaddress.ip_address(address),)))
    assert result.peering is peering
    assert result.mode == (1 if peering else 0)
    assert [rule.source for rule in result.rules] == ([] if peering else ["boundary VPN clients 10.8.0.0/16"])
