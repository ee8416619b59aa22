"""One content on this machine as its swarm sees it: which pieces may be given, to whom, and who is connected."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from doctl.transfer.content import Content
from doctl.transfer.desk import Kind
from doctl.transfer.ledger import Ledger, kind_of_address
from doctl.transfer.limits import RateLimit
from doctl.transfer.upload import Slots

if TYPE_CHECKING:
    from doctl.transfer.link import Link

Who = tuple[bytes, str]
"""A peer's id and its address: anybody can say that he has another's id, and must not have that one banned."""


class Share:
    """A file, finished or growing, and the connections of its swarm.

    ``content`` must have hashes. ``verified`` is the set of pieces on disk with the right hash (bit i for piece i): the
    only ones that are ever announced or sent.
    """

    def __init__(
        self, content: Content, file: BinaryIO, verified: int, *, ledger: Ledger, slots: Slots, limit: RateLimit
    ) -> None:
        if content.hash_of_hashes is None:
            raise ValueError("content without a hash of hashes has no swarm")
        self.content = content
        self.swarm_hash = content.hash_of_hashes
        self.file = file
        self.verified = verified
        self.ledger = ledger
        self.slots = slots
        self.limit = limit
        self.links: set[Link] = set()
        self.bad_pieces: Counter[Who] = Counter()
        """How many bad pieces each peer sent: a peer that comes back is no new one."""
        self.banned: set[Who] = set()
        """Those who sent too many bad pieces."""
        self.kind_of: Callable[[str], Kind] = kind_of_address
        """How to book a peer at an address."""
        self.unchanged: Callable[[], bool] = lambda: True
        """Whether the file is still what was verified; asked before each piece."""
        self.on_manners: Callable[[str], None] = lambda _means: None
        """Called for each connection with how it gives way to everything else when we send."""
        self.on_link: Callable[[Link], None] = lambda _link: None
        """Called with each connection that another peer opened to us."""

    def verified_piece(self, piece: int) -> None:
        """Note one more piece and tell every connected peer that lacks it."""
        self.verified |= 1 << piece
        for link in self.links:
            link.tell_have(piece)
