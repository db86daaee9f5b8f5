"""Definitions of data in TOSCA 1.x: schemas, properties, attributes, parameters, data types."""

from puccini import yaml
from puccini.dialects.constraints import validation
from puccini.dialects.forms import Form, Page, as_text, drop, ignore, named, same, to
from puccini.dialects.literals import truth
from puccini.dialects.values import value
from puccini.dialects.writing import Draft, Written, keep, marks
from puccini.model.data import BUILT_IN
from puccini.nodes import Node

_PREFIX = "tosca:"
RANGE = "range"


def type_name(node: Node, page: Page) -> Written:
    """Return the name of a data type; those that are built in may have the prefix of the profile."""
    name = node.value
    if name is None or name == "null":
        return Written("nil", marks(node))
    if isinstance(name, str) and name.startswith(_PREFIX) and name[len(_PREFIX) :] in BUILT_IN:
        return Written(name[len(_PREFIX) :], marks(node))
    return keep(node)


def boolean(node: Node, page: Page) -> Written:
    """Return a boolean, which may be one of YAML 1.1."""
    if not isinstance(node.value, str):
        return keep(node)
    return Written(truth(node.value, page.source(node), node, page.report), marks(node))


def _constraints(node: Node, page: Page, draft: Draft) -> None:
    above = node.parent.value if node.parent is not None and isinstance(node.parent.value, dict) else {}
    kind = str(above.get("type") or above.get("derived_from")).removeprefix(_PREFIX)
    written = validation(node, page, ranges=kind == RANGE, literal=as_text if kind == "version" else value)
    if written is not None:
        draft.put("validation", written)


def schema(node: Node, page: Page) -> Written | None:
    """Return the schema of entries or keys."""
    return _SCHEMA(node, page)


_SCHEMA = Form(
    "schema definition",
    {
        "type": to("type", type_name),
        "constraints": _constraints,
        "key_schema": to("key_schema", schema),
        "entry_schema": to("entry_schema", schema),
        "required": drop,
        "default": drop,
    },
    type_name,
)
_SCHEMA_KEYS = {key: _SCHEMA.keys[key] for key in ("type", "constraints", "key_schema", "entry_schema")}


def _always_there(node: Node, page: Page, draft: Draft) -> None:
    """In TOSCA 1.x a default counts whether the value is required or not; what has one is never missing."""
    if draft.value.get("default") is not None and draft.value.get("required") is False:
        draft.remove("required")


_PROPERTY = {
    **_SCHEMA_KEYS,
    "required": to("required", boolean),
    "default": to("default", value),
    "value": to("value", value),
    "status": drop,
    "external-schema": ignore("foreign-schema", "external schemas are not looked at"),
    "external_schema": ignore("foreign-schema", "external schemas are not looked at"),
}

PROPERTY = Form("property definition", _PROPERTY, value, finish=_always_there, open_map=True)
INPUT = Form("parameter definition", _PROPERTY, finish=_always_there)
PARAMETER = Form(
    "parameter definition", {**_PROPERTY, "mapping": to("mapping", value)}, value, finish=_always_there, open_map=True
)


def _attribute(node: Node, page: Page) -> Written:
    """The short forms of an attribute definition: its type, or an expression that gives its value."""
    if type(node.value) is not yaml.Map or len(node.value) != 1:
        return type_name(node, page)
    written = value(node, page)
    message = f"{node.key}: an attribute is defined by its type; this is taken for the default of a string"
    page.report.warn("short-attribute", message, node, "write { type: ..., default: ... }", key=True)
    draft = Draft()
    draft.put("type", Written("string", marks(node)))
    draft.put("default", written)
    return draft.at(node)


ATTRIBUTE = Form(
    "attribute definition",
    {**_SCHEMA_KEYS, "default": to("default", value), "status": drop, "required": drop},
    _attribute,
    open_map=True,
)


def _from_something(node: Node, page: Page, draft: Draft) -> None:
    """A data type may be empty."""
    if "derived_from" not in draft.value and "properties" not in draft.value:
        draft.put("properties", Written(yaml.Map(), marks(node)))


DATA_TYPE = Form(
    "data type",
    {
        **same(derived_from=type_name, version=as_text, properties=named(PROPERTY)),
        "constraints": _constraints,
        "key_schema": to("key_schema", schema),
        "entry_schema": to("entry_schema", schema),
    },
    finish=_from_something,
)
