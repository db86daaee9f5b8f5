"""Literals as files of TOSCA 1.x have them, which YAML 1.1 or nobody had told apart: ``yes``, ``1.0`` for a text.

`puccini.semantics.values` passes every value of such a file through here before it is checked against its schema.
"""

import re
from typing import TYPE_CHECKING, Final

from floria.values import Call, Value
from puccini import yaml
from puccini.diagnostics import Report
from puccini.model.data import Base, Schema
from puccini.nodes import Node

if TYPE_CHECKING:
    from puccini.dialects.document import OldDocument

TRUTHS: Final = {"yes": True, "on": True, "no": False, "off": False}
"""What YAML 1.1 takes for booleans besides ``true`` and ``false``."""

_INTEGER: Final = r"[-+]?[0-9]+"
_FLOAT: Final = r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?"


def adapt(value: Value, schema: Schema, node: Node, document: "OldDocument", report: Report) -> Value:
    """Return `value`, which stands at `node`, as its schema has it; each literal that was changed is reported."""
    if isinstance(value, list):
        return _list(value, schema, node, document, report)
    if isinstance(value, dict):
        return _map(value, schema, node, document, report)
    if isinstance(value, Call) or value is None:
        return value
    match schema.base:
        case Base.VERSION if _is_number(value):
            return _version(value, document.source(node), node, report)
        case Base.STRING if isinstance(value, bool | int | float):
            text = document.source(node)
            report.warn("unquoted-text", f"{text} is taken for a text", node, f'write "{text}"')
            return text
        case Base.BOOLEAN if isinstance(value, str):
            return truth(value, document.source(node), node, report)
        case Base.INTEGER if isinstance(value, str) and re.fullmatch(_INTEGER, value):
            return _unquoted(int(value), value, node, report)
        case Base.FLOAT if isinstance(value, str) and re.fullmatch(_FLOAT, value):
            return _unquoted(float(value), value, node, report)
        case _:
            return value


def truth(value: str, written: str, node: Node, report: Report) -> bool | str:
    """Return the boolean that an unquoted text is in YAML 1.1, or the text."""
    found = TRUTHS.get(value.lower())
    if found is None or written != value:
        return value
    shown = str(found).lower()
    report.warn("old-boolean", f"{value!r} is a text in YAML 1.2; here it is taken for {shown}", node, f"write {shown}")
    return found


def _list(value: list[Value], schema: Schema, node: Node, document: "OldDocument", report: Report) -> Value:
    entry = schema.entries
    if schema.base is not Base.LIST or entry is None or type(node.value) is not yaml.Seq:
        return value
    return [adapt(item, entry, child, document, report) for item, child in zip(value, node, strict=True)]


def _map(value: dict[str, Value], schema: Schema, node: Node, document: "OldDocument", report: Report) -> Value:
    if schema.base not in (Base.MAP, Base.COMPLEX) or type(node.value) is not yaml.Map:
        return value
    result: dict[str, Value] = {}
    for key, item in value.items():
        inner = _entry(schema, key)
        written = key if key in node.value else f"${key}"
        known = inner is not None and written in node.value
        result[key] = adapt(item, inner, node.child(written), document, report) if known and inner else item
    return result


def _entry(schema: Schema, key: str) -> Schema | None:
    if schema.base is Base.MAP:
        return schema.entries
    definition = schema.type.properties.get(key)
    return definition.schema if definition is not None else None


def _version(value: Value, text: str, node: Node, report: Report) -> str:
    if isinstance(value, float):
        return text
    message = f"a version has a minor number: {text}.0 is taken for {text}"
    report.warn("short-version", message, node, f"write '{text}.0'")
    return f"{text}.0"


def _unquoted(number: int | float, text: str, node: Node, report: Report) -> int | float:
    report.warn("quoted-number", f"the text {text!r} is taken for the number", node, f"write {text} without quotes")
    return number


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
