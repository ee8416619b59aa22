"""Certificates are looked at, and judged by who issued them, without being trusted and without anything being sent."""

import asyncio
import contextlib
import datetime
import random
import ssl
from dataclasses import replace

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from doctl.endpoints import Address
from doctl.errors import DoctlError, FilteredError, OriginError, RefusedError, TlsError, UsageError
from doctl.net.certificates import Certificate, describe, read_certificate
from doctl.net.system import SystemNetwork
from tests.servers.canned import saying
from tests.servers.tls import shaking_hands


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority that nobody trusts."""
    return trustme.CA(organization_name="Snooping \x1b[31mLtd")


def trusting(authority: trustme.CA | None) -> ssl.SSLContext:
    """Make a context that trusts ``authority`` and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority:
        authority.configure_trust(context)
    return context


def look(
    address: Address, authority: trustme.CA | None = None, proxy: str | None = None, name: str = "files.test"
) -> Certificate:
    """Look at the certificate at ``address`` over the real network."""

    async def run() -> Certificate:
        return await read_certificate(SystemNetwork().connect, trusting(authority), address, name, 5, proxy=proxy)

    return asyncio.run(run())


def test_a_trusted_certificate_is_described(authority: trustme.CA) -> None:
    """Subject, names, issuer and end of a certificate come out, safe to show, and that this machine trusts it."""
    with shaking_hands(authority, "files.test") as (address, _):
        found = look(address, authority)
    assert found.verified
    assert found.names == ("files.test",)
    assert found.issuer == found.issuer_organisation == "Snooping \\x1b[31mLtd"
    assert not found.public
    assert found.not_after > datetime.datetime.now(datetime.UTC)


@pytest.mark.parametrize(("trusts", "name"), [(False, "files.test"), (True, "other.test")])
def test_an_untrusted_certificate_is_seen_all_the_same(authority: trustme.CA, trusts: bool, name: str) -> None:
    """An issuer nobody trusts, and a certificate for another name, are described as not verified."""
    with shaking_hands(authority, "files.test") as (address, received):
        found = look(address, authority if trusts else None, name=name)
    assert not found.verified
    assert found.issuer == "Snooping \\x1b[31mLtd"
    assert not any(received)  # nothing followed the handshake


@pytest.mark.parametrize(
    ("said", "again", "error", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", TlsError, "no TLS"),
        (b"", b"", TlsError, "no TLS"),
        (b"\x16\x03\x03\x3f\xff" + b"\x02\x3f\xff\xff", b"\x00" * 65536, TlsError, "no TLS"),
    ],
    ids=["http", "closes", "endless handshake"],
)
def test_what_is_no_tls_is_named(said: bytes, again: bytes, error: type[DoctlError], words: str) -> None:
    """A port without TLS, one that closes and one that never ends its handshake are told in one line."""
    with saying(said, again=again) as address, pytest.raises(error, match=words):
        look(address)


@pytest.mark.parametrize(
    ("said", "again", "words"),
    [
        (b"HTTP/1.1 403 No\x1b[31m\r\n\r\n", b"", r'answered CONNECT with "HTTP/1.1 403 No\\x1b'),
        (b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\n\r\n", b"", "407 Who"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"a" * 65536, "no usable answer"),
        (b"", b"", "no usable answer"),
    ],
    ids=["forbidden", "credentials", "endless head", "closes"],
)
def test_a_proxy_that_opens_no_tunnel_is_named(said: bytes, again: bytes, words: str) -> None:
    """What a proxy says instead of opening a tunnel is shown, bounded and cleaned, and never with our credentials."""
    with saying(said, again=again) as proxy, pytest.raises(OriginError, match=words) as caught:
        look(Address("files.test", 443), proxy=f"http://user:secret@{proxy}")
    assert "secret" not in str(caught.value)


def test_silence_ends_in_time() -> None:
    """A server that says nothing is given up when the time is over, and nobody listening is told apart."""

    async def run(address: Address) -> None:
        await read_certificate(SystemNetwork().connect, trusting(None), address, "files.test", 0.2)

    with saying(b"", silent=True) as address, pytest.raises(FilteredError, match=r"within 0\.2 s"):
        asyncio.run(run(address))
    with pytest.raises(RefusedError):
        asyncio.run(run(Address("127.0.0.1", 1)))


@pytest.mark.parametrize(
    ("name", "proxy", "words"),
    [
        ("b\u00fccher.test", None, "xn--"),
        ("", None, "xn--"),
        ("files.test", "socks5://127.0.0.1:1080", "plain HTTP"),
        ("files.test", "https://127.0.0.1:1080", "plain HTTP"),
    ],
)
def test_what_cannot_be_asked_is_refused(name: str, proxy: str | None, words: str) -> None:
    """A name that is no host name, and a proxy without HTTP, are the caller's mistake."""
    with pytest.raises(UsageError, match=words):
        look(Address("127.0.0.1", 1), proxy=proxy, name=name)


def test_a_certificate_that_is_none_is_the_others_fault() -> None:
    """Bytes that are no certificate raise the error of the side that sent them."""
    with pytest.raises(OriginError, match="cannot be read"):
        describe(b"\x30\x03abc", verified=False)


def test_damaged_certificates_are_the_others_fault(authority: trustme.CA) -> None:
    """Whatever is wrong inside a certificate, either it is described or the side that sent it is blamed."""
    pem = authority.issue_cert("files.test", "127.0.0.1").cert_chain_pems[0].bytes()
    good = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    noise = random.Random(4)
    for place in range(len(good)):
        damaged = bytearray(good)
        damaged[place] ^= 1 << noise.randrange(8)
        with contextlib.suppress(OriginError):
            assert "\x1b" not in describe(bytes(damaged), verified=False).issuer


def test_a_certificate_may_say_almost_nothing() -> None:
    """An issuer without an organisation is known by its name; a certificate without names has none."""
    nameless = trustme.CA(organization_name="Public").cert_pem.bytes()
    found = describe(x509.load_pem_x509_certificate(nameless).public_bytes(Encoding.DER), verified=False)
    assert found.names == ()
    assert replace(found, issuer_organisation="", issuer_name="Box").issuer == "Box"
    assert replace(found, issuer_organisation="DigiCert Inc").public
