"""``puccini-csar``: create, look into, check, sign and unpack archives."""

import sys

from puccini.cli.version import VERSION

PROGRAM = "puccini-csar"
COMMANDS = {
    "create": ("puccini.cli.archives:create", "Make an archive of a folder, or of a TOSCA file and what it needs."),
    "inspect": ("puccini.cli.archives:inspect", "Show what an archive holds and where its definitions begin."),
    "verify": ("puccini.cli.archives:verify", "Read every byte of an archive and report everything that is wrong."),
    "sign": ("puccini.cli.signing:sign", "Sign an archive with an SSH key."),
    "extract": ("puccini.cli.archives:extract", "Unpack an archive into a new folder."),
}
HELP = """Make and read TOSCA archives (CSAR): zip files and tarballs.

An archive is read as if it came from an enemy: names that lead out of it, links, devices, decompression bombs, entries
that are there twice and anything damaged are refused before anything is written.

Exit codes: 0 fine, 1 the archive is refused, 2 wrong usage, 3 something cannot be read or written.
"""


def main() -> int:
    """Run the command line."""
    if sys.argv[1:] == ["--version"]:
        print(f"{PROGRAM} {VERSION}")
        return 0
    from puccini.cli import frame

    return frame.run(frame.group(PROGRAM, COMMANDS, HELP), PROGRAM)


if __name__ == "__main__":
    sys.exit(main())
