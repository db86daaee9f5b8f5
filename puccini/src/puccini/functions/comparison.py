"""Comparison (section 10.2.2.2). Only values of one type compare; integers, floats and scalars count as numbers.

Strings are ordered by code point, timestamps by instant, versions by section 9.1.2.3: versions of which only the
qualifiers differ have no order, so nothing but their inequality is true of them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from floria.evaluation import Context, EvaluationError, Function
from floria.values import Value
from puccini.data import timestamps, versions
from puccini.functions import arguments as given
from puccini.functions import operands
from puccini.functions.operands import Operand, Schema

_MEANINGFUL = ("scalar", "timestamp", "version")


def equal(context: Context, arguments: list[Value]) -> Value:
    """``$equal``: values of different types are an error."""
    first, second = operands.evaluated(context, "equal", arguments)
    schema = _common("equal", first, second)
    _check_literal("equal", first.value, 1, schema)
    _check_literal("equal", second.value, 2, schema)
    one, other = operands.key(first.value, schema), operands.key(second.value, schema)
    if _family(one) != _family(other):
        raise _mismatch("equal", first, second)
    return one == other


def _ordering(function: str, holds: Callable[[int], bool]) -> Function:
    def compare(context: Context, arguments: list[Value]) -> Value:
        first, second = operands.evaluated(context, function, arguments)
        order = _order(function, first, second)
        return order is not None and holds(order)

    return compare


def _order(function: str, first: Operand, second: Operand) -> int | None:
    """Return -1, 0 or 1, or None for what has no order (not a number, versions that differ in qualifier)."""
    schema = _common(function, first, second)
    if schema is not None and schema.type == "scalar":
        return _sign(
            operands.number(function, first.value, schema, 1), operands.number(function, second.value, schema, 2)
        )
    if isinstance(first.value, str) and isinstance(second.value, str):
        return _text_order(function, first.value, second.value, schema)
    if not _is_number(first.value) or not _is_number(second.value):
        raise _mismatch(function, first, second)
    return _sign(first.value, second.value)


def _text_order(function: str, first: str, second: str, schema: Schema | None) -> int | None:
    _check_literal(function, first, 1, schema)
    _check_literal(function, second, 2, schema)
    match schema.type if schema is not None else "":
        case "timestamp":
            return _sign(timestamps.parse(first), timestamps.parse(second))
        case "version":
            one, other = versions.parse(first), versions.parse(second)
            if one[:3] == other[:3] and one.qualifier != other.qualifier and one.qualifier and other.qualifier:
                return None
            return versions.compare(first, second)
        case _:
            return _sign(first, second)


def _common(function: str, first: Operand, second: Operand) -> Schema | None:
    """Return the schema under which two operands are compared: that of either one that has a meaning of its own."""
    one, other = first.schema, second.schema
    if one is None or other is None:
        return one or other
    if "scalar" in (one.type, other.type) and one.type == other.type and one.map["units"] != other.map["units"]:
        names = f"{one.map.get('name', 'a scalar')} and {other.map.get('name', 'a scalar')}"
        raise given.error(given.TYPE, function, f"{names} have different units")
    return other if one.type not in _MEANINGFUL and other.type in _MEANINGFUL else one


def _check_literal(function: str, value: Value, position: int, schema: Schema | None) -> None:
    """Refuse a text that is none of what it is compared with."""
    if schema is None or not isinstance(value, str):
        return
    try:
        match schema.type:
            case "scalar":
                operands.number(function, value, schema, position)
            case "timestamp":
                timestamps.parse(value)
            case "version":
                versions.parse(value)
    except ValueError as error:
        raise given.error(given.TYPE, function, f"argument {position}: {error}") from error


def _family(found: object) -> object:
    return found[0] if isinstance(found, tuple) else None


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _sign(first: Any, second: Any) -> int | None:
    if first == second:
        return 0
    return -1 if first < second else 1 if first > second else None


def _mismatch(function: str, first: Operand, second: Operand) -> EvaluationError:
    message = f"{given.kind(first.value)} and {given.kind(second.value)} cannot be compared: their types differ"
    return given.error(given.TYPE, function, message)


FUNCTIONS: Mapping[str, Function] = {
    "equal": equal,
    "greater_than": _ordering("greater_than", lambda order: order > 0),
    "greater_or_equal": _ordering("greater_or_equal", lambda order: order >= 0),
    "less_than": _ordering("less_than", lambda order: order < 0),
    "less_or_equal": _ordering("less_or_equal", lambda order: order <= 0),
}
