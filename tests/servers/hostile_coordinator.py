"""A coordination service that lies about its peers, as a program: ``python hostile_coordinator.py ADDRESS PORT FILE``.

FILE has JSON: ``policy``, the content policy, and ``peers``, which every join is answered with. Each line on standard
output is a join that came.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ADDRESS, PORT, FILE = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
BASE = f"http://{ADDRESS}:{PORT}"
SAID = json.loads(FILE.read_text())


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        geo = {"ExternalIpAddress": self.client_address[0], "KeyValue_EndpointFullUri": f"{BASE}/all"}
        values = {
            "ContentPolicy_EndpointFullUri": f"{BASE}/policy/{{contentId}}",
            "Discovery_EndpointFullUri": f"{BASE}/discovery/{{contentId}}",
        }
        if path.startswith("/policy/"):
            self._answer(SAID["policy"])
        elif path.startswith("/discovery/"):
            self._answer([{"CollectiveArray": f"{BASE}/array/"}])
        else:
            self._answer({"/geo": geo, "/all": values}[path])

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        print(asked, flush=True)
        ours = {"Address": self.client_address[0], "Port": json.loads(asked)["Port"], "Kind": "lan"}
        peers = [*SAID["peers"], {**ours, "PeerId": "77" * 20}]
        self._answer({"Peers": peers, "Interval": 1, "ExternalIpAddress": self.client_address[0]})

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


ThreadingHTTPServer((ADDRESS, PORT), Handler).serve_forever()
