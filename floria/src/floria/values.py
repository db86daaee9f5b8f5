"""Values: what a property holds and what a call takes and returns.

A value is null, bool, integer (64 bits, signed), float, text, bytes, list, map (keys are text), or a `Call`. Calls are
data: nothing here evaluates them.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, Union

INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**63 - 1
MAX_DEPTH = 200


class Call:
    """A function and its arguments, not yet evaluated. Immutable.

    `function` is ``namespace:name``: ``floria:…`` is built in, other namespaces are function libraries or plugins.
    No struct, so that codecs tell a call from a map.
    """

    __slots__ = ("arguments", "function")
    __match_args__ = ("function", "arguments")
    __hash__ = None  # type: ignore[assignment]

    function: str
    arguments: "list[Value]"

    def __init__(self, function: str, arguments: "list[Value] | None" = None) -> None:
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "arguments", [] if arguments is None else arguments)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a call is immutable: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a call is immutable: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Call):
            return NotImplemented
        return self.function == other.function and self.arguments == other.arguments

    def __repr__(self) -> str:
        return f"Call({self.function!r}, {self.arguments!r})"

    def __reduce__(self) -> "tuple[type[Call], tuple[str, list[Value]]]":
        return Call, (self.function, self.arguments)


if TYPE_CHECKING:
    Value: TypeAlias = Union[bool, int, float, str, bytes, "list[Value]", "dict[str, Value]", Call, None]
else:
    Value = Any  # codecs keep what they decode as it is


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


def check_function(function: object, where: str = "value") -> None:
    """Raise `InvalidValue` when `function` does not name a function."""
    namespace, colon, name = function.partition(":") if isinstance(function, str) else ("", "", "")
    if not (namespace and colon and name) or namespace[0] == "$":
        raise InvalidValue(f"{where} calls {function!r}; a function is named 'namespace:name'")
    _check_text(namespace + name, where)


def _check_text(text: str, where: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidValue(f"{where} holds text that is not Unicode, at character {error.start}") from None


def _check(value: object, where: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidValue(f"{where} is nested deeper than {MAX_DEPTH}")
    match value:
        case None | bool() | float() | bytes():
            return
        case str():
            _check_text(value, where)
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
                _check_text(key, where)
                _check(item, f"{where}.{key}", depth + 1)
        case Call():
            check_function(value.function, where)
            if not isinstance(value.arguments, list):
                raise InvalidValue(f"{where} calls {value.function} with {value.arguments!r}; arguments are a list")
            _check(value.arguments, f"{where}.{value.function}", depth + 1)
        case _:
            raise InvalidValue(f"{where} is a {type(value).__name__}, which is not a value")
