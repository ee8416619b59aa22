"""Writing hash files: never over another file, never a part of one."""

import os
from pathlib import Path

import pytest

from doctl.errors import LocalError, UsageError
from doctl.jobs import phf
from doctl.wire.hash_file import MAX_PIECES, HashFile, parse, to_json

SMALL = HashFile.of(3, 1024, (bytes(32),))
OTHER = HashFile.of(4, 1024, (bytes(32),))


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A file that is not touched by any of this."""
    path = tmp_path / "setup.exe"
    path.write_bytes(b"abc")
    return path


def test_the_usual_name_is_the_one_of_urls() -> None:
    """The hash file lies beside its file, with .phf after the whole name."""
    assert phf.beside(Path("a/setup.exe")) == Path("a/setup.exe.phf")


def test_a_new_hash_file_is_written_whole(content: Path) -> None:
    """The file is there with everything in it, and nothing else is left in the folder."""
    out = phf.beside(content)
    phf.save(SMALL, out, of=content)
    assert parse(out.read_bytes()) == SMALL
    assert set(content.parent.iterdir()) == {content, out}


def test_the_same_hash_file_again_is_no_fault(content: Path) -> None:
    """Doing it twice is as good as once, and the file stays the one it was."""
    out = phf.beside(content)
    phf.save(SMALL, out, of=content)
    before = out.stat()
    phf.save(SMALL, out, of=content)
    assert (out.stat().st_ino, out.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("there", [to_json(OTHER), to_json(SMALL) + b"\n", b""])
def test_another_file_stays_unless_forced(content: Path, there: bytes) -> None:
    """A file that holds something else, be it another hash file, is replaced only by force."""
    out = phf.beside(content)
    out.write_bytes(there)
    with pytest.raises(LocalError, match="exists and holds something else; move it away or write --force"):
        phf.save(SMALL, out, of=content)
    assert out.read_bytes() == there
    phf.save(SMALL, out, of=content, force=True)
    assert out.read_bytes() == to_json(SMALL)


def test_the_content_is_never_overwritten(content: Path) -> None:
    """Not even force puts the hash file over the file that it describes, under whatever name."""
    link = content.parent / "link"
    link.hardlink_to(content)
    for out in (content, link, content.parent / "." / "setup.exe"):
        with pytest.raises(UsageError, match="is the file that was hashed"):
            phf.save(SMALL, out, of=content, force=True)
    assert content.read_bytes() == b"abc"


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_is_not_written_to(content: Path, force: bool) -> None:
    """A folder where the hash file should go is an error in one line."""
    with pytest.raises(LocalError, match="cannot write"):
        phf.save(SMALL, content.parent, of=content, force=force)


def test_a_folder_that_is_not_there_is_said(content: Path) -> None:
    """Doctl makes no folders; it says which is missing."""
    with pytest.raises(LocalError, match="No such file or directory"):
        phf.save(SMALL, content.parent / "no" / "where.phf", of=content)


def test_too_many_pieces_are_wrong_use(tmp_path: Path) -> None:
    """A file with more pieces than a hash file may have is refused at once, with the way out."""
    large = tmp_path / "large"
    large.touch()
    os.truncate(large, MAX_PIECES * 1024 + 1)
    with pytest.raises(UsageError, match="more than 262,144 pieces of 1,024; choose another --piece-size"):
        phf.describe_file(large, 1024)


def test_facts_of_a_hash_file_that_was_altered() -> None:
    """The identity shown is the computed one, beside the one declared."""
    altered = HashFile(3, 1024, (bytes(32),), bytes(32))
    facts = phf.facts_of(altered)
    assert facts["hash_of_hashes"] == phf.facts_of(SMALL)["hash_of_hashes"]
    assert facts["declared_hash_of_hashes"] == "A" * 43 + "="
    assert facts["matches"] is False
