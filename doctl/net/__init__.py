"""The one door to the outside: sockets, names, HTTP, adapters, firewalls."""
