"""Diagnostics for people: place, message, the line with a marker under it, hint. Used by the command line."""

from collections.abc import Callable, Iterable, Iterator

from puccini.diagnostics import Diagnostic, Severity

LIMIT = 200
_WIDTH = 160


def render(diagnostics: Iterable[Diagnostic], text_of: Callable[[str], bytes | None], limit: int = LIMIT) -> str:
    """Return all `diagnostics` as text; `text_of` gives a file's content (`Loaded.text`). At most `limit` are shown."""
    found = list(diagnostics)
    lines: dict[str, list[str]] = {}
    parts = ["\n".join(_one(d, lines, text_of)) for d in found[:limit]]
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


def _one(found: Diagnostic, lines: dict[str, list[str]], text_of: Callable[[str], bytes | None]) -> Iterator[str]:
    yield str(found)
    if found.path:
        yield f"  in {found.path}"
    if found.line:
        yield from _excerpt(found, _lines(found.file, lines, text_of))
    if found.hint:
        yield f"  hint: {found.hint}"
    for other in found.related:
        yield f"  {other.message} {other.file}:{other.line}:{other.column}"


def _excerpt(found: Diagnostic, lines: list[str]) -> Iterator[str]:
    if found.line > len(lines):
        return
    line = lines[found.line - 1]
    start = found.column - 1
    end = found.end_column - 1 if found.end_line == found.line else len(line.rstrip())
    shift = max(0, start - _WIDTH // 2)
    shown = line[shift : shift + _WIDTH].replace("\t", " ").rstrip()
    width = max(1, min(end, shift + len(shown)) - start)
    number = str(found.line)
    yield f"  {number} | {shown}"
    yield f"  {' ' * len(number)} | {' ' * (start - shift)}{'^' * width}"


def _lines(file: str, known: dict[str, list[str]], text_of: Callable[[str], bytes | None]) -> list[str]:
    if file not in known:
        data = text_of(file)
        known[file] = data.decode(errors="replace").splitlines() if data is not None else []
    return known[file]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
