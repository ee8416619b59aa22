"""Asks a PAC script which proxies it names for a URL: names resolved beforehand, run apart from us, within limits."""

import asyncio
import codecs
import json
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from doctl.errors import ContentError, LocalError, NetworkError, OriginError, UsageError
from doctl.net import programs
from doctl.net.http_errors import named
from doctl.net.proxies.address import Proxy
from doctl.printable import printable
from doctl.wire.urls import next_hop

if TYPE_CHECKING:
    import httpx

    from doctl.net.base import Network

LARGEST: Final = 1 << 20
"""Bytes of a script that are read; real ones have a few thousand, and browsers stop about here."""
MOST_ROUNDS: Final = 4
"""How often a script is run until every name it asks for is known."""
MOST_NAMES: Final = 32
MOST_RESULTS: Final = 20
WORKER_SECONDS: Final = 4.0
"""How long the process of the script may take, its own start included; the script itself is stopped sooner."""
MOST_OUTPUT: Final = 1 << 20
KINDS: Final = {
    "PROXY": "http",
    "HTTP": "http",
    "HTTPS": "https",
    "SOCKS": "socks",
    "SOCKS4": "socks4",
    "SOCKS5": "socks5",
}


@dataclass(frozen=True, slots=True)
class Named:
    """What a script named for a URL: proxies in the order of preference, None among them for a direct connection."""

    said: str
    proxies: tuple[Proxy | None, ...]


async def find_proxies(network: "Network", script: str, url: str, own: tuple[str, ...], timeout: float) -> Named:
    """Run ``script`` for ``url`` until it knows every name it asks for, and return what it names.

    ``own`` are this machine's addresses. ContentError when the script fails, takes too much, names nothing usable, or
    is not done within ``timeout`` seconds.
    """
    deadline = network.now() + timeout
    names: dict[str, list[str]] = {}
    await _resolve(network, [urlsplit(url).hostname or ""], names, deadline)
    for _ in range(MOST_ROUNDS):
        answer = await _run(
            script, url, {"names": names, "own": own, "now": time.time() * 1000}, _left(network, deadline)
        )
        unknown = [name for name in answer.get("unknown", []) if isinstance(name, str) and name not in names]
        if not unknown:
            return parse_result(_result(answer))
        if len(names) + len(unknown) > MOST_NAMES:
            raise ContentError(f"the PAC script asks for the addresses of more than {MOST_NAMES} names")
        await _resolve(network, unknown, names, deadline)
    raise ContentError(f"the PAC script asks for other names each time it is run; given up after {MOST_ROUNDS} times")


async def _resolve(network: "Network", wanted: list[str], names: dict[str, list[str]], deadline: float) -> None:
    """Put the addresses of the names ``wanted`` into ``names``; of one that has none, an empty list.

    None of them may take all the time: a script can decide without an address, as it does where DNS is dead.
    """
    for name in wanted:
        try:
            names[name.lower()] = await network.resolve(name, _left(network, deadline) / 3)
        except NetworkError:
            names[name.lower()] = []


def _left(network: "Network", deadline: float) -> float:
    left = deadline - network.now()
    if left <= 0:
        raise _late()
    return left


def _late() -> ContentError:
    return ContentError("the PAC script was not done in time")


async def _run(script: str, url: str, facts: Mapping[str, object], timeout: float) -> dict[str, Any]:
    task = {"script": script, "url": address_for_script(url), "host": urlsplit(url).hostname, "facts": facts}
    worker = [sys.executable, "-P", "-m", f"{__package__}.pac_worker"]
    try:
        said = await programs.ask(worker, min(timeout, WORKER_SECONDS), MOST_OUTPUT, json.dumps(task).encode())
        answer: dict[str, Any] = json.loads(said.output)
    except LocalError:
        if timeout < WORKER_SECONDS:
            raise _late() from None
        raise ContentError("the PAC script went past its limits, and its process was ended") from None
    except ValueError:
        raise ContentError(f"the PAC script could not be run: {printable(said.errors.strip()[-200:])}") from None
    return answer


def address_for_script(url: str) -> str:
    """Return ``url`` as browsers give it to scripts: no credentials, no fragment; of https neither path nor query."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    if parts.scheme == "https":
        return f"https://{place}/"
    return parts._replace(netloc=place, fragment="").geturl()


def _result(answer: Mapping[str, Any]) -> str:
    if "error" in answer:
        raise ContentError(f"the PAC script {printable(str(answer['error']), 250)}")
    return str(answer.get("result") or "")


def parse_result(text: str) -> Named:
    """Read what FindProxyForURL returned, ``PROXY h:p; SOCKS h:p; DIRECT``; nothing means a direct connection.

    Entries that nobody can read are passed over, as browsers do; ContentError when no other is there.
    """
    entries = [entry.strip() for entry in text.split(";") if entry.strip()][:MOST_RESULTS]
    if not entries:
        return Named("DIRECT", (None,))
    readable = {entry: each[0] for entry in entries if (each := _entry(entry))}
    if not readable:
        returned = printable(re.sub(r"\S+@", "***@", text), 80)
        raise ContentError(f'the PAC script returned "{returned}", where PROXY HOST:PORT or DIRECT is wanted')
    return Named(printable("; ".join(readable), 300), tuple(readable.values()))


def _entry(entry: str) -> tuple[Proxy | None] | None:
    """Return the proxy of one entry, or None where it cannot be read."""
    kind, _, place = entry.partition(" ")
    if kind.upper() == "DIRECT":
        return (None,)
    scheme = KINDS.get(kind.upper())
    if scheme is None or "@" in place:  # a script names no credentials
        return None
    try:
        return (Proxy.parse(f"{scheme}://{place.strip()}"),)
    except UsageError:
        return None


async def load(network: "Network", source: str, timeout: float) -> str:
    """Return the script at ``source``, an http or https URL, asked directly, or the path of a file.

    UsageError for a file that cannot be read, a NetworkError or OriginError for a URL that gives nothing, ContentError
    for more than ``LARGEST`` bytes.
    """
    if "://" not in source:
        return decode(_read(Path(source)))
    if source.partition("://")[0].lower() not in ("http", "https"):
        raise UsageError(f"{shown(source)}: PAC scripts are read by http, by https and from a file's path")
    return decode(await _fetch(network, source, timeout))


def shown(source: str) -> str:
    """Return where a script is from, for a message: without credentials and query, and short."""
    if "://" not in source:
        return printable(source, 120)
    scheme, _, rest = source.partition("?")[0].partition("://")
    place, slash, path = rest.partition("/")
    return printable(f"{scheme}://{place.rpartition('@')[2]}{slash}{path}", 120)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"the PAC file {printable(str(path), 120)} cannot be read: {error.strerror}") from None
    except ValueError:
        raise UsageError("the PAC file's name has a character that no file name has") from None


async def _fetch(network: "Network", url: str, timeout: float) -> bytes:
    """Read a script, through redirects that may be followed."""
    trail = [url]
    with named(shown(url)) as extensions:
        async with asyncio.timeout(timeout), network.http(direct=True, timeout=timeout) as client:
            while True:
                async with client.stream("GET", trail[-1], extensions=extensions) as response:
                    if not response.has_redirect_location:
                        return await _script(response, shown(trail[-1]))
                    trail.append(next_hop(trail, response.headers["location"]))


async def _script(response: "httpx.Response", who: str) -> bytes:
    if response.status_code != HTTPStatus.OK:
        raise OriginError(f"{who}: answered {response.status_code} instead of a PAC script")
    data = bytearray()
    async for chunk in response.aiter_raw():
        data += chunk
        if len(data) > LARGEST:
            break
    return bytes(data)


def decode(data: bytes) -> str:
    """Return a script's text: UTF-16 where it says so, else UTF-8 or Latin-1; ContentError for too many bytes."""
    if len(data) > LARGEST:
        raise ContentError(
            f"the PAC script has more than {LARGEST >> 20} MiB; browsers and Windows take no such script"
        )
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
