"""The plain form of values: what JSON and YAML can say.

A map with exactly one key that begins with one ``$`` is special::

    {"$namespace:name": [arguments]}    a call
    {"$bytes": "base64"}                bytes
    {"$float": "nan" | "inf" | "-inf"}  a float that JSON has no number for

In every other map, a key that begins with ``$`` is written with one more: ``$key`` becomes ``$$key``.
"""

import base64
import binascii
import math
from typing import Any, TypeAlias

from floria import values
from floria.codec.errors import CodecError
from floria.values import Call, Value

Path: TypeAlias = tuple[str | int, ...]
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class PlainError(CodecError):
    """The data is no plain form; `path` leads to the place."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message, where=spelled(path))
        self.path = path


def spelled(path: Path) -> str:
    """Return `path` as text: ``properties.port.classes[0]``."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def to_plain(value: Value | tuple[Value, ...]) -> Any:
    """Return `value` in the plain form; tuples of entities become lists."""
    match value:
        case bool() | int() | str() | None:
            return value
        case float():
            return value if math.isfinite(value) else {"$float": _float_name(value)}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode("ascii")}
        case list() | tuple():
            return [to_plain(item) for item in value]
        case dict():
            return {f"${key}" if key[:1] == "$" else key: to_plain(item) for key, item in value.items()}
        case Call():
            return {f"${value.function}": [to_plain(argument) for argument in value.arguments]}


def from_plain(data: Any) -> Value:
    """Return the value that `data` shows. Raises `PlainError`."""
    return _value(data, ())


def _value(data: Any, path: Path) -> Value:
    if len(path) > values.MAX_DEPTH:
        raise PlainError(f"nested deeper than {values.MAX_DEPTH}", path[:3])
    match data:
        case bool() | float() | str() | None:
            return data
        case int():
            if not values.INTEGER_MIN <= data <= values.INTEGER_MAX:
                raise PlainError(f"{data} does not fit in 64 bits", path)
            return data
        case list():
            return [_value(item, (*path, index)) for index, item in enumerate(data)]
        case dict():
            return _map(data, path)
        case _:
            raise PlainError(f"a {type(data).__name__} was found, which is not a value", path)


def _map(data: dict[Any, Any], path: Path) -> Value:
    result: dict[str, Value] = {}
    for key, item in data.items():
        if not isinstance(key, str):
            raise PlainError(f"the key {key!r} is not text; write it in quotes", path)
        if key[:1] == "$":
            if key[:2] != "$$":
                return _special(data, key, item, path)
            key = key[1:]
        result[key] = _value(item, (*path, key))
    return result


def _special(data: dict[Any, Any], key: str, item: Any, path: Path) -> Value:
    if len(data) != 1:
        raise PlainError(f"{key} must be the only key of its map; as a key of your own it is written ${key}", path)
    if key == "$bytes":
        return _bytes(item, (*path, key))
    if key == "$float":
        if item not in _FLOATS:
            raise PlainError(f"$float is 'nan', 'inf' or '-inf', not {item!r}", path)
        return _FLOATS[item]
    if ":" not in key:
        raise PlainError(f"{key} is not known: $namespace:name, $bytes or $float was expected", path)
    if not isinstance(item, list):
        raise PlainError(f"the arguments of {key} must be a list, not a {type(item).__name__}", path)
    try:
        values.check_function(key[1:])
    except values.InvalidValue as error:
        raise PlainError(str(error), path) from None
    return Call(key[1:], [_value(argument, (*path, key, index)) for index, argument in enumerate(item)])


def _bytes(item: Any, path: Path) -> bytes:
    try:
        return base64.b64decode(item, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise PlainError("base64 text was expected", path) from None


def _float_name(value: float) -> str:
    if math.isnan(value):
        return "nan"
    return "inf" if value > 0 else "-inf"
