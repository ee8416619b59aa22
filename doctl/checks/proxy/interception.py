"""Judges by its issuer whether somebody on the way opened TLS and shows a certificate of their own; pure."""

from dataclasses import dataclass

from doctl.endpoints import documented
from doctl.net.certificates import Certificate


@dataclass(frozen=True, slots=True)
class Interception:
    """Somebody reads along. ``harmless`` where this machine trusts them and no pinned certificate is expected."""

    detail: str
    harmless: bool


def find_interception(host: str, seen: Certificate | None, direct: Certificate | None) -> Interception | None:
    """Return what gives an interceptor away, or None.

    ``seen`` is the certificate on the way that is judged, ``direct`` the one without a proxy, if that was looked at.
    Without it only documented hosts can be judged, whose certificates are from public authorities.
    """
    row = documented(host)
    if seen is None or (seen.public and seen.verified):
        return None
    another = direct is not None and direct.issuer != seen.issuer
    private = row is not None and not seen.public
    if not another and not private:
        return None
    without = f", without the proxy by {direct.issuer}" if direct and another else ""
    detail = f"the certificate of {host} is issued by {seen.issuer or 'somebody without a name'}{without}"
    return Interception(detail, seen.verified and not (row is not None and row.pinned))
