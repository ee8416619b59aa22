"""TCP servers as a program: ``python -m tests.servers.talkers WHAT@ADDRESS@PORT...`` says ``ready`` and serves.

WHAT is ``silent`` (takes connections and says nothing), ``closes`` (and closes them), ``ssh`` (sends a banner),
``http`` (takes whatever comes for a bad request) or ``peer`` (answers a handshake with one).
"""

import asyncio
import sys

SAYS = {
    "closes": b"",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "http": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    "peer": b"\x0eSwarm protocol" + bytes.fromhex("0000000100000000") + bytes(52),
}


async def _serve(arguments: list[str]) -> None:
    servers = [await _start(*argument.split("@")) for argument in arguments]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def _start(what: str, address: str, port: str) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if what != "ssh":  # who speaks first does not wait to be greeted
            await reader.read(1)
        if what == "silent":
            await reader.read()
        else:
            writer.write(SAYS[what])
        writer.close()

    return await asyncio.start_server(serve, address, int(port))


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1:]))
