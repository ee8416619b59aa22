"""Uploads stop when the world changes so that a rule forbids them, and go on when it changes back."""

import asyncio
import ipaddress
from dataclasses import dataclass, field, replace

import pytest

from doctl.errors import LocalError, UsageError
from doctl.jobs.minding import EVERY, conditions, minding
from doctl.net.adapters import Adapter, Kind
from doctl.net.fake import FakeNetwork
from doctl.settings import Boundary, Origin, Settings, Value, layered
from doctl.transfer.upload import Slots
from tests.transfer import virtual

ETHERNET = Adapter("eth0", kind=Kind.ETHERNET, if_type=6, addresses=(ipaddress.ip_interface("10.8.0.5/16"),))
TUNNEL = Adapter("wg0", kind=Kind.WIREGUARD)
NAMED = Adapter("eth1", friendly_name="Contoso VPN", kind=Kind.ETHERNET, if_type=6)


@dataclass(eq=False)
class Guest:
    """A peer that wants pieces and notes what it is told."""

    told: list[str] = field(default_factory=list)

    def choke(self) -> None:
        """Note it."""
        self.told.append("stop")

    def unchoke(self) -> None:
        """Note it."""
        self.told.append("go")


def seen(network: FakeNetwork, settings: Settings, *changes: dict[str, object]) -> tuple[list[str], list[str]]:
    """Let time pass over ``changes`` of the world; return what a peer was told, and the administrator."""
    guest, said = Guest(), list[str]()

    async def live() -> None:
        slots = Slots(1, lambda: 0.0)
        slots.ask(guest)
        async with minding(network, settings, slots, said.append):
            for change in changes:
                for name, value in change.items():
                    setattr(network, name, value)
                await asyncio.sleep(EVERY + 0.1)

    virtual.run(live())
    return guest.told, said


@pytest.mark.parametrize("vpn", [TUNNEL, NAMED])
def test_a_vpn_that_comes_up_and_goes(vpn: Adapter) -> None:
    """Within one look uploads stop, and after it is gone they go on; each change is told once, with its rule."""
    told, said = seen(
        FakeNetwork(interfaces=(ETHERNET,)),
        layered(),
        {},
        {"interfaces": (ETHERNET, vpn)},
        {},
        {"interfaces": (ETHERNET, replace(vpn, up=False))},
    )
    assert told == ["go", "stop", "go"]
    assert len(said) == 2
    assert "uploads are suspended on a VPN" in said[0]
    assert "DOAllowVPNPeerCaching is 0 (default)" in said[0]
    assert said[1] == "uploads are allowed again"


def test_a_vpn_that_the_policy_allows_changes_nothing() -> None:
    """With DOAllowVPNPeerCaching uploads go on."""
    allowing = layered({"DOAllowVPNPeerCaching": Value(1, Origin.REGISTRY, "HKLM")})
    assert seen(FakeNetwork(interfaces=(TUNNEL,)), allowing, {}) == (["go"], [])


def test_the_keywords_of_the_policy_count() -> None:
    """DOVpnKeywords says what else is taken for a VPN."""
    settings = layered({"DOVpnKeywords": Value("branch", Origin.FILE, "site.toml")})
    named = replace(ETHERNET, friendly_name="Branch office")
    assert seen(FakeNetwork(interfaces=(ETHERNET,)), settings, {}, {"interfaces": (named,)})[0] == ["go", "stop"]


@pytest.mark.parametrize(("least", "told"), [(0, ["go", "stop", "go"]), (50, ["go", "stop", "go", "stop", "go"])])
def test_mains_that_are_gone(least: int, told: list[str]) -> None:
    """On battery uploads stop, or below the percentage of the policy; on mains they go on."""
    settings = layered({"DOMinBatteryPercentageAllowedToUpload": Value(least, Origin.FILE, "site.toml")})
    world: tuple[dict[str, object], ...] = ({"charge": 40.0}, {"charge": 60.0}, {"charge": 49.0}, {"charge": None})
    assert seen(FakeNetwork(), settings, {}, *world)[0] == told


def test_an_address_in_a_boundary_group_without_peers() -> None:
    """A machine that comes into such a range stops uploading there."""
    group = Boundary((ipaddress.ip_network("10.8.0.0/16"),), 0, "branch")
    told, said = seen(
        FakeNetwork(), layered(Settings({}, (group,))), {}, {"interfaces": (ETHERNET,)}, {"interfaces": ()}
    )
    assert told == ["go", "stop", "go"]
    assert "DODownloadMode is 0 (boundary branch 10.8.0.0/16)" in said[0]


def test_limits_that_concern_downloads_stop_no_uploads() -> None:
    """A rule that speaks of something else is no reason."""
    settings = layered({"DOMaxForegroundDownloadBandwidth": Value(100, Origin.FILE, "site.toml")})
    assert seen(FakeNetwork(), settings, {}) == (["go"], [])


def test_settings_that_will_not_do_are_told_before_anything_is_shared() -> None:
    """Hours that cannot be read are wrong use."""
    settings = layered({"DOSetHoursToLimitForegroundDownloadBandwidth": Value("daily", Origin.FILE, "site.toml")})
    with pytest.raises(UsageError, match=r"site\.toml: 'daily'"):
        seen(FakeNetwork(), settings, {})


def test_adapters_that_cannot_be_read_forbid_nothing() -> None:
    """What is not known is no reason to stop."""
    network = FakeNetwork(interfaces=LocalError("no adapters here"))
    assert asyncio.run(conditions(network, layered())).vpns == ()


def test_who_was_served_is_served_first_again() -> None:
    """A pause costs nobody the place in the queue."""
    slots = Slots(1, lambda: 0.0)
    first, second = Guest(), Guest()
    slots.ask(first)
    slots.ask(second)
    slots.suspend()
    slots.take_turns()
    slots.resume()
    assert first.told == ["go", "stop", "go"]
    assert second.told == []
