"""Compares what a page shows with what was seen: `…` stands for any text of a line, alone for any lines."""

import re
from collections.abc import Sequence

ANY = "…"


def difference(shown: Sequence[str], seen: Sequence[str]) -> str | None:
    """Return what differs, or None. White space at the end of lines and empty lines at both ends do not count."""
    expected, actual = _trim(shown), _trim(seen)
    if re.fullmatch("".join(_line(line) for line in expected), "".join(f"{line}\n" for line in actual)):
        return None
    return "the page shows:\n{}\nwhat was seen:\n{}".format("\n".join(expected), "\n".join(actual))


def _line(shown: str) -> str:
    if shown.strip() == ANY:
        return r"(?:[^\n]*\n)*?"
    return r"[^\n]*?".join(re.escape(part) for part in shown.split(ANY)) + r"\n"


def _trim(lines: Sequence[str]) -> list[str]:
    return "\n".join(line.rstrip() for line in lines).strip("\n").split("\n")
