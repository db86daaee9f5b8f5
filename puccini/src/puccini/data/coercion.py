"""Checks and coerces values against schemas: literals when a file is loaded, and every write at run time."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from floria.values import INTEGER_MAX, INTEGER_MIN, Call, Value, is_literal
from puccini.data import scalars, versions
from puccini.diagnostics import mistaken

Schema: TypeAlias = Mapping[str, Any]
Evaluate: TypeAlias = Callable[[Value, Value], Value]
"""Evaluates its first argument where ``$value`` is the second. What it raises passes through `coerce`."""

Path: TypeAlias = tuple[str | int, ...]
MAX_PROBLEMS = 50
MAX_DEPTH = 100


class Problem(NamedTuple):
    """What is wrong with a value, and where in it. `warning` marks what is only against the letter of the Standard."""

    code: str
    message: str
    path: Path = ()
    hint: str = ""
    warning: bool = False


class InvalidData(ValueError):
    """A value does not fit its schema; `problems` has every reason."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(_located(problem) for problem in problems))
        self.problems = problems


def coerce(value: Value, schema: Schema, evaluate: Evaluate | None = None) -> Value:
    """Return `value` as it is stored. Raises `InvalidData`.

    `evaluate` is needed for validation clauses and for defaults that are expressions.
    """
    coercion = Coercion(schema, evaluate)
    result = coercion.run(value)
    problems = [problem for problem in coercion.problems if not problem.warning]
    if problems:
        raise InvalidData(problems)
    return result


class Coercion:
    """One check. With `literal`, the value stands in a file: calls in it are left alone, scalars need their unit."""

    def __init__(self, schema: Schema, evaluate: Evaluate | None = None, *, literal: bool = False) -> None:
        self.schema = schema
        self.types: Mapping[str, Schema] = schema.get("types", {})
        self.evaluate = evaluate
        self.literal = literal
        self.problems: list[Problem] = []
        self._depth = 0

    def run(self, value: Value) -> Value:
        """Return the coerced value; `problems` says what was wrong with it."""
        return self._coerce(value, self.schema, ())

    def _coerce(self, value: Value, schema: Schema, path: Path) -> Value:
        if self.literal and isinstance(value, Call):
            return value
        before = len(self.problems)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._report("too-deep", f"the value is nested deeper than {MAX_DEPTH} levels", path)
            result = value
        elif "ref" in schema:
            result = self._coerce(value, self.types[schema["ref"]], path)
        else:
            result = _COERCERS[schema["type"]](self, value, schema, path)
        self._depth -= 1
        if len(self.problems) == before and "validations" in schema:
            self._validate(result, schema, path)
        return result

    def _validate(self, value: Value, schema: Schema, path: Path) -> None:
        if self.evaluate is None or (self.literal and not is_literal(value)):
            return
        for clause in schema["validations"]:
            if self.evaluate(clause, value) is not True:
                shown = _shown(value)
                self._report("not-valid", f"{shown} does not satisfy {describe(clause)}", path)

    def _report(self, code: str, message: str, path: Path, hint: str = "", warning: bool = False) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(code, message, path, hint, warning))

    def _wrong(self, value: Value, schema: Schema, path: Path, hint: str = "") -> Value:
        expected = schema.get("name", schema["type"])
        if expected != schema["type"] and schema["type"] not in ("complex", "scalar"):
            expected = f"{expected} ({schema['type']})"
        self._report("wrong-type", f"{expected} was expected, not {_shown(value)}", path, hint)
        return value

    def _any(self, value: Value, schema: Schema, path: Path) -> Value:
        return value

    def _string(self, value: Value, schema: Schema, path: Path) -> Value:
        return value if isinstance(value, str) else self._wrong(value, schema, path, "quote it to make it a string")

    def _integer(self, value: Value, schema: Schema, path: Path) -> Value:
        if not isinstance(value, int) or isinstance(value, bool):
            return self._wrong(value, schema, path)
        if not INTEGER_MIN <= value <= INTEGER_MAX:
            self._report("out-of-range", f"{value} does not fit in 64 bits", path)
        return value

    def _float(self, value: Value, schema: Schema, path: Path) -> Value:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self._wrong(value, schema, path)
        try:
            return float(value)
        except OverflowError:
            self._report("out-of-range", f"{value} does not fit in a float", path)
            return value

    def _boolean(self, value: Value, schema: Schema, path: Path) -> Value:
        return value if isinstance(value, bool) else self._wrong(value, schema, path, "write true or false")

    def _bytes(self, value: Value, schema: Schema, path: Path) -> Value:
        if isinstance(value, bytes):
            return value
        if not isinstance(value, str):
            return self._wrong(value, schema, path, "write the bytes in Base64")
        import base64

        try:
            return base64.b64decode("".join(value.split()), validate=True)
        except ValueError:
            self._report("wrong-type", f"{_shown(value)} is not Base64", path, "write the bytes in Base64")
            return value

    def _nil(self, value: Value, schema: Schema, path: Path) -> Value:
        return None if value is None else self._wrong(value, schema, path, "write null")

    def _timestamp(self, value: Value, schema: Schema, path: Path) -> Value:
        if not isinstance(value, str):
            return self._wrong(value, schema, path)
        from puccini.data import timestamps

        try:
            timestamps.parse(value)
        except ValueError as error:
            self._report("wrong-type", str(error), path)
        if timestamps.is_date(value):
            message = f"{value!r} is a date; a timestamp has a time too"
            self._report("date-only", message, path, f"write {value}T00:00:00Z", warning=True)
        return value

    def _version(self, value: Value, schema: Schema, path: Path) -> Value:
        if not isinstance(value, str):
            return self._wrong(value, schema, path, "quote it")
        try:
            versions.parse(value)
        except ValueError as error:
            self._report("wrong-type", str(error), path)
        return value

    def _scalar(self, value: Value, schema: Schema, path: Path) -> Value:
        number, free = schema["number"], schema.get("free", False)
        if isinstance(value, int | float) and not isinstance(value, bool) and not self.literal:
            return self._coerce(value, number, path) if number["type"] == "integer" else float(value)
        if not isinstance(value, str):
            return self._wrong(value, schema, path, f"write a number, a blank and a unit: '1 {schema['canonical']}'")
        try:
            amount, unit = (scalars.split_freely if free else scalars.split)(value)
        except ValueError as error:
            self._report("wrong-type", str(error), path, f"such as '1 {schema['canonical']}'")
            return value
        multiplier = schema["units"].get(scalars.spelt(unit, schema["units"]) if free else unit)
        if multiplier is None:
            self._report(
                "unknown-unit", f"{unit!r} is not a unit of {_name(schema)}", path, _known(unit, schema["units"])
            )
            return value
        before = len(self.problems)
        checked = amount if free else self._coerce(amount, number, path)
        if len(self.problems) > before or not isinstance(checked, int | float):
            return value
        found = scalars.canonical(amount, multiplier, number["type"] == "integer")
        if isinstance(found, int) and not INTEGER_MIN <= found <= INTEGER_MAX:
            self._report("out-of-range", f"{value!r} does not fit in 64 bits: {found} {schema['canonical']}", path)
        return found

    def _list(self, value: Value, schema: Schema, path: Path) -> Value:
        if not isinstance(value, list):
            return self._wrong(value, schema, path)
        entry = schema.get("entry")
        if entry is None:
            return value
        return [self._coerce(item, entry, (*path, index)) for index, item in enumerate(value)]

    def _map(self, value: Value, schema: Schema, path: Path) -> Value:
        if not isinstance(value, dict):
            return self._wrong(value, schema, path)
        entry, key = schema.get("entry"), schema.get("key")
        if key is not None:
            for name in value:
                self._coerce(name, key, (*path, name))
        if entry is None:
            return value
        return {name: self._coerce(item, entry, (*path, name)) for name, item in value.items()}

    def _complex(self, value: Value, schema: Schema, path: Path) -> Value:
        if not isinstance(value, dict):
            return self._wrong(value, schema, path)
        properties: Mapping[str, Any] = schema["properties"]
        for name in value:
            if name not in properties:
                message = f"{_name(schema)} has no property {name!r}"
                self._report("unknown-property", message, (*path, name), _known(name, properties))
        result: dict[str, Value] = {}
        for name, definition in properties.items():
            if name in value:
                if "value" in definition and (self.literal or value[name] != definition["value"]):
                    message = f"{name!r} of {_name(schema)} has a fixed value"
                    self._report("fixed-value", message, (*path, name), "remove it")
                result[name] = self._coerce(value[name], definition["schema"], (*path, name))
            elif "value" in definition or ("default" in definition and definition["required"]):
                result[name] = self._default(definition, (*path, name))
            elif definition["required"] and not mistaken(name, (one for one in value if one not in properties)):
                self._report("missing-property", f"the property {name!r} of {_name(schema)} is required", path)
        return result

    def _default(self, definition: Mapping[str, Any], path: Path) -> Value:
        default: Value = definition["value"] if "value" in definition else definition["default"]
        if not is_literal(default) and not self.literal and self.evaluate is not None:
            default = self.evaluate(default, None)
        if self.literal and not is_literal(default):
            return default
        literal, self.literal = self.literal, False  # it was coerced already where it is defined
        try:
            return self._coerce(default, definition["schema"], path)
        finally:
            self.literal = literal


_COERCERS: dict[str, Callable[[Coercion, Value, Schema, Path], Value]] = {
    "any": Coercion._any,
    "string": Coercion._string,
    "integer": Coercion._integer,
    "float": Coercion._float,
    "boolean": Coercion._boolean,
    "bytes": Coercion._bytes,
    "nil": Coercion._nil,
    "timestamp": Coercion._timestamp,
    "version": Coercion._version,
    "scalar": Coercion._scalar,
    "list": Coercion._list,
    "map": Coercion._map,
    "complex": Coercion._complex,
}


def describe(value: Value) -> str:
    """Return a value as its author would write it, calls as ``$function: [ ... ]``."""
    if isinstance(value, Call):
        name = value.function.removeprefix("tosca:")
        return f"${name}" + (f": [ {', '.join(map(describe, value.arguments))} ]" if value.arguments else "")
    if isinstance(value, list):
        return f"[ {', '.join(map(describe, value))} ]" if value else "[]"
    if isinstance(value, str):
        return value if value and value.isprintable() and len(value) < 60 else repr(value[:60])
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return f"the string {value if len(value) <= 40 else value[:37] + '...'!r}"
        case int() | float():
            return f"the {type(value).__name__.replace('int', 'integer')} {value}"
        case bytes():
            return f"{len(value)} bytes"
        case dict():
            return "a map"
        case list():
            return "a list"
        case _:
            return describe(value)


def _name(schema: Schema) -> str:
    return str(schema.get("name", schema["type"]))


def _known(name: str, known: Mapping[str, Any]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return "known are: " + ", ".join(list(known)[:12]) if known else ""


def _located(problem: Problem) -> str:
    place = ".".join(map(str, problem.path))
    return f"{place}: {problem.message}" if place else problem.message
