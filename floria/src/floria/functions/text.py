"""Built-in functions on text, numbers, lists and maps."""

from collections.abc import Callable, Mapping
from functools import reduce

from floria.evaluation.context import Context, Function
from floria.failing import EvaluationError
from floria.functions import arguments as given
from floria.values import Value

MAX_LENGTH = 10_000_000


def concat(context: Context, arguments: list[Value]) -> Value:
    """`concat(part…)`: texts (numbers and booleans are written out) become one text, lists one list."""
    parts = given.evaluated(context, "concat", arguments, 1)
    if isinstance(parts[0], list):
        return [item for part in parts for item in given.items("concat", part)]
    return _bounded("concat", "".join(written("concat", part) for part in parts))


def join(context: Context, arguments: list[Value]) -> Value:
    """`join(list, separator="")`: one text."""
    parts = given.evaluated(context, "join", arguments, 1, 2)
    separator = given.text("join", parts[1]) if len(parts) > 1 else ""
    return _bounded("join", separator.join(written("join", item) for item in given.items("join", parts[0])))


def split(context: Context, arguments: list[Value]) -> Value:
    """`split(text, separator)`: the parts as a list."""
    whole, separator = given.evaluated(context, "split", arguments, 2, 2)
    if not separator:
        raise given.error("split", "the separator is empty")
    return list(given.text("split", whole).split(given.text("split", separator)))


def written_out(context: Context, arguments: list[Value]) -> Value:
    """`text(value)`: a number or boolean as text."""
    return written("text", given.evaluated(context, "text", arguments, 1, 1)[0])


def length(context: Context, arguments: list[Value]) -> Value:
    """`length(value)`: of a text, bytes, list or map."""
    value = given.evaluated(context, "length", arguments, 1, 1)[0]
    if not isinstance(value, str | bytes | list | dict):
        raise given.error("length", f"{given.kind(value)} has no length")
    return len(value)


def item(context: Context, arguments: list[Value]) -> Value:
    """`item(container, key…)`: what is at a map's key or a list's index, key after key."""
    container, *keys = given.evaluated(context, "item", arguments, 1)
    return inside("item", container, keys)


def keys(context: Context, arguments: list[Value]) -> Value:
    """`keys(map)`: its keys, in order."""
    return list(_map("keys", given.evaluated(context, "keys", arguments, 1, 1)[0]))


def items(context: Context, arguments: list[Value]) -> Value:
    """`values(map)`: its values, in order."""
    return list(_map("values", given.evaluated(context, "values", arguments, 1, 1)[0]).values())


def merge(context: Context, arguments: list[Value]) -> Value:
    """`merge(map…)`: one map; later ones win."""
    result: dict[str, Value] = {}
    for part in given.evaluated(context, "merge", arguments, 1):
        result.update(_map("merge", part))
    return result


def inside(function: str, value: Value, path: list[Value]) -> Value:
    """Return what `path` (keys and indexes) leads to in `value`. Raises `EvaluationError` (``floria.no-item``)."""
    for step in path:
        match value, step:
            case dict(), str() if step in value:
                value = value[step]
            case list(), int() if -len(value) <= step < len(value) and not isinstance(step, bool):
                value = value[step]
            case _:
                raise EvaluationError("floria.no-item", f"floria:{function}: {given.kind(value)} has no item {step!r}")
    return value


def written(function: str, value: Value) -> str:
    """Return text as it is, numbers and booleans as they are written in JSON. Raises for anything else."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            raise given.error(function, f"{given.kind(value)} has no text form")


def _bounded(function: str, value: str) -> str:
    if len(value) > MAX_LENGTH:
        raise given.error(function, f"the result has {len(value)} characters; {MAX_LENGTH} are allowed")
    return value


def _map(function: str, value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise given.error(function, f"a map was expected, not {given.kind(value)}")
    return value


def _arithmetic(name: str, operation: Callable[[float, float], float]) -> Function:
    def function(context: Context, arguments: list[Value]) -> Value:
        numbers = [given.number(name, one) for one in given.evaluated(context, name, arguments, 1)]
        try:
            return reduce(operation, numbers)
        except ZeroDivisionError:
            raise given.error(name, "division by zero") from None

    return function


def _divide(a: float, b: float) -> float:
    return a // b if isinstance(a, int) and isinstance(b, int) and a % b == 0 else a / b


FUNCTIONS: Mapping[str, Function] = {
    "concat": concat,
    "join": join,
    "split": split,
    "text": written_out,
    "length": length,
    "item": item,
    "keys": keys,
    "values": items,
    "merge": merge,
    "sum": _arithmetic("sum", lambda a, b: a + b),
    "difference": _arithmetic("difference", lambda a, b: a - b),
    "product": _arithmetic("product", lambda a, b: a * b),
    "quotient": _arithmetic("quotient", _divide),
    "minimum": _arithmetic("minimum", min),
    "maximum": _arithmetic("maximum", max),
}
