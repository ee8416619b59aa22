"""``doctl demo``: everything on loopback in one go."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from doctl.cli.delivery import deliver, put
from doctl.cli.exits import Exit, of_status
from doctl.cli.options import Common, FailOn
from doctl.cli.progress import size, talking
from doctl.cli.running import run
from doctl.errors import NetworkError
from doctl.output import Format

if TYPE_CHECKING:
    from doctl.jobs.demo import Shown


def command() -> int:
    """Show on loopback what doctl does, in seconds."""
    from doctl.cli.checking import this_machine
    from doctl.jobs.demo import Shown, demo
    from doctl.net.system import SystemNetwork
    from doctl.output import renderer

    shown = Shown()
    with (
        tempfile.TemporaryDirectory(prefix="doctl-demo-", ignore_cleanup_errors=True) as folder,
        talking(quiet=False) as talk,
    ):
        try:
            report = run(demo(SystemNetwork(), Path(folder), shown, this_machine(), watch=talk.watch, say=talk.say))
        except KeyboardInterrupt:  # who has seen enough need not be told so
            return Exit.INTERRUPTED
    if shown.result.error is not None:
        raise NetworkError(f"the demonstration failed: {shown.result.error}")
    put("\n", None)
    deliver(report, renderer(Format.TEXT), Common(Format.TEXT, None, 0, FailOn.FAIL, False, False))
    put(_said(shown), None)
    return of_status(report.status)


def _said(shown: "Shown") -> str:
    """Write who gave what, and what that shows."""
    result = shown.result
    from_origin = sum(result.ledger.bytes_from.values()) - sum(p.bytes_received for p in result.ledger.peers.values())
    rows = [("who", "gave", "bad pieces", "verdict"), ("origin", size(from_origin), "", "served")]
    for peer in sorted(result.ledger.peers.values(), key=lambda peer: -peer.bytes_received):
        verdict = "banned: none of what it sent was used" if peer.banned else "served"
        role = shown.roles.get(peer.address, "peer")
        rows.append((f"{role} {peer.address}", size(peer.bytes_received), str(peer.bad_pieces), verdict))
    table = "".join(f"{who:<30}{gave:>10}{bad:>12}  {verdict}".rstrip() + "\n" for who, gave, bad, verdict in rows)
    return (
        f"\n{table}\n{size(result.length)} in {result.duration_s:.1f} s, every piece verified, "
        f"{size(result.ledger.wasted)} thrown away.\nSHA-256 {result.sha256}\n"
    )
