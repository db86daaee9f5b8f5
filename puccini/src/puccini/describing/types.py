"""Types with what they inherit, as plain data."""

from collections.abc import Callable, Mapping
from typing import Any

from floria.values import Call, Value
from puccini.data.coercion import describe
from puccini.loading import Loaded
from puccini.model.data import UNSET, Base, DataType, Property, Role, Schema, Unset
from puccini.model.type import Type
from puccini.model.types import (
    Artifact,
    ArtifactType,
    Capability,
    CapabilityType,
    GroupType,
    Interface,
    InterfaceType,
    NodeType,
    Operation,
    PolicyType,
    Relationship,
    RelationshipType,
    Requirement,
)


def profile(loaded: Loaded) -> list[dict[str, Any]]:
    """Return the types that are defined in the files of the entry's own profile, or else in the entry itself."""
    assert loaded.entry is not None
    assert loaded.resolver is not None
    name = loaded.entry.profile
    units = [unit for unit in loaded.units if unit is loaded.entry or (name and unit.profile == name)]
    found = [one for one in loaded.resolver.types.values() if one.unit in units]
    return [type(one) for one in sorted(found, key=lambda one: (list(_KINDS).index(one.__class__), one.name))]


def type(found: Type) -> dict[str, Any]:
    """Return everything that is known of a type; empty sections are left out."""
    result: dict[str, Any] = {"name": found.name, "kind": found.kind.label, "class": found.class_name}
    definition = found.definition
    if definition is not None:
        result["defined"] = definition.node.origin
        result["description"] = definition.description
        result["version"] = definition.version.text if definition.version is not None else ""
        result["metadata"] = dict(definition.metadata)
    result["derived_from"] = [one.name for one in found.ancestors[1:]]
    result |= _KINDS[found.__class__](found)
    return compact(result)


def data(properties: Mapping[str, Property]) -> dict[str, Any]:
    """Return properties, attributes or parameters by name."""
    return {name: one(definition) for name, definition in properties.items()}


def one(found: Property) -> dict[str, Any]:
    """Return one property, attribute or parameter."""
    result: dict[str, Any] = {"type": schema(found.schema)} if found.schema is not None else {}
    if found.role is not Role.ATTRIBUTE:
        result["required"] = found.required
    if found.default is not UNSET:
        result["default"] = value(found.default)
    if found.fixed is not UNSET:
        result["value"] = value(found.fixed)
    if found.schema is not None and found.schema.validations:
        result["validation"] = [describe(clause) for clause in found.schema.validations]
    if found.mapping is not None:
        result["mapping"] = value(found.mapping)
    if found.description:
        result["description"] = found.description
    return result


def schema(found: Schema) -> str:
    """Return a data type with what is in it, such as ``list of string``."""
    name = found.type.name
    if found.base in (Base.LIST, Base.MAP) and found.type.built_in and found.entries is not None:
        return f"{name} of {schema(found.entries)}"
    return name


def value(found: "Value | Unset") -> Any:
    """Return a value as plain data, its functions as text."""
    if isinstance(found, Call):
        return describe(found)
    if isinstance(found, list):
        return [value(item) for item in found]
    if isinstance(found, dict):
        return {name: value(item) for name, item in found.items()}
    if isinstance(found, bytes):
        return describe(found)
    return found


def compact(found: dict[str, Any]) -> dict[str, Any]:
    """Return a map without what is empty."""
    return {name: item for name, item in found.items() if item not in ("", {}, [], None)}


def _data_type(found: DataType) -> dict[str, Any]:
    result: dict[str, Any] = {"properties": data(found.properties)}
    result["validation"] = [describe(clause) for one in reversed(found.ancestors) for clause in _clauses(one)]
    if found.entry is not None:
        result["entries"] = schema(found.entry)
    if found.key is not None:
        result["keys"] = schema(found.key)
    if found.base is Base.SCALAR and found.units:
        number = found.number.name if found.number is not None else "float"
        result |= {"number": number, "units": dict(found.all_units), "canonical_unit": found.canonical}
    return result


def _clauses(found: Type) -> tuple[Value, ...]:
    return found.validations if isinstance(found, DataType) else ()


def _with_data(found: Any) -> dict[str, Any]:
    return {"properties": data(found.properties), "attributes": data(found.attributes)}


def _artifact_type(found: ArtifactType) -> dict[str, Any]:
    return {
        "mime_type": found.mime_type,
        "file_ext": list(found.file_ext),
        "properties": data(found.properties),
    }


def _capability_type(found: CapabilityType) -> dict[str, Any]:
    return {
        **_with_data(found),
        "valid_source_node_types": _names(found.valid_sources),
        "valid_relationship_types": _names(found.valid_relationships),
    }


def _interface_type(found: InterfaceType) -> dict[str, Any]:
    return {
        "inputs": data(found.inputs),
        "operations": {name: _operation(one) for name, one in found.operations.items()},
        "notifications": {name: _operation(one) for name, one in found.notifications.items()},
    }


def _relationship_type(found: RelationshipType) -> dict[str, Any]:
    return {
        **_with_data(found),
        "interfaces": interfaces(found.interfaces),
        "valid_capability_types": _names(found.valid_capabilities),
        "valid_target_node_types": _names(found.valid_targets),
        "valid_source_node_types": _names(found.valid_sources),
    }


def _node_type(found: NodeType) -> dict[str, Any]:
    return {
        **_with_data(found),
        "capabilities": {name: capability(one) for name, one in found.capabilities.items()},
        "requirements": {name: requirement(one) for name, one in found.requirements.items()},
        "interfaces": interfaces(found.interfaces),
        "artifacts": {name: _artifact(one) for name, one in found.artifacts.items()},
    }


def _group_type(found: GroupType) -> dict[str, Any]:
    return {**_with_data(found), "members": _names(found.members)}


def _policy_type(found: PolicyType) -> dict[str, Any]:
    triggers = {
        name: compact({"event": trigger.event.text if trigger.event is not None else ""})
        for name, (trigger, _) in found.triggers.items()
    }
    return {"properties": data(found.properties), "targets": _names(found.targets), "triggers": triggers}


def capability(found: Capability) -> dict[str, Any]:
    """Return a capability of a node type."""
    return compact(
        {
            "type": found.type.name,
            **_with_data(found),
            "valid_source_node_types": _names(found.valid_sources),
            "valid_relationship_types": _names(found.valid_relationships),
        }
    )


def requirement(found: Requirement) -> dict[str, Any]:
    """Return a requirement of a node type."""
    target = found.capability_type.name if found.capability_type is not None else found.capability_name
    result: dict[str, Any] = {"capability": target, "count_range": str(found.count_range)}
    if found.node_type is not None:
        result["node"] = found.node_type.name
    if found.relationship is not None:
        result["relationship"] = _relationship(found.relationship)
    if found.filters:
        result["node_filters"] = len(found.filters)
    return compact(result)


def interfaces(found: Mapping[str, Interface]) -> dict[str, Any]:
    """Return interfaces by name."""
    return {
        name: compact(
            {
                "type": one.type.name,
                "inputs": data(one.inputs),
                "operations": {key: _operation(operation) for key, operation in one.operations.items()},
                "notifications": {key: _operation(operation) for key, operation in one.notifications.items()},
            }
        )
        for name, one in found.items()
    }


def _relationship(found: Relationship) -> dict[str, Any]:
    return compact({"type": found.type.name, **_with_data(found)})


def _operation(found: Operation) -> dict[str, Any]:
    description = ""
    if isinstance(found.node.value, dict):
        written = found.node.value.get("description")
        description = written if isinstance(written, str) else ""
    return compact(
        {
            "description": description,
            "inputs": data(found.inputs),
            "outputs": data(found.outputs),
            "implemented": True if found.implementation is not None else None,
        }
    )


def _artifact(found: Artifact) -> dict[str, Any]:
    return compact({"type": found.type.name if found.type is not None else "", "file": found.file})


def _names(found: tuple[Type, ...] | None) -> list[str]:
    return [one.name for one in found] if found is not None else []


_KINDS: dict[Any, Callable[[Any], dict[str, Any]]] = {
    NodeType: _node_type,
    CapabilityType: _capability_type,
    RelationshipType: _relationship_type,
    InterfaceType: _interface_type,
    DataType: _data_type,
    ArtifactType: _artifact_type,
    GroupType: _group_type,
    PolicyType: _policy_type,
}
