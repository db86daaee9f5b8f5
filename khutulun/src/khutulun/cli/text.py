"""Small texts for people: values, times, tables.

Whatever comes from a workload loses its control characters, so that it cannot drive the terminal.
"""

import time
from collections.abc import Iterable, Sequence

import msgspec

from floria import codec
from floria.values import Value
from khutulun import model

_LONG = 60


def clean(text: str) -> str:
    """Return `text` on one line, with what cannot be printed escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def value(item: Value) -> str:
    """Return a value on one line: text as it is, everything else as JSON in the plain form."""
    return clean(item) if isinstance(item, str) else quoted(item)


def quoted(item: Value) -> str:
    """Return a value as JSON in the plain form, on one line."""
    return clean(msgspec.json.encode(codec.to_plain(item)).decode())


def attribute(item: model.Attribute) -> str:
    """Return an attribute's value, and beside it the error of the last evaluation."""
    if item.error is None:
        return value(item.value)
    return f"{value(item.value)} (error: {clean(item.error.message)})"


def short(content: str) -> str:
    """Return a text that fits in a column."""
    return content if len(content) <= _LONG else content[: _LONG - 1] + "…"


def moment(nanoseconds: int) -> str:
    """Return a time as local date and time; nothing when there is none."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(nanoseconds // 10**9)) if nanoseconds else ""


def instant(nanoseconds: int) -> str:
    """Return a time with milliseconds."""
    return f"{moment(nanoseconds)}.{nanoseconds // 10**6 % 1000:03}" if nanoseconds else "-"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return lines with aligned columns."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def indent(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]
