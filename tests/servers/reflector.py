"""A reflector as a program: ``python -m tests.servers.reflector PORT HOST...`` says ``ready`` and serves."""

import asyncio
import socket
import sys

import uvicorn

from doctl.coordination.reflector import Limits, reflector_app
from doctl.net.system import SystemNetwork


class _Announced(uvicorn.Server):
    """A server that says when it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write("ready\n")
        sys.stdout.flush()


async def _serve(port: int, hosts: list[str]) -> None:
    families = [socket.AF_INET6 if ":" in host else socket.AF_INET for host in hosts]
    sockets = [socket.create_server((host, port), family=family) for host, family in zip(hosts, families, strict=True)]
    app = reflector_app(SystemNetwork(), Limits(per_caller=1000))
    await _Announced(uvicorn.Config(app, log_level="critical", lifespan="off")).serve(sockets)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2:]))
