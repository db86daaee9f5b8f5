"""Resolved types other than data types, and what node and relationship types are made of."""

from functools import cached_property
from typing import Any

from floria.values import Value
from puccini.grammar.interfaces import Implementation
from puccini.grammar.policies import TriggerDefinition
from puccini.grammar.readers import Range
from puccini.grammar.types import RequirementDefinition
from puccini.model.data import Property
from puccini.model.type import Type
from puccini.nodes import Node
from puccini.units import Unit


class _WithData(Type):
    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.properties: dict[str, Property] = {}
        self.attributes: dict[str, Property] = {}


class ArtifactType(_WithData):
    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.mime_type = ""
        self.file_ext: tuple[str, ...] = ()

    @property
    def is_file(self) -> bool:
        """Whether artifacts of this type are files for certain: it has file extensions, or derives from what has."""
        return any(isinstance(one, ArtifactType) and one.file_ext for one in self.ancestors)


class CapabilityType(_WithData):
    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.valid_sources: tuple[Type, ...] | None = None
        self.valid_relationships: tuple[Type, ...] | None = None


class Operation:
    """An operation or notification. `unit` is the file of the implementation, to which its paths are relative."""

    def __init__(self, name: str, node: Node) -> None:
        self.name = name
        self.node = node
        self.inputs: dict[str, Property] = {}
        self.outputs: dict[str, Property] = {}
        self.implementation: Implementation | None = None
        self.unit: Unit | None = None

    def copy(self, node: Node | None = None) -> "Operation":
        other = Operation(self.name, node or self.node)
        other.inputs, other.outputs = dict(self.inputs), dict(self.outputs)
        other.implementation, other.unit = self.implementation, self.unit
        return other


class InterfaceType(Type):
    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.inputs: dict[str, Property] = {}
        self.operations: dict[str, Operation] = {}
        self.notifications: dict[str, Operation] = {}

    @property
    def handles_events(self) -> bool:
        """Whether operations of this interface are handlers of the events of their names, declared or not."""
        return self.has_metadata("handles", "events")

    @cached_property
    def events(self) -> dict[str, str]:
        """Events of other names than INTERFACE.OPERATION that operations are handlers of, from the metadata."""
        for one in self.ancestors:
            found = one.metadata.get("events")
            if isinstance(found, dict):
                return {str(name): str(event) for name, event in found.items()}
        return {}


class Interface:
    """An interface of a node or relationship type."""

    def __init__(self, name: str, type: InterfaceType, node: Node) -> None:
        self.name = name
        self.type = type
        self.node = node
        self.inputs: dict[str, Property] = dict(type.inputs)
        self.operations: dict[str, Operation] = dict(type.operations)
        self.notifications: dict[str, Operation] = dict(type.notifications)


class RelationshipType(_WithData):
    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.interfaces: dict[str, Interface] = {}
        self.valid_capabilities: tuple[Type, ...] | None = None
        self.valid_targets: tuple[Type, ...] | None = None
        self.valid_sources: tuple[Type, ...] | None = None


class Capability:
    """A capability of a node type.

    No more relationships than the `limit` may lead to it, if it has one, and no fewer than `least` should.
    """

    def __init__(self, name: str, type: CapabilityType, node: Node) -> None:
        self.name = name
        self.type = type
        self.node = node
        self.properties: dict[str, Property] = dict(type.properties)
        self.attributes: dict[str, Property] = dict(type.attributes)
        self.valid_sources = type.valid_sources
        self.valid_relationships = type.valid_relationships
        self.limit: int | None = None
        self.least = 0


class Relationship:
    """What a requirement makes: a relationship type, refined."""

    def __init__(self, type: RelationshipType, node: Node) -> None:
        self.type = type
        self.node = node
        self.properties: dict[str, Property] = dict(type.properties)
        self.attributes: dict[str, Property] = dict(type.attributes)
        self.interfaces: dict[str, Interface] = dict(type.interfaces)


class Filter:
    """A node filter, with the file whose names it uses."""

    def __init__(self, node: Node, unit: Unit) -> None:
        self.node = node
        self.unit = unit


class Requirement:
    """A requirement of a node type. Either `capability_type` or `capability_name` (with `node_type`) is set."""

    def __init__(self, name: str, definition: RequirementDefinition) -> None:
        self.name = name
        self.node = definition.node
        self.capability_type: CapabilityType | None = None
        self.capability_name = ""
        self.node_type: NodeType | None = None
        self.relationship: Relationship | None = None
        self.filters: tuple[Filter, ...] = ()
        self.count_range = Range(0, None)


class Artifact:
    """An artifact with its type. `path` is where its file is in `source`, empty when it is not there."""

    def __init__(self, name: str, type: ArtifactType | None, file: str, node: Node, unit: Unit) -> None:
        self.name = name
        self.type = type
        self.file = file
        self.node = node
        self.unit = unit
        self.source = unit.source
        self.path = ""
        self.repository = ""
        self.repository_url = ""
        self.version = ""
        self.checksum = ""
        self.checksum_algorithm = ""
        self.properties: dict[str, Value] = {}
        self.description = ""

    @property
    def is_local(self) -> bool:
        """Whether the file, if it is one, is beside the TOSCA file and not elsewhere."""
        return not self.repository and "://" not in self.file

    @property
    def place(self) -> str:
        """What the file is called where it is used: its path beside the TOSCA file, or in its repository."""
        if self.is_local or not self.path:
            return self.file
        return f"{self.repository or 'files'}/{self.path}"


class NodeType(_WithData):
    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.capabilities: dict[str, Capability] = {}
        self.requirements: dict[str, Requirement] = {}
        self.interfaces: dict[str, Interface] = {}
        self.artifacts: dict[str, Artifact] = {}


class GroupType(_WithData):
    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.members: tuple[Type, ...] | None = None


class PolicyType(_WithData):
    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.targets: tuple[Type, ...] | None = None
        self.triggers: dict[str, tuple[TriggerDefinition, Unit]] = {}
