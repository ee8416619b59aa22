"""A WSUS server as clients see it, written from Microsoft's specification, that can be told to misbehave.

It speaks what a check may ask: GetConfig by SOAP, the description of the service, Content, SelfUpdate, ranges, and the
redirect that HSTS makes of IIS. As a program it serves one such server at each address that it is given::

    python -m tests.servers.wsus CERTIFICATE 10.99.0.100:hsts=yes 10.99.0.101:ranges=ignored,content=missing ...

with HTTP on 8530 and TLS on 8531, and says ``ready``.
"""

import contextlib
import hashlib
import re
import ssl
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from xml.etree import ElementTree

NAMESPACE = "http://www.microsoft.com/SoftwareDistribution/Server/ClientWebService"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WUIDENT = Random(1).randbytes(24_600)
PAYLOAD = Random(2).randbytes(3_000_000)
_SHA1 = hashlib.sha1(PAYLOAD, usedforsecurity=False).hexdigest().upper()
PAYLOAD_PATH = f"/Content/{_SHA1[-2:]}/{_SHA1}.cab"
"""Payloads are called by their SHA-1, in a folder of its last two digits."""
FILES = {"/Content/anonymousCheckFile.txt": b"", "/SelfUpdate/wuident.cab": WUIDENT, PAYLOAD_PATH: PAYLOAD}
CONFIG = f"""<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="{SOAP}"><soap:Body><GetConfigResponse xmlns="{NAMESPACE}"><GetConfigResult>
<LastChange>2024-01-10T08:00:00.0000000Z</LastChange><IsRegistrationRequired>false</IsRegistrationRequired>
<AuthInfo><AuthPlugInInfo><PlugInID>SimpleTargeting</PlugInID>
<ServiceUrl>SimpleAuthWebService/SimpleAuth.asmx</ServiceUrl><Parameter /></AuthPlugInInfo></AuthInfo>
<Properties><ConfigurationProperty><Name>MaxExtendedUpdatesPerRequest</Name><Value>50</Value></ConfigurationProperty>
<ConfigurationProperty><Name>ProtocolVersion</Name><Value>3.2</Value></ConfigurationProperty></Properties>
</GetConfigResult></GetConfigResponse></soap:Body></soap:Envelope>"""
DESCRIPTION = f"""<?xml version="1.0" encoding="utf-8"?>
<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" targetNamespace="{NAMESPACE}">
<wsdl:message name="GetConfigSoapIn" /></wsdl:definitions>"""
FAULT = f"""<soap:Envelope xmlns:soap="{SOAP}"><soap:Body><soap:Fault><faultcode>soap:Client</faultcode>
<faultstring>no</faultstring></soap:Fault></soap:Body></soap:Envelope>"""
PAGE = "<html><body>It works!</body></html>"


@dataclass(frozen=True)
class Manners:
    """How a server behaves: ``config`` is yes, no (a plain web server), broken (503), closed (403) or odd (500).

    ``content`` is yes, missing, page (a page instead) or login (401); ``ranges`` is yes, ignored, short or joined; with
    ``hsts`` plain HTTP is redirected; ``selfupdate`` is yes or no.
    """

    config: str = "yes"
    content: str = "yes"
    ranges: str = "yes"
    hsts: str = "no"
    selfupdate: str = "yes"


@dataclass
class Site:
    """What requests of one server need, and what they were: method and target."""

    manners: Manners
    got: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """Answers one connection, for ``site``, by TLS or not."""

    protocol_version = "HTTP/1.1"
    site: Site
    secure = False

    def log_message(self, *arguments: object) -> None:
        """Be quiet."""

    def do_POST(self) -> None:
        """Answer GetConfig."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._begins():
            return
        if self.path.lower() != "/clientwebservice/client.asmx" or self.site.manners.config == "no":
            self._send(404, PAGE)
        elif self.site.manners.config in ("broken", "closed"):
            self._send(503 if self.site.manners.config == "broken" else 403, PAGE)
        elif self.site.manners.config == "odd" or not self._asks_for_config(body):
            self._send(500, FAULT, "text/xml; charset=utf-8")
        else:
            self._send(200, CONFIG, "text/xml; charset=utf-8")

    def _asks_for_config(self, body: bytes) -> bool:
        """Judge the question as the specification has it."""
        question = ElementTree.fromstring(body).find(f"{{{SOAP}}}Body/{{{NAMESPACE}}}GetConfig")
        version = None if question is None else question.findtext(f"{{{NAMESPACE}}}protocolVersion")
        return (self.headers["SOAPAction"], self.headers["Content-Type"], bool(version)) == (
            f'"{NAMESPACE}/GetConfig"',
            "text/xml; charset=utf-8",
            True,
        )

    def do_GET(self) -> None:
        """Give the description, or a file."""
        if self._begins():
            return
        if self.path.lower() == "/clientwebservice/client.asmx?wsdl" and self.site.manners.config in ("yes", "odd"):
            self._send(200, DESCRIPTION, "text/xml; charset=utf-8")
            return
        data = next((data for path, data in FILES.items() if path.lower() == self.path.lower()), None)
        refused = self._refused()
        if data is None or refused:
            self._send(*(refused or (404, PAGE)))
        else:
            self._give(data)

    def _begins(self) -> bool:
        """Note the request; answer it with a redirect where HSTS is on, and say so."""
        self.site.got.append(f"{self.command} {self.path}")
        if self.site.manners.hsts != "yes" or self.secure:
            return False
        host = self.headers["Host"].partition(":")[0]
        self._send(301, "", location=f"https://{host}:443{self.path}")
        return True

    def _refused(self) -> tuple[int, str] | None:
        if self.path.lower().startswith("/selfupdate/"):
            return None if self.site.manners.selfupdate == "yes" else (404, PAGE)
        return {"missing": (404, PAGE), "page": (200, PAGE), "login": (401, PAGE)}.get(self.site.manners.content)

    def _give(self, data: bytes) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not asked or self.site.manners.ranges == "ignored":
            self._send(200, data)
            return
        first, last = int(asked[1]), min(int(asked[2]), len(data) - 1)
        if self.site.manners.ranges == "joined" and last > first:
            first, last = 0, min(2 * last + 1, len(data) - 1)
        body = data[first : last + 1]
        self._send(206, body[:-1] if self.site.manners.ranges == "short" else body, range=(first, last, len(data)))

    def _send(
        self,
        status: int,
        body: str | bytes,
        content_type: str = "application/octet-stream",
        *,
        location: str = "",
        range: tuple[int, int, int] | None = None,
    ) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", '"0d1f"')
        if location:
            self.send_header("Location", location)
        if range:
            self.send_header("Content-Range", "bytes {}-{}/{}".format(*range))
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    """One port; a client that goes away is nobody's error."""

    daemon_threads = True

    def handle_error(self, *arguments: object) -> None:
        """Be quiet."""


def serve(site: Site, host: str, port: int, tls: ssl.SSLContext | None = None) -> _Server:
    """Serve ``site`` at a port, in threads, until the server is shut down."""
    handler = type("OfSite", (Handler,), {"site": site, "secure": tls is not None})
    server = _Server((host, port), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


@contextlib.contextmanager
def running(manners: Manners | None = None) -> Iterator[tuple[str, Site]]:
    """Serve on loopback, by plain HTTP, and give the URL."""
    site = Site(manners or Manners())
    server = serve(site, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", site
    finally:
        server.shutdown()
        server.server_close()


def _main(certificate: str, *sites: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    for text in sites:
        host, _, manners = text.partition(":")
        site = Site(Manners(**dict(each.split("=") for each in manners.split(",") if each)))
        serve(site, host, 8530)
        serve(site, host, 8531, context)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    _main(*sys.argv[1:])
