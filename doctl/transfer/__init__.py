"""The shared transfer core: what to have, from whom next, onto disk, and out to peers."""
