"""What options and settings make of the download mode, and whom a fetch asks for peers."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from doctl.cli.app import run
from doctl.cli.swarming import Swarming, chosen, token
from doctl.errors import UsageError
from doctl.jobs.finding import Finder, Joining, Place
from doctl.jobs.rendezvous import Rendezvous
from doctl.net.fake import FakeNetwork
from doctl.settings import DownloadMode
from doctl.transfer.desk import Kind
from doctl.wire.joining import Restriction
from tests.servers.origin import Origin

GUID = "6F9619FF-8B86-D011-B42D-00C04FC964FF"
SERVICE = "https://c.test"

Shown = pytest.CaptureFixture[str]


def settings(folder: Path, text: str) -> Path:
    """Write a settings file."""
    file = folder / "do.toml"
    file.write_text(text)
    return file


def test_options_beat_the_file(tmp_path: Path) -> None:
    """--mode and --group come before the settings file, which comes before the default; all but options are named."""
    file = settings(tmp_path, f'[settings]\nDODownloadMode = 2\nDOGroupId = "{GUID}"\nDOCacheHost = "a, b"\n')
    found = chosen(Swarming(SERVICE, settings=file))
    assert (found.mode, found.mode_from) == (2, f"file {file}")
    assert found.rendezvous == Rendezvous(SERVICE, DownloadMode.GROUP, GUID.lower(), Restriction.SUBNET)
    assert found.settings.words("DOCacheHost") == ("a", "b")
    over = chosen(Swarming(SERVICE, mode="internet", settings=file))
    assert (over.mode, over.mode_from) == (3, "")
    assert chosen(Swarming()).mode == 1
    assert chosen(Swarming()).rendezvous is None


def test_a_policy_that_hands_downloads_to_bits_is_simple(tmp_path: Path) -> None:
    """Mode 100 in settings is mode 99 here and says why; as an option it is wrong use."""
    found = chosen(Swarming(SERVICE, settings=settings(tmp_path, "[settings]\nDODownloadMode = 100\n")))
    assert (found.mode, found.rendezvous) == (99, None)
    assert "BITS" in found.mode_from
    with pytest.raises(UsageError, match="BITS"):
        chosen(Swarming(mode="100"))


def test_a_group_needs_its_id() -> None:
    """Mode 2 without a group is wrong use, where a service is to be asked."""
    with pytest.raises(UsageError, match="--group"):
        chosen(Swarming(SERVICE, mode="group"))
    with pytest.raises(UsageError, match="GUID"):
        chosen(Swarming(SERVICE, mode="group", group="sales"))


def test_local_discovery_is_off_unless_asked_for(tmp_path: Path) -> None:
    """The option or DORestrictPeerSelectionBy 2 turns it on, in modes with peers."""
    file = settings(tmp_path, "[settings]\nDORestrictPeerSelectionBy = 2\n")
    assert not chosen(Swarming()).local_discovery
    assert chosen(Swarming(local_discovery=True)).local_discovery
    assert chosen(Swarming(settings=file)).local_discovery
    assert not chosen(Swarming(settings=file, mode="0")).local_discovery


def test_a_token_is_one_line(tmp_path: Path) -> None:
    """A token file has one word."""
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    assert token(file) == "s3cret"
    for bad in ("", "two words", "a\nb", "\u00e9"):
        file.write_text(bad, encoding="utf-8")
        with pytest.raises(UsageError, match="holds no token"):
            token(file)


@pytest.mark.parametrize(
    ("url", "more", "trusted"),
    [
        ("https://c.test", {}, True),
        ("http://127.0.0.1:8480", {}, True),
        ("http://[::1]:8480", {}, True),
        ("http://localhost:8480", {}, True),
        ("http://10.0.0.1:8480", {}, False),
        ("http://localhost.test", {}, False),
        ("http://10.0.0.1:8480", {"insecure": True}, True),
    ],
)
def test_whose_word_is_trusted(url: str, more: dict[str, Any], trusted: bool) -> None:
    """TLS and this machine are trusted; plain HTTP from elsewhere only where that is accepted."""
    with contextlib.nullcontext() if trusted else pytest.raises(UsageError, match="--insecure-coordinator"):
        Rendezvous(url, **more).check_trust()


def finder(**more: Any) -> Finder:
    """Make a finder that has heard nothing yet."""
    rendezvous = Rendezvous(SERVICE, **more)
    joining: Any = Joining(FakeNetwork(), None, rendezvous)  # type: ignore[arg-type]  # nobody is asked
    return Finder(joining, rendezvous, Place("DO-x", "", bytes(20), 7680), say=lambda _line: None)


@pytest.mark.parametrize(
    ("more", "host", "kind"),
    [
        ({}, "10.0.0.1", Kind.LAN),
        ({}, "93.184.216.34", Kind.LAN),
        ({"windows_accounting": True}, "93.184.216.34", Kind.INTERNET),
        ({"windows_accounting": True}, "10.0.0.1", Kind.LAN),
        ({"mode": DownloadMode.GROUP}, "93.184.216.34", Kind.GROUP),
        ({"mode": DownloadMode.INTERNET}, "93.184.216.34", Kind.INTERNET),
        ({"mode": DownloadMode.INTERNET}, "10.0.0.1", Kind.LAN),
    ],
)
def test_how_a_caller_is_booked(more: dict[str, Any], host: str, kind: Kind) -> None:
    """A caller that the service has not named counts by the mode; Windows' way books public LAN addresses elsewhere."""
    assert finder(**more).kind_of(host) is kind


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Run an origin with a small file."""
    with Origin(bytes(100_000)) as running:
        yield running


def test_plain_http_is_refused_before_anything_is_fetched(tmp_path: Path, capsys: Shown, origin: Origin) -> None:
    """A service over plain HTTP that is not here ends the fetch as wrong use, and nothing is written."""
    command = ["fetch", origin.url, "-o", str(tmp_path / "got"), "--coordinator", "http://192.0.2.1:8480", "-q"]
    assert run(command) == 2
    assert "--insecure-coordinator" in capsys.readouterr().err
    assert not (tmp_path / "got").exists()


def test_the_fetch_goes_on_without_the_service(tmp_path: Path, capsys: Shown, origin: Origin) -> None:
    """Where nobody answers, mode 99 and the reason are in the result, and the file is there."""
    command = ["fetch", origin.url, "-o", str(tmp_path / "got"), "--coordinator", "http://127.0.0.1:9"]
    assert run([*command, "--format", "json", "-q"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["mode"] == 99
    assert result["mode_reason"] == (
        "HTTP only: the coordination service is of no use: http://127.0.0.1:9/geo: connection refused"
    )
