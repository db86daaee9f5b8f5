"""Turns resolved schemas into the self-contained maps of `puccini.data`."""

from typing import Any

from floria.values import Value
from puccini.model import data


def schema(root: "data.Schema") -> dict[str, Value]:
    """Return the map for `root`; data types that hold themselves are named in ``types`` and referred to."""
    builder = _Builder()
    result = builder.schema(root)
    if builder.types:
        result = {**result, "types": dict(builder.types)}
    return result


class _Builder:
    def __init__(self) -> None:
        self.active: list[data.DataType] = []
        self.recursive: set[str] = set()
        self.types: dict[str, Value] = {}

    def schema(self, schema: "data.Schema") -> dict[str, Value]:
        result = self.type(schema.type)
        if schema.key is not None and schema.base is data.Base.MAP:
            result["key"] = self.schema(schema.key)
        if schema.entry is not None:
            result["entry"] = self.schema(schema.entry)
        if schema.validations:
            inherited: Any = result.get("validations", [])
            result["validations"] = [*inherited, *schema.validations]
        return result

    def type(self, type: "data.DataType") -> dict[str, Value]:
        if type in self.active:
            self.recursive.add(type.class_name)
            return {"ref": type.class_name}
        if type.class_name in self.types:
            return {"ref": type.class_name}
        self.active.append(type)
        result: dict[str, Value] = {"type": type.base.value}
        if not type.built_in:
            result["name"] = type.name
        validations = [clause for one in reversed(type.ancestors) for clause in one.validations]  # type: ignore[attr-defined]
        if validations:
            result["validations"] = validations
        self._content(type, result)
        self.active.pop()
        if type.class_name in self.recursive:
            self.types[type.class_name] = result
            return {"ref": type.class_name}
        return result

    def _content(self, type: "data.DataType", result: dict[str, Value]) -> None:
        if type.key is not None:
            result["key"] = self.schema(type.key)
        if type.entry is not None:
            result["entry"] = self.schema(type.entry)
        if type.base is data.Base.SCALAR:
            number = type.number or data.BUILT_IN["float"]
            result |= {"number": self.type(number), "units": dict(type.all_units), "canonical": type.canonical}
        if type.base is data.Base.COMPLEX:
            result["properties"] = {name: self.property(one) for name, one in type.properties.items()}

    def property(self, definition: "data.Property") -> dict[str, Value]:
        assert definition.schema is not None
        result: dict[str, Value] = {"schema": self.schema(definition.schema), "required": definition.required}
        if definition.fixed is not data.UNSET:
            result["value"] = definition.fixed
        elif definition.default is not data.UNSET:
            result["default"] = definition.default
        return result
