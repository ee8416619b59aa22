"""``doctl fetch``: one file from HTTP and peers at once."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doctl.cli import quantities
from doctl.cli.delivery import put
from doctl.cli.exits import Exit
from doctl.cli.files import place_or_folder
from doctl.cli.options import TimeoutOption
from doctl.cli.progress import Talk, size, talking
from doctl.cli.results import ResultFormat, ResultFormatOption, ResultOutputOption, as_json
from doctl.cli.running import run
from doctl.cli.swarming import CoordinatorOption, GroupOption, LocalOption, ModeOption, Swarming, TokenOption, chosen
from doctl.endpoints import HTTP_PORT, Address
from doctl.printable import printable

if TYPE_CHECKING:
    from doctl.jobs.fetch_result import FetchOrder, FetchResult
    from doctl.transfer.ledger import PeerAccount


def command(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the file is, http or https.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option("-o", metavar="FILE", callback=place_or_folder, readable=False, help="Where to put it."),
    ] = None,
    phf: Annotated[str | None, typer.Option(metavar="FILE|URL", help="The pieces hash file.")] = None,
    hash_of_hashes: Annotated[
        str | None, typer.Option(metavar="B64", help="The trusted HashOfHashes; without it no peers are used.")
    ] = None,
    sha256: Annotated[str | None, typer.Option(metavar="HEX", help="What the whole file must hash to.")] = None,
    peer: Annotated[list[str] | None, typer.Option(metavar="HOST[:PORT]", help="A peer to ask; repeatable.")] = None,
    cache_host: Annotated[
        str | None, typer.Option(metavar="HOST", help="A Connected Cache to ask before the origin.")
    ] = None,
    coordinator: CoordinatorOption = None,
    insecure_coordinator: Annotated[
        bool, typer.Option("--insecure-coordinator", help="Trust a service over plain HTTP that is not this machine.")
    ] = False,
    token_file: TokenOption = None,
    mode: ModeOption = None,
    group: GroupOption = None,
    local_discovery: LocalOption = False,
    settings: Annotated[Path | None, typer.Option(metavar="FILE", help="DO settings in TOML.")] = None,
    background: Annotated[
        bool, typer.Option("--background", help="Give way to everything else; limits of background downloads hold.")
    ] = False,
    windows_accounting: Annotated[
        bool, typer.Option("--windows-accounting", help="Count LAN peers with public addresses as Internet.")
    ] = False,
    proxy: Annotated[
        str | None, typer.Option(metavar="URL", help="Proxy for HTTP instead of the environment's.")
    ] = None,
    max_down: Annotated[str | None, typer.Option(metavar="RATE", help="Receive at most this, as 60MB.")] = None,
    max_up: Annotated[str | None, typer.Option(metavar="RATE", help="Send to peers at most this, as 500KB.")] = None,
    seed_for: Annotated[
        str, typer.Option(metavar="DURATION", help="Go on giving to peers for so long, as 10m.")
    ] = "0s",
    listen: Annotated[
        str | None, typer.Option(metavar="ADDR:PORT", help="Where peers reach us. [default: 7680, else a free port]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a different file of that name.")] = False,
    wanted: ResultFormatOption = ResultFormat.TEXT,
    output: ResultOutputOption = None,
    timeout: TimeoutOption = 10.0,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say how transfers give way; the SHA-256.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No talk and no progress.")] = False,
) -> int:
    """Fetch a file from HTTP and peers at once."""
    from doctl.jobs.fetch_result import FetchOrder, FetchResult
    from doctl.wire.hash_file import parse_hash_of_hashes
    from doctl.wire.urls import usable

    swarm = chosen(
        Swarming(
            coordinator,
            mode,
            group,
            cache_host,
            settings,
            token_file,
            insecure_coordinator,
            local_discovery,
            windows_accounting,
        )
    )
    order = FetchOrder(
        url=usable(url),
        output=out,
        phf=phf,
        hash_of_hashes=parse_hash_of_hashes(hash_of_hashes) if hash_of_hashes is not None else None,
        sha256=quantities.sha256(sha256) if sha256 is not None else None,
        digest=verbose or wanted is ResultFormat.JSON,
        peers=tuple(dict.fromkeys(quantities.peer_address(text) for text in peer or [])),
        cache_host=_cache_host(swarm.settings.words("DOCacheHost")),
        mode=swarm.mode,
        mode_from=swarm.mode_from,
        rendezvous=swarm.rendezvous,
        local_discovery=swarm.local_discovery,
        settings=swarm.settings,
        proxy=proxy,
        max_down=quantities.rate(max_down) if max_down is not None else None,
        max_up=quantities.rate(max_up) if max_up is not None else None,
        seed_for=quantities.duration(seed_for),
        listen=_listen(listen),
        force=force,
        timeout=timeout,
        verbose=verbose,
        background=background,
    )
    result = FetchResult()
    try:
        with talking(quiet=quiet) as talk:
            _run(order, result, talk)
    except KeyboardInterrupt:
        result.error = result.interruption
    if wanted is ResultFormat.JSON:
        put(as_json(result.as_json()), output)
    elif result.error is None:
        put(_said(result), output)
    if result.error is not None:
        sys.stderr.write(f"doctl: {printable(result.error)}\n")
    return _exit_of(result)


def _listen(text: str | None) -> Address | None:
    return quantities.listen_address(text) if text is not None else None


def _cache_host(hosts: Sequence[str]) -> str | None:
    """Return the first cache host as HOST:PORT, None where there is none."""
    return str(Address.parse(hosts[0], HTTP_PORT)) if hosts else None


def _run(order: "FetchOrder", result: "FetchResult", talk: Talk) -> None:
    from doctl.jobs.fetch import fetch
    from doctl.net.system import SystemNetwork

    run(fetch(SystemNetwork(), order, result, watch=talk.watch, say=talk.say))


def _exit_of(result: "FetchResult") -> Exit:
    if result.error is None:
        return Exit.PASSED
    return Exit.INTERRUPTED if result.error.startswith("interrupted") else Exit.FAILED


def _said(result: "FetchResult") -> str:
    """Write what came, from where, and how sure it is."""
    ledger = result.ledger
    came = [(kind.value, count) for kind, count in ledger.bytes_from.items() if count]
    rows = [
        ("file", f"{printable(str(result.file))}, {size(result.length)}, {_checked(result)}"),
        ("sha256", result.sha256),
        ("took", f"{result.duration_s:.1f} s" + (f", {size(result.rate)}/s" if result.rate else "")),
        ("mode", f"{result.mode} ({printable(result.mode_reason)})"),
        *((name, size(count)) for name, count in came),
        ("kept", f"{size(result.resumed_bytes)} from an earlier run" if result.resumed_bytes else ""),
        ("wasted", size(ledger.wasted) if ledger.wasted else ""),
        *(("peer", _of_peer(peer)) for peer in ledger.peers.values()),
    ]
    return "".join(f"{name:<10}{value}\n" for name, value in rows if value)


def _checked(result: "FetchResult") -> str:
    if not result.hashed:
        return "no hash file vouches for its pieces"
    return "every piece has its hash" + ("" if result.hash_of_hashes else ", and no HashOfHashes vouches for these")


def _of_peer(peer: "PeerAccount") -> str:
    bad = f", {peer.bad_pieces} bad pieces" if peer.bad_pieces else ""
    banned = ", banned" if peer.banned else ""
    return f"{peer.address} ({peer.kind}): {size(peer.bytes_received)} in, {size(peer.bytes_sent)} out{bad}{banned}"
