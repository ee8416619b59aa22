"""Whether the network is metered: how answers are read, and what NetworkManager and Windows really say."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from doctl.net import metered
from doctl.net.system import SystemNetwork
from tests import namespaces, need

BUS = """<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_destination="*"/>
<allow receive_sender="*"/></policy></busconfig>"""
MANAGER = """[main]
plugins=keyfile
dhcp=internal
dns=none
rc-manager=unmanaged
auth-polkit=false
[keyfile]
path=/run/connections
"""
SET_UP = """set -e
mount -t tmpfs none /run; mount -t tmpfs none /var/lib; mount -o remount,ro /sys
mkdir /run/dbus /run/connections; cp bus.conf manager.conf /run
dbus-daemon --config-file=/run/bus.conf --fork >/run/log 2>&1
NetworkManager --debug --config /run/manager.conf --state-file /run/state --intern-config /run/none >/run/log 2>&1 &
until nmcli general >/run/log 2>&1; do sleep 0.1; done
nmcli connection add type ethernet ifname eth0 con-name home ip4 10.99.0.7/24 gw4 10.99.0.1 >/dev/null
exec "$@"
"""
ASK = """
import asyncio, json, subprocess, sys
from doctl.net.system import SystemNetwork
def said():
    return asyncio.run(SystemNetwork().metered(10))
answers = []
for word in ("yes", "no", "unknown"):
    subprocess.run(["nmcli", "connection", "modify", "home", "connection.metered", word], check=True)
    subprocess.run(["nmcli", "connection", "up", "home"], check=True, stdout=subprocess.DEVNULL)
    answers.append(said())
print(json.dumps(answers))
"""


@pytest.mark.parametrize(
    ("said", "verdict"),
    [("u 0\n", None), ("u 1\n", True), ("u 2\n", False), ("u 3\n", True), ("u 4\n", False), ("u 7\n", None)],
)
def test_what_network_manager_says(said: str, verdict: bool | None) -> None:
    """Its guesses count; unknown, and numbers that it may come to use, do not."""
    assert metered.of_property(said) is verdict


@pytest.mark.parametrize("said", ["", "u", "u x", "s 1", "u 1 u 2", "u 11", "\0" * 99])
def test_what_nobody_understands_is_no_verdict(said: str) -> None:
    """Another answer than one number says nothing."""
    assert metered.of_property(said) is None


@pytest.mark.parametrize(
    ("cost", "verdict"),
    [(0, None), (1, False), (2, True), (4, True), (0x10002, True), (0x40001, True), (0x80001, False), (0x20001, False)],
)
def test_what_the_cost_of_a_connection_means(cost: int, verdict: bool | None) -> None:
    """Fixed and variable plans, roaming and being over the limit cost by the byte; coming near it does not."""
    assert metered.of_cost(cost) is verdict


@pytest.mark.skipif(sys.platform != "win32", reason="asks Windows")
def test_windows_says_what_a_connection_costs() -> None:
    """INetworkCostManager answers; Wine knows of no plan with a price."""
    assert asyncio.run(SystemNetwork().metered(30)) is False


def test_the_real_network_manager(tmp_path: Path) -> None:
    """In a machine of its own a connection is made metered, and free again, and both are seen."""
    for program in ("NetworkManager", "nmcli", "dbus-daemon", "busctl", "unshare", "mount"):
        need.program(program)
    (tmp_path / "bus.conf").write_text(BUS)
    (tmp_path / "manager.conf").write_text(MANAGER)
    with namespaces.lan("machine", ipv6=False) as (machine,):
        inside = machine.inside("unshare", "-m", "sh", "-c", SET_UP, "sh", sys.executable, "-c", ASK)
        done = subprocess.run(inside, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    yes, no, guessed = json.loads(done.stdout)
    assert (yes, no) == (True, False)
    assert guessed in (False, None)
