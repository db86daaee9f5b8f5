"""Values: what a property holds and what a call takes and returns.

A value is null, bool, integer (64 bits, signed), float, text, bytes, list, map (keys are text), or a `Call`. Calls are
data: nothing here evaluates them.
"""

from collections.abc import Iterator
from typing import TypeAlias, Union

import msgspec

INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**63 - 1
MAX_DEPTH = 200


class Call(msgspec.Struct, frozen=True):
    """A function and its arguments, not yet evaluated.

    `function` is ``namespace:name``: ``floria:…`` is built in, other namespaces are function libraries or plugins.
    """

    function: str
    arguments: "list[Value]" = msgspec.field(default_factory=list)


Value: TypeAlias = Union[None, bool, int, float, str, bytes, "list[Value]", "dict[str, Value]", Call]


class InvalidValue(ValueError):
    """The object is not a value; the message says where inside it and why."""


def check(value: object, where: str = "value") -> None:
    """Raise `InvalidValue` when `value` is not a value, naming the place inside it."""
    _check(value, where, 0)


def calls(value: Value) -> Iterator[Call]:
    """Yield the calls in `value`, outermost first."""
    match value:
        case Call():
            yield value
            for argument in value.arguments:
                yield from calls(argument)
        case list():
            for item in value:
                yield from calls(item)
        case dict():
            for item in value.values():
                yield from calls(item)
        case _:
            pass


def is_literal(value: Value) -> bool:
    """Whether `value` holds no call at any depth."""
    return next(calls(value), None) is None


def _check(value: object, where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidValue(f"{where} is nested deeper than {MAX_DEPTH}")
    match value:
        case None | bool() | float() | str() | bytes():
            return
        case int():
            if not INTEGER_MIN <= value <= INTEGER_MAX:
                raise InvalidValue(f"{where} is {value}, which does not fit in 64 bits")
        case list():
            for index, item in enumerate(value):
                _check(item, f"{where}[{index}]", depth + 1)
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise InvalidValue(f"{where} has the key {key!r}; keys are text")
                _check(item, f"{where}.{key}", depth + 1)
        case Call():
            if ":" not in value.function:
                raise InvalidValue(f"{where} calls {value.function!r}; a function is named 'namespace:name'")
            _check(value.arguments, f"{where}.arguments", depth + 1)
        case _:
            raise InvalidValue(f"{where} is a {type(value).__name__}, which is not a value")
