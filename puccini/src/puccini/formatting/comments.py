"""Where the comments of a YAML text are. Called by `puccini.formatting.tree`."""

import re
from typing import Any

from yaml.events import ScalarEvent

COMMENT = re.compile(r"(?:(?<=\s)|^)#.*")


def find(lines: list[str], events: list[Any]) -> list[tuple[int, int, str, bool]]:
    """Return line, column and text of every comment, and whether it has a line of its own."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for event in events:
        if isinstance(event, ScalarEvent):
            start, end = _marks(event)
            for at in range(start.line, end.line + 1):
                first = start.column if at == start.line else 0
                if event.style in ("|", ">") and at == end.line and not end.column:
                    continue
                last = end.column if at == end.line else len(lines[at]) + 1
                spans.setdefault(at, []).append((first, last))
    found = []
    for number, line in enumerate(lines):
        for match in COMMENT.finditer(line):
            inside = any(first <= match.start() < last for first, last in spans.get(number, ()))
            if not inside:
                found.append((number, match.start(), match[0].rstrip(), line[: match.start()].strip() in ("", "---")))
                break
            later = _later(line, spans.get(number, []), match.start())
            if later is not None:
                found.append((number, later, line[later:].rstrip(), False))
            break
    return found


def _later(line: str, spans: list[tuple[int, int]], start: int) -> int | None:
    """Return where a comment begins behind a text that has a ``#`` in it."""
    position = start
    while (position := line.find("#", position)) >= 0:
        if not any(first <= position < last for first, last in spans) and line[position - 1 : position].isspace():
            return position
        position += 1
    return None


def _marks(event: Any) -> tuple[Any, Any]:
    return event.start_mark, event.end_mark
