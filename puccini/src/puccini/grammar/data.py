"""Grammar of data definitions: schemas, properties, attributes, parameters (sections 9.3, 9.4, 9.6, 9.8)."""

from typing import Any

from puccini.diagnostics import Report
from puccini.grammar import readers
from puccini.grammar.construct import Construct, Element, Key
from puccini.nodes import Node


class SchemaDefinition(Element):
    """What entries, keys, arguments and results are."""

    type: Node | None = None
    validation: Node | None = None
    key_schema: "SchemaDefinition | None" = None
    entry_schema: "SchemaDefinition | None" = None


class DataDefinition(SchemaDefinition):
    """A property, attribute or parameter definition; `short` is set when only a value (or mapping) was written."""

    required: bool | None = None
    default: Node | None = None
    value: Node | None = None
    mapping: Node | None = None
    short: bool = False


_schema = readers.Late()
_SCHEMA_KEYS = {
    "type": Key(readers.name),
    "validation": Key(readers.value),
    "key_schema": Key(_schema),
    "entry_schema": Key(_schema),
}

SCHEMA = readers.or_name(
    Construct("schema definition", SchemaDefinition, {**_SCHEMA_KEYS, "type": Key(readers.name)}), "type"
)
_schema.construct = SCHEMA
_STATUS = Key(readers.value, note="'status' is in the grammar of the Standard but not among its keynames")


def _value(node: Node, report: Report) -> dict[str, Any]:
    return {"value": node, "short": True}


PROPERTY = Construct(
    "property definition",
    DataDefinition,
    {
        **_SCHEMA_KEYS,
        "required": Key(readers.boolean),
        "default": Key(readers.value),
        "value": Key(readers.value),
        "status": _STATUS,
    },
    _value,
    open_map=True,
)

ATTRIBUTE = Construct("attribute definition", DataDefinition, {**_SCHEMA_KEYS, "default": Key(readers.value)})

PARAMETER = Construct(
    "parameter definition",
    DataDefinition,
    {
        **_SCHEMA_KEYS,
        "required": Key(readers.boolean),
        "default": Key(readers.value),
        "value": Key(readers.value),
        "mapping": Key(readers.value),
    },
    _value,
    open_map=True,
)
