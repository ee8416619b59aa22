"""The entry point: answers ``--version`` without loading anything, else hands over to the command line."""

import gc
import sys
from typing import Final

from doctl import __version__

GARBAGE: Final = 100_000
"""Objects in cycles that may gather; by default 700, for which everything that was loaded is looked at again and again.

Measured on a fetch of 1 GiB over loopback: 0.1 s of 1.5 s less.
"""


def main() -> int:
    """Run doctl with the process's arguments and return its exit code."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"doctl {__version__}\n")
        return 0
    gc.set_threshold(GARBAGE)
    from doctl.cli.app import run  # noqa: PLC0415 - Typer alone takes longer to load than --version may take

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
