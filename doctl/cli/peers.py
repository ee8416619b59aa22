"""``doctl peers``: a swarm as the coordination service sees it."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from doctl.cli.delivery import put
from doctl.cli.exits import Exit
from doctl.cli.options import TimeoutOption
from doctl.cli.results import ResultFormat, ResultFormatOption, ResultOutputOption, as_json
from doctl.cli.running import run
from doctl.cli.swarming import TokenOption, token
from doctl.printable import printable

if TYPE_CHECKING:
    from doctl.jobs.peers import Swarm

COLUMNS: Final = ("address", "port", "type", "private", "peer id")


def command(
    content: Annotated[str, typer.Argument(metavar="URL|CONTENT-ID", help="The content, as DO-... or by its URL.")],
    *,
    coordinator: Annotated[str, typer.Option(metavar="URL", help="The coordination service to ask.")],
    token_file: TokenOption = None,
    wanted: ResultFormatOption = ResultFormat.TEXT,
    output: ResultOutputOption = None,
    timeout: TimeoutOption = 10.0,
) -> int:
    """List the peers that a service knows for content."""
    from doctl.jobs.peers import look
    from doctl.jobs.rendezvous import Rendezvous
    from doctl.net.system import SystemNetwork
    from doctl.wire.hash_file import parse_content_id
    from doctl.wire.urls import usable

    if "://" in content:
        content = usable(content)
    else:
        parse_content_id(content)
    rendezvous = Rendezvous(usable(coordinator), token=token(token_file))
    swarm = run(look(SystemNetwork(), rendezvous, content, timeout))
    put(as_json(swarm.as_json()) if wanted is ResultFormat.JSON else _said(swarm), output)
    return Exit.PASSED


def _said(swarm: "Swarm") -> str:
    peers = swarm.answer.peers
    rows: list[tuple[object, ...]] = [
        (peer.address, peer.port, peer.kind, peer.private_address or "-", peer.peer_id.hex()) for peer in peers
    ]
    lines = [f"peers of {printable(swarm.content_id or swarm.url, 200)}: {len(rows)}"]
    for address, port, kind, private, peer_id in [COLUMNS, *rows] if rows else []:
        lines.append(f"{address!s:<40} {port!s:<6} {kind!s:<9} {private!s:<16} {peer_id}")
    return "".join(f"{line}\n" for line in lines)
