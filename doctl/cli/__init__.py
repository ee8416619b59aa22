"""The terminal: the only package that knows Typer and exit codes."""
