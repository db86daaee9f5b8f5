"""Evaluated arguments that remember what type they have, so that scalars, timestamps and versions compare by meaning.

The type comes from where an argument comes from: the property that a call reads, or the value under validation. A
literal takes the type of what it is compared with. Used by comparison, collections and arithmetic.
"""

from collections.abc import Hashable, Iterator
from typing import TypeAlias

from floria.evaluation import Context
from floria.values import Call, Value
from puccini.data import scalars, timestamps, versions
from puccini.functions import arguments as given
from puccini.functions import schemas
from puccini.functions.schemas import Finder, Schema

__all__ = ["Operand", "Schema", "evaluated", "is_integral", "key", "number", "written"]

Number: TypeAlias = int | float
_FIRST_OF = frozenset({"sum", "difference", "product", "quotient", "remainder", "concat", "union", "intersection"})
_finders: dict[str, Finder] = {}


class Operand:
    """An evaluated argument. Its schema is looked up when somebody asks."""

    __slots__ = ("_argument", "_context", "_schema", "_sought", "value")

    def __init__(self, context: Context, argument: Value) -> None:
        self.value = context.evaluate(argument)
        self._context, self._argument = context, argument
        self._schema: Schema | None = None
        self._sought = False

    @property
    def schema(self) -> Schema | None:
        """The schema of the value, where it has one."""
        if not self._sought:
            self._schema, self._sought = _schema_of(self._context, self._argument), True
        return self._schema

    @property
    def scalar(self) -> Schema | None:
        """The schema, of a scalar."""
        schema = self.schema
        return schema if schema is not None and schema.type == "scalar" else None

    @property
    def entry_schema(self) -> Schema | None:
        """The schema of the entries of a list or map."""
        return self.schema.part(0) if self.schema is not None else None

    def items(self) -> Iterator[Value]:
        """Yield the entries of a list or the values of a map."""
        if isinstance(self.value, dict):
            yield from self.value.values()
        elif isinstance(self.value, list):
            yield from self.value

    def key(self, other: Schema | None = None) -> Hashable:
        """Return what is equal for equal values; `other` counts where this operand has no schema."""
        return key(self.value, self.schema or other)


def evaluated(context: Context, function: str, arguments: list[Value]) -> list[Operand]:
    """Return the arguments as operands, after counting them."""
    return [Operand(context, argument) for argument in given.counted(function, arguments)]


def find_with(function: str, finder: Finder) -> None:
    """Let `finder` say which schema a call of ``tosca:function`` returns; the graph functions register here."""
    _finders[f"tosca:{function}"] = finder


def key(value: Value, schema: Schema | None) -> Hashable:
    """Return something that two values share exactly if they are equal, numbers as numbers whatever their type."""
    match value:
        case bool():
            return ("boolean", value)
        case float() if value != value:
            return ("number", object())
        case int() | float():
            return ("number", value)
        case str():
            return _text_key(value, schema)
        case list():
            return ("list", tuple(key(item, schema.part(0) if schema else None) for item in value))
        case dict():
            parts = ((name, key(item, schema.part(name) if schema else None)) for name, item in value.items())
            return ("map", frozenset(parts))
        case Call():
            return ("call", value.function, key(value.arguments, None))
        case _:
            return (type(value).__name__, value)


def number(function: str, value: Value, schema: Schema | None, position: int) -> Number:
    """Return argument `position` as a number, a scalar in its canonical unit. Raises `EvaluationError`."""
    if schema is not None and isinstance(value, str):
        try:
            return _amount(value, schema)
        except ValueError as error:
            raise given.error(given.TYPE, function, f"argument {position}: {error}") from error
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise given.wrong(function, value, position, "a number" if schema is None else "a scalar")
    return value


def written(value: Number, schema: Schema) -> Number:
    """Return an amount as a scalar of that type is stored: in the canonical unit, whole where the type is."""
    return int(value) if is_integral(schema) else float(value)


def is_integral(schema: Schema) -> bool:
    """Whether the numbers of a scalar type are integers."""
    return bool(schema.map.get("number", {}).get("type") == "integer")


def _text_key(value: str, schema: Schema | None) -> Hashable:
    try:
        match schema.type if schema is not None else "":
            case "scalar" if schema is not None:
                return ("number", _amount(value, schema))
            case "timestamp":
                return ("timestamp", timestamps.parse(value))
            case "version":
                return ("version", versions.parse(value))
            case _:
                return ("string", value)
    except ValueError:
        return ("string", value)


def _amount(text: str, schema: Schema) -> Number:
    amount, unit = scalars.split(text)
    units = schema.map["units"]
    if unit not in units:
        known = ", ".join(list(units)[:12])
        raise ValueError(f"{unit!r} is not a unit of {schema.map.get('name', 'the scalar')}; known are: {known}")
    return scalars.canonical(amount, units[unit], is_integral(schema) and isinstance(amount, int))


def _schema_of(context: Context, argument: Value) -> Schema | None:
    """Return the schema of what `argument` evaluates to, as far as it is known."""
    if not isinstance(argument, Call):
        return None
    finder = _finders.get(argument.function)
    if finder is not None:
        return finder(context, argument.arguments)
    if argument.function.removeprefix("tosca:") in _FIRST_OF:
        found = (_schema_of(context, one) for one in argument.arguments)
        return next((schema for schema in found if schema is not None), None)
    return None


def _typed(context: Context, arguments: list[Value]) -> Schema | None:
    _, schema, types, *keys = arguments
    if not isinstance(schema, dict) or not isinstance(types, dict):
        return None
    return schemas.inside(Schema(schema, types), [context.evaluate(one) for one in keys])


find_with("typed", _typed)
