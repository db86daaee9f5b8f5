"""Properties, attributes and parameters as Floria properties: literals as values, expressions as updaters."""

from collections.abc import Mapping
from typing import Any

import msgspec

from floria.entities import Property
from floria.values import Call, Value, is_literal
from puccini import nodes
from puccini.compilation.marks import ATTRIBUTE, OPTIONAL
from puccini.model import data
from puccini.model.data import Property as Definition
from puccini.model.data import Role, Unset
from puccini.nodes import Node

UNSET = msgspec.UNSET
_ATTRIBUTE = (ATTRIBUTE,)
_OPTIONAL = (OPTIONAL,)


def build(definition: Definition, value: Value | Unset, classes: tuple[str, ...] = ()) -> Property:
    """Return the property of `definition` with `value`, which may be unset."""
    metadata = nodes.plain(definition.metadata) if definition.metadata else {}
    if value is data.UNSET:
        return Property(preparer=definition.preparer, classes=classes, metadata=metadata)
    if _literal(value):
        return Property(value=value, preparer=definition.preparer, classes=classes, metadata=metadata)
    return Property(updater=value, preparer=definition.preparer, classes=classes, metadata=metadata)


def defaults(properties: Mapping[str, Definition], attributes: Mapping[str, Definition]) -> dict[str, Property]:
    """Return what an entity has where nothing is assigned. Attributes of the name of a property are that property."""
    result = {name: build(one, one.initial, _OPTIONAL if _is_absent(one) else ()) for name, one in properties.items()}
    for name, one in attributes.items():
        if name not in result:
            result[name] = build(one, one.default, _ATTRIBUTE)
    return result


def assigned(
    base: Mapping[str, Property],
    properties: Mapping[str, Definition],
    attributes: Mapping[str, Definition],
    values: Mapping[str, Value],
    actual: Mapping[str, Value],
) -> dict[str, Property]:
    """Return `base` with assigned `values` of properties and `actual` ones of attributes."""
    if not values and not actual:
        return dict(base)
    result = dict(base)
    for name, value in values.items():
        definition = properties.get(name) or Definition(name, Role.PROPERTY, None, None)
        result[name] = build(definition, value)
    for name, value in actual.items():
        if name in attributes:
            result[name] = build(attributes[name], value, _ATTRIBUTE)
        else:  # it begins as something else than the property whose name it has (section 9.6)
            result[mirror(name)] = build(properties[name], value, _ATTRIBUTE)
    return result


def mirror(name: str) -> str:
    """Return where the attribute of a property is, when it is not the property itself."""
    return f"attribute:{name}"


def from_inside(
    found: dict[str, Property], mapped: frozenset[tuple[str, ...]], path: tuple[str, ...]
) -> dict[str, Property]:
    """Return properties; those `mapped` at `path` get what is inside of their substituted node (section 15.3)."""
    result = dict(found)
    for name in found:
        if (*path, name) not in mapped:
            continue
        before = found[name]
        initial = before.value if before.value is not UNSET else before.updater
        arguments: list[Value] = [[*path, name]]
        if initial is not UNSET:
            arguments.append(initial)
        result[name] = msgspec.structs.replace(before, value=UNSET, updater=Call("tosca:substituting", arguments))
    return result


def inward(found: Mapping[str, Property], labels: Mapping[str, str]) -> dict[str, Property]:
    """Return the properties of a node inside that get what the service around it has under `labels` (TOSCA 1.x)."""
    result: dict[str, Property] = {}
    for name, label in labels.items():
        before = found[name]
        initial = before.value if before.value is not UNSET else before.updater
        arguments: list[Value] = [label] if initial is UNSET else [label, initial]
        result[name] = msgspec.structs.replace(before, value=UNSET, updater=Call("tosca:inward", arguments))
    return result


def metadata(node: Node, written: Mapping[str, Any], description: str = "", **more: Value) -> dict[str, Value]:
    """Return the metadata of a template: where it comes from, and what its author says."""
    result: dict[str, Value] = nodes.plain(written) if written else {}
    result["tosca.origin"] = node.origin
    if description:
        result["tosca.description"] = description
    for name, value in more.items():
        result[f"tosca.{name}"] = value
    return result


def _is_absent(definition: Definition) -> bool:
    """Whether a property without a value is there in TOSCA 1.x, and is null."""
    if definition.required or definition.initial is not data.UNSET or definition.node is None:
        return False
    return hasattr(definition.node.document, "original")


def _literal(value: Any) -> bool:
    if value.__class__ in (str, int, bool, float):
        return True
    return not isinstance(value, Call) and is_literal(value)
