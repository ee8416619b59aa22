"""``doctl phf``: makes, shows and checks pieces hash files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from doctl.cli.delivery import put
from doctl.cli.exits import Exit
from doctl.cli.files import place
from doctl.cli.results import ResultFormat, ResultFormatOption, ResultOutputOption, as_json, progress_bar
from doctl.cli.usage import Command, Group
from doctl.printable import printable
from doctl.transfer.content import PIECE_SIZE

group = typer.Typer(cls=Group, help="Make, show and verify hash files (PHF).")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="The file with the content.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


@group.command(cls=Command)
def create(
    file: FileArgument,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            callback=place,
            readable=False,
            help="Where to write it; - is stdout. [default: FILE.phf]",
        ),
    ] = None,
    piece_size: Annotated[int, typer.Option(metavar="N", help="Bytes in a piece.")] = PIECE_SIZE,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT where it holds something else.")] = False,
    wanted: ResultFormatOption = ResultFormat.TEXT,
    quiet: QuietOption = False,
) -> None:
    """Hash FILE and write its hash file."""
    from doctl.jobs import phf
    from doctl.wire.hash_file import to_json

    with progress_bar("Hashing", _size(file), quiet=quiet) as progress:
        hash_file = phf.describe_file(file, piece_size, progress)
    if out == Path("-"):
        put(to_json(hash_file).decode(), None)
        return
    out = out or phf.beside(file)
    phf.save(hash_file, out, of=file, force=force)
    facts = {"phf": str(out), **phf.facts_of(hash_file)}
    put(as_json(facts) if wanted is ResultFormat.JSON else f"{printable(str(out))}\n{_said(facts)}", None)


@group.command(cls=Command)
def show(
    phf: Annotated[Path, typer.Argument(metavar="PHF", show_default=False, help="The hash file.")],
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the hash of each piece as well.")] = False,
    wanted: ResultFormatOption = ResultFormat.TEXT,
    output: ResultOutputOption = None,
) -> int:
    """Show what a hash file says, and whether it agrees with itself."""
    from doctl.jobs.phf import facts_of
    from doctl.transfer.hashing import read_hash_file
    from doctl.wire.hash_file import parse_unchecked

    hash_file = parse_unchecked(read_hash_file(phf))
    facts = facts_of(hash_file)
    text = _said(facts) + (_each_piece(hash_file.pieces) if verbose else "")
    put(as_json(facts) if wanted is ResultFormat.JSON else text, output)
    return Exit.PASSED if facts["matches"] else Exit.FAILED


@group.command(cls=Command)
def verify(
    file: FileArgument,
    phf: Annotated[Path, typer.Option("--phf", metavar="PHF", show_default=False, help="The hash file to check by.")],
    wanted: ResultFormatOption = ResultFormat.TEXT,
    output: ResultOutputOption = None,
    quiet: QuietOption = False,
) -> int:
    """Find the pieces of FILE that are not as PHF says; exit code 1 if there are any."""
    from doctl.jobs.phf import facts_of_comparison
    from doctl.transfer.hashing import compare, read_hash_file
    from doctl.wire.hash_file import parse

    hash_file = parse(read_hash_file(phf))
    with progress_bar("Checking", _size(file), quiet=quiet) as progress:
        comparison = compare(file, hash_file, progress)
    facts = facts_of_comparison(hash_file, comparison)
    put(as_json(facts) if wanted is ResultFormat.JSON else _verdict(printable(str(file)), facts), output)
    return Exit.PASSED if comparison.matches else Exit.FAILED


def _size(file: Path) -> int:
    """Return the length of ``file`` for the progress bar; 0 where the command is about to say what is wrong."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _said(facts: Mapping[str, Any]) -> str:
    wrong = f"declared        {facts['declared_hash_of_hashes']}  WRONG: the hash file was altered or damaged\n"
    return (
        f"HashOfHashes    {facts['hash_of_hashes']}\n"
        f"{'' if facts['matches'] else wrong}"
        f"content id      {facts['content_id']}\n"
        f"content length  {facts['content_length']:,} bytes\n"
        f"pieces          {facts['pieces']:,} of {facts['piece_size']:,} bytes\n"
    )


def _each_piece(digests: Sequence[bytes]) -> str:
    from doctl.wire.hash_file import encode

    return "".join(f"piece {index:<9} {encode(digest)}\n" for index, digest in enumerate(digests))


def _verdict(name: str, facts: Mapping[str, Any]) -> str:
    length, expected, bad = facts["file_length"], facts["content_length"], facts["bad_pieces"]
    if facts["matches"]:
        return f"{name}: as the hash file says: length {length:,}, pieces {facts['pieces']:,}\n"
    lines = []
    if length != expected:
        how = "short" if length < expected else "long"
        lines.append(f"{name}: too {how}: {length:,} bytes instead of {expected:,}\n")
    if bad:
        lines.append(f"{name}: bad pieces ({len(bad):,} of {facts['pieces']:,}): {_runs(bad)}\n")
    return "".join(lines)


def _runs(numbers: Sequence[int]) -> str:
    """Write ascending numbers with runs drawn together: ``0, 3-5``."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        first = runs.pop()[0] if runs and runs[-1][1] == number - 1 else number
        runs.append((first, number))
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
