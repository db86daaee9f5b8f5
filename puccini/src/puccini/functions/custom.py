"""Custom functions at run time (section 10.4): ``tosca:call``, made for whoever can run their implementations.

The compiler writes a call with a description of the function and its arguments (`puccini.semantics.custom`). Here the
first signature that fits is chosen, and arguments and result are coerced to its types; an orchestrator runs the
artifact.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from floria.evaluation import Context, EvaluationError, Function
from floria.values import Value
from puccini import data
from puccini.functions import arguments as given
from puccini.functions.preparation import INVALID, Evaluator


class Invocation(msgspec.Struct, frozen=True):
    """What to run: the function's name, its artifact and dependencies as in ``tosca:operation``, coerced arguments.

    `artifact` is None for a function that has no implementation, so that it must be known to the orchestrator.
    """

    function: str
    arguments: list[Value]
    artifact: Mapping[str, Value] | None = None
    dependencies: tuple[Mapping[str, Value], ...] = ()


Run: TypeAlias = Callable[[Context, Invocation], Value]
"""Runs a custom function. Raises `EvaluationError`."""


def caller(run: Run) -> Function:
    """Return the function ``tosca:call`` that runs implementations with `run`."""

    def call(context: Context, arguments: list[Value]) -> Value:
        description, written = _read(arguments)
        name = str(description.get("function", ""))
        values = [context.evaluate(argument) for argument in written]
        signature, coerced = _choose(context, name, description, values)
        artifact = signature.get("artifact")
        dependencies = tuple(signature.get("dependencies", ()))
        return _result(context, name, signature, run(context, Invocation(name, coerced, artifact, dependencies)))

    return call


def _read(arguments: list[Value]) -> tuple[dict[str, Any], list[Value]]:
    match arguments:
        case [dict() as description, list() as written]:
            return description, written
        case _:
            raise EvaluationError(given.COUNT, "tosca:call takes a description of a function and a list of arguments")


def _choose(
    context: Context, name: str, description: Mapping[str, Any], values: list[Value]
) -> tuple[Mapping[str, Any], list[Value]]:
    """Return the first signature that fits, and the arguments as it wants them."""
    reasons: list[str] = []
    for signature in description.get("signatures", ()):
        schemas = _schemas(signature, len(values))
        if schemas is None:
            reasons.append(f"it does not take {len(values)}")
            continue
        try:
            return signature, [_coerced(context, *pair) for pair in zip(values, schemas, strict=True)]
        except data.InvalidData as error:
            reasons.append(str(error))
    raise given.error(given.TYPE, name, f"no signature fits the arguments: {'; '.join(reasons) or 'there is none'}")


def _schemas(signature: Mapping[str, Any], count: int) -> list[Mapping[str, Any] | None] | None:
    """Return the schema of each of `count` arguments (None: any), or None when there may not be so many."""
    needed, optional = list(signature.get("arguments", ())), list(signature.get("optional", ()))
    known = [*needed, *optional]
    if count < len(needed) or (count > len(known) and not signature.get("variadic", False)):
        return None
    last = known[-1] if known else None
    return [known[position] if position < len(known) else last for position in range(count)]


def _coerced(context: Context, value: Value, schema: Mapping[str, Any] | None) -> Value:
    return value if schema is None else data.coerce(value, schema, Evaluator(context, schema))


def _result(context: Context, name: str, signature: Mapping[str, Any], value: Value) -> Value:
    try:
        return _coerced(context, value, signature.get("result"))
    except data.InvalidData as error:
        raise EvaluationError(INVALID, f"${name} gave a wrong result: {error}") from error
