"""Upload slots: so many at a time, few while pieces take long, in short turns that end with a piece."""

import random
from dataclasses import dataclass, field

import pytest

from doctl.transfer.desk import Kind
from doctl.transfer.upload import FEW, IDLE, LONGEST_TURN, QUICK, SLOTS, TURN, Slots

PIECE = 1 << 20


@dataclass(eq=False)
class Recorder:
    """A guest that writes down what it is told."""

    name: str
    told: list[str]
    kind: Kind
    brings: bool = False

    def choke(self) -> None:
        """Write it down."""
        self.told.append(f"-{self.name}")

    def unchoke(self) -> None:
        """Write it down."""
        self.told.append(f"+{self.name}")


@dataclass
class Table:
    """Slots with guests named by letters, ``x`` and ``y`` of them on the Internet, and a clock that is set by hand.

    Of those who wait, chance takes the last.
    """

    count: int
    time: float = 100.0
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slots = Slots(self.count, lambda: self.time, pick=lambda guests: guests[-1])
        kinds = dict.fromkeys("abcdef", Kind.LAN) | dict.fromkeys("xy", Kind.INTERNET)
        self.guests = {name: Recorder(name, self.told, kind) for name, kind in kinds.items()}

    def play(self, script: str) -> str:
        """Do what each word says: ``ask:a``, ``leave:a``, ``wait:9``, ``turn``; return what the guests were told.

        ``piece:a`` goes out in a second, ``part:a`` is one of a piece, ``fast:a`` one that takes a moment, ``going:a``
        says that a piece is on its way, ``brings:a`` that one from there is; ``only:`` is followed by the kinds of
        peers that may have pieces.
        """
        self.told.clear()
        for word in script.split():
            verb, _, what = word.partition(":")
            if verb == "wait":
                self.time += float(what)
            elif verb == "turn":
                self.slots.take_turns()
            elif verb in {"piece", "part", "fast"}:
                seconds = 1e-3 if verb == "fast" else 1.0
                self.slots.sent(self.guests[what], PIECE, seconds, whole=verb != "part")
            elif verb == "going":
                self.slots.going(self.guests[what])
            elif verb == "brings":
                self.guests[what].brings = True
            elif verb == "only":
                self.slots.serve_only(what.split(",").__contains__)
            else:
                getattr(self.slots, verb)(self.guests[what])
        return " ".join(self.told)


@pytest.mark.parametrize(
    ("count", "script", "told"),
    [
        (2, "ask:a ask:b", "+a +b"),
        (2, "ask:a ask:b ask:c", "+a +b"),
        (2, "ask:a ask:a", "+a"),
        (1, "ask:a ask:b ask:b leave:a", "+a -a +b"),
        (1, "ask:a ask:b ask:c leave:c leave:a", "+a -a +b"),
        (1, "ask:a ask:b ask:c leave:a", "+a -a +c"),
        (1, "leave:a", ""),
        (1, "ask:a leave:a leave:a ask:a", "+a -a +a"),
        (0, "ask:a turn", ""),
        (1, "ask:a rest:a ask:a", "+a"),
        (1, "ask:a rest:a ask:b", "+a -a +b"),
        (1, "ask:a rest:a leave:a ask:b", "+a -a +b"),
        (1, "ask:a ask:b rest:a", "+a -a +b"),
        (1, "ask:a ask:b rest:b leave:a", "+a -a"),
        (2, "ask:a ask:b rest:b rest:a ask:c ask:d", "+a +b -b +c -a +d"),
        (1, "ask:a rest:a wait:60 turn", "+a"),
        (1, "rest:a", ""),
    ],
)
def test_slots_are_given_to_those_who_want_something(count: int, script: str, told: str) -> None:
    """A free slot is given at once; who rests keeps it until another needs it."""
    assert Table(count).play(script) == told


@pytest.mark.parametrize(
    ("count", "script", "told"),
    [
        (1, f"ask:a ask:b wait:{TURN} piece:a", "+a -a +b"),
        (1, f"ask:a ask:b wait:{TURN} part:a", "+a"),
        (1, f"ask:a ask:b wait:{TURN - 0.01} piece:a", "+a"),
        (1, f"ask:a wait:{TURN} piece:a", "+a"),
        (1, f"ask:a wait:{TURN} piece:a ask:b piece:a", "+a -a +b"),
        (1, f"ask:a ask:b wait:{TURN} piece:a wait:{TURN} piece:b", "+a -a +b -b +a"),
        (1, f"ask:a ask:b wait:{TURN} piece:b", "+a"),
        (2, f"ask:a ask:b ask:c wait:{TURN} piece:b piece:a", "+a +b -b +c -a +b"),
        (1, f"ask:a ask:b wait:{IDLE} turn", "+a -a +b"),
        (1, f"ask:a ask:b wait:{IDLE - 0.01} turn", "+a"),
        (1, f"ask:a ask:b wait:{IDLE} part:a turn", "+a"),
        (1, f"ask:a ask:b wait:{IDLE} going:a turn", "+a"),
        (1, f"ask:a ask:b wait:{IDLE} going:b turn", "+a -a +b"),
        (1, f"ask:a wait:{IDLE} turn ask:b turn", "+a -a +b"),
        (1, f"ask:a ask:b wait:{LONGEST_TURN} part:a turn", "+a -a +b"),
        (2, f"ask:a ask:b ask:c wait:{IDLE} turn", "+a +b -a +c"),
        (2, f"ask:a ask:b ask:c ask:d wait:{IDLE} turn", "+a +b -a -b +d +c"),
    ],
)
def test_a_turn_is_short_and_ends_with_a_piece(count: int, script: str, told: str) -> None:
    """If others wait a slot goes on when a piece is whole, or when little goes out; never to the same guest again."""
    assert Table(count).play(script) == told


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("ask:a ask:b ask:c brings:c leave:a", "+a -a +b"),
        ("ask:a ask:b brings:b leave:a", "+a -a +b"),
        ("brings:a ask:a", "+a"),
    ],
)
def test_who_brings_a_piece_is_served_when_nobody_else_waits(script: str, told: str) -> None:
    """What it asks for comes behind that piece: its slot would be idle meanwhile."""
    assert Table(1).play(script) == told


def test_few_are_served_while_pieces_take_long() -> None:
    """As many as asked for only if each of them is served quickly; once that is over, fewer turns begin than end."""
    table = Table(SLOTS)
    assert table.play("ask:a ask:b ask:c ask:d ask:e") == "+a +b"
    assert table.play(f"wait:{TURN} fast:a") == "-a +e +d +c"
    assert table.play(" ".join(["part:e"] * 20)) == ""
    assert table.play(f"wait:{TURN} piece:b piece:c piece:d piece:e") == "-b -c -d +c -e +d"
    assert (FEW, QUICK) == (2, 4_000_000)


@pytest.mark.parametrize(
    ("count", "script", "told"),
    [
        (2, "ask:a ask:x only:", "+a +x -a -x"),
        (2, "ask:a ask:b only: only:lan", "+a +b -a -b +b +a"),
        (1, "ask:a ask:b only: turn only:lan", "+a -a +a"),
        (1, "only: ask:a ask:b leave:a only:lan", "+b"),
        (2, "ask:x ask:a only:lan", "+x +a -x"),
        (1, "ask:x ask:a only:lan", "+x -x +a"),
        (1, "ask:x ask:a only:lan,internet", "+x"),
        (1, "ask:x ask:a only:lan only:lan,internet wait:10 turn", "+x -x +a -a +x"),
        (1, "only:lan ask:x ask:a ask:y wait:10 turn", "+a"),
        (1, "only:lan ask:x ask:a leave:a", "+a -a"),
    ],
)
def test_only_those_are_served_who_may_have_pieces(count: int, script: str, told: str) -> None:
    """Others wait, lose no place in the queue by that, and take no slot from those who may."""
    assert Table(count).play(script) == told


def test_everybody_is_served_in_the_end() -> None:
    """Of five who never leave, chance serves each before long."""
    time = 0.0
    slots = Slots(SLOTS, lambda: time, pick=random.Random(1).choice)
    told: list[str] = []
    guests = [Recorder(name, told, Kind.LAN) for name in "abcde"]
    for guest in guests:
        slots.ask(guest)
    for turn in range(40):
        time = TURN * turn
        slots.sent(guests[turn % 5], PIECE, 1.0, whole=True)
    assert min(told.count(f"+{guest.name}") for guest in guests) >= 2
