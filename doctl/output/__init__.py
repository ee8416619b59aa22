"""One module a format; ``FORMATS`` is the one list."""
