"""Diagnostics for people: place, message, the line with the span marked, hint. Used by the command lines.

Colours are ANSI sequences, and only where the caller asks for them: a terminal whose user did not set ``NO_COLOR``.
"""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

from puccini import extents
from puccini.diagnostics import Diagnostic, Severity

LIMIT = 200
_WIDTH = 160
_RESET = "\x1b[0m"


class Style(StrEnum):
    """How parts of a diagnostic look on a terminal."""

    ERROR = "\x1b[1;31m"
    WARNING = "\x1b[1;33m"
    PLACE = "\x1b[1m"
    HINT = "\x1b[32m"
    FAINT = "\x1b[2m"


Paint = Callable[[str, Style], str]


def render(
    diagnostics: Iterable[Diagnostic],
    text_of: Callable[[str], bytes | None],
    limit: int = LIMIT,
    *,
    color: bool = False,
) -> str:
    """Return all `diagnostics` as text; `text_of` gives a file's content (`Loaded.text`). At most `limit` are shown."""
    found = list(diagnostics)
    lines: dict[str, list[str]] = {}
    paint = _painted if color else _plain
    parts = ["\n".join(_one(d, lines, text_of, paint)) for d in found[:limit]]
    if len(found) > limit:
        parts.append(f"... and {len(found) - limit} more")
    if found:
        parts.append(summary(found))
    return "\n".join(parts)


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """Return how many errors and warnings there are."""
    severities = [d.severity for d in diagnostics]
    errors, warnings = severities.count(Severity.ERROR), severities.count(Severity.WARNING)
    counts = [_count(errors, "error")] if errors else []
    counts += [_count(warnings, "warning")] if warnings else []
    return ", ".join(counts) or "no problems"


def _one(
    found: Diagnostic, lines: dict[str, list[str]], text_of: Callable[[str], bytes | None], paint: Paint
) -> Iterator[str]:
    style = Style[found.severity.name]
    place = f"{found.file}:{found.line}:{found.column}" if found.line else found.file
    code = paint(f"[{found.code}]", Style.FAINT)
    yield f"{paint(place, Style.PLACE)}: {paint(found.severity, style)}: {printable(found.message)} {code}"
    if found.path:
        yield f"  in {printable(found.path)}"
    if found.line:
        yield from _excerpt(found, _lines(found.file, lines, text_of), paint)
    if found.hint:
        yield f"  {paint('hint:', Style.HINT)} {printable(found.hint)}"
    for other in (*found.related, *found.imports):
        yield f"  {other.message} {other.file}:{other.line}:{other.column}"


def _excerpt(found: Diagnostic, lines: list[str], paint: Paint) -> Iterator[str]:
    if found.line > len(lines):
        return
    line = lines[found.line - 1]
    start = found.column - 1
    end = found.end_column - 1 if found.end_line == found.line else len(line.rstrip())
    shift = max(0, start - _WIDTH // 2)
    shown = line[shift : shift + _WIDTH].rstrip()
    width = max(1, _cells(line[start : min(end, shift + len(shown))]))
    bar = paint(f"{found.line} |", Style.FAINT)
    below = paint(f"{' ' * len(str(found.line))} |", Style.FAINT)
    yield f"  {bar} {printable(shown)}"
    yield f"  {below} {' ' * _cells(line[shift:start])}{paint('^' * width, Style[found.severity.name])}"


def printable(text: str) -> str:
    """Return `text` as it can be written to a terminal: what would control it is a blank or a question mark."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else " " if one.isspace() else "?" for one in text)


def _cells(text: str) -> int:
    """How wide `text` is on a terminal: characters of East Asia take two places, combining ones none."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "FW" else 1 for one in text
    )


def _lines(file: str, known: dict[str, list[str]], text_of: Callable[[str], bytes | None]) -> list[str]:
    if file not in known:
        data = text_of(file)
        known[file] = extents.lines(data) if data is not None else []
    return known[file]


def _painted(text: str, style: Style) -> str:
    return f"{style}{text}{_RESET}"


def _plain(text: str, style: Style) -> str:
    return text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
