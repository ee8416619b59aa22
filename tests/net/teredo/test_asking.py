"""Asking Teredo servers for real, over loopback: each kind of NAT, several names in turn, and what goes wrong."""

import asyncio

import pytest

from doctl.endpoints import Address
from doctl.errors import NameLookupError
from doctl.net.base import Network
from doctl.net.fake import FakeNetwork
from doctl.net.probe import Outcome
from doctl.net.system import SystemNetwork
from doctl.net.teredo import Asked, ask_in_turn
from doctl.wire.qualification import Ask, Nat
from doctl.wire.teredo import CONE_SOURCE, PLAIN_SOURCE, Flaw
from tests.servers.teredo import TeredoServer, changed, cut, from_other_address, looped, spoilt

QUICK = 0.6


def ask(*servers: TeredoServer | str, network: Network | None = None, within: float | None = None) -> list[Asked]:
    """Ask servers in turn; the last one's second address stands for all."""
    names = [each if isinstance(each, str) else each.server for each in servers]
    second = next((Address.parse(each.second) for each in servers if isinstance(each, TeredoServer)), None)
    addresses = [Address.parse(name, 3544) for name in names]
    return asyncio.run(ask_in_turn(network or SystemNetwork(), addresses, second, QUICK, within=within))


@pytest.mark.parametrize("nat", ["cone", "restricted", "symmetric"])
def test_each_nat_is_told(nat: str) -> None:
    """The kind is told, with the address outside and the port inside that it stands for."""
    with TeredoServer(nat).running() as server:
        asked = ask(server)[0]
    assert asked.result is not None
    assert asked.result.nat == nat
    assert asked.result.mapped == Address("127.0.0.1", asked.local_port)
    assert (str(asked.server), str(asked.second)) == (server.server, server.second)


def test_the_cone_question_comes_from_a_port_of_its_own() -> None:
    """The two others share one, since their mappings are compared; each question has a nonce of its own."""
    with TeredoServer().running() as server:
        ask(server)
    ports = {data[4:12]: (data[21:37], sender) for data, sender in server.got}
    cone = {sender for source, sender in ports.values() if source == CONE_SOURCE}
    plain = {sender for source, sender in ports.values() if source == PLAIN_SOURCE}
    assert len(ports) == 3
    assert (len(cone), len(plain), len(cone | plain)) == (1, 1, 2)


@pytest.mark.parametrize("silent", ["second", "first"])
def test_one_silent_address_tells_no_kind(silent: str) -> None:
    """Neither restricted nor symmetric nor blocked can be said; the address outside can."""
    with TeredoServer(silent=frozenset({silent})).running() as server:
        asked = ask(server)[0]
    assert asked.result is not None
    assert asked.result.nat is None
    assert asked.result.mapped == Address("127.0.0.1", asked.local_port)


def test_bad_answers_before_the_right_ones_change_nothing() -> None:
    """Each is ignored and counted by what is wrong with it."""
    wrong = (cut, looped, from_other_address, changed(nonce=bytes(8)), changed(server="192.0.2.9"))
    with TeredoServer(answers=spoilt(*wrong)).running() as server:
        result = ask(server)[0].result
    assert result is not None
    assert result.nat is Nat.RESTRICTED
    flaws = (Flaw.TRUNCATED, Flaw.LOOPED, Flaw.SENDER, Flaw.NONCE, Flaw.PREFIX)
    assert result.ignored == dict.fromkeys(flaws, 2)


def test_lost_datagrams_are_sent_again() -> None:
    """The first of each question lost costs a try and not the result."""
    with TeredoServer(deaf=3).running() as server:
        result = ask(server)[0].result
    assert result is not None
    assert result.nat is Nat.RESTRICTED
    assert result.tries == {Ask.CONE: 3, Ask.SERVER: 2, Ask.SECOND: 2}


def test_a_flood_ends_on_time() -> None:
    """A server that answers each datagram with thousands of bad ones keeps nobody from the end."""
    with TeredoServer(answers=spoilt(*[changed(nonce=bytes(8))] * 3000)).running() as server:
        network = SystemNetwork()

        async def scenario() -> tuple[list[Asked], float]:
            start = network.now()
            asked = await ask_in_turn(network, [Address.parse(server.server)], Address.parse(server.second), QUICK)
            return asked, network.now() - start

        asked, took = asyncio.run(scenario())
    assert took < QUICK + 1
    assert asked[0].result is not None
    assert asked[0].result.ignored[Flaw.NONCE] > 100


def test_servers_are_asked_in_turn_until_one_tells() -> None:
    """A name without address, a server silent at one address, then the one that tells, which comes first."""
    with TeredoServer(silent=frozenset({"first"})).running() as half, TeredoServer().running() as whole:
        network = Named({"half.test": "127.0.0.1", "whole.test": "127.0.0.1"})
        ports = [each.server.rpartition(":")[2] for each in (half, whole)]
        servers = ["none.test", f"half.test:{ports[0]}", f"whole.test:{ports[1]}", "never.test"]
        addresses = [Address.parse(each, 3544) for each in servers]
        asked = asyncio.run(ask_in_turn(network, addresses, Address.parse(whole.second), QUICK))
    assert [each.name.host for each in asked] == ["whole.test", "half.test", "none.test"]
    assert [each.result and each.result.nat for each in asked] == [Nat.RESTRICTED, None, None]
    assert asked[2].problem == "none.test: the name has no address"


class Named(SystemNetwork):
    """The real network with a name server of the test's own."""

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__()
        self.names = names

    async def resolve(self, host: str, timeout: float) -> list[str]:
        """Return the address of a name."""
        if host.endswith(".test") and host not in self.names:
            raise NameLookupError(f"{host}: the name has no address")
        return [self.names.get(host, host)]


def test_the_time_for_all_is_kept() -> None:
    """With a limit for all, a server that says nothing uses it up, and the next one is told as not asked."""
    with TeredoServer(silent=frozenset({"first", "second"})).running() as dead, TeredoServer().running() as alive:
        asked = ask(dead, alive, within=QUICK)
    assert asked[0].result is not None
    assert asked[0].result.nat is Nat.BLOCKED
    assert "no time left" in asked[1].problem
    assert asked[1].server is not None, "it has an address, so it is no fault of the name server"


def test_two_names_of_one_server_are_asked_once() -> None:
    """The second name adds nothing."""
    network = FakeNetwork(names={"a.test": ["192.0.2.1"], "b.test": ["2001:db8::1", "192.0.2.1"]})
    asked = asyncio.run(ask_in_turn(network, [Address("a.test", 3544), Address("b.test", 3544)], None, 0.3))
    assert [each.name.host for each in asked] == ["a.test"]


def test_a_name_without_ipv4_is_told() -> None:
    """Teredo servers have IPv4 addresses."""
    network = FakeNetwork(names={"six.test": ["2001:db8::1"]})
    asked = asyncio.run(ask_in_turn(network, [Address("six.test", 3544)], None, 0.3))
    assert asked[0].problem == "six.test: the name has no IPv4 address"


def test_a_second_address_that_cannot_be_found_leaves_nothing_to_ask() -> None:
    """Without it no kind of NAT could be told."""
    network = FakeNetwork(names={"a.test": ["192.0.2.1"]})
    asked = asyncio.run(ask_in_turn(network, [Address("a.test", 3544)], Address("no.test", 3544), 0.3))
    assert asked[0].problem == "no.test: the name has no address"


def test_a_second_address_that_is_the_first_proves_nothing() -> None:
    """Its answers would make every NAT a cone, so it is not asked."""
    network = FakeNetwork(names={"a.test": ["192.0.2.1"]})
    asked = asyncio.run(ask_in_turn(network, [Address("a.test", 3544)], Address("192.0.2.1", 3544), 0.3))
    assert asked[0].result is None
    assert "same as its first" in asked[0].problem


def test_a_port_that_refuses_is_told_apart_from_silence() -> None:
    """Where the network says that nobody listens, that is kept beside the verdict."""
    with TeredoServer().running() as server:
        pass
    asked = ask(server)[0]
    assert asked.result is not None
    assert asked.result.nat is Nat.BLOCKED
    assert asked.rejected in (Outcome.REFUSED, None)  # macOS tells nothing
