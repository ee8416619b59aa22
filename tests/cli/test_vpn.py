"""``doctl vpn`` and ``doctl hosts --offline``, through the entry point."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from doctl.cli.app import run

INVENTORY = {
    "adapters": [
        {
            "name": "Ethernet",
            "description": "Realtek PCIe GbE",
            "kind": "ethernet",
            "if_type": 6,
            "default_route": True,
        },
        {
            "name": "Ethernet 3",
            "description": "Cisco AnyConnect Virtual Miniport Adapter for Windows x64",
            "if_type": 6,
            "addresses": ["10.8.1.2/24"],
        },
    ]
}
SETTINGS = '[settings]\nDODownloadMode = 2\n[[boundary]]\nname = "office"\ncidr = ["10.9.0.0/16"]\ndownload_mode = 0\n'


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    """Write an inventory of a machine on a VPN that Windows does not see."""
    path = tmp_path / "inventory.json"
    path.write_text(json.dumps(INVENTORY))
    return str(path)


def report(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    """Run doctl, want the exit code ``code`` and return the findings by their target."""
    assert run([*arguments, "--format", "json"]) == code
    return {finding["target"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}


def test_an_inventory_is_judged(capsys: pytest.CaptureFixture[str], inventory: str) -> None:
    """Both answers and the effect come out; a difference is a warning, and fails where warnings shall."""
    found = report(capsys, "vpn", "--from", inventory)
    assert [found["Ethernet 3"]["facts"][name] for name in ("is_vpn", "do_is_vpn")] == [True, False]
    assert found["Ethernet 3"]["status"] == "warn"
    assert found["all adapters"]["reason"] == "not_recognised"
    assert report(capsys, "vpn", "--from", inventory, "--fail-on", "warn", code=1)


def test_a_keyword_replaces_the_list(capsys: pytest.CaptureFixture[str], inventory: str) -> None:
    """With the right keyword Windows sees the VPN, and uploads and peering are off."""
    found = report(capsys, "vpn", "--from", inventory, "--keyword", "Other", "--keyword", "anyconnect")
    effect = found["all adapters"]
    assert (effect["status"], effect["reason"]) == ("pass", "uploads_suspended")
    assert [effect["facts"][name] for name in ("uploads_allowed", "peering_allowed")] == [False, False]


def test_settings_and_boundary_groups_decide_the_mode(
    capsys: pytest.CaptureFixture[str], inventory: str, tmp_path: Path
) -> None:
    """The mode comes from the file, and from a boundary group where an address lies in it."""
    settings = tmp_path / "do.toml"
    settings.write_text(SETTINGS)
    facts = report(capsys, "vpn", "--from", inventory, "--settings", str(settings))["all adapters"]["facts"]
    assert (facts["download_mode"], facts["download_mode_from"]) == (2, f"file {settings}")
    found = report(capsys, "vpn", "--from", inventory, "--settings", str(settings), "--boundary", "10.8.0.0/16")
    effect = found["all adapters"]
    assert effect["reason"] == "boundary_group"
    assert effect["facts"]["download_mode_from"] == "boundary --boundary 10.8.0.0/16"


def test_an_empty_inventory_is_undetermined(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing to judge is exit 3, never 0."""
    path = tmp_path / "empty.json"
    path.write_text('{"adapters": []}')
    assert report(capsys, "vpn", "--from", str(path), code=3)["all adapters"]["reason"] == "no_adapters"


WRONG: list[tuple[list[str], str]] = [
    (["vpn", "--from", "@nowhere.json"], "nowhere.json cannot be read: No such file or directory"),
    (["vpn", "--from", "@"], " cannot be read"),
    (["vpn", "--keyword", " "], "--keyword needs a word"),
    (["vpn", "--boundary", "10.8.0.1/16"], "--boundary: 10.8.0.1/16 has host bits set"),
    (
        ["vpn", "--settings", "@bad.toml"],
        "bad.toml [settings]: unknown key 'DODownloadMod'; did you mean DODownloadMode?",
    ),
    (["vpn", "--settings", "@latin.toml"], "latin.toml is not UTF-8 text (byte 3)"),
    (["vpn", "--from", "@bad.toml"], "bad.toml: not JSON"),
    (["hosts", "--offline"], "--offline judges an allowlist"),
    (["hosts", "--offline", "--allowlist", "@bad.toml", "--host", "x"], "--offline judges an allowlist"),
    (["hosts", "--set", "some", "--offline", "--allowlist", "@bad.toml"], "'some' is not a set of hosts"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_wrong_use_is_exit_2_and_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], message: str
) -> None:
    """What makes no sense is said in one line on stderr, which names the file and what would be right."""
    (tmp_path / "bad.toml").write_text("[settings]\nDODownloadMod = 1\n")
    (tmp_path / "latin.toml").write_bytes(b"# \n\xe9")
    assert run([text.replace("@", f"{tmp_path}{os.sep}") for text in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_an_allowlist_is_judged_offline(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The list's verdict is the exit code, and --set narrows what it must cover."""
    path = tmp_path / "list.txt"
    path.write_text("*.do.dsp.mp.microsoft.com\n*.dl.delivery.mp.microsoft.com\n")
    arguments = ["hosts", "--offline", "--allowlist", str(path)]
    assert report(capsys, *arguments, "--set", "service")["*.do.dsp.mp.microsoft.com"]["reason"] == "ok"
    missed = report(capsys, *arguments, "--set", "metadata", code=1)["dl.delivery.mp.microsoft.com"]
    assert (missed["status"], missed["reason"]) == ("fail", "apex_not_covered")
