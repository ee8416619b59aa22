"""``doctl coordinator``: the service that brings peers together."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doctl.cli import quantities
from doctl.cli.delivery import put
from doctl.cli.exits import Exit
from doctl.cli.results import ResultFormat, ResultFormatOption
from doctl.cli.running import run
from doctl.printable import printable

if TYPE_CHECKING:
    from doctl.endpoints import Address


def command(
    *,
    listen: Annotated[
        str, typer.Option(metavar="ADDR:PORT", help="Where clients reach it; port 0 is any free one.")
    ] = "0.0.0.0:8480",
    store: Annotated[
        str, typer.Option(metavar="memory|redis://..", help="What remembers; Redis lets several coordinators share it.")
    ] = "memory",
    tls_cert: Annotated[Path | None, typer.Option(metavar="F", help="Certificate with its chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="F", help="Its key, PEM.")] = None,
    publish: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE=URL", help="Content that URL serves, or a folder of it; repeatable."),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="F", help="Tokens that joining, and publishing over the network, need.")
    ] = None,
    wanted: ResultFormatOption = ResultFormat.TEXT,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No talk.")] = False,
) -> int:
    """Run the service that brings peers together."""
    from doctl.jobs.coordinator import CoordinatorOrder, coordinate
    from doctl.net.system import SystemNetwork

    order = CoordinatorOrder(
        listen=quantities.listen_address(listen),
        store=store,
        tls_certificate=tls_cert,
        tls_key=tls_key,
        publish=tuple(publish or []),
        token_file=token_file,
    )
    tell = _tell_json if wanted is ResultFormat.JSON else _tell
    try:
        run(coordinate(SystemNetwork(), order, tell, _silent if quiet else _say))
    except KeyboardInterrupt:  # the usual end of a service is no news
        return Exit.INTERRUPTED
    return Exit.PASSED


def _tell(address: "Address", tls: bool) -> None:
    put(f"listening on {_url(address, tls)}\n", None)


def _tell_json(address: "Address", tls: bool) -> None:
    put(json.dumps({"event": "listening", "address": str(address), "url": _url(address, tls)}) + "\n", None)


def _url(address: "Address", tls: bool) -> str:
    return f"{'https' if tls else 'http'}://{address}"


def _say(line: str) -> None:
    sys.stderr.write(f"{printable(line)}\n")


def _silent(_line: str) -> None:
    """Say nothing."""
