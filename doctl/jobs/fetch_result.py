"""What a fetch was asked to do, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from doctl.endpoints import Address
from doctl.jobs.minding import Applied
from doctl.jobs.rendezvous import Rendezvous
from doctl.net.base import Network
from doctl.report import Progress, Status
from doctl.settings import Settings, defaults
from doctl.transfer.ledger import Ledger, efficiency

if TYPE_CHECKING:
    import httpx

SCHEMA: Final = "doctl.fetch/1"
MODES: Final = {0: "http", 1: "lan", 2: "group", 3: "internet", 99: "simple"}
"""Download modes that doctl has; 100 (bypass) hands the job to BITS, which is Windows' own."""
WITHOUT_PEERS: Final = (0, 99)


@dataclass(frozen=True, slots=True)
class FetchOrder:
    """What to fetch, and how. ``phf`` is a path or URL; rates are bytes a second, times are seconds.

    ``mode`` is that of now and ``mode_from`` says where it came from, if not from the caller; in ``settings`` boundary
    groups have not been applied. ``background`` says whose limits hold; ``rendezvous`` is the service to find peers by.
    ``direct`` does without any proxy, whatever the environment says. ``digest`` says whether the SHA-256 of the whole
    file is to be told even where every piece has a hash of its own.
    """

    url: str
    output: Path | None = None
    phf: str | None = None
    hash_of_hashes: bytes | None = None
    sha256: str | None = None
    digest: bool = True
    peers: tuple[Address, ...] = ()
    mode: int = 1
    mode_from: str = ""
    rendezvous: Rendezvous | None = None
    local_discovery: bool = False
    proxy: str | None = None
    direct: bool = False
    max_down: int | None = None
    max_up: int | None = None
    seed_for: float = 0.0
    listen: Address | None = None
    cache_host: str | None = None
    force: bool = False
    timeout: float = 10.0
    verbose: bool = False
    background: bool = False
    settings: Settings = field(default_factory=defaults)


@dataclass(slots=True)
class FetchResult:
    """How it went; filled while it goes, so that it can be told even of a fetch that was interrupted."""

    file: Path | None = None
    length: int = 0
    sha256: str | None = None
    hashed: bool = False
    """Whether a hash file says what each piece is to be; not told in the JSON."""
    hash_of_hashes: str | None = None
    duration_s: float = 0.0
    whole: bool = False
    """Whether the file has its name, and all that is left is giving it to peers; not told in the JSON."""
    seeded_s: float = 0.0
    """Seconds of these that came after the file was whole; not told in the JSON."""
    mode: int = 99
    mode_reason: str = ""
    resumed_bytes: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    rules: list[Applied] = field(default_factory=list)
    error: str | None = None

    @property
    def rate(self) -> float:
        """Bytes a second of what came, while it came; 0 where all was there already."""
        return sum(self.ledger.bytes_from.values()) / max(self.duration_s - self.seeded_s, 0.001)

    @property
    def interruption(self) -> str:
        """What Ctrl-C meant for the file, in a line."""
        if self.whole:
            return f"interrupted while giving pieces to peers; {self.file} is whole"
        if self.length:
            return "interrupted: what is verified is kept; run the same command again to go on"
        return "interrupted: run the same command again"

    def as_json(self) -> dict[str, object]:
        """Return the promised JSON object."""
        ledger = self.ledger
        return {
            "schema": SCHEMA,
            "status": str(Status.FAIL if self.error else Status.PASS),
            "file": str(self.file) if self.file else None,
            "bytes": self.length,
            "sha256": self.sha256,
            "hash_of_hashes": self.hash_of_hashes,
            "duration_s": round(self.duration_s, 3),
            "mode": self.mode,
            "mode_reason": self.mode_reason,
            "resumed_bytes": self.resumed_bytes,
            "bytes_from": {kind.value: count for kind, count in ledger.bytes_from.items()},
            "bytes_wasted": ledger.wasted,
            "peer_efficiency": efficiency(ledger.bytes_from),
            "peers": [
                {
                    "address": peer.address,
                    "type": peer.kind.value,
                    "bytes_received": peer.bytes_received,
                    "bytes_sent": peer.bytes_sent,
                    "bad_pieces": peer.bad_pieces,
                    "banned": peer.banned,
                }
                for peer in ledger.peers.values()
            ],
            "rules": [applied.as_json() for applied in self.rules],
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class FetchJob:
    """A fetch under way: the order, its result so far, and what it works with.

    ``watch`` is called about twice a second with how far it is, ``say`` with a line for the administrator.
    """

    order: FetchOrder
    result: FetchResult
    network: Network
    client: "httpx.AsyncClient"
    watch: Callable[[Progress], None]
    say: Callable[[str], None]
