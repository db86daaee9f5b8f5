"""Values on their way into the graph: ``tosca:prepare`` coerces and validates, ``tosca:valid`` only tells.

``tosca:prepare`` is the preparer of every property that Puccini compiles; its argument is the schema (`puccini.data`).
"""

from collections.abc import Iterator, Mapping

from floria.evaluation import Context, EvaluationError, Function
from floria.values import Value
from puccini import data
from puccini.data.coercion import describe
from puccini.functions import schemas
from puccini.functions.schemas import Schema

INVALID = "tosca.invalid"
MALFORMED = "tosca.arguments"


class Evaluator:
    """Evaluates the clauses and defaults in a schema: `puccini.data` calls it with a clause and the value.

    It knows which part of the schema each clause is about, so that ``15 cm`` in a clause means something.
    """

    def __init__(self, context: Context, schema: Mapping[str, Value]) -> None:
        self._context, self._schema = context, schema
        self._owners: dict[int, Schema] | None = None

    def __call__(self, clause: Value, value: Value) -> Value:
        if self._owners is None:
            self._owners = dict(_owners(self._schema))
        context = self._context.with_(value=value)
        owner = self._owners.get(id(clause))
        return context.evaluate(clause if owner is None else schemas.bound(clause, value, owner))


def prepare(context: Context, arguments: list[Value]) -> Value:
    """``tosca:prepare(schema)``: the value being written, as it is stored. Raises ``tosca.invalid``."""
    schema = _schema("prepare", arguments, 1)
    try:
        return data.coerce(context.value, schema, Evaluator(context, schema))
    except data.InvalidData as error:
        raise EvaluationError(INVALID, str(error), detail=_detail(error)) from error


def valid(context: Context, arguments: list[Value]) -> Value:
    """``tosca:valid(schema, expression)``: whether what the expression gives fits the schema."""
    schema = _schema("valid", arguments, 2)
    try:
        data.coerce(context.evaluate(arguments[1]), schema, Evaluator(context, schema))
    except data.InvalidData:
        return False
    return True


def map_of(context: Context, arguments: list[Value]) -> Value:
    """``tosca:map(pairs)``: the map with these keys, which may be functions (section 10.1), and values."""
    result: dict[str, Value] = {}
    pairs = arguments[0] if arguments else None
    if not isinstance(pairs, list):
        raise EvaluationError(MALFORMED, "tosca:map takes a list of pairs")
    for pair in pairs:
        assert isinstance(pair, list)
        key, value = context.evaluate(pair[0]), context.evaluate(pair[1])
        if not isinstance(key, str):
            raise EvaluationError(MALFORMED, f"the key of a map is a string, and {describe(pair[0])} gives {key!r}")
        if key in result:
            raise EvaluationError(MALFORMED, f"the key {key!r} occurs twice in one map")
        result[key] = value
    return result


def _schema(function: str, arguments: list[Value], count: int) -> dict[str, Value]:
    if len(arguments) != count or not isinstance(arguments[0], dict):
        raise EvaluationError(MALFORMED, f"tosca:{function} begins with a schema and takes {count} arguments")
    return arguments[0]


def _detail(error: data.InvalidData) -> Value:
    return [
        {"code": one.code, "message": one.message, "path": list(one.path), "hint": one.hint} for one in error.problems
    ]


def _owners(schema: Mapping[str, Value]) -> Iterator[tuple[int, Schema]]:
    """Yield each clause in a schema, by identity, with the part of the schema that it is about."""
    named = schema.get("types", {})
    types = named if isinstance(named, dict) else {}
    pending: list[Value] = [dict(schema), *types.values()]
    while pending:
        found = pending.pop()
        if not isinstance(found, dict):
            continue
        clauses = found.get("validations", [])
        if isinstance(clauses, list):
            yield from ((id(clause), Schema(found, types)) for clause in clauses)
        properties = found.get("properties", {})
        parts = properties.values() if isinstance(properties, dict) else ()
        pending += [found.get("entry"), found.get("key"), found.get("number")]
        pending += [part.get("schema") for part in parts if isinstance(part, dict)]


FUNCTIONS: Mapping[str, Function] = {"prepare": prepare, "valid": valid, "map": map_of}
