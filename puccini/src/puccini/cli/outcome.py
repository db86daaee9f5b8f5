"""How commands end and what they say: exit codes, ``error:`` and ``hint:`` lines. Needs no parser of command lines."""

import contextlib
import os
import sys
from enum import IntEnum, StrEnum
from typing import TextIO


class Exit(IntEnum):
    """How a command ends."""

    FINE = 0
    INVALID = 1
    USAGE = 2
    UNREADABLE = 3


class Output(StrEnum):
    """How results are written."""

    HUMAN = "human"
    JSON = "json"
    YAML = "yaml"


class CommandError(Exception):
    """A command cannot go on: what is wrong, what to do, how it exits."""

    def __init__(self, message: str, hint: str = "", code: Exit = Exit.INVALID) -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


def complain(message: str, hint: str = "") -> None:
    """Write an error, and what to do about it, to standard error."""
    _write(sys.stderr, f"error: {message}\n" + (f"hint: {hint}\n" if hint else ""))


def say(text: str) -> None:
    """Write lines to standard output."""
    _write(sys.stdout, f"{text}\n")


def opened() -> None:
    """Have something to write to where standard output or standard error is closed: then nobody wants to know."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


def lost(error: OSError) -> Exit:
    """Say what could not be read or written when that is noticed nowhere else; return how the command ends."""
    reason = error.strerror or str(error)
    if error.filename is None:
        with contextlib.suppress(OSError):
            sys.stdout.close()
        complain(f"the output cannot be written: {reason}")
    else:
        complain(f"{error.filename}: {reason}")
    return Exit.UNREADABLE


def colored(stream: TextIO) -> bool:
    """Whether what is written to `stream` may have colours: a terminal, and ``NO_COLOR`` is not set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
