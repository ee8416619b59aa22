"""``doctl fetch`` through the entry point: whom it trusts, what it keeps, what it says and how it ends."""

import base64
import contextlib
import hashlib
import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from doctl.cli.app import run
from doctl.jobs.fetch_result import FetchResult
from doctl.transfer.desk import Kind
from doctl.transfer.rules import Name
from doctl.wire.hash_file import HashFile, encode, to_json
from tests.servers.exchange import Reply, Request
from tests.servers.origin import Behaviour, File, Origin, in_chunks, later, proper, status
from tests.waiting import until

PIECE = 16 * 1024
DATA = hashlib.shake_128(b"content").digest(10 * PIECE + 5)
SHA256 = hashlib.sha256(DATA).hexdigest()
DESCRIBED = HashFile.of(
    len(DATA), PIECE, tuple(hashlib.sha256(DATA[at : at + PIECE]).digest() for at in range(0, len(DATA), PIECE))
)
TRUSTED = encode(DESCRIBED.hash_of_hashes)
LISTEN = ("--listen", "127.0.0.1:0")

Shown = pytest.CaptureFixture[str]


def fetch(shown: Shown, code: int, *arguments: object) -> dict[str, Any]:
    """Run ``doctl fetch`` to the exit code ``code`` and return its JSON, which fits its schema."""
    assert run(["fetch", *map(str, arguments), *LISTEN, "-q", "--format", "json"]) == code
    result: dict[str, Any] = json.loads(shown.readouterr().out)
    assert run(["schema", "fetch"]) == 0
    jsonschema.validate(result, json.loads(shown.readouterr().out))
    return result


def with_hash_file(suffix: str, hash_file: bytes = to_json(DESCRIBED)) -> Behaviour:
    """Serve the content properly, and its hash file at the same place with ``suffix``; nothing else."""

    def behave(request: Request, file: File) -> Reply:
        if request.target.endswith(suffix):
            return Reply(200, {"Content-Length": str(len(hash_file))}, hash_file)
        return proper(request, file) if request.target == "/file.bin" else status(404)(request, file)

    return behave


@contextlib.contextmanager
def nobody_listens() -> Iterator[str]:
    """Give an address that is kept free while the block runs: bound, but not listened on."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{kept.getsockname()[1]}"


def test_without_a_hash_only_http(tmp_path: Path, capsys: Shown) -> None:
    """Without a trusted HashOfHashes the file comes over HTTP alone, whatever peers are named, and that is said."""
    with Origin(DATA) as origin:
        result = fetch(capsys, 0, origin.url, "-o", tmp_path / "got", "--peer", "127.0.0.1:9")
    assert (tmp_path / "got").read_bytes() == DATA
    assert (result["mode"], result["sha256"], result["hash_of_hashes"]) == (99, SHA256, None)
    assert "--hash-of-hashes" in result["mode_reason"]
    assert result["bytes_from"] == {"http": len(DATA), "cache": 0, "lan": 0, "group": 0, "internet": 0}
    assert result["peers"] == []


@pytest.mark.parametrize(
    ("options", "rule", "setting", "value", "effect"),
    [
        ([], "bandwidth", "DOMaxForegroundDownloadBandwidth", 9000, "at most 9000 KB/s"),
        (["--background"], "percentage", "DOPercentageMaxBackgroundBandwidth", 50, "50 % of the link, LAN peers aside"),
    ],
)
def test_the_rules_are_in_the_result(
    options: list[str], rule: str, setting: str, value: int, effect: str, tmp_path: Path, capsys: Shown
) -> None:
    """The rules of the ground that was asked for, and where they came from, with the name of the settings file."""
    file = tmp_path / "do.toml"
    file.write_text("[settings]\nDOMaxForegroundDownloadBandwidth = 9000\nDOPercentageMaxBackgroundBandwidth = 50\n")
    with Origin(DATA) as origin:
        result = fetch(capsys, 0, origin.url, "-o", tmp_path / "got", "--settings", file, *options)
    assert result["rules"] == [
        {
            "rule": rule,
            "setting": setting,
            "value": value,
            "source": f"file {file}",
            "effect": effect,
            "since_s": 0.0,
            "until_s": None,
        }
    ]


def test_the_schema_knows_every_rule(capsys: Shown) -> None:
    """And no other."""
    assert run(["schema", "fetch"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$defs"]["rule"]["properties"]["rule"]["enum"] == [*Name]


def test_hours_that_are_none_are_wrong_use(tmp_path: Path, capsys: Shown) -> None:
    """The message names the file and says how hours are written; nothing is fetched."""
    file = tmp_path / "do.toml"
    file.write_text('[settings]\nDOSetHoursToLimitForegroundDownloadBandwidth = "daily"\n')
    with Origin(DATA) as origin:
        assert run(["fetch", origin.url, "-o", str(tmp_path / "got"), "--settings", str(file)]) == 2
    said = capsys.readouterr().err
    assert f"{file}: 'daily' are no hours with limits in percent; write 8-17 in 20 out 80" in said
    assert not (tmp_path / "got").exists()


@pytest.mark.parametrize("suffix", [".phf", "/pieceshash"])
def test_the_hash_file_beside_the_content(tmp_path: Path, capsys: Shown, suffix: str) -> None:
    """With a trusted HashOfHashes the hash file is found at either of its places."""
    with Origin(DATA, with_hash_file(suffix)) as origin:
        result = fetch(capsys, 0, origin.url, "-o", tmp_path / "got", "--hash-of-hashes", TRUSTED)
    assert (result["mode"], result["hash_of_hashes"], result["sha256"]) == (1, TRUSTED, SHA256)


def test_no_hash_file_anywhere(tmp_path: Path, capsys: Shown) -> None:
    """A trusted HashOfHashes without a hash file means HTTP only, with the reason."""
    with Origin(DATA, with_hash_file(".none")) as origin:
        result = fetch(capsys, 0, origin.url, "-o", tmp_path / "got", "--hash-of-hashes", TRUSTED)
    assert result["mode"] == 99
    assert "no hash file was found" in result["mode_reason"]


def test_a_hash_file_that_is_not_the_trusted_one(tmp_path: Path, capsys: Shown) -> None:
    """A hash file beside the content that is for other content is not used: HTTP only."""
    other = HashFile.of(5, PIECE, (bytes(32),))
    with Origin(DATA, with_hash_file(".phf", to_json(other))) as origin:
        result = fetch(capsys, 0, origin.url, "-o", tmp_path / "got", "--hash-of-hashes", TRUSTED)
    assert result["mode"] == 99


def test_a_named_hash_file_must_be_the_trusted_one(tmp_path: Path, capsys: Shown) -> None:
    """A hash file that the user names and that contradicts --hash-of-hashes ends the fetch: one of them is wrong."""
    (tmp_path / "phf").write_bytes(to_json(DESCRIBED))
    other = base64.b64encode(bytes(32)).decode()
    with Origin(DATA) as origin:
        named = ("--phf", tmp_path / "phf", "--hash-of-hashes", other)
        result = fetch(capsys, 1, origin.url, "-o", tmp_path / "got", *named)
    assert "for other content" in result["error"]
    assert not (tmp_path / "got").exists()


def test_a_hash_file_alone_checks_the_origin(tmp_path: Path, capsys: Shown) -> None:
    """With a hash file but no HashOfHashes every piece from HTTP is checked, and nothing comes from peers."""
    (tmp_path / "phf").write_bytes(to_json(DESCRIBED))
    bad = bytearray(DATA)
    bad[3 * PIECE] ^= 1
    with Origin(bytes(bad)) as origin:
        result = fetch(capsys, 1, origin.url, "-o", tmp_path / "got", "--phf", tmp_path / "phf")
        asked = [request.range for request in origin.requests if request.range and request.range != (0, 0)]
    assert result["error"].startswith("the origin and the hash file disagree: piece 3")
    assert sum(first <= 3 * PIECE <= last for first, last in asked) == 2
    assert not (tmp_path / "got").exists()


def test_lengths_that_disagree(tmp_path: Path, capsys: Shown) -> None:
    """An origin whose file has another length than the hash file says is found out before anything is fetched."""
    (tmp_path / "phf").write_bytes(to_json(DESCRIBED))
    with Origin(DATA + b"more") as origin:
        result = fetch(capsys, 1, origin.url, "-o", tmp_path / "got", "--phf", tmp_path / "phf")
    assert "disagree" in result["error"]


@pytest.mark.parametrize(("mode", "number"), [("http", 0), ("0", 0), ("simple", 99), ("99", 99)])
def test_modes_without_peers(tmp_path: Path, capsys: Shown, mode: str, number: int) -> None:
    """Modes 0 and 99 use no peers even where they could be trusted."""
    with Origin(DATA, with_hash_file(".phf")) as origin:
        result = fetch(capsys, 0, origin.url, "-o", tmp_path / "got", "--hash-of-hashes", TRUSTED, "--mode", mode)
    assert (result["mode"], result["peers"]) == (number, [])


def test_sha256_of_the_whole(tmp_path: Path, capsys: Shown) -> None:
    """--sha256 is checked at the end; a file with another one does not appear, nor is it kept for the next run."""
    with Origin(DATA) as origin:
        result = fetch(capsys, 1, origin.url, "-o", tmp_path / "got", "--sha256", "0" * 64)
        assert SHA256 in result["error"]
        assert result["error"].endswith("it was not kept")
        assert list(tmp_path.iterdir()) == []
        assert fetch(capsys, 0, origin.url, "-o", tmp_path / "got", "--sha256", SHA256.upper())["status"] == "pass"


def test_another_sha256_of_pieces_that_are_right(tmp_path: Path, capsys: Shown) -> None:
    """Where a hash file vouches for the pieces they stay, as the message says, and the right digest needs no others."""
    with Origin(DATA, with_hash_file(".phf")) as origin:
        trusting = (origin.url, "-o", tmp_path / "got", "--hash-of-hashes", TRUSTED)
        result = fetch(capsys, 1, *trusting, "--sha256", "0" * 64)
        assert result["error"].endswith("are kept for the right --sha256")
        assert not (tmp_path / "got").exists()
        assert fetch(capsys, 0, *trusting, "--sha256", SHA256)["resumed_bytes"] == len(DATA)
    assert (tmp_path / "got").read_bytes() == DATA


def test_what_is_there_already(tmp_path: Path, capsys: Shown) -> None:
    """The same file is not fetched again, a different one is neither replaced nor touched unless by --force."""
    path = tmp_path / "got"
    with Origin(DATA) as origin:
        path.write_bytes(DATA)
        result = fetch(capsys, 0, origin.url, "-o", path, "--sha256", SHA256)
        assert (result["resumed_bytes"], result["bytes_from"]["http"]) == (len(DATA), 0)
        path.write_bytes(b"precious")
        assert "is there already and is not it" in fetch(capsys, 1, origin.url, "-o", path, "--sha256", SHA256)["error"]
        untold = fetch(capsys, 1, origin.url, "-o", path)["error"]
        assert "is there already and no hash was named (--sha256) that says whether it is the same" in untold
        assert path.read_bytes() == b"precious"
        fetch(capsys, 0, origin.url, "-o", path, "--force")
    assert path.read_bytes() == DATA


def test_the_rate_is_of_what_came_while_it_came() -> None:
    """Neither what an earlier run left nor the time of giving to others afterwards counts; without bytes it is 0."""
    result = FetchResult(length=5000, resumed_bytes=3000, duration_s=12.0, seeded_s=10.0)
    assert result.rate == 0
    result.ledger.book("", Kind.HTTP, 2000, 0.0)
    assert result.rate == 1000


def test_what_is_there_already_has_no_rate(tmp_path: Path, capsys: Shown) -> None:
    """The text of a fetch that had nothing to do says how long it took, and of no speed."""
    (tmp_path / "got").write_bytes(DATA)
    with Origin(DATA) as origin:
        assert run(["fetch", origin.url, "-o", str(tmp_path / "got"), "--sha256", SHA256]) == 0
    assert re.search(r"^took      [0-9.]+ s$", capsys.readouterr().out, re.MULTILINE)


def test_a_folder_keeps_the_name_of_the_url(tmp_path: Path, capsys: Shown) -> None:
    """-o FOLDER puts the file there under the URL's own name."""
    with Origin(DATA) as origin:
        assert Path(fetch(capsys, 0, origin.url, "-o", tmp_path)["file"]) == tmp_path / "file.bin"


def test_a_stream_of_unknown_length(tmp_path: Path, capsys: Shown) -> None:
    """An origin that says no length is read as it comes; the result says why there were no peers."""
    with Origin(DATA, in_chunks()) as origin:
        origin.behave = lambda request, file: in_chunks()(Request(0, 0, "/", {}), file)
        result = fetch(capsys, 0, origin.url, "-o", tmp_path / "got", "--sha256", SHA256)
        other = fetch(capsys, 1, origin.url, "-o", tmp_path / "other", "--sha256", "0" * 64)
    assert (result["sha256"], result["bytes"], result["mode"]) == (SHA256, len(DATA), 99)
    assert "how long the file is" in result["mode_reason"]
    assert other["error"].endswith("it was not kept")
    assert [path.name for path in tmp_path.iterdir()] == ["got"]


def test_an_interrupted_one_goes_on(tmp_path: Path, capsys: Shown) -> None:
    """What a failed run had verified is not fetched again by the next, if the origin names its version."""
    path = tmp_path / "got"
    (tmp_path / "phf").write_bytes(to_json(DESCRIBED))

    def gone(request: Request, file: File) -> Reply:
        """Answer once a piece is verified and noted, after the first line, which names the version."""
        until(lambda: (tmp_path / "got.doctl-map").read_bytes().count(b"\n") >= 2, what="a piece")
        return status(404)(request, file)

    with Origin(DATA, later(gone, start=3)) as origin:
        failed = fetch(capsys, 1, origin.url, "-o", path, "--phf", tmp_path / "phf")
        assert "has no such file" in failed["error"]
        assert not path.exists()
        origin.behave = proper
        result = fetch(capsys, 0, origin.url, "-o", path, "--phf", tmp_path / "phf")
    assert result["resumed_bytes"] >= max(failed["bytes_from"]["http"], 1)
    assert result["bytes_from"]["http"] == len(DATA) - result["resumed_bytes"]


@pytest.mark.parametrize("length", [0, 1, PIECE])
def test_small_files(tmp_path: Path, capsys: Shown, length: int) -> None:
    """Empty and tiny files are files."""
    with Origin(DATA[:length]) as origin:
        result = fetch(capsys, 0, origin.url, "-o", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == DATA[:length]
    assert (result["bytes"], result["sha256"]) == (length, hashlib.sha256(DATA[:length]).hexdigest())


def test_text_says_what_came_from_where(tmp_path: Path, capsys: Shown) -> None:
    """The text names the file, its digest, the time, the mode and each source's share; talk goes to stderr."""
    with Origin(DATA) as origin:
        assert run(["fetch", origin.url, "-o", str(tmp_path / "got")]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^file +.*got, 163.8 KB, no hash file vouches for its pieces$", shown, re.MULTILINE)
    assert f"sha256    {SHA256}\n" in shown
    assert re.search(r"^http +163.8 KB$", shown, re.MULTILINE)


@pytest.mark.parametrize(
    ("trusted", "noted", "vouched"),
    [
        (["--hash-of-hashes", TRUSTED], TRUSTED, "every piece has its hash"),
        ([], None, "every piece has its hash, and no HashOfHashes vouches for these"),
    ],
)
def test_what_vouches_for_the_pieces_is_told_each_time(
    tmp_path: Path, capsys: Shown, trusted: list[str], noted: str | None, vouched: str
) -> None:
    """Text and JSON say whose hashes the pieces were checked with, as they come and when the file is there already."""
    (tmp_path / "phf").write_bytes(to_json(DESCRIBED))
    order = ["-o", str(tmp_path / "got"), "--phf", str(tmp_path / "phf"), *trusted]
    with Origin(DATA) as origin:
        for _ in range(2):
            assert run(["fetch", origin.url, *order, *LISTEN]) == 0
            assert re.search(rf"^file +.*got, 163.8 KB, {vouched}$", capsys.readouterr().out, re.MULTILINE)
        result = fetch(capsys, 0, origin.url, *order)
    assert (result["hash_of_hashes"], result["mode_reason"]) == (noted, "nothing was left to fetch")


@pytest.mark.parametrize(("options", "told"), [([], False), (["-v"], True), (["--sha256", SHA256], True)])
def test_the_whole_is_hashed_again_only_for_who_asks(
    tmp_path: Path, capsys: Shown, options: list[str], told: bool
) -> None:
    """Where every piece has a hash of its own, the text has the file's digest with -v or --sha256 alone."""
    trusting = ["--hash-of-hashes", TRUSTED, "-o", str(tmp_path / "got"), *options]
    with Origin(DATA, with_hash_file(".phf")) as origin:
        assert run(["fetch", origin.url, *trusting]) == 0
    shown = capsys.readouterr().out
    assert "every piece has its hash" in shown
    assert (f"sha256    {SHA256}\n" in shown) == told == ("sha256" in shown)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ftp://x/y"], "http://HOST/PATH or https://HOST/PATH"),
        (["http:///y"], "names no host"),
        (["http://127.0.0.1:9/y", "--max-down", "fast"], "500KB or 60MB"),
        (["http://127.0.0.1:9/y", "--max-up", "0KB"], "500KB or 60MB"),
        (["http://127.0.0.1:9/y", "--seed-for", "10"], "90s, 10m or 1h"),
        (["http://127.0.0.1:9/y", "--seed-for", "-1s"], "90s, 10m or 1h"),
        (["http://127.0.0.1:9/y", "--mode", "7"], "0 http, 1 lan, 2 group, 3 internet or 99 simple"),
        (["http://127.0.0.1:9/y", "--mode", "100"], "BITS"),
        (["http://127.0.0.1:9/y", "--sha256", "abc"], "64 hex digits"),
        (["http://127.0.0.1:9/y", "--hash-of-hashes", "abc"], "doctl phf show"),
        (["http://127.0.0.1:9/y", "--peer", "10.0.0.7:x"], "0 to 65535"),
        (["http://127.0.0.1:9/y", "--peer", "a b"], "HOST:PORT"),
        (["http://127.0.0.1:9/y", "--listen", "10.0.0.7"], "no port"),
        (["http://127.0.0.1:9/y", "--proxy", "ftp://p:1"], "proxy"),
        (["http://127.0.0.1:9/y", "--phf", "/nowhere/phf"], "no such file"),
        (["http://127.0.0.1:9/y", "--timeout", "0"], "0.01"),
        (["http://127.0.0.1:9/y", "--colour"], "--colour"),
        (["http://127.0.0.1:9/y", "--token-file", "t"], "name that with --coordinator"),
        (["http://127.0.0.1:9/y", "--seed-for", "9000h"], "longer than a year"),
        ([], "URL"),
    ],
)
def test_wrong_use_is_one_line(capsys: Shown, arguments: list[str], says: str) -> None:
    """What makes no sense ends with exit code 2 and one line that says what would be right."""
    assert run(["fetch", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("doctl: ")
    assert err.count("\n") == 1
    assert says in err


@pytest.mark.skipif(os.name == "nt", reason="the places are POSIX's")
@pytest.mark.parametrize(
    ("output", "code", "says"),
    [("/nowhere/got", 2, "/nowhere"), ("/proc/got", 1, "/proc/got"), ("/dev/null", 1, "/dev/null")],
)
def test_a_place_that_cannot_be_written(capsys: Shown, output: str, code: int, says: str) -> None:
    """A place where no file can be made is one line, before anything is fetched."""
    with Origin(DATA) as origin:
        assert run(["fetch", origin.url, "-o", output, "-q"]) == code
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_an_origin_out_of_reach_is_looked_at_with_a_command(tmp_path: Path, capsys: Shown) -> None:
    """Where nobody answers, the line names the command that shows where the way ends, without what may be secret."""
    with Origin(DATA) as origin:
        gone = origin.url
    result = fetch(capsys, 1, gone.replace("//", "//name:secret@") + "?key=1", "-o", tmp_path / "got")
    assert result["error"] == f"{gone}: connection refused; doctl proxy {gone} shows where the way ends"


def test_a_source_that_fails_is_told(tmp_path: Path, capsys: Shown) -> None:
    """Why a peer gave nothing is said on stderr at once, though the fetch goes on without it and ends well."""
    with Origin(DATA, with_hash_file(".phf")) as origin, nobody_listens() as address:
        command = ["fetch", origin.url, "-o", tmp_path / "got", "--hash-of-hashes", TRUSTED, "--max-down", "100KB"]
        assert run([*map(str, command), "--peer", address, *LISTEN]) == 0
    assert f"{address}: connection refused; trying again\n" in capsys.readouterr().err
