"""The pieces hash file (PHF), the HashOfHashes that names content, and the content ids made of it.

A PHF is JSON with the SHA-256 of every piece. It may come over plain HTTP because it is checked against a HashOfHashes
that came over TLS or from the caller. The formula of the HashOfHashes and the form of a content id are deduced from
published records, not published by Microsoft.
"""

import binascii
import hashlib
import json
import struct
from dataclasses import dataclass
from typing import Final, NoReturn

from doctl.errors import HashFileError, UsageError
from doctl.printable import printable

VERSION: Final = (1, 0)
DIGEST_SIZE: Final = 32
"""Bytes in a SHA-256."""
MIN_PIECE_SIZE: Final = 1 << 10
MAX_PIECE_SIZE: Final = 16 << 20
MAX_PIECES: Final = 1 << 18
"""Most pieces of one content: 256 GiB in pieces of 1 MiB. Their hashes in base64 fit in MAX_HASH_FILE."""
MAX_HASH_FILE: Final = 16 << 20
"""Most bytes of a hash file; nobody need read further."""
CONTENT_ID_PREFIX: Final = "DO-"

_MAX_BRACKETS = 100  # lists and objects in a PHF: room for keys that a later minor version may add
_MAX_BITS = 63
_TO_URL = str.maketrans("+/", "-_")
_FROM_URL = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class HashFile:
    """What a PHF says: a file of ``content_length`` bytes in pieces of ``piece_size`` bytes, the last one shorter.

    ``pieces`` are the 32-byte SHA-256 digests in order, ``hash_of_hashes`` the 32 bytes that the file itself declares.
    """

    content_length: int
    piece_size: int
    pieces: tuple[bytes, ...]
    hash_of_hashes: bytes

    @classmethod
    def of(cls, content_length: int, piece_size: int, pieces: tuple[bytes, ...]) -> "HashFile":
        """Describe content whose pieces have been hashed; HashFileError for sizes that a PHF cannot have."""
        check_sizes(content_length, piece_size)
        _check_count(content_length, piece_size, len(pieces))
        return cls(content_length, piece_size, pieces, hash_of_hashes(content_length, piece_size, pieces))

    @property
    def computed(self) -> bytes:
        """The HashOfHashes that the rest of the file amounts to, 32 bytes."""
        return hash_of_hashes(self.content_length, self.piece_size, self.pieces)


def hash_of_hashes(content_length: int, piece_size: int, pieces: tuple[bytes, ...]) -> bytes:
    """Return SHA-256(u32le 1, u64le length, u32le piece size, the piece hashes): the identity of the content."""
    return hashlib.sha256(struct.pack("<HHQI", *VERSION, content_length, piece_size) + b"".join(pieces)).digest()


def parse(data: bytes, trusted: bytes | None = None) -> HashFile:
    """Read a PHF and check it against itself and, where given, the 32 ``trusted`` bytes; else HashFileError."""
    hash_file = parse_unchecked(data)
    computed = hash_file.computed
    if computed != hash_file.hash_of_hashes:
        raise HashFileError(
            f"the hash file declares HashOfHashes {encode(hash_file.hash_of_hashes)}, "
            f"but what it holds amounts to {encode(computed)}: it was altered or damaged"
        )
    if trusted is not None and computed != trusted:
        raise HashFileError(
            f"the hash file is for other content: its HashOfHashes is {encode(computed)}, trusted is {encode(trusted)}"
        )
    return hash_file


def parse_unchecked(data: bytes) -> HashFile:
    """Read a PHF whose HashOfHashes may be wrong, to show it; everything else that is wrong is a HashFileError."""
    fields = _json_object(data)
    version = _whole(fields, "MajorVersion"), _whole(fields, "MinorVersion")
    if version != VERSION:
        raise HashFileError(f"the hash file has version {version[0]}.{version[1]}; only 1.0 is known")
    content_length, piece_size = _whole(fields, "ContentLength"), _whole(fields, "PieceSize")
    check_sizes(content_length, piece_size)
    pieces = _field(fields, "Pieces")
    if not isinstance(pieces, list):
        raise HashFileError("the hash file's Pieces is not a list")
    _check_count(content_length, piece_size, len(pieces))
    digests = tuple([_digest(text, f"the hash of piece {index}") for index, text in enumerate(pieces)])
    declared = _digest(_field(fields, "HashOfHashes"), "the hash file's HashOfHashes")
    return HashFile(content_length, piece_size, digests, declared)


def to_json(hash_file: HashFile) -> bytes:
    """Write a PHF, in the order and with the spelling of the real ones and a line end after it."""
    fields = {
        "MajorVersion": VERSION[0],
        "MinorVersion": VERSION[1],
        "HashOfHashes": encode(hash_file.hash_of_hashes),
        "ContentLength": hash_file.content_length,
        "PieceSize": hash_file.piece_size,
        "Pieces": [encode(piece) for piece in hash_file.pieces],
    }
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def encode(digest: bytes) -> str:
    """Write a digest as a PHF does: base64, standard alphabet, padded."""
    return binascii.b2a_base64(digest, newline=False).decode()


def parse_hash_of_hashes(text: str) -> bytes:
    """Read a HashOfHashes that a user wrote, in base64 of the standard alphabet; else UsageError."""
    try:
        return _digest(text.strip(), f"the HashOfHashes {printable(text, 80)}")
    except HashFileError as error:
        raise UsageError(f"{error}; write it as doctl phf show prints it") from None


def content_id(digest: bytes) -> str:
    """Return the content id ``DO-`` + base64url of a HashOfHashes.

    Without padding: an id stands in paths and queries of URLs, where ``=`` would have to be escaped. Both are read.
    """
    return CONTENT_ID_PREFIX + encode(digest).translate(_TO_URL).rstrip("=")


def parse_content_id(text: str) -> bytes:
    """Read a content id, padded or not, and return the HashOfHashes in it, 32 bytes; else UsageError."""
    what = f"{printable(text, 80)} is not a content id: write DO- and the HashOfHashes in base64url"
    encoded = text.strip().removeprefix(CONTENT_ID_PREFIX)
    if encoded == text.strip() or "+" in encoded or "/" in encoded:
        raise UsageError(what)
    try:
        return _digest(encoded.removesuffix("=").translate(_FROM_URL) + "=", "the content id")
    except HashFileError:
        raise UsageError(what) from None


def check_sizes(content_length: int, piece_size: int) -> None:
    """Refuse, with a HashFileError, a piece size or a content length that no PHF may have."""
    if not MIN_PIECE_SIZE <= piece_size <= MAX_PIECE_SIZE:
        raise HashFileError(
            f"piece size {piece_size:,} is out of range: {MIN_PIECE_SIZE:,} to {MAX_PIECE_SIZE:,} bytes"
        )
    if content_length < 0:
        raise HashFileError(f"content length {content_length} is negative")
    if content_length > piece_size * MAX_PIECES:
        raise HashFileError(
            f"content of {content_length:,} bytes has more than {MAX_PIECES:,} pieces of {piece_size:,}"
        )


def _check_count(content_length: int, piece_size: int, count: int) -> None:
    expected = -(-content_length // piece_size)
    if count != expected:
        raise HashFileError(f"the hash file's number of pieces is {count}, its sizes call for {expected}")


def _json_object(data: bytes) -> dict[str, object]:
    text = _text(data)
    _check_shape(text)
    try:
        fields: dict[str, object] = json.loads(text, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise HashFileError(f"the hash file is not JSON: {printable(str(error), 100)}") from None
    except ValueError:  # Python's own limit for the text of an int
        raise HashFileError("the hash file has a number of thousands of digits") from None
    return fields


def _text(data: bytes) -> str:
    if len(data) > MAX_HASH_FILE:
        raise HashFileError(f"the hash file has more than {MAX_HASH_FILE:,} bytes")
    try:
        return data.decode("utf-8-sig")  # Windows' own tools put a byte order mark before text they save
    except UnicodeDecodeError:
        raise HashFileError("the hash file is not JSON: it is not text in UTF-8") from None


def _check_shape(text: str) -> None:
    """Bound what parsing may cost: a few bytes of JSON can become a hundred of memory, or a level of recursion."""
    if not text.lstrip().startswith("{"):  # often the page of a proxy or a portal
        raise HashFileError("the hash file is not a JSON object: it does not begin with a brace")
    if text.count("[") + text.count("{") > _MAX_BRACKETS:
        raise HashFileError("the hash file is nested too deep: a real one is one object with one list in it")
    if text.count(",") > MAX_PIECES + _MAX_BRACKETS:
        raise HashFileError(f"the hash file has more than {MAX_PIECES:,} pieces")


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise HashFileError("the hash file has a key twice in one object: nobody can tell which of the two holds")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise HashFileError(f"the hash file holds {name}, which is not a number in JSON")


def _field(fields: dict[str, object], key: str) -> object:
    if key not in fields:
        raise HashFileError(f"the hash file has no {key}")
    return fields[key]


def _whole(fields: dict[str, object], key: str) -> int:
    value = _field(fields, key)
    if type(value) is not int:  # bool is an int to Python, not to JSON
        raise HashFileError(f"the hash file's {key} is not a whole number")
    if value.bit_length() > _MAX_BITS:
        raise HashFileError(f"the hash file's {key} is absurd: a number of {value.bit_length()} bits")
    return value


def _digest(text: object, what: str) -> bytes:
    """Read the 32 bytes of ``what`` from base64 in its one right spelling."""
    if not isinstance(text, str):
        raise HashFileError(f"{what} is not text")
    try:
        digest = binascii.a2b_base64(text)
    except ValueError:
        digest = b""
    if encode(digest) != text or not text:
        raise HashFileError(f"{what} is not base64 of the standard alphabet with padding")
    if len(digest) != DIGEST_SIZE:
        raise HashFileError(f"{what} is {len(digest)} bytes long, a SHA-256 has {DIGEST_SIZE}")
    return digest
