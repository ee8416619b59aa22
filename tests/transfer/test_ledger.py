"""The books: who gave what, how fast it comes just now, and which address is whose."""

import pytest

from doctl.transfer.desk import Kind
from doctl.transfer.ledger import LONGEST, MOST_PEERS, WINDOW, Ledger, efficiency, kind_of_address


def test_every_byte_is_booked_once_by_source_and_by_peer() -> None:
    """Verified bytes count for their kind, a peer's for its account as well, wasted ones for nobody."""
    ledger = Ledger()
    bookings = [
        ("origin", Kind.HTTP, 100), ("cache", Kind.CACHE, 50), ("10.0.0.7:7680", Kind.LAN, 30),
        ("10.0.0.7:7680", Kind.LAN, 4), ("192.0.2.1:7680", Kind.INTERNET, 5), ("10.0.0.8:7680", Kind.GROUP, 1),
    ]  # fmt: skip
    for name, kind, count in bookings:
        ledger.book(name, kind, count, 0.0)
    ledger.waste(7)
    ledger.waste(2)
    assert {kind.value: count for kind, count in ledger.bytes_from.items()} == {
        "http": 100, "cache": 50, "lan": 34, "group": 1, "internet": 5,
    }  # fmt: skip
    received = {account.address: account.bytes_received for account in ledger.peers.values()}
    assert received == {"10.0.0.7:7680": 34, "192.0.2.1:7680": 5, "10.0.0.8:7680": 1}
    assert ledger.wasted == 9
    assert ledger.efficiency == pytest.approx(40 / 190, abs=0.0005)


def test_a_peer_keeps_its_account() -> None:
    """However often it is mentioned, a peer has one account."""
    ledger = Ledger()
    account = ledger.peer("10.0.0.7:7680", Kind.LAN)
    account.bad_pieces = 2
    assert ledger.peer("10.0.0.7:7680", Kind.INTERNET) is account
    assert (account.kind, account.bytes_sent, account.banned) == (Kind.LAN, 0, False)


def test_accounts_are_bounded() -> None:
    """Peers that come without end share an account after so many, and no byte is lost from the books."""
    ledger = Ledger()
    first = ledger.peer("10.0.0.1:1", Kind.LAN)
    for number in range(MOST_PEERS + 100):
        ledger.peer(f"192.0.2.1:{number}", Kind.INTERNET).bytes_sent += 1
    assert len(ledger.peers) == MOST_PEERS + 1
    assert ledger.sent_to_internet() == MOST_PEERS + 100
    assert ledger.peer("10.0.0.1:1", Kind.LAN) is first


@pytest.mark.parametrize(
    ("bytes_from", "share"),
    [
        ({}, 0.0),
        ({Kind.HTTP: 10}, 0.0),
        ({Kind.LAN: 10}, 1.0),
        ({Kind.LAN: 1, Kind.GROUP: 1, Kind.INTERNET: 1}, 1.0),
        ({Kind.HTTP: 1, Kind.CACHE: 1, Kind.LAN: 1}, 0.333),
        ({Kind.CACHE: 5, Kind.LAN: 5}, 0.5),
        ({Kind.HTTP: 1_000_000, Kind.INTERNET: 1}, 0.0),
    ],
)
def test_efficiency_is_the_share_of_peers(bytes_from: dict[Kind, int], share: float) -> None:
    """Of all verified bytes, what peers gave, to three places; a cache server is no peer."""
    assert efficiency(dict.fromkeys(Kind, 0) | bytes_from) == share


def test_the_rate_is_that_of_the_last_seconds() -> None:
    """Bytes count while they are in the window; at the start, for as long as there is something to measure."""
    ledger = Ledger()
    assert ledger.rate(0.0) == 0.0
    ledger.book("origin", Kind.HTTP, 1000, 10.0)
    assert ledger.rate(10.0) == 1000.0
    ledger.book("peer", Kind.LAN, 3000, 11.0)
    assert (ledger.rate(14.0), ledger.rate(14.0, peers_only=True)) == (1000.0, 750.0)
    assert ledger.rate(10.0 + WINDOW + 1) == 3000 / 5
    assert ledger.rate(11.0 + WINDOW + 1) == 0.0


def test_slow_pieces_are_not_taken_for_nothing() -> None:
    """Where a piece takes longer than the usual window, several are looked at: it does not seem to stop between two."""
    for bunch in (1, 4):
        ledger, piece, gap = Ledger(), 1 << 20, 6.0 * bunch
        for count in range(10 * bunch):
            ledger.book("peer", Kind.LAN, piece, count // bunch * gap + count % bunch / 10)
        for since in (0.5, gap / 3, gap):
            rate = ledger.rate(9 * gap + since, peers_only=True)
            assert bunch * piece / gap / 2 <= rate <= bunch * piece / gap * 3
        assert ledger.rate(9 * gap + 2 * LONGEST) == 0.0


def test_the_rate_remembers_only_what_it_needs() -> None:
    """A long download does not make its books longer."""
    ledger = Ledger()
    for second in range(10_000):
        ledger.book("origin", Kind.HTTP, 1, second)
        ledger.rate(second)
    assert len(ledger._recent) <= WINDOW + 1


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("127.0.0.1", Kind.LAN), ("::1", Kind.LAN), ("10.1.2.3", Kind.LAN), ("172.16.0.1", Kind.LAN),
        ("172.32.0.1", Kind.INTERNET), ("192.168.255.255", Kind.LAN), ("169.254.1.1", Kind.LAN),
        ("fe80::1%eth0", Kind.LAN), ("fd00::1", Kind.LAN), ("8.8.8.8", Kind.INTERNET), ("100.64.0.1", Kind.INTERNET),
        ("2606:4700::1111", Kind.INTERNET), ("::ffff:10.0.0.1", Kind.LAN), ("::ffff:8.8.8.8", Kind.INTERNET),
    ],
)  # fmt: skip
def test_addresses_near_by_are_lan(host: str, kind: Kind) -> None:
    """Loopback, private and link-local addresses are on the LAN; all others are the Internet."""
    assert kind_of_address(host) is kind
