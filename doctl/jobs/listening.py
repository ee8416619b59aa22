"""Where to listen for peers: the port that Delivery Optimization uses, or a free one when that is taken."""

from doctl.endpoints import PEER_PORT, Address
from doctl.errors import LocalError
from doctl.net.base import Listener, Network


async def listen_for_peers(network: Network, asked: Address | None) -> Listener:
    """Listen on ``asked``; without it on port 7680 of every address, or on any free port; LocalError if on none."""
    if asked is not None:
        return await network.listen(asked)
    for host, port in (("::", PEER_PORT), ("0.0.0.0", PEER_PORT), ("::", 0)):  # noqa: S104 - peers must reach it
        try:
            return await network.listen(Address(host, port))
        except LocalError:
            continue
    return await network.listen(Address("0.0.0.0", 0))  # noqa: S104 - as above
