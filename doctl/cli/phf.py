"""``doctl phf``: makes, shows and checks pieces hash files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doctl.cli.delivery import put
from doctl.cli.exits import Exit
from doctl.cli.results import ResultFormat, ResultFormatOption, ResultOutputOption, as_json, progress_bar
from doctl.printable import printable
from doctl.transfer.content import PIECE_SIZE

if TYPE_CHECKING:
    from doctl.transfer.hashing import Comparison
    from doctl.wire.hash_file import HashFile

group = typer.Typer(help="Make, show and check pieces hash files (PHF).")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="The file with the content.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


@group.command()
def create(
    file: FileArgument,
    *,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="Where to write it; - is stdout. [default: FILE.phf]"),
    ] = None,
    piece_size: Annotated[int, typer.Option(metavar="N", help="Bytes in a piece.")] = PIECE_SIZE,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT where it holds something else.")] = False,
    wanted: ResultFormatOption = ResultFormat.TEXT,
    quiet: QuietOption = False,
) -> None:
    """Hash FILE and write its hash file."""
    from doctl.jobs import phf  # noqa: PLC0415 - --help hashes nothing
    from doctl.wire.hash_file import to_json  # noqa: PLC0415

    with progress_bar("Hashing", _size(file), quiet=quiet) as progress:
        hash_file = phf.describe_file(file, piece_size, progress)
    if out == Path("-"):
        put(to_json(hash_file).decode(), None)
        return
    out = out or phf.beside(file)
    phf.save(hash_file, out, of=file, force=force)
    facts = {"phf": str(out), **phf.facts_of(hash_file)}
    put(as_json(facts) if wanted is ResultFormat.JSON else f"{printable(str(out))}\n{_said(hash_file)}", None)


@group.command()
def show(
    phf: Annotated[Path, typer.Argument(metavar="PHF", show_default=False, help="The hash file.")],
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the hash of each piece as well.")] = False,
    wanted: ResultFormatOption = ResultFormat.TEXT,
    output: ResultOutputOption = None,
) -> int:
    """Show what a hash file says, and whether it agrees with itself."""
    from doctl.jobs.phf import facts_of  # noqa: PLC0415 - --help reads nothing
    from doctl.transfer.hashing import read_hash_file  # noqa: PLC0415
    from doctl.wire.hash_file import parse_unchecked  # noqa: PLC0415

    hash_file = parse_unchecked(read_hash_file(phf))
    text = _said(hash_file) + (_each_piece(hash_file) if verbose else "")
    put(as_json(facts_of(hash_file)) if wanted is ResultFormat.JSON else text, output)
    return Exit.PASSED if hash_file.computed == hash_file.hash_of_hashes else Exit.FAILED


@group.command()
def verify(
    file: FileArgument,
    phf: Annotated[Path, typer.Option("--phf", metavar="PHF", show_default=False, help="The hash file to check by.")],
    wanted: ResultFormatOption = ResultFormat.TEXT,
    output: ResultOutputOption = None,
    quiet: QuietOption = False,
) -> int:
    """Find the pieces of FILE that are not as PHF says; exit code 1 if there are any."""
    from doctl.jobs.phf import facts_of_comparison  # noqa: PLC0415 - --help reads nothing
    from doctl.transfer.hashing import compare, read_hash_file  # noqa: PLC0415
    from doctl.wire.hash_file import parse  # noqa: PLC0415

    hash_file = parse(read_hash_file(phf))
    with progress_bar("Checking", _size(file), quiet=quiet) as progress:
        comparison = compare(file, hash_file, progress)
    facts = facts_of_comparison(hash_file, comparison)
    put(as_json(facts) if wanted is ResultFormat.JSON else _verdict(file, hash_file, comparison), output)
    return Exit.PASSED if comparison.matches else Exit.FAILED


def _size(file: Path) -> int:
    """Return the length of ``file`` for the progress bar; 0 where the command is about to say what is wrong."""
    return file.stat().st_size if file.is_file() else 0


def _said(hash_file: "HashFile") -> str:
    from doctl.wire.hash_file import content_id, encode  # noqa: PLC0415 - --help shows no hash file

    declared, computed = hash_file.hash_of_hashes, hash_file.computed
    wrong = f"declared        {encode(declared)}\n                WRONG: the hash file was altered or damaged\n"
    return (
        f"HashOfHashes    {encode(computed)}\n"
        f"{'' if declared == computed else wrong}"
        f"content id      {content_id(computed)}\n"
        f"content length  {hash_file.content_length:,} bytes\n"
        f"pieces          {len(hash_file.pieces):,} of {hash_file.piece_size:,} bytes\n"
    )


def _each_piece(hash_file: "HashFile") -> str:
    from doctl.wire.hash_file import encode  # noqa: PLC0415 - as above

    return "".join(f"piece {index:<9} {encode(digest)}\n" for index, digest in enumerate(hash_file.pieces))


def _verdict(file: Path, hash_file: "HashFile", comparison: "Comparison") -> str:
    name, count = printable(str(file)), len(hash_file.pieces)
    if comparison.matches:
        return f"{name}: as the hash file says: {comparison.length:,} bytes, {count:,} pieces\n"
    lines = []
    if surplus := comparison.length - comparison.content_length:
        length = f"{comparison.length:,} instead of {comparison.content_length:,} bytes"
        lines.append(f"{name}: {abs(surplus):,} bytes too {'long' if surplus > 0 else 'short'}: {length}\n")
    if comparison.bad_pieces:
        bad = comparison.bad_pieces
        lines.append(f"{name}: {len(bad):,} of {count:,} pieces differ: {_runs(bad)}\n")
    return "".join(lines)


def _runs(numbers: Sequence[int]) -> str:
    """Write ascending numbers with runs drawn together: ``0, 3-5``."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        first = runs.pop()[0] if runs and runs[-1][1] == number - 1 else number
        runs.append((first, number))
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
