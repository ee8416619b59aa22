"""A tunnel as a VPN client makes one: ``python -m tests.servers.tunnel NAME`` opens a tun device and keeps it up.

What is sent into it goes nowhere. It says a line when the device is there.
"""

import fcntl
import os
import struct
import sys

TUNSETIFF = 0x400454CA
TUN_WITHOUT_HEADERS = 0x1001


def main() -> None:
    """Keep the device until ended."""
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", sys.argv[1].encode(), TUN_WITHOUT_HEADERS))
    print("ready", flush=True)
    while os.read(device, 65536):
        pass


if __name__ == "__main__":
    main()
