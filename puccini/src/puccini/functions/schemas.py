"""Which schema a value has: found in the preparer of the property it comes from, and followed into its parts.

Values in the graph are plain: a scalar is a number there. Functions need its units when it meets the text ``15 cm``.
See `puccini.data` for what a schema holds.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from floria.entities import Property
from floria.evaluation import Context
from floria.values import Call, Value

PREPARE = "tosca:prepare"
TYPED = "tosca:typed"
_MAX_REFERENCES = 100

Finder = Callable[[Context, list[Value]], "Schema | None"]


class Schema(NamedTuple):
    """A schema, and the named schemas that it refers to."""

    map: Mapping[str, Any]
    types: Mapping[str, Any]

    @property
    def type(self) -> str:
        """One of the types that `puccini.data` lists."""
        return str(self.map.get("type", "any"))

    def part(self, key: Value) -> "Schema | None":
        """Return the schema of an entry of a list or map, or of a property of complex data."""
        if self.type in ("list", "map"):
            return self._with(self.map.get("entry"))
        properties = self.map.get("properties", {})
        if self.type == "complex" and isinstance(key, str) and key in properties:
            return self._with(properties[key].get("schema"))
        return None

    def _with(self, found: Any) -> "Schema | None":
        return _resolved(found, self.types) if isinstance(found, dict) else None


def of_map(found: Mapping[str, Any]) -> Schema | None:
    """Return the schema that a map is."""
    return _resolved(found, found.get("types", {}))


def of_property(found: Property) -> Schema | None:
    """Return the schema in the preparer of a property."""
    preparer = found.preparer
    if preparer is None or preparer.function != PREPARE or not preparer.arguments:
        return None
    argument = preparer.arguments[0]
    return of_map(argument) if isinstance(argument, dict) else None


def inside(schema: Schema | None, keys: list[Value]) -> Schema | None:
    """Return the schema of what `keys` lead to."""
    for key in keys:
        schema = schema.part(key) if schema is not None else None
    return schema


def bound(clause: Value, value: Value, schema: Schema) -> Value:
    """Return `clause` with every ``$value`` in it replaced by `value` and its schema."""
    match clause:
        case Call(function="tosca:value", arguments=keys):
            return Call(TYPED, [value, dict(schema.map), dict(schema.types), *bound_all(keys, value, schema)])
        case Call():
            return Call(clause.function, bound_all(clause.arguments, value, schema))
        case list():
            return bound_all(clause, value, schema)
        case dict():
            return {name: bound(item, value, schema) for name, item in clause.items()}
        case _:
            return clause


def bound_all(clauses: list[Value], value: Value, schema: Schema) -> list[Value]:
    """Return `clauses`, each of them bound."""
    return [bound(clause, value, schema) for clause in clauses]


def _resolved(found: Mapping[str, Any], types: Mapping[str, Any]) -> Schema | None:
    for _ in range(_MAX_REFERENCES):
        if "ref" not in found:
            return Schema(found, types)
        found = types.get(found["ref"], {})
    return None
