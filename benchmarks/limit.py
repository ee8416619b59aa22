"""What plain sockets can do: sendfile on one side, recv_into, SHA-256 of each MiB and pwrite on the other, no protocol.

limit.py serve FILE             prints its port, then sends the file to whoever connects until killed
limit.py fetch PORT LENGTH FILE
"""

import contextlib
import hashlib
import os
import queue
import socket
import sys
import threading
from pathlib import Path

PIECE = 1 << 20
BUFFERS = 24


def serve(path: str) -> None:
    """Send a file to one caller after another."""
    with socket.create_server(("127.0.0.1", 0)) as listener, Path(path).open("rb") as file:
        print(listener.getsockname()[1], flush=True)
        while True:
            caller, _ = listener.accept()
            with caller, contextlib.suppress(OSError):
                caller.sendfile(file)


def fetch(port: int, length: int, path: str) -> None:
    """Receive, hash and write ``length`` bytes; the main thread receives, two others do the rest."""
    free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
    full: queue.SimpleQueue[tuple[int, memoryview, int] | None] = queue.SimpleQueue()
    for _ in range(BUFFERS):
        free.put(memoryview(bytearray(PIECE)))
    with socket.create_connection(("127.0.0.1", port)) as source, Path(path).open("wb", buffering=0) as file:
        writing = threading.Lock()

        def work() -> None:
            while (piece := full.get()) is not None:
                offset, buffer, count = piece
                hashlib.sha256(buffer[:count]).digest()
                with writing:
                    os.pwrite(file.fileno(), buffer[:count], offset)
                free.put(buffer)

        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for offset in range(0, length, PIECE):
            buffer, count = free.get(), min(PIECE, length - offset)
            filled = 0
            while filled < count:
                filled += source.recv_into(buffer[filled:count])
            full.put((offset, buffer, count))
        for _ in workers:
            full.put(None)
        for worker in workers:
            worker.join()


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "serve":
        serve(rest[0])
    else:
        fetch(int(rest[0]), int(rest[1]), rest[2])
