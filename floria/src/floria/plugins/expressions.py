"""Regular expressions from plugins, which run in the host: only those that cannot take it for long."""

import re
from collections.abc import Iterator
from typing import Any

LONGEST = 1000
_REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}
_REFUSED = {"GROUPREF", "GROUPREF_EXISTS"}
_FEW = 10


def check(expression: str) -> None:
    """Raise `ValueError` when the expression is no good: wrong, too long, or with a repeat inside a repeat."""
    if len(expression) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    try:
        parsed = re._parser.parse(expression)  # type: ignore[attr-defined]
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None
    _check(parsed, inside=False)


def _check(parsed: Any, inside: bool) -> None:
    for operator, argument in parsed:
        name = str(operator)
        if name in _REFUSED:
            raise ValueError("it refers back to a group")
        repeats = name in _REPEATS and argument[1] > _FEW
        if repeats and inside:
            raise ValueError("a repeat inside a repeat can take for ever")
        for part in _parts(argument):
            _check(part, inside or repeats)


def _parts(argument: Any) -> Iterator[Any]:
    """Yield the expressions inside the argument of an operator."""
    if type(argument).__name__ == "SubPattern":
        yield argument
    elif isinstance(argument, tuple | list):
        for item in argument:
            yield from _parts(item)
