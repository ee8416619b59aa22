"""Swarms of any size without sockets: the real plan, turns and slots on a simulated network, beside BitTorrent."""
