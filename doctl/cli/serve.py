"""``doctl serve``: shares finished files with peers."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doctl.cli import quantities
from doctl.cli.delivery import put
from doctl.cli.exits import Exit
from doctl.cli.progress import peers, size
from doctl.cli.results import ResultFormat, ResultFormatOption
from doctl.cli.running import run
from doctl.cli.swarming import CoordinatorOption, GroupOption, LocalOption, ModeOption, Swarming, TokenOption, chosen
from doctl.printable import printable

if TYPE_CHECKING:
    from doctl.endpoints import Address
    from doctl.jobs.serve import Shared


def command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Finished files, or folders of them.")],
    *,
    phf: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="A hash file to share by; repeatable.")] = None,
    listen: Annotated[
        str | None, typer.Option(metavar="ADDR:PORT", help="Where peers reach us. [default: 7680, else a free port]")
    ] = None,
    coordinator: CoordinatorOption = None,
    token_file: TokenOption = None,
    mode: ModeOption = None,
    group: GroupOption = None,
    local_discovery: LocalOption = False,
    settings: Annotated[Path | None, typer.Option(metavar="FILE", help="DO settings in TOML.")] = None,
    max_up: Annotated[str | None, typer.Option(metavar="RATE", help="Send at most this, as 500KB.")] = None,
    slots: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Peers served at a time at most.")] = 4,
    duration: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="Stop after this, as 10m.")] = None,
    wanted: ResultFormatOption = ResultFormat.TEXT,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say how uploads give way.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No talk.")] = False,
) -> int:
    """Share finished files with peers until interrupted."""
    from doctl.jobs.serve import ServeOrder, serve
    from doctl.net.system import SystemNetwork
    from doctl.transfer.ledger import Ledger

    swarm = chosen(
        Swarming(
            coordinator, mode, group, settings=settings, token_file=token_file, local_discovery=local_discovery
        )
    )  # fmt: skip
    order = ServeOrder(
        paths=tuple(paths),
        hash_files=tuple(phf or []),
        listen=quantities.listen_address(listen) if listen is not None else None,
        max_up=quantities.rate(max_up) if max_up is not None else None,
        slots=slots,
        rendezvous=swarm.rendezvous,
        local_discovery=swarm.local_discovery,
        settings=swarm.settings,
        verbose=verbose,
        duration=quantities.duration(duration) if duration is not None else None,
    )
    ledger = Ledger()
    tell = _tell_json if wanted is ResultFormat.JSON else _tell
    began = False

    def begin(address: "Address", shared: "list[Shared]") -> None:
        nonlocal began
        began = True
        tell(address, shared)

    try:
        run(serve(SystemNetwork(), order, ledger, begin, _silent if quiet else _say))
        return Exit.PASSED
    except KeyboardInterrupt:  # the usual end of a service is no news
        return Exit.INTERRUPTED
    finally:
        if began and not quiet:
            sys.stderr.write(f"gave {size(ledger.bytes_sent())} to {peers(len(ledger.peers))}\n")


def _say(line: str) -> None:
    sys.stderr.write(f"{printable(line)}\n")


def _silent(_line: str) -> None:
    """Say nothing."""


def _tell(address: "Address", shared: "list[Shared]") -> None:
    from doctl.wire.hash_file import encode

    lines = [f"{encode(item.content.hash_of_hashes or b'')}  {printable(str(item.path))}\n" for item in shared]
    put(f"listening on {address}; HashOfHashes and file:\n" + "".join(lines), None)


def _tell_json(address: "Address", shared: "list[Shared]") -> None:
    from doctl.wire.hash_file import encode

    digests = [encode(item.content.hash_of_hashes or b"") for item in shared]
    put(json.dumps({"event": "listening", "address": str(address), "hash_of_hashes": digests}) + "\n", None)
