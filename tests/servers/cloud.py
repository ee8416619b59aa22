"""The first steps of the coordination service, by TLS: ``python -m tests.servers.cloud CERTIFICATE HOST KIND``.

KIND is ``good``, ``portal`` (a page to sign in, in place of JSON) or ``hidden`` (an external address of 0.0.0.0). It
says ``ready`` when it serves on port 443.
"""

import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY_VALUE_HOST = "kv501.prod.do.dsp.mp.microsoft.com"
BASE = "https://{}.prod.do.dsp.mp.microsoft.com"


class Handler(BaseHTTPRequestHandler):
    """Answers ``/geo`` and ``/all`` as captures of the real service have it."""

    kind = "good"

    def log_message(self, *arguments: object) -> None:
        """Be quiet."""

    def do_GET(self) -> None:
        """Answer a step."""
        path, _, query = self.path.partition("?")
        assert "doClientVersion=10.0." in query
        if self.kind == "portal":
            self._send("<html>Sign in to the network</html>", "text/html")
        elif path == "/geo":
            self._send(json.dumps(self._geo()), "text/json")
        else:
            assert path == "/all"
            assert "countryCode=DE" in query
            self._send(json.dumps(self._key_values()), "text/json")

    def _geo(self) -> dict[str, str]:
        address = "0.0.0.0" if self.kind == "hidden" else self.client_address[0]
        return {
            "ExternalIpAddress": address,
            "CountryCode": "DE",
            "KeyValue_EndpointFullUri": f"https://{KEY_VALUE_HOST}/all",
            "Version": "1",
        }

    def _key_values(self) -> dict[str, str]:
        return {
            "ContentPolicy_EndpointFullUri": BASE.format("cp501") + "/content/{contentId}/contentpolicy",
            "Discovery_EndpointFullUri": BASE.format("disc501") + "/v2/content/{contentId}",
        }

    def _send(self, body: str, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *arguments: object) -> None:
        """Be quiet: a client that does not trust us goes away."""


def _main(certificate: str, host: str, kind: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = _Server((host, 443), type("OfKind", (Handler,), {"kind": kind}))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    _main(*sys.argv[1:])
