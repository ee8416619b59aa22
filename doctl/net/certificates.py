"""Looks at the certificate that a TLS server shows, whoever vouches for it; nothing is sent once it is seen."""

import asyncio
import ssl
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from doctl.endpoints import Address
from doctl.errors import FilteredError, OriginError, TlsError, UsageError
from doctl.net.proxies.address import Proxy
from doctl.printable import printable

if TYPE_CHECKING:
    from cryptography import x509

    from doctl.net.base import Connection

MOST_HANDSHAKE: Final = 256 * 1024
"""Bytes of a TLS handshake that are read at most; a real one has a few thousand."""
MOST_HEAD: Final = 64 * 1024
"""Bytes of a proxy's answer to CONNECT that are read at most."""
MOST_NAMES: Final = 100

PUBLIC_ISSUERS: Final = frozenset(
    {
        "Actalis S.p.A.",
        "Amazon",
        "Apple Inc.",
        "Baltimore",
        "Certainly",
        "Cloudflare, Inc.",
        "DigiCert Inc",
        "DigiCert, Inc.",
        "Entrust, Inc.",
        "GlobalSign nv-sa",
        "GoDaddy.com, Inc.",
        "Google Trust Services",
        "Google Trust Services LLC",
        "Let's Encrypt",
        "Microsoft Corporation",
        "SSL Corporation",
        "SSL Corp",
        "Sectigo Limited",
        "SwissSign AG",
        "ZeroSSL",
    }
)
"""Organisations whose certificates public sites show; an appliance that opens TLS names itself or its owner instead."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server's certificate says, made safe to show.

    ``not_after`` is UTC. ``verified`` says whether this system trusts it for the name that was asked for; a company
    whose own authority is installed there trusts its interceptor too, so judge interception by the issuer.
    """

    subject: str
    names: tuple[str, ...]
    issuer_organisation: str
    issuer_name: str
    not_after: datetime
    verified: bool

    @property
    def issuer(self) -> str:
        """The issuer as one text: its organisation, or its common name where it states no organisation."""
        return self.issuer_organisation or self.issuer_name

    @property
    def public(self) -> bool:
        """Whether the issuer calls itself one of the authorities that public sites use."""
        return self.issuer_organisation in PUBLIC_ISSUERS


async def read_certificate(
    connect: "Callable[[Address, float], Awaitable[Connection]]",
    trusting: ssl.SSLContext,
    address: Address,
    server_name: str,
    timeout: float,
    *,
    proxy: str | None = None,
) -> Certificate:
    """Return the certificate that ``address`` shows for ``server_name``, through a tunnel of ``proxy`` if one is given.

    ``timeout`` is in seconds and for everything together. Raises the NetworkError of its kind when nothing is reached,
    TlsError when the other side speaks no TLS, OriginError when the proxy opens no tunnel or the certificate cannot be
    read, UsageError for a proxy that is not reached by plain HTTP.
    """
    via = _usable(proxy)
    if not (address.host.isascii() and server_name.isascii() and server_name.strip(".")):
        raise UsageError(
            f'"{printable(server_name, 80)}" is not a host name: write international names in their xn-- form'
        )

    async def look(context: ssl.SSLContext) -> bytes:
        connection = await connect(via.address if via else address, timeout)
        try:
            if via:
                await _open_tunnel(connection, address, via)
            return await _shown(connection, context, server_name)
        finally:
            connection.close()

    try:
        async with asyncio.timeout(timeout):
            try:
                return describe(await look(trusting), verified=True)
            except ssl.SSLError:
                return describe(await look(_blind()), verified=False)
    except TimeoutError:
        raise FilteredError(f"{address}: no certificate within {timeout:g} s") from None
    except ssl.SSLError as error:
        raise TlsError(f"{address}: no TLS there ({printable(error.reason or 'handshake failed', 80)})") from None


def _usable(proxy: str | None) -> Proxy | None:
    via = Proxy.parse(proxy) if proxy else None
    if via and via.scheme != "http":
        raise UsageError(f"{via}: only a proxy that is reached by plain HTTP can be asked for a tunnel")
    return via


def _blind() -> ssl.SSLContext:
    """Make a context that accepts any certificate, old algorithms too: it is looked at and nothing is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    return context


async def _open_tunnel(connection: "Connection", address: Address, proxy: Proxy) -> None:
    """Ask ``proxy`` for a tunnel (RFC 9110 section 9.3.6); nothing but its answer is read."""
    lines = [f"CONNECT {address} HTTP/1.1", f"Host: {address}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    await connection.send(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
    head = bytearray()
    byte = bytearray(1)
    while not head.endswith(b"\r\n\r\n"):  # byte by byte, since what follows belongs to TLS; it is a short answer
        if len(head) > MOST_HEAD or not await connection.receive_into(memoryview(byte)):
            raise OriginError(f"{proxy}: no usable answer to CONNECT")
        head += byte
    status = bytes(head).split(b"\r\n", 1)[0].decode("latin-1")
    if not status.partition(" ")[2].startswith("2"):
        raise OriginError(f'{proxy}: answered CONNECT with "{printable(status, 80)}"')


async def _shown(connection: "Connection", context: ssl.SSLContext, server_name: str) -> bytes:
    """Shake hands as far as the certificate and return it in DER; ssl.SSLError when that fails."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=server_name)
    buffer, total = bytearray(16 * 1024), 0
    while True:
        try:
            tls.do_handshake()
            return tls.getpeercert(binary_form=True) or b""
        except ssl.SSLWantReadError:
            await connection.send(outgoing.read())
            received = await connection.receive_into(memoryview(buffer))
            total += received
            if not received or total > MOST_HANDSHAKE:
                raise TlsError(f"{connection.remote}: no TLS there (the handshake does not end)") from None
            incoming.write(buffer[:received])


def describe(der: bytes, *, verified: bool) -> Certificate:
    """Read a certificate in DER; OriginError when it cannot be read."""
    from cryptography import x509  # noqa: PLC0415 - only TLS needs it, and it is slow to load

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about old encodings, which are the server's business
            certificate = x509.load_der_x509_certificate(der)
            return Certificate(
                subject=_part(certificate.subject, x509.NameOID.COMMON_NAME),
                names=_alternative_names(certificate),
                issuer_organisation=_part(certificate.issuer, x509.NameOID.ORGANIZATION_NAME),
                issuer_name=_part(certificate.issuer, x509.NameOID.COMMON_NAME),
                not_after=certificate.not_valid_after_utc,
                verified=verified,
            )
    except (ValueError, TypeError, x509.InvalidVersion) as error:  # TypeError: a name of a kind that is none
        raise OriginError(f"the certificate cannot be read: {printable(str(error), 80)}") from None


def _part(name: "x509.Name", oid: "x509.ObjectIdentifier") -> str:
    values = name.get_attributes_for_oid(oid)
    return printable(str(values[0].value), 200) if values else ""


def _alternative_names(certificate: "x509.Certificate") -> tuple[str, ...]:
    from cryptography import x509  # noqa: PLC0415 - see describe

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return ()
    return tuple(printable(str(name.value), 300) for name in list(names)[:MOST_NAMES])
