"""Round trips of small datagrams, to see how long a queue is.

echo.py serve HOST PORT                  prints a line when it serves, until killed
echo.py ask HOST PORT SECONDS            prints the milliseconds of each, a JSON list
"""

import json
import socket
import sys
import time

EVERY = 0.05
PATIENCE = 2.0


def serve(host: str, port: int) -> None:
    """Send everything back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, port))
        print("serving", flush=True)
        while True:
            data, sender = sock.recvfrom(100)
            sock.sendto(data, sender)


def ask(host: str, port: int, seconds: float) -> list[float]:
    """Return how long each datagram took; lost ones are not counted."""
    taken = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect((host, port))
        start = time.monotonic()
        number = 0
        while time.monotonic() - start < seconds:
            number += 1
            sent = time.monotonic()
            sock.send(number.to_bytes(4, "big"))
            try:
                while int.from_bytes(sock.recv(100), "big") != number:
                    pass
                taken.append((time.monotonic() - sent) * 1000)
            except TimeoutError:
                continue
            time.sleep(EVERY)
    return taken


if __name__ == "__main__":
    verb, where, at, *rest = sys.argv[1:]
    if verb == "serve":
        serve(where, int(at))
    print(json.dumps(ask(where, int(at), float(rest[0]))))
