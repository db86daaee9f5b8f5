"""Grammar of types and of what only types hold (sections 6.4, 7.1, 7.3, 8.1, 8.2, 8.4, 9.2, 11.1, 12.1, 16)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from puccini.grammar import readers
from puccini.grammar.construct import Construct, Element, Key, named, named_list
from puccini.grammar.data import ATTRIBUTE, PARAMETER, PROPERTY, SCHEMA, DataDefinition, SchemaDefinition
from puccini.grammar.interfaces import (
    ARTIFACT,
    INTERFACE,
    NOTIFICATION,
    OPERATION,
    ArtifactDefinition,
    InterfaceDefinition,
    OperationDefinition,
)
from puccini.grammar.policies import TRIGGER, TriggerDefinition
from puccini.nodes import Node


class Kind(StrEnum):
    """The eight kinds of types; the values are the keynames of a file."""

    ARTIFACT = "artifact_types"
    DATA = "data_types"
    CAPABILITY = "capability_types"
    INTERFACE = "interface_types"
    RELATIONSHIP = "relationship_types"
    NODE = "node_types"
    GROUP = "group_types"
    POLICY = "policy_types"

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.value.removesuffix("_types") + " type"


class CapabilityDefinition(Element):
    """A capability of a node type."""

    type: Node | None = None
    properties: dict[str, DataDefinition] = {}
    attributes: dict[str, DataDefinition] = {}
    valid_source_node_types: list[Node] | None = None
    valid_relationship_types: list[Node] | None = None


class RelationshipDefinition(Element):
    """The relationship of a requirement definition."""

    type: Node | None = None
    properties: dict[str, DataDefinition] = {}
    attributes: dict[str, DataDefinition] = {}
    interfaces: dict[str, InterfaceDefinition] = {}


class RequirementDefinition(Element):
    """A requirement of a node type."""

    capability: Node | None = None
    node_type: Node | None = None
    relationship: RelationshipDefinition | None = None
    node_filter: Node | None = None
    count_range: readers.Range | None = None


class TypeDefinition(Element):
    """What all types have."""

    derived_from: Node | None = None
    version: Node | None = None
    properties: dict[str, DataDefinition] = {}
    attributes: dict[str, DataDefinition] = {}


class ArtifactType(TypeDefinition):
    mime_type: Node | None = None
    file_ext: list[Node] | None = None


class DataType(TypeDefinition):
    validation: Node | None = None
    key_schema: SchemaDefinition | None = None
    entry_schema: SchemaDefinition | None = None
    data_type: Node | None = None
    units: dict[str, Node] | None = None
    canonical_unit: Node | None = None
    prefixes: dict[str, Node] | None = None


class CapabilityType(TypeDefinition):
    valid_source_node_types: list[Node] | None = None
    valid_relationship_types: list[Node] | None = None


class InterfaceType(TypeDefinition):
    inputs: dict[str, DataDefinition] = {}
    operations: dict[str, OperationDefinition] = {}
    notifications: dict[str, OperationDefinition] = {}


class RelationshipType(TypeDefinition):
    interfaces: dict[str, InterfaceDefinition] = {}
    valid_capability_types: list[Node] | None = None
    valid_target_node_types: list[Node] | None = None
    valid_source_node_types: list[Node] | None = None


class NodeType(TypeDefinition):
    capabilities: dict[str, CapabilityDefinition] = {}
    requirements: list[RequirementDefinition] = []
    interfaces: dict[str, InterfaceDefinition] = {}
    artifacts: dict[str, ArtifactDefinition] = {}


class GroupType(TypeDefinition):
    members: list[Node] | None = None


class PolicyType(TypeDefinition):
    targets: list[Node] | None = None
    triggers: dict[str, TriggerDefinition] = {}


_PROPERTIES = {"properties": Key(named(PROPERTY))}
_DATA = {**_PROPERTIES, "attributes": Key(named(ATTRIBUTE))}
_BEHAVIOUR = {"interfaces": Key(named(INTERFACE))}

CAPABILITY = readers.or_name(
    Construct(
        "capability definition",
        CapabilityDefinition,
        {
            **_DATA,
            "type": Key(readers.name),
            "valid_source_node_types": Key(readers.some_names),
            "valid_relationship_types": Key(readers.some_names),
        },
    ),
    "type",
)

RELATIONSHIP = readers.or_name(
    Construct("relationship definition", RelationshipDefinition, {**_DATA, **_BEHAVIOUR, "type": Key(readers.name)}),
    "type",
)

REQUIREMENT = readers.or_name(
    Construct(
        "requirement definition",
        RequirementDefinition,
        {
            "capability": Key(readers.name),
            "node": Key(readers.name, field="node_type"),
            "relationship": Key(RELATIONSHIP),
            "node_filter": Key(readers.value),
            "count_range": Key(readers.count_range),
        },
    ),
    "capability",
)

_TYPE = {"derived_from": Key(readers.name), "version": Key(readers.text)}


def _type(kind: Kind, struct: type[TypeDefinition], keys: Mapping[str, Key]) -> Construct[Any]:
    return Construct(kind.label, struct, {**_TYPE, **keys})


TYPES: dict[Kind, Construct[Any]] = {
    Kind.ARTIFACT: _type(
        Kind.ARTIFACT,
        ArtifactType,
        {**_PROPERTIES, "mime_type": Key(readers.text), "file_ext": Key(readers.names)},
    ),
    Kind.DATA: _type(
        Kind.DATA,
        DataType,
        {
            **_PROPERTIES,
            "validation": Key(readers.value),
            "key_schema": Key(SCHEMA),
            "entry_schema": Key(SCHEMA),
            "data_type": Key(readers.name),
            "units": Key(readers.multipliers),
            "canonical_unit": Key(readers.name),
            "prefixes": Key(readers.multipliers),
        },
    ),
    Kind.CAPABILITY: _type(
        Kind.CAPABILITY,
        CapabilityType,
        {
            **_DATA,
            "valid_source_node_types": Key(readers.some_names),
            "valid_relationship_types": Key(readers.some_names),
        },
    ),
    Kind.INTERFACE: _type(
        Kind.INTERFACE,
        InterfaceType,
        {
            "inputs": Key(named(PARAMETER)),
            "operations": Key(named(OPERATION)),
            "notifications": Key(named(NOTIFICATION)),
        },
    ),
    Kind.RELATIONSHIP: _type(
        Kind.RELATIONSHIP,
        RelationshipType,
        {
            **_DATA,
            **_BEHAVIOUR,
            "valid_capability_types": Key(readers.some_names),
            "valid_target_node_types": Key(readers.some_names),
            "valid_source_node_types": Key(readers.some_names),
        },
    ),
    Kind.NODE: _type(
        Kind.NODE,
        NodeType,
        {
            **_DATA,
            **_BEHAVIOUR,
            "capabilities": Key(named(CAPABILITY)),
            "requirements": Key(named_list(REQUIREMENT, unique=True)),
            "artifacts": Key(named(ARTIFACT)),
        },
    ),
    Kind.GROUP: _type(Kind.GROUP, GroupType, {**_DATA, "members": Key(readers.some_names)}),
    Kind.POLICY: _type(
        Kind.POLICY,
        PolicyType,
        {**_PROPERTIES, "targets": Key(readers.names), "triggers": Key(named(TRIGGER))},
    ),
}
