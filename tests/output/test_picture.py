"""What the picture of the HTML page takes from the findings."""

from dataclasses import replace

import pytest

from doctl.output.html.picture import Gate, Place, draw, places
from doctl.report import Finding, Status
from tests.output.sample import EMPTY, FULL, HOSTILE


def finding(target: str, status: Status = Status.PASS, check: str = "hosts.reach", **facts: object) -> Finding:
    """Return a finding about ``target``."""
    return Finding(check, "hosts", target, status, "ok", "So.", facts)


@pytest.mark.parametrize(
    ("target", "port", "label"),
    [
        ("192.0.2.7:7680", "7680", "192.0.2.7"),
        ("[2001:db8::1]:7680", "7680", "2001:db8::1"),
        ("pc7.example:7680", "7680", "pc7.example"),
        ("http://dl.example/a?b", "80", "dl.example"),
        ("https://geo.example/", "443", "geo.example"),
        ("http://wsus.example:8530/Content", "8530", "wsus.example"),
        ("emdl.ws.microsoft.com", "", "emdl.ws.microsoft.com"),
        ("*.do.dsp.mp.microsoft.com", "", "*.do.dsp.mp.microsoft.com"),
    ],
)
def test_targets_elsewhere_stand_behind_their_port(target: str, port: str, label: str) -> None:
    """Addresses, URLs, names and patterns are places behind a port, or behind none where none is known."""
    assert places([finding(target)]) == ([], [Gate(port, (Place(label, Status.PASS),))])


def test_a_name_takes_its_port_from_the_facts() -> None:
    """A bare host name stands behind the port that the facts give."""
    assert places([finding("geo.example", port=443)])[1][0].port == "443"


@pytest.mark.parametrize(
    ("target", "check", "label"),
    [
        ("0.0.0.0:7680", "ports.7680.listener", "7680 listener"),
        ("[::]:7680", "ports.7680.listener", "7680 listener"),
        ("127.0.0.1:7680", "ports.7680.listener", "7680 listener"),
        ("7680/tcp", "ports.7680.firewall", "7680 firewall"),
        ("", "ports.7680.inbound", "7680 inbound"),
        ("Ethernet 2", "vpn.adapter", "Ethernet 2"),
        ("", "vpn.effect", "vpn.effect"),
        ("http://[oops", "proxy.range", "http://[oops"),
        ("http://host:99999/", "proxy.range", "http://host:99999/"),
    ],
)
def test_what_is_about_this_machine_stands_in_its_box(target: str, check: str, label: str) -> None:
    """Listeners, rules, adapters and whatever is no address stand in the machine's own box."""
    assert places([finding(target, check=check)]) == ([Place(label, Status.PASS)], [])


def test_the_worst_of_several_findings_counts() -> None:
    """One place is shown once, by its worst finding; a port is as bad as the worst place behind it."""
    found = [finding("a.example:80"), finding("a.example:80", Status.FAIL), finding("b.example:80", Status.WARN)]
    _, gates = places(found)
    assert gates == [Gate("80", (Place("a.example", Status.FAIL), Place("b.example", Status.WARN)))]
    assert gates[0].status is Status.FAIL


def test_many_places_are_cut_with_the_worst_in_sight() -> None:
    """A port with many hosts shows the worst ones and how many more there are."""
    report = EMPTY.__class__(
        EMPTY.tool,
        "hosts",
        EMPTY.host,
        EMPTY.started,
        1.0,
        (*(finding(f"h{n}.example:443") for n in range(40)), finding("bad.example:443", Status.FAIL)),
    )
    picture = draw(report)
    assert "bad.example" in picture
    assert "and 28 more" in picture
    assert picture.count('class="mark') == 14


def test_hostile_names_are_escaped_and_shortened() -> None:
    """Names from outside are text in the picture, cut in the middle where they are long."""
    assert "<script" not in draw(FULL)
    assert HOSTILE not in draw(FULL)
    assert "…" in draw(FULL)


def test_wide_letters_stay_in_their_box() -> None:
    """A name in Japanese, whose letters are twice as wide, is cut to the width of one in Latin letters."""
    adapter = Finding("vpn.adapter", "vpn", "イーサネットアダプターの接続", Status.PASS, "not_vpn", "So.")
    assert ">イーサネッ…ターの接続</text>" in draw(replace(EMPTY, findings=(adapter,)))


def test_nothing_to_show_is_no_picture() -> None:
    """A report without findings has no picture."""
    assert draw(EMPTY) == ""
