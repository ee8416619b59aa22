"""Which neighbours are called."""

import asyncio
from ipaddress import ip_interface

import pytest

from doctl.endpoints import Address
from doctl.jobs.neighbours import is_near, near
from doctl.net.adapters import Adapter
from doctl.net.fake import FakeNetwork

OWN = [ip_interface("10.0.0.5/24"), ip_interface("fd00::5/64")]


@pytest.mark.parametrize(
    ("address", "called"),
    [
        (Address("10.0.0.7", 7680), True),
        (Address("fd00::7", 7680), True),
        (Address("10.0.0.5", 7681), True),  # another program on this machine
        (Address("10.0.0.5", 7680), False),
        (Address("10.0.1.7", 7680), False),
        (Address("127.0.0.1", 7680), False),
        (Address("169.254.169.254", 7680), False),
        (Address("10.0.0.7", 22), False),
        (Address("name.local", 7680), False),
    ],
)
def test_only_neighbours_are_called(address: Address, called: bool) -> None:
    """Somebody in a subnet of ours is called; ourselves, others and other services are not."""
    assert is_near(address, OWN, 7680) is called


def test_who_is_announced_and_heard() -> None:
    """What the network hears is passed on, as far as it is near."""
    heard: list[Address] = []
    said: list[str] = []
    there = Address("10.0.0.7", 7680)
    network = FakeNetwork(
        interfaces=(Adapter("eth0", addresses=tuple(OWN)),), nearby=(there, Address("192.0.2.1", 7680))
    )

    async def run() -> None:
        async with near(network, 7680, heard.append, said.append):
            pass

    asyncio.run(run())
    assert (heard, said) == ([there], [])
    assert network.asked == ["adapters", "neighbours 7680"]
