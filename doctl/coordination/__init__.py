"""The service that finds peers: its client and our own server."""
