"""A proxy's address is read as administrators write it, and shown without its credentials."""

import pytest

from doctl.endpoints import Address
from doctl.errors import UsageError
from doctl.net.proxies.address import Proxy


@pytest.mark.parametrize(
    ("text", "shown", "address"),
    [
        ("proxy.test:3128", "http://proxy.test:3128", Address("proxy.test", 3128)),
        (" http://proxy.test ", "http://proxy.test:80", Address("proxy.test", 80)),
        ("HTTP://proxy.test:3128/ignored", "http://proxy.test:3128", Address("proxy.test", 3128)),
        ("https://[2001:db8::1]", "https://[2001:db8::1]:443", Address("2001:db8::1", 443)),
        ("socks5://proxy.test", "socks5://proxy.test:1080", Address("proxy.test", 1080)),
        ("http://me:p%40ss@proxy.test:8", "http://***@proxy.test:8", Address("proxy.test", 8)),
        ("me:p@ss@proxy.test:8", "http://***@proxy.test:8", Address("proxy.test", 8)),
    ],
)
def test_a_proxy_is_read_and_shown_without_credentials(text: str, shown: str, address: Address) -> None:
    """Scheme, host and port are read, with the scheme's port where none is given; credentials are masked."""
    proxy = Proxy.parse(text)
    assert str(proxy) == shown
    assert proxy.address == address
    assert "@ss" not in repr(proxy)
    assert "me" not in repr(proxy).replace("scheme", "")


def test_credentials_go_to_the_proxy_alone() -> None:
    """The URL and the header for the proxy have the credentials, decoded and encoded as each wants them."""
    proxy = Proxy.parse("http://me:p%40ss@proxy.test:8")
    assert proxy.url == "http://me:p%40ss@proxy.test:8"
    assert proxy.authorization == "Basic bWU6cEBzcw=="
    assert Proxy.parse("proxy.test").authorization is None
    assert Proxy.parse("proxy.test").url == "http://proxy.test:80"


@pytest.mark.parametrize(
    "text",
    [
        *("", "http://", "ftp://proxy.test", "http://a b", "http://proxy.test:99999", "http://proxy.test:x"),
        *("http://proxy\x1b.test", "http://[::1", "x" * 3000, "me:se://cret@proxy.test", "http://me:secret@a/b@c d"),
    ],
)
def test_what_is_no_proxy_is_refused_without_repeating_it(text: str) -> None:
    """Anything else is a mistake of the caller's, and the message repeats nothing that could be a password."""
    with pytest.raises(UsageError, match="http://HOST:PORT") as caught:
        Proxy.parse(text)
    assert "cret" not in str(caught.value)
