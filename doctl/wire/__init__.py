"""Bytes to objects and back: no I/O, no clock."""
