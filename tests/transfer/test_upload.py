"""Upload slots: first come first served, so many at a time, in turns."""

from dataclasses import dataclass, field

import pytest

from doctl.transfer.desk import Kind
from doctl.transfer.upload import SLOTS, TURN, Slots


@dataclass(eq=False)
class Recorder:
    """A guest that writes down what it is told."""

    name: str
    told: list[str]
    kind: Kind

    def choke(self) -> None:
        """Write it down."""
        self.told.append(f"-{self.name}")

    def unchoke(self) -> None:
        """Write it down."""
        self.told.append(f"+{self.name}")


@dataclass
class Table:
    """Slots with guests named by letters, ``x`` and ``y`` of them on the Internet, and a clock that is set by hand."""

    count: int
    time: float = 100.0
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slots = Slots(self.count, lambda: self.time)
        kinds = dict.fromkeys("abcdef", Kind.LAN) | dict.fromkeys("xy", Kind.INTERNET)
        self.guests = {name: Recorder(name, self.told, kind) for name, kind in kinds.items()}

    def play(self, script: str) -> str:
        """Do what each word says: ``ask:a``, ``leave:a``, ``wait:9``, ``turn``; return what the guests were told.

        ``only:`` is followed by the kinds of peers that may have pieces.
        """
        self.told.clear()
        for word in script.split():
            verb, _, what = word.partition(":")
            if verb == "wait":
                self.time += float(what)
            elif verb == "turn":
                self.slots.take_turns()
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
        (1, "ask:a ask:b ask:c leave:b leave:a", "+a -a +c"),
        (1, "leave:a", ""),
        (1, "ask:a leave:a leave:a ask:a", "+a -a +a"),
        (1, "ask:a wait:60 turn", "+a"),
        (1, "ask:a ask:b wait:9.9 turn", "+a"),
        (1, "ask:a ask:b wait:10 turn", "+a -a +b"),
        (1, "ask:a ask:b wait:10 turn turn", "+a -a +b"),
        (1, "ask:a ask:b wait:10 turn wait:10 turn", "+a -a +b -b +a"),
        (2, "ask:a wait:5 ask:b ask:c wait:5 turn", "+a +b -a +c"),
        (2, "ask:a wait:5 ask:b ask:c ask:d wait:5 turn", "+a +b -a +c"),
        (2, "ask:a wait:5 ask:b ask:c ask:d wait:10 turn", "+a +b -a -b +c +d"),
        (3, "ask:a ask:b ask:c ask:d wait:99 turn", "+a +b +c -a +d"),
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
def test_slots_are_given_in_turn(count: int, script: str, told: str) -> None:
    """Who came first is served first; if somebody waits the longest served makes room, who rests at once."""
    assert Table(count).play(script) == told


@pytest.mark.parametrize(
    ("count", "script", "told"),
    [
        (2, "ask:a ask:x only:", "+a +x -a -x"),
        (2, "ask:a ask:b only: only:lan", "+a +b -a -b +a +b"),
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
    """Of five who never leave, each has been served after two turns of four slots."""
    table = Table(SLOTS)
    assert table.play("ask:a ask:b ask:c ask:d ask:e") == "+a +b +c +d"
    assert table.play(f"wait:{TURN} turn") == "-a +e"
    assert table.play(f"wait:{TURN} turn") == "-b +a"
