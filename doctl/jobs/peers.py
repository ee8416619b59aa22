"""``doctl peers``: asks the coordination service for a swarm without joining it."""

from dataclasses import dataclass
from typing import Final

from doctl.errors import LocalError, ServiceError
from doctl.jobs.finding import joining
from doctl.jobs.rendezvous import Rendezvous
from doctl.net.base import Network
from doctl.wire.joining import JoinAnswer

SCHEMA: Final = "doctl.peers/1"


@dataclass(frozen=True, slots=True)
class Swarm:
    """The members of a swarm; ``url`` is empty where a content id was asked for."""

    content_id: str
    url: str
    answer: JoinAnswer

    def as_json(self) -> dict[str, object]:
        """Return the object that ``doctl peers --format json`` writes."""
        return {
            "schema": SCHEMA,
            "content_id": self.content_id or None,
            "url": self.url or None,
            "external_address": str(self.answer.external_address),
            "interval_s": self.answer.interval,
            "peers": [
                {
                    "address": str(peer.address),
                    "port": peer.port,
                    "private_address": str(peer.private_address) if peer.private_address else None,
                    "type": peer.kind.value,
                    "peer_id": peer.peer_id.hex(),
                }
                for peer in self.answer.peers
            ],
        }


async def look(network: Network, rendezvous: Rendezvous, content: str, timeout: float) -> Swarm:
    """Return the swarm of ``content``, a URL or a content id; NetworkError, ServiceError where that cannot be had.

    Content at a URL that is published there goes by its content id, other content by the URL.
    """
    async with joining(network, rendezvous, timeout) as service:
        if service is None:
            raise LocalError("no coordination service was named")
        if not content.startswith(("http://", "https://")):
            return Swarm(content, "", await service.service.swarm(content, ""))
        try:
            content_id = (await service.service.content_policy(content)).content_id
        except ServiceError as error:
            if error.reason != "not_published":
                raise
            content_id = ""
        return Swarm(content_id, content, await service.service.swarm(content_id, content))
