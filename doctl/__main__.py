"""The entry point: answers ``--version`` without loading anything, else hands over to the command line."""

import gc
import os
import sys

from doctl import __version__


def main() -> int:
    """Run doctl with the process's arguments; return the exit code, or end the process with it."""
    _open_what_is_closed()
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"doctl {__version__}\n")
        return 0
    gc.disable()  # what is loaded now stays; to look for garbage in it made a start a tenth longer. `cli.running` does
    try:
        from doctl.cli.app import run  # noqa: PLC0415 - Typer alone takes longer to load than --version may take
    except KeyboardInterrupt:
        sys.stderr.write("doctl: interrupted\n")
        return 130

    code = run(sys.argv[1:])
    # All is written and closed. What Python would still do is take apart every module that was loaded: a fifth of the
    # time of a short command.
    os._exit(code)


def _open_what_is_closed() -> None:
    """Have the null device in place of standard streams that the caller closed, or files of ours take their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - it stays open


if __name__ == "__main__":
    sys.exit(main())
