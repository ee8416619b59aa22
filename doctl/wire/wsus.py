"""What to ask of a WSUS server, and what its answers say: URLs, the SOAP question GetConfig, and its marks.

The protocol is [MS-WUSP], Windows Update Services: Client-Server Protocol; where content is served, and on which port,
is as Microsoft's documentation of WSUS has it.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from doctl.endpoints import Address
from doctl.errors import UsageError
from doctl.wire.range_probes import PART, Ask, Kind
from doctl.wire.urls import shown, usable

CLIENT_SERVICE: Final = "/ClientWebService/Client.asmx"
DESCRIPTION: Final = "/ClientWebService/client.asmx?WSDL"
CHECK_FILE: Final = "/Content/anonymousCheckFile.txt"
"""An empty file that every WSUS server has for trying whether content can be had."""
RANGE_FILE: Final = "/SelfUpdate/wuident.cab"
"""A file of some kilobytes that every WSUS server has."""
CONTENT: Final = "/content/"
"""How the path of every payload begins, in lower case; after it come two hexadecimal digits, and the SHA-1 as name."""
NAMESPACE: Final = "http://www.microsoft.com/SoftwareDistribution/Server/ClientWebService"
AUTHORISATION: Final = b"simpleauthwebservice/simpleauth.asmx"
"""What an answer to GetConfig names, in lower case: where clients are authorised."""
GET_CONFIG: Final = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    f'<GetConfig xmlns="{NAMESPACE}"><protocolVersion>1.8</protocolVersion></GetConfig>'
    "</soap:Body></soap:Envelope>"
).encode()
"""The first question of every client; anybody may ask it."""
GET_CONFIG_HEADERS: Final = {
    "Content-Type": "text/xml; charset=utf-8",
    "SOAPAction": f'"{NAMESPACE}/GetConfig"',
}
MOST_ANSWER: Final = 256 * 1024
"""Bytes of an answer that are read; a real one has some thousands."""

_VERSION = re.compile(rb"<Name>ProtocolVersion</Name>\s{0,99}<Value>([0-9.]{1,20})</Value>")


@dataclass(frozen=True, slots=True)
class Place:
    """A WSUS server. ``url`` is where metadata comes from, without a slash at its end.

    ``file`` is the URL of a payload, where the user named one.
    """

    url: str
    file: str | None = None

    @property
    def content(self) -> str:
        """Where content comes from: always HTTP. Of a server with TLS that is port 80 for 443, else the port before."""
        parts = urlsplit(self.url)
        if parts.scheme == "http":
            return self.url
        port = 80 if parts.port in (None, 443) else parts.port - 1
        host = parts.hostname or ""
        return f"http://{Address(host, port)}" if port != 80 else f"http://{f'[{host}]' if ':' in host else host}"


def parse_place(text: str) -> Place:
    """Read the URL of a WSUS server, or of a payload on one; UsageError for anything else."""
    url = usable(text)
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise UsageError(f'"{shown(url)}": leave name and password out, WSUS asks for none')
    if parts.scheme == "https" and parts.port == 1:
        raise UsageError(f'"{shown(url)}": no port comes before 1, where content would be')
    base = f"{parts.scheme}://{parts.netloc}"
    if parts.path.strip("/") == "" and not parts.query:
        return Place(base)
    if parts.path.lower().startswith(CONTENT):
        return Place(base, url.partition("#")[0])
    raise UsageError(f'"{shown(url)}": give the server alone, as http://HOST:8530, or a file of it below /Content/')


def is_config(body: bytes) -> bool:
    """Whether an answer to GetConfig is that of a WSUS server."""
    return AUTHORISATION in body.lower()


def is_description(body: bytes) -> bool:
    """Whether an answer to DESCRIPTION, which nobody could have from our question, is that of a WSUS server."""
    return NAMESPACE.encode() in body or is_config(body)


def protocol_version(body: bytes) -> str:
    """Return the version of the protocol that an answer to GetConfig names, empty where it names none."""
    match = _VERSION.search(body)
    return match[1].decode() if match else ""


def adjacent(total: int) -> tuple[Ask, Ask] | None:
    """Return two ranges side by side of a file of ``total`` bytes; None where it is too small for two."""
    size = min(PART, total // 2)
    if size < 1:
        return None
    return Ask("a range", Kind.PART, 0, size - 1), Ask("the range after it", Kind.PART, size, 2 * size - 1)
