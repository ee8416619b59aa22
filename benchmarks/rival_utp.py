"""libtorrent over uTP alone as a rival: one side makes and seeds a file, the other fetches it without end.

rival_utp.py seed FOLDER ADDRESS PORT         prints a line when it serves, until killed
rival_utp.py fetch FOLDER ADDRESS PORT        until killed
"""

import sys
import threading
import time
from pathlib import Path
from typing import Any

import libtorrent as lt

SETTINGS: Any = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_natpmp": False,
    "enable_upnp": False,
    "enable_incoming_tcp": False,
    "enable_outgoing_tcp": False,
    "enable_incoming_utp": True,
    "enable_outgoing_utp": True,
    "mixed_mode_algorithm": 0,  # prefer nothing: there is uTP alone
    "allow_multiple_connections_per_ip": True,
}
LENGTH = 2 << 30
"""More than any run here takes; a file with a hole in it, so that it costs no disk."""
NAME = "content"


def _session(listen: str) -> Any:
    settings: Any = {**SETTINGS, "listen_interfaces": listen}
    return lt.session(settings)


def _torrent(folder: Path) -> Path:
    return folder / "content.torrent"


def _make(folder: Path) -> None:
    with (folder / NAME).open("wb") as file:
        file.truncate(LENGTH)
    storage = lt.file_storage()
    lt.add_files(storage, str(folder / NAME))
    made = lt.create_torrent(storage, 4 << 20, lt.create_torrent.v1_only)
    lt.set_piece_hashes(made, str(folder))
    _torrent(folder).write_bytes(lt.bencode(made.generate()))


def seed(folder: Path, address: str, port: int) -> None:
    """Make the content and its torrent, unless they are there, then serve it."""
    if not _torrent(folder).exists():
        _make(folder)
    session = _session(f"{address}:{port}")
    what = _what(folder, folder)
    what.flags = lt.torrent_flags.seed_mode
    session.add_torrent(what)
    print("serving", flush=True)
    threading.Event().wait()


def fetch(folder: Path, address: str, port: int) -> None:
    """Fetch it, and go on."""
    session = _session("0.0.0.0:0")
    handle = session.add_torrent(_what(folder, folder / "got"))
    while True:
        handle.connect_peer((address, port))
        time.sleep(1)


def _what(folder: Path, place: Path) -> Any:
    what = lt.add_torrent_params()
    what.ti, what.save_path = lt.torrent_info(str(_torrent(folder))), str(place)
    return what


if __name__ == "__main__":
    verb, where, host, number = sys.argv[1:]
    (seed if verb == "seed" else fetch)(Path(where), host, int(number))
