"""A command that follows ends with its reader (R101)."""

import subprocess
import sys

from khutulun.cli import reading

FOLLOWS = "import threading; from khutulun.cli import reading; reading.end_with_reader(); threading.Event().wait()"


def test_r101_what_follows_ends_when_nobody_reads_it() -> None:
    with subprocess.Popen([sys.executable, "-c", FOLLOWS], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == reading.ABANDONED
