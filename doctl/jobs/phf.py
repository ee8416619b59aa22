"""Makes a file's hash file without running over another file, and says in facts what hash files hold."""

from pathlib import Path

from doctl import atomic
from doctl.errors import HashFileError, LocalError, UsageError
from doctl.transfer.hashing import Comparison, Progress, describe
from doctl.wire.hash_file import HashFile, content_id, encode, to_json


def describe_file(file: Path, piece_size: int, progress: Progress | None = None) -> HashFile:
    """Hash ``file`` as ``describe`` does, but with a UsageError for a piece size that does not do."""
    try:
        return describe(file, piece_size, progress)
    except HashFileError as error:
        raise UsageError(f"{file}: {error}; choose another --piece-size") from None


def beside(file: Path) -> Path:
    """Return where the hash file of ``file`` goes where nothing else is said: its name and ``.phf``, as with URLs."""
    return file.with_name(f"{file.name}.phf")


def save(hash_file: HashFile, out: Path, *, of: Path, force: bool = False) -> None:
    """Write the hash file of the file ``of`` to ``out``, whole or not at all.

    LocalError where ``out`` holds something else and ``force`` is not set: an older hash file may be the trusted one,
    and the file the damaged one. UsageError where ``out`` is the very file that was hashed.
    """
    data = to_json(hash_file)
    try:
        itself, there = out.exists() and out.samefile(of), out.is_file()
        same = there and not itself and not force and _holds(out, data)
    except OSError as error:
        raise LocalError(f"{out}: {error.strerror}") from error
    if itself:
        raise UsageError(f"{out}: is the file that was hashed; write the hash file to another name")
    if there and not same and not force:
        raise LocalError(f"{out}: exists and holds something else; move it away or write --force")
    if not same:
        atomic.write(out, data)


def _holds(path: Path, data: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(data) + 1) == data


def facts_of(hash_file: HashFile) -> dict[str, object]:
    """Return what a hash file says, as JSON values under promised keys."""
    computed = hash_file.computed
    return {
        "hash_of_hashes": encode(computed),
        "declared_hash_of_hashes": encode(hash_file.hash_of_hashes),
        "matches": computed == hash_file.hash_of_hashes,
        "content_id": content_id(computed),
        "content_length": hash_file.content_length,
        "piece_size": hash_file.piece_size,
        "pieces": len(hash_file.pieces),
    }


def facts_of_comparison(hash_file: HashFile, comparison: Comparison) -> dict[str, object]:
    """Return how a file differs from its hash file, as JSON values."""
    return {
        "matches": comparison.matches,
        "bad_pieces": list(comparison.bad_pieces),
        "file_length": comparison.length,
        "content_length": hash_file.content_length,
        "piece_size": hash_file.piece_size,
        "pieces": len(hash_file.pieces),
        "hash_of_hashes": encode(hash_file.hash_of_hashes),
    }
