"""Which coordination service to ask, who may be a peer, and whether what the service says can be trusted."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from doctl.errors import UsageError
from doctl.settings import DownloadMode
from doctl.wire.joining import Restriction
from doctl.wire.places import literal_of


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
        """Whether it is asked over plain HTTP, where anybody on the way could change what it says."""
        return urlsplit(self.url).scheme != "https"

    @property
    def exposed(self) -> bool:
        """Whether that is so, and there is a way: the service is not on this machine."""
        host = urlsplit(self.url).hostname or ""
        literal = literal_of(host)
        return self.plain and host != "localhost" and not (literal is not None and literal.is_loopback)

    def check_trust(self) -> None:
        """Raise UsageError unless what the service says of content may be trusted."""
        if self.exposed and not self.insecure:
            raise UsageError(
                f"{self.url} is asked over plain HTTP, where anybody on the way could change what is trusted: use "
                "https, name the content with --hash-of-hashes, or accept it with --insecure-coordinator"
            )
