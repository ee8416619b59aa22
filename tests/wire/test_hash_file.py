"""Hash files: the published record, every way to be wrong, content ids, and what parsing may cost."""

import base64
import hashlib
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from doctl.errors import HashFileError, UsageError
from doctl.wire import hash_file as hf
from doctl.wire.hash_file import HashFile

RECORD = (
    b'{"MajorVersion":1,"MinorVersion":0,"HashOfHashes":"bLR+YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA=",'
    b'"ContentLength":244530,"PieceSize":1048576,"Pieces":["J/rmYNjGCeAgcDu0Y7ZgHmKBHcddsZl1vLfWjZWbUn0="]}'
)
"""A hash file as Microsoft's own service gave it."""
IDENTITY = base64.b64decode("bLR+YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA=")
PIECE = "J/rmYNjGCeAgcDu0Y7ZgHmKBHcddsZl1vLfWjZWbUn0="


def changed(**fields: Any) -> bytes:
    """Return the record with some fields changed; None takes one away."""
    merged = {**json.loads(RECORD), **fields}
    return json.dumps({key: value for key, value in merged.items() if value is not None}).encode()


def many(count: int, piece_size: int = 1 << 20) -> HashFile:
    """Return a hash file of ``count`` pieces."""
    pieces = tuple(hashlib.sha256(index.to_bytes(4)).digest() for index in range(count))
    return HashFile.of(count * piece_size, piece_size, pieces)


def test_the_real_record_is_right() -> None:
    """The formula for the HashOfHashes reproduces a real record, and reading gives what is in it."""
    record = hf.parse(RECORD, trusted=IDENTITY)
    assert record == HashFile(244530, 1048576, (base64.b64decode(PIECE),), IDENTITY)
    assert record.computed == IDENTITY


def test_writing_gives_the_real_record_back() -> None:
    """What is written is the real record byte for byte, with a line end."""
    assert hf.to_json(hf.parse(RECORD)) == RECORD + b"\n"


@pytest.mark.parametrize(
    ("length", "piece_size"), [(0, 1024), (1, 1024), (1024, 1024), (1025, 1024), (5 << 20, 1 << 20), (1, 16 << 20)]
)
def test_written_hash_files_read_the_same(length: int, piece_size: int) -> None:
    """Empty content, one byte, exact multiples and remainders go out and come back the same."""
    made = HashFile.of(length, piece_size, (bytes(32),) * -(-length // piece_size))
    assert hf.parse(hf.to_json(made), trusted=made.hash_of_hashes) == made


def test_what_a_real_file_may_add_is_accepted() -> None:
    """A byte order mark, white space and keys that doctl does not know are no reason to refuse."""
    assert hf.parse(b"\xef\xbb\xbf\r\n " + changed(Later={"a": [1, 2]}) + b"\n").hash_of_hashes == IDENTITY


WRONG: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "does not begin with a brace"),
    "a list": (b"[]", "does not begin with a brace"),
    "a page": (b"<html>" + b"{[" * 500, "does not begin with a brace"),
    "not UTF-8": (b'{"MajorVersion":"\xff"}', "not text in UTF-8"),
    "UTF-16": (RECORD.decode().encode("utf-16"), "not text in UTF-8"),
    "cut short": (RECORD[:-5], "is not JSON"),
    "something after it": (RECORD + b"{}", "is not JSON: Extra data"),
    "too deep": (b'{"a":' + b"[" * 100_000, "nested too deep"),
    "too many objects": (b'{"a":[' + b"{}," * 200 + b"1]}", "nested too deep"),
    "too many items": (b'{"Pieces":[' + b"1," * 300_000 + b"1]}", "more than 262,144 pieces"),
    "too long": (RECORD + b" " * (16 << 20), "more than 16,777,216 bytes"),
    "not a number": (changed(ContentLength=float("nan")), "NaN"),
    "infinite": (changed(ContentLength=float("-inf")), "-Infinity"),
    "thousands of digits": (RECORD.replace(b"244530", b"9" * 5000), "thousands of digits"),
    "key twice": (RECORD.replace(b'"MinorVersion":0', b'"MinorVersion":0,"PieceSize":1024'), "a key twice"),
    "no MajorVersion": (changed(MajorVersion=None), "no MajorVersion"),
    "no MinorVersion": (changed(MinorVersion=None), "no MinorVersion"),
    "no HashOfHashes": (changed(HashOfHashes=None), "no HashOfHashes"),
    "no ContentLength": (changed(ContentLength=None), "no ContentLength"),
    "no PieceSize": (changed(PieceSize=None), "no PieceSize"),
    "no Pieces": (changed(Pieces=None), "no Pieces"),
    "version 2.0": (changed(MajorVersion=2), "version 2.0; only 1.0 is known"),
    "version 1.1": (changed(MinorVersion=1), "version 1.1; only 1.0 is known"),
    "version is true": (changed(MajorVersion=True), "MajorVersion is not a whole number"),
    "version is text": (changed(MinorVersion="0"), "MinorVersion is not a whole number"),
    "length is a float": (changed(ContentLength=244530.0), "ContentLength is not a whole number"),
    "length is text": (changed(ContentLength="244530"), "ContentLength is not a whole number"),
    "length is absurd": (changed(ContentLength=10**30), "ContentLength is absurd: a number of 100 bits"),
    "length is negative": (changed(ContentLength=-1), "content length -1 is negative"),
    "length is too much": (changed(ContentLength=1 << 60), "more than 262,144 pieces"),
    "no piece size": (changed(PieceSize=0), "piece size 0 is out of range: 1,024 to 16,777,216 bytes"),
    "negative piece size": (changed(PieceSize=-1048576), "piece size -1,048,576 is out of range"),
    "small piece size": (changed(PieceSize=1023), "piece size 1,023 is out of range"),
    "large piece size": (changed(PieceSize=(16 << 20) + 1), "piece size 16,777,217 is out of range"),
    "pieces are text": (changed(Pieces=PIECE), "Pieces is not a list"),
    "no pieces": (changed(Pieces=[]), "number of pieces is 0, its sizes call for 1"),
    "a piece too many": (changed(Pieces=[PIECE, PIECE]), "number of pieces is 2, its sizes call for 1"),
    "a piece of nothing": (changed(ContentLength=0), "number of pieces is 1, its sizes call for 0"),
    "a piece is null": (changed(Pieces=[None]), "the hash of piece 0 is not text"),
    "a piece is empty": (changed(Pieces=[""]), "the hash of piece 0 is not base64"),
    "a piece is not base64": (changed(Pieces=["*" * 44]), "the hash of piece 0 is not base64"),
    "a piece is not ASCII": (changed(Pieces=["é" * 44]), "the hash of piece 0 is not base64"),
    "a piece has a space": (changed(Pieces=[" " + PIECE]), "the hash of piece 0 is not base64"),
    "a piece is URL-safe": (changed(Pieces=[PIECE.replace("/", "_")]), "the hash of piece 0 is not base64"),
    "a piece lacks padding": (changed(Pieces=[PIECE[:-1]]), "the hash of piece 0 is not base64"),
    "a piece has stray bits": (changed(Pieces=[PIECE[:-2] + "1="]), "the hash of piece 0 is not base64"),
    "a piece is SHA-1": (changed(Pieces=["AAAAAAAAAAAAAAAAAAAAAAAAAAA="]), "20 bytes long, a SHA-256 has 32"),
    "HashOfHashes is a number": (changed(HashOfHashes=1), "HashOfHashes is not text"),
    "HashOfHashes is hex": (changed(HashOfHashes=IDENTITY.hex()), "HashOfHashes is 48 bytes long"),
    "HashOfHashes is another": (changed(HashOfHashes=PIECE), "altered or damaged"),
    "a piece was altered": (changed(Pieces=[PIECE.replace("J", "K")]), "altered or damaged"),
    "the length was altered": (changed(ContentLength=244531), "altered or damaged"),
}


@pytest.mark.parametrize("name", WRONG)
def test_everything_wrong_has_its_own_message(name: str) -> None:
    """Each way to be wrong is refused in one short line that names it."""
    data, message = WRONG[name]
    with pytest.raises(HashFileError) as caught:
        hf.parse(data)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


def test_a_hash_file_for_other_content_is_refused() -> None:
    """A sound hash file that is not the trusted one is refused and both identities are named."""
    with pytest.raises(HashFileError, match="for other content") as caught:
        hf.parse(RECORD, trusted=bytes(32))
    assert hf.encode(IDENTITY) in str(caught.value)
    assert hf.encode(bytes(32)) in str(caught.value)


def test_a_wrong_hash_of_hashes_can_still_be_shown() -> None:
    """Reading without the check gives both what is declared and what it would have to be."""
    record = hf.parse_unchecked(changed(HashOfHashes=PIECE))
    assert record.hash_of_hashes == base64.b64decode(PIECE)
    assert record.computed == IDENTITY


@pytest.mark.parametrize(("length", "piece_size", "count"), [(10, 1000, 1), (10, 1024, 2), (-1, 1024, 0)])
def test_a_hash_file_of_wrong_sizes_cannot_be_made(length: int, piece_size: int, count: int) -> None:
    """Nothing can be described that reading would refuse."""
    with pytest.raises(HashFileError):
        HashFile.of(length, piece_size, (bytes(32),) * count)


def test_the_largest_hash_file_fits_its_bound() -> None:
    """A hash file with the most pieces, at the largest piece size, is not longer than a hash file may be."""
    piece = hf.encode(bytes(32))
    assert hf.MAX_PIECES * (len(piece) + 3) + 1000 < hf.MAX_HASH_FILE


def test_twenty_thousand_pieces_parse_fast() -> None:
    """Reading 20,000 pieces takes a few times as long as decoding them plainly, best of five each."""
    data = hf.to_json(many(20_000))

    def least(work: Callable[[], object]) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        return min(times)

    plainly = least(lambda: [base64.b64decode(piece) for piece in json.loads(data)["Pieces"]])
    assert least(lambda: hf.parse(data)) < 5 * plainly


@pytest.mark.parametrize("filler", [b"[],", b"{},", b'"ab",', b'"",', b"1.1,", b"99999,", b'"\\ud83d\\ude00",'])
def test_a_hostile_file_costs_little_memory(filler: bytes) -> None:
    """Sixteen mebibytes of the JSON that swells most cost less than a hundred of memory."""
    data = b'{"Pieces":[' + filler * ((hf.MAX_HASH_FILE - 20) // len(filler)) + b"1]}"
    tracemalloc.start()
    try:
        with pytest.raises(HashFileError):
            hf.parse(data)
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


def test_content_ids() -> None:
    """A content id is written without padding in the alphabet of URLs, and read with padding or without."""
    text = "DO-bLR-YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA"
    assert hf.content_id(IDENTITY) == text
    assert hf.parse_content_id(text) == hf.parse_content_id(f" {text}=\n") == IDENTITY


@pytest.mark.parametrize(
    "text",
    ["", "DO-", "bLR-YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA", "DO-bLR+YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA",
     "do-bLR-YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA", "DO-bLR-YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA==",
     "DO-bLR-YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJ", "DO-bLR-YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJB",
     "DO-AAAA", "DO-é", "DO-\x1b[2J"],
)  # fmt: skip
def test_what_is_no_content_id_is_wrong_use(text: str) -> None:
    """Another prefix, another alphabet, another length or stray bits are refused in a printable line."""
    with pytest.raises(UsageError) as caught:
        hf.parse_content_id(text)
    assert str(caught.value).isprintable()
    assert str(caught.value).endswith("is not a content id: write DO- and the HashOfHashes in base64url")


def test_hash_of_hashes_from_a_user() -> None:
    """A HashOfHashes is read from the base64 that is everywhere, with white space around it or none."""
    assert hf.parse_hash_of_hashes(f"\t{hf.encode(IDENTITY)}\n") == IDENTITY


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "is not base64"), ("hello", "is not base64"), (IDENTITY.hex(), "48 bytes long"),
     ("bLR-YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA=", "is not base64"), ("AAAA", "3 bytes long"),
     ("bLR+YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA", "is not base64"), ("\x1b[2J" * 1000, r"\x1b[2J")],
)  # fmt: skip
def test_a_wrong_hash_of_hashes_is_wrong_use(text: str, message: str) -> None:
    """What is no HashOfHashes is refused in a short printable line that says where to get a right one."""
    with pytest.raises(UsageError, match="doctl phf show") as caught:
        hf.parse_hash_of_hashes(text)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
