"""libtorrent as a rival: makes a torrent, seeds it, fetches it from named seeds, or takes part in a swarm.

rival_libtorrent.py make FILE TORRENT v1|v2
rival_libtorrent.py seed FILE TORRENT                          prints its port, then serves until killed
rival_libtorrent.py fetch TORRENT FOLDER PORT...
rival_libtorrent.py join TORRENT FOLDER MARKER ADDRESS PEER... makes MARKER when it has all, then seeds until killed
rival_libtorrent.py origin FILE TORRENT ADDRESS PEER...        prints ``ready``; calls the peers at SIGUSR1
"""

import signal
import sys
import threading
from pathlib import Path
from typing import Any

import libtorrent as lt

SETTINGS: Any = {
    "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.error_notification,
    "allow_multiple_connections_per_ip": True,
    "enable_dht": False,
    "enable_lsd": False,
    "enable_natpmp": False,
    "enable_upnp": False,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "listen_interfaces": "127.0.0.1:0",
    "out_enc_policy": 2,  # none: no encryption for the rival either
    "in_enc_policy": 2,
    "unchoke_slots_limit": -1,
    "max_out_request_queue": 1500,
    "send_buffer_watermark": 3 << 20,
}


VERSIONS: Any = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only}


def make(file: Path, torrent: Path, version: str) -> None:
    """Write a torrent in pieces of 1 MiB: v1 is checked by SHA-1 and is fastest, v2 by SHA-256 as doctl is."""
    storage = lt.file_storage()
    lt.add_files(storage, str(file))
    made = lt.create_torrent(storage, 1 << 20, VERSIONS[version])
    lt.set_piece_hashes(made, str(file.parent))
    torrent.write_bytes(lt.bencode(made.generate()))


def seed(file: Path, torrent: Path) -> None:
    """Serve a whole file without checking it again."""
    session = lt.session(SETTINGS)
    what = lt.add_torrent_params()
    what.ti, what.save_path = lt.torrent_info(str(torrent)), str(file.parent)
    what.flags = lt.torrent_flags.seed_mode
    session.add_torrent(what)
    print(session.listen_port(), flush=True)
    threading.Event().wait()


def fetch(torrent: Path, folder: Path, ports: list[int]) -> None:
    """Fetch from the seeds at ``ports``; ends when every piece is there and checked."""
    session = lt.session(SETTINGS)
    what = lt.add_torrent_params()
    what.ti, what.save_path = lt.torrent_info(str(torrent)), str(folder)
    handle = session.add_torrent(what)
    for port in ports:
        handle.connect_peer(("127.0.0.1", port))
    while not handle.status().is_seeding:
        session.wait_for_alert(50)
        session.pop_alerts()


SWARM_PORT = 7680
SWARM: Any = {"unchoke_slots_limit": 8}  # libtorrent's own; without a limit it is slower in a swarm


def join(torrent: Path, folder: Path, marker: Path, address: str, peers: list[str]) -> None:
    """Fetch in a swarm, listening on ``address``; goes on giving afterwards."""
    session = lt.session(SETTINGS | SWARM | {"listen_interfaces": f"{address}:{SWARM_PORT}"})
    what = lt.add_torrent_params()
    what.ti, what.save_path = lt.torrent_info(str(torrent)), str(folder)
    handle = session.add_torrent(what)
    for peer in peers:
        handle.connect_peer((peer, SWARM_PORT))
    while not handle.status().is_seeding:
        session.wait_for_alert(50)
        session.pop_alerts()
    marker.touch()
    threading.Event().wait()


def origin(file: Path, torrent: Path, address: str, peers: list[str]) -> None:
    """Be the seed that a swarm waits for."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    session = lt.session(SETTINGS | SWARM | {"listen_interfaces": f"{address}:{SWARM_PORT}"})
    what = lt.add_torrent_params()
    what.ti, what.save_path = lt.torrent_info(str(torrent)), str(file.parent)
    what.flags = lt.torrent_flags.seed_mode
    handle = session.add_torrent(what)
    print("ready", flush=True)
    signal.sigwait({signal.SIGUSR1})
    for peer in peers:
        handle.connect_peer((peer, SWARM_PORT))
    threading.Event().wait()


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "make":
        make(Path(rest[0]), Path(rest[1]), rest[2])
    elif verb == "seed":
        seed(Path(rest[0]), Path(rest[1]))
    elif verb == "join":
        join(Path(rest[0]), Path(rest[1]), Path(rest[2]), rest[3], rest[4:])
    elif verb == "origin":
        origin(Path(rest[0]), Path(rest[1]), rest[2], rest[3:])
    else:
        fetch(Path(rest[0]), Path(rest[1]), [int(port) for port in rest[2:]])
