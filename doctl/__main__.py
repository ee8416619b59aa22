"""The entry point: answers ``--version`` without loading anything, else hands over to the command line."""

import sys

from doctl import __version__


def main() -> int:
    """Run doctl with the process's arguments and return its exit code."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"doctl {__version__}\n")
        return 0
    from doctl.cli.app import run  # noqa: PLC0415 - Typer alone takes longer to load than --version may take

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
