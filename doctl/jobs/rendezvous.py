"""Which coordination service to ask, who may be a peer, and whether what the service says can be trusted."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from doctl.coordination.peer_list import literal_of
from doctl.errors import UsageError
from doctl.settings import DownloadMode
from doctl.wire.joining import Restriction


@dataclass(frozen=True, slots=True)
class Rendezvous:
    """The service, and who may be a peer: ``group`` is a GUID for mode 2, ``restriction`` DORestrictPeerSelectionBy."""

    url: str
    mode: DownloadMode = DownloadMode.LAN
    group: str = ""
    restriction: Restriction = Restriction.SUBNET
    token: str = ""
    insecure: bool = False
    windows_accounting: bool = False

    @property
    def plain(self) -> bool:
        """Whether anybody on the way could change what the service says."""
        return urlsplit(self.url).scheme != "https"

    def check_trust(self) -> None:
        """Raise UsageError unless what the service says of content may be trusted."""
        literal = literal_of(urlsplit(self.url).hostname or "")
        on_loopback = urlsplit(self.url).hostname == "localhost" or (literal is not None and literal.is_loopback)
        if self.plain and not on_loopback and not self.insecure:
            raise UsageError(
                f"{self.url} is asked over plain HTTP, where anybody on the way could change what is trusted: use "
                "https, name the content with --hash-of-hashes, or accept it with --insecure-coordinator"
            )
