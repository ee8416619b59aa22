"""Inventories of adapters, on which ``doctl vpn --from`` ends with each status without touching the network."""

import json
from pathlib import Path
from typing import Any, Final

ETHERNET: Final = {
    "name": "eth0",
    "friendly_name": "Ethernet",
    "description": "Intel(R) Ethernet Connection I219-LM",
    "kind": "ethernet",
    "if_type": 6,
    "up": True,
    "addresses": ["10.0.0.5/24"],
    "default_route": True,
}
UNSEEN_VPN: Final = {
    "name": "Ethernet 2",
    "friendly_name": "Ethernet 2",
    "description": "Cisco AnyConnect Miniport",
    "kind": "virtual",
    "if_type": 53,
    "up": True,
    "addresses": ["10.8.0.5/16"],
    "default_route": False,
}
HOSTILE: Final = ETHERNET | {"name": "\x1b[31m<script>|::error::\u202e", "friendly_name": "]]>\x07"}


def inventory(folder: Path, *adapters: dict[str, Any]) -> str:
    """Write an inventory of ``adapters`` and return its path."""
    file = folder / "inventory.json"
    file.write_text(json.dumps({"adapters": adapters}), encoding="utf-8")
    return str(file)
