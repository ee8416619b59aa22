"""The documented hosts are complete rows of data."""

import pytest

from doctl.endpoints import HOSTS, SETS, hosts_of
from doctl.errors import UsageError

DOCUMENTED = {
    "service": {"*.do.dsp.mp.microsoft.com", "*.prod.do.dsp.mp.microsoft.com"},
    "metadata": {"*.dl.delivery.mp.microsoft.com", "*.emdl.ws.microsoft.com"},
    "payload": {"*.download.windowsupdate.com", "*.windowsupdate.com"},
    "split-tunnel": {
        "*.prod.do.dsp.mp.microsoft.com",
        "emdl.ws.microsoft.com",
        "*.dl.delivery.mp.microsoft.com",
        "*.windowsupdate.com",
        "*.delivery.mp.microsoft.com",
        "*.update.microsoft.com",
        "tsfe.trafficshaping.dsp.mp.microsoft.com",
    },
    "teredo": {"win1910.ipv6.microsoft.com"},
}


def test_every_documented_pattern_is_in_its_set() -> None:
    """Each set holds at least what the documentation lists for it."""
    assert set(DOCUMENTED) == set(SETS)
    for name, patterns in DOCUMENTED.items():
        assert patterns <= {host.pattern for host in hosts_of(name)}


def test_concrete_names_lie_under_their_pattern() -> None:
    """A name to probe is under the wildcard that stands for it, and only the retired hosts are emdl and old Teredo."""
    for host in HOSTS:
        assert all(name.endswith(host.pattern[1:]) for name in host.names + host.samples)
        assert host.wildcard or not (host.names or host.samples)
        assert host.retired == ("emdl" in host.pattern or (host.scheme == "teredo" and "1910" not in host.pattern))
        assert host.pinned == host.pattern.endswith("do.dsp.mp.microsoft.com")


def test_an_unknown_set_is_named_with_the_known_ones() -> None:
    """Asking for a set that does not exist says which do."""
    assert hosts_of("all") == HOSTS
    with pytest.raises(UsageError, match="split-tunnel, teredo or all"):
        hosts_of("everything")
