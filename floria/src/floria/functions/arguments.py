"""Arguments of the built-in functions: evaluated, counted and checked, with errors that name the function."""

from collections.abc import Sequence

from floria import entities
from floria.entities import Edge, Entity, Vertex
from floria.evaluation.context import Context
from floria.failing import EvaluationError
from floria.ids import Id
from floria.values import Call, Value


def error(function: str, message: str) -> EvaluationError:
    """Return the error for arguments that a function cannot work with."""
    return EvaluationError("floria.bad-argument", f"floria:{function}: {message}")


def counted(function: str, arguments: Sequence[Value], least: int, most: int | None = None) -> None:
    """Raise when there are fewer or more arguments than the function takes (`most` None: any number)."""
    if len(arguments) < least or (most is not None and len(arguments) > most):
        wanted = str(least) if most == least else f"{least} or more" if most is None else f"{least} to {most}"
        raise error(function, f"{wanted} arguments were expected, not {len(arguments)}")


def evaluated(
    context: Context, function: str, arguments: list[Value], least: int, most: int | None = None
) -> list[Value]:
    """Return the arguments evaluated, after counting them."""
    counted(function, arguments, least, most)
    return [context.evaluate(argument) for argument in arguments]


def text(function: str, value: Value) -> str:
    """Return `value`, which is text, or raise."""
    if not isinstance(value, str):
        raise error(function, f"text was expected, not {kind(value)}")
    return value


def boolean(function: str, value: Value) -> bool:
    """Return `value`, which is true or false, or raise."""
    if not isinstance(value, bool):
        raise error(function, f"true or false was expected, not {kind(value)}")
    return value


def number(function: str, value: Value) -> int | float:
    """Return `value`, which is a number, or raise."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise error(function, f"a number was expected, not {kind(value)}")
    return value


def items(function: str, value: Value) -> list[Value]:
    """Return `value`, which is a list, or raise."""
    if not isinstance(value, list):
        raise error(function, f"a list was expected, not {kind(value)}")
    return value


def own(context: Context, function: str) -> Entity:
    """Return the entity that holds the call, or raise."""
    if context.entity is None:
        raise error(function, "there is no entity that holds this call")
    return context.entity


def entity(context: Context, function: str, value: Value) -> Entity:
    """Return the entity with the id `value`, or raise."""
    id = Id(text(function, value))
    if context.entity is not None and context.entity.id == id:
        return context.entity
    found = context.reader.get(id)
    if found is None:
        raise EvaluationError("floria.not-found", f"floria:{function}: there is no entity {id}")
    return found


def node(context: Context, function: str, value: Value) -> Vertex | Edge:
    """Return the vertex or edge with the id `value`, or raise."""
    found = entity(context, function, value)
    if not isinstance(found, entities.Vertex | entities.Edge):
        raise error(function, f"{context.label(found)} is neither a vertex nor an edge")
    return found


def kind(value: Value) -> str:
    """Return what `value` is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value[:40]!r}"
        case bytes():
            return f"{len(value)} bytes"
        case list():
            return "a list"
        case Call():
            return f"a call of {value.function}"
        case _:
            return "a map"
