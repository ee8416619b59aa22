"""The settings in effect: each layer over the one below, and boundary groups at the machine's own addresses."""

import asyncio
from ipaddress import ip_address, ip_interface

from doctl.jobs.settings import InEffect, in_effect
from doctl.net.adapters import Adapter
from doctl.net.fake import FakeNetwork
from doctl.settings import POLICY_KEY, Boundary, Origin, Settings, Value, read_network

VPN = Boundary((read_network("10.8.0.0/16", "test"),), 0, "VPN")


def made(network: FakeNetwork, environment: dict[str, str], *layers: Settings) -> InEffect:
    """Return what is in effect."""
    return asyncio.run(in_effect(network, environment, *layers))


def test_each_layer_hides_the_one_below() -> None:
    """The registry comes before the defaults, the environment before that, a file before that, and origins say so."""
    policy = {"DODownloadMode": 0, "DOCacheHost": "a", "DOMaxCacheSize": 50}
    network = FakeNetwork(platform="win32", keys={POLICY_KEY: policy})
    file = Settings({"DODownloadMode": Value(2, Origin.FILE, "x.toml")})
    found = made(network, {"DOCTL_DOCACHEHOST": "b", "DOCTL_DODOWNLOADMODE": "3"}, file).settings.values
    names = ("DODownloadMode", "DOCacheHost", "DOMaxCacheSize", "DOMaxCacheAge")
    assert [(found[name].value, str(found[name].origin)) for name in names] == [
        (2, "file"),
        ("b", "environment"),
        (50, "registry"),
        (259200, "default"),
    ]


def test_boundary_groups_look_at_our_own_addresses() -> None:
    """Adapters that are up decide, without loopback; without boundary groups adapters are not even read."""
    up = Adapter("tun0", addresses=(ip_interface("10.8.3.4/16"), ip_interface("fe80::1/64")))
    down = Adapter("tun1", addresses=(ip_interface("10.9.3.4/16"),), up=False)
    network = FakeNetwork(interfaces=(up, down))
    found = made(network, {}, Settings({}, (VPN,)))
    assert found.settings.values["DODownloadMode"] == Value(0, Origin.BOUNDARY, "VPN 10.8.0.0/16")
    assert found.made.values["DODownloadMode"] == Value(1, Origin.DEFAULT), "which holds again at another address"
    assert found.addresses == (ip_address("10.8.3.4"),)
    quiet = FakeNetwork()
    assert made(quiet, {}).addresses == ()
    assert quiet.asked == []
