"""Turns resolved schemas into the self-contained maps of `puccini.data`."""

from typing import Any

from floria.values import Value
from puccini.model import data

_STRUCTURED = (data.Base.COMPLEX, data.Base.LIST, data.Base.MAP)


def schema(root: "data.Schema") -> dict[str, Value]:
    """Return the map for `root`, whose data types are complete.

    Data types that are made of others are in ``types``, each once, and referred to: they may hold themselves, and what
    they would amount to when written out has no bound.
    """
    writer = _Writer()
    result = writer.schema(root)
    types: dict[str, Value] = {}
    waiting = list(writer.referred)
    while waiting:
        type = waiting.pop()
        if type.class_name not in types:
            types[type.class_name], referred = _content(type)
            waiting.extend(referred)
    return {**result, "types": types} if types else result


def _content(type: "data.DataType") -> "tuple[dict[str, Value], list[data.DataType]]":
    if type.written is None:
        writer = _Writer()
        type.written = (writer.content(type), writer.referred)
    return type.written


class _Writer:
    """Writes schemas, noting the data types that it refers to."""

    def __init__(self) -> None:
        self.referred: list[data.DataType] = []

    def schema(self, schema: "data.Schema") -> dict[str, Value]:
        type = schema.type
        refined = schema.key not in (None, type.key) or schema.entry not in (None, type.entry)
        if type.built_in or refined or type.base not in _STRUCTURED:
            result = self.content(type)
            if schema.key is not None:
                result["key"] = self.schema(schema.key)
            if schema.entry is not None:
                result["entry"] = self.schema(schema.entry)
        else:
            self.referred.append(type)
            result = {"ref": type.class_name}
        if schema.validations:
            inherited: Any = result.get("validations", [])
            result["validations"] = [*inherited, *schema.validations]
        return result

    def content(self, type: "data.DataType") -> dict[str, Value]:
        result: dict[str, Value] = {"type": type.base.value}
        if not type.built_in:
            result["name"] = type.name
        clauses = [clause for one in reversed(type.ancestors) for clause in one.validations]  # type: ignore[attr-defined]
        if clauses:
            result["validations"] = clauses
        if type.key is not None:
            result["key"] = self.schema(type.key)
        if type.entry is not None:
            result["entry"] = self.schema(type.entry)
        if type.base is data.Base.SCALAR:
            number = type.number or data.BUILT_IN["float"]
            result |= {"number": self.content(number), "units": dict(type.all_units), "canonical": type.canonical}
            if type.free:
                result |= {"name": type.name, "free": True}
        if type.base is data.Base.COMPLEX:
            result["properties"] = {name: self.property(one) for name, one in type.properties.items()}
        return result

    def property(self, definition: "data.Property") -> dict[str, Value]:
        assert definition.schema is not None
        result: dict[str, Value] = {"schema": self.schema(definition.schema), "required": definition.required}
        if definition.fixed is not data.UNSET:
            result["value"] = definition.fixed
        elif definition.default is not data.UNSET:
            result["default"] = definition.default
        return result
