"""Reads the pages of the documentation: what a reader would type, what would be seen, and the files that are shown.

A fenced block is a *file* when its first or second line is a comment with nothing but a path. It is a *terminal* when
it is fenced as ``console``: lines that begin with ``$ `` are typed, the others are seen. Used by the tests beside it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
NAME = re.compile(r"^# (?P<path>[\w./-]+\.\w+)$")


@dataclass(frozen=True)
class File:
    """A file that the reader writes; `line` is where it stands in the page."""

    line: int
    path: str
    text: str


@dataclass(frozen=True)
class Command:
    """What is typed, and the lines that are seen then; none are shown when what is seen does not matter."""

    line: int
    typed: str
    seen: list[str] = field(default_factory=list)


def steps(page: str) -> Iterator[File | Command]:
    """Yield what a reader does, from top to bottom."""
    for block in FENCE.finditer(page):
        line = page.count("\n", 0, block.start()) + 2
        path = name(block["body"])
        if block["language"] == "console":
            yield from terminal(block["body"], line)
        elif path is not None:
            yield File(line, path, block["body"])


def name(body: str) -> str | None:
    """Return the path with which a block begins."""
    found = [match["path"] for match in map(NAME.match, body.splitlines()[:2]) if match]
    return found[0] if found else None


def terminal(body: str, line: int) -> Iterator[Command]:
    """Yield the commands of a ``console`` block; a backslash at the end goes on with the next line."""
    command: Command | None = None
    for number, text in enumerate(body.splitlines(), line):
        if command is not None and command.typed.endswith("\\") and not command.seen:
            command = Command(command.line, f"{command.typed}\n{text}")
        elif text.startswith("$ "):
            if command is not None:
                yield command
            command = Command(number, text[2:])
        else:
            assert command is not None, f"line {number}: output stands before the first command"
            command.seen.append(text)
    if command is not None:
        yield command


def everything() -> list[Path]:
    """Return every page of the repository that is the product's own."""
    hidden = {"build", "dist", "node_modules"}
    return sorted(
        path
        for path in ROOT.rglob("*.md")
        if not any(part.startswith(".") or part in hidden for part in path.relative_to(ROOT).parts)
    )
