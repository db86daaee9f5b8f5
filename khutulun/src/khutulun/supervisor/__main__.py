"""Lets a bare interpreter start the supervisor: `python -I -S FOLDER_OF_THIS_FILE run`."""

import sys

if not __package__:
    sys.path.insert(0, __file__.rsplit("/", 3)[0])

from khutulun.supervisor import cli

cli.main()
