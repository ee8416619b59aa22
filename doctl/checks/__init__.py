"""One module a check: ask the network, then a pure verdict."""
