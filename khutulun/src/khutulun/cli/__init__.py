"""The `khutulun` command: a client of the HTTP API, and `khutulun serve`."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from khutulun.cli import application

    sys.exit(application.run(sys.argv[1:]))
