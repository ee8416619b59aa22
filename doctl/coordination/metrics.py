"""What a coordinator counts, as Prometheus reads it."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from doctl.coordination.store import Counts


class Metrics:
    """Counters of one coordinator, and how much its store remembers."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.joins = Counter("doctl_coordinator_joins", "Joins that were answered.", registry=self._registry)
        self.given = Counter("doctl_coordinator_peers_given", "Peers in the answers.", registry=self._registry)
        self.refused = Counter(
            "doctl_coordinator_refused", "Requests refused, by reason.", ["reason"], registry=self._registry
        )
        self._members = Gauge("doctl_coordinator_members", "Members of all swarms.", registry=self._registry)
        self._contents = Gauge("doctl_coordinator_publications", "Published contents.", registry=self._registry)
        self._up = Gauge("doctl_coordinator_store_up", "1 if the store answers.", registry=self._registry)

    def text(self, counts: Counts | None) -> bytes:
        """Return all in the text format of Prometheus; ``counts`` is None where the store does not answer."""
        self._up.set(counts is not None)
        if counts is not None:
            self._members.set(counts.members)
            self._contents.set(counts.publications)
        return generate_latest(self._registry)
