"""The `khutulun` command: a client of the HTTP API, and `khutulun serve`."""

import os
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from khutulun.cli import application

    _open_standard_streams()
    sys.exit(application.run(sys.argv[1:]))


def _open_standard_streams() -> None:
    """Put nothing where a standard stream is closed, so that no socket gets its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
