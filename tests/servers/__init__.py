"""Servers for tests: good and misbehaving, each on a port the system gives."""
