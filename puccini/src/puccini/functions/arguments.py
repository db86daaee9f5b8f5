"""Arguments of TOSCA functions: counted against the signature, evaluated, checked, with errors that say what was given.

Every function module of this package takes its arguments through here.
"""

from typing import TYPE_CHECKING

from floria.failing import EvaluationError
from floria.values import Call, Value
from puccini.functions.signatures import SIGNATURES

if TYPE_CHECKING:
    from floria.evaluation import Context

COUNT = "tosca.arguments"
TYPE = "tosca.type"
RANGE = "tosca.range"


def error(code: str, function: str, message: str) -> EvaluationError:
    """Return the error of a function that cannot work with what it was given."""
    return EvaluationError(code, f"${function}: {message}")


def counted(function: str, arguments: list[Value]) -> list[Value]:
    """Return the arguments as they are, if there are as many as the function takes."""
    signature = SIGNATURES[function]
    if not signature.accepts(len(arguments)):
        raise error(COUNT, function, f"takes {signature.expectation}, not {len(arguments)}")
    return arguments


def evaluated(context: "Context", function: str, arguments: list[Value]) -> list[Value]:
    """Return the arguments evaluated, after counting them."""
    return [context.evaluate(argument) for argument in counted(function, arguments)]


def boolean(function: str, value: Value, position: int) -> bool:
    """Return argument `position` (from 1), which is a boolean, or raise."""
    if not isinstance(value, bool):
        raise wrong(function, value, position, "a boolean")
    return value


def text(function: str, value: Value, position: int) -> str:
    """Return argument `position`, which is a string, or raise."""
    if not isinstance(value, str):
        raise wrong(function, value, position, "a string")
    return value


def integer(function: str, value: Value, position: int) -> int:
    """Return argument `position`, which is an integer, or raise."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(function, value, position, "an integer")
    return value


def items(function: str, value: Value, position: int) -> list[Value]:
    """Return argument `position`, which is a list, or raise."""
    if not isinstance(value, list):
        raise wrong(function, value, position, "a list")
    return value


def entries(function: str, value: Value, position: int) -> dict[str, Value]:
    """Return argument `position`, which is a map, or raise."""
    if not isinstance(value, dict):
        raise wrong(function, value, position, "a map")
    return value


def wrong(function: str, value: Value, position: int, wanted: str) -> EvaluationError:
    """Return the error for an argument of the wrong type."""
    return error(TYPE, function, f"argument {position} is {kind(value)}; {wanted} was expected")


def inside(function: str, value: Value, keys: list[Value], where: str) -> Value:
    """Return what `keys` (names of maps, indexes of lists) lead to in `value`; `where` names the value for errors."""
    for key in keys:
        match value, key:
            case dict(), str() if key in value:
                value = value[key]
            case dict(), str():
                has = ", ".join(sorted(value)[:10]) or "nothing"
                raise error(RANGE, function, f"{where} has no {key!r}; it has: {has}")
            case list(), int() if not isinstance(key, bool) and 0 <= key < len(value):
                value = value[key]
            case list(), int() if not isinstance(key, bool):
                raise error(RANGE, function, f"{where} has {len(value)} entries, none with index {key}")
            case _:
                raise error(TYPE, function, f"{where} is {kind(value)}; {key!r} does not lead into it")
        where = f"{where}[{key}]" if isinstance(key, int) else f"{where}.{key}"
    return value


def kind(value: Value) -> str:
    """Say what `value` is, in TOSCA's words."""
    match value:
        case None:
            return "null"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int():
            return f"the integer {value}"
        case float():
            return f"the float {value}"
        case str():
            return f"the string {value if len(value) <= 40 else value[:37] + '...'!r}"
        case bytes():
            return f"{len(value)} bytes"
        case list():
            return "a list"
        case Call():
            return f"a call of {value.function}"
        case _:
            return "a map"
