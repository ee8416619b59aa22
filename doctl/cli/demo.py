"""``doctl demo``: everything on loopback in one go."""

from typing import TYPE_CHECKING

from doctl.cli.delivery import put
from doctl.cli.exits import Exit
from doctl.cli.progress import size, talking
from doctl.cli.running import run
from doctl.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from doctl.jobs.fetch_result import FetchResult


def command() -> int:
    """Show on loopback what doctl does, in seconds."""
    from doctl.jobs.demo import demo  # noqa: PLC0415 - --help demonstrates nothing
    from doctl.jobs.fetch_result import FetchResult  # noqa: PLC0415
    from doctl.net.system import SystemNetwork  # noqa: PLC0415

    result = FetchResult()
    with talking(quiet=False) as talk:
        roles = run(demo(SystemNetwork(), result, watch=talk.watch, say=talk.say))
    if result.error is not None:
        raise NetworkError(f"the demonstration failed: {result.error}")
    put(_said(result, roles), None)
    return Exit.PASSED


def _said(result: "FetchResult", roles: "Mapping[str, str]") -> str:
    """Write who gave what, and what that shows."""
    from_origin = sum(result.ledger.bytes_from.values()) - sum(p.bytes_received for p in result.ledger.peers.values())
    rows = [("who", "gave", "bad pieces", "verdict"), ("origin", size(from_origin), "", "served")]
    for peer in sorted(result.ledger.peers.values(), key=lambda peer: -peer.bytes_received):
        verdict = "banned: none of what it sent was used" if peer.banned else "served"
        role = roles.get(peer.address, "peer")
        rows.append((f"{role} {peer.address}", size(peer.bytes_received), str(peer.bad_pieces), verdict))
    table = "".join(f"{who:<30}{gave:>10}{bad:>12}  {verdict}".rstrip() + "\n" for who, gave, bad, verdict in rows)
    return (
        f"\n{table}\n{size(result.length)} in {result.duration_s:.1f} s, every piece verified, "
        f"{size(result.ledger.wasted)} thrown away.\nSHA-256 {result.sha256}\n"
    )
