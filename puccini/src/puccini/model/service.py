"""The resolved service template: nodes, relationships, groups, policies, workflows, and what is assigned in them."""

from typing import Any, NamedTuple

from floria.values import Value
from puccini.grammar import policies as written
from puccini.grammar.interfaces import Implementation
from puccini.grammar.templates import SERVICE, FunctionDefinition, ServiceTemplate, SubstitutionMapping
from puccini.model.data import Property
from puccini.model.type import Type
from puccini.model.types import (
    Artifact,
    CapabilityType,
    GroupType,
    Interface,
    NodeType,
    Operation,
    PolicyType,
    Relationship,
    RelationshipType,
    Requirement,
)
from puccini.nodes import Node
from puccini.units import Unit, undefined


class OperationUse:
    """What a template says of an operation or notification."""

    def __init__(self, name: str, node: Node, unit: Unit) -> None:
        self.name = name
        self.node = node
        self.unit = unit
        self.inputs: dict[str, Value] = {}
        self.outputs: dict[str, list[Value]] = {}
        self.implementation: Implementation | None = None


class InterfaceUse:
    """What a template says of an interface."""

    def __init__(self, interface: Interface, node: Node) -> None:
        self.interface = interface
        self.node = node
        self.inputs: dict[str, Value] = {}
        self.operations: dict[str, OperationUse] = {}
        self.notifications: dict[str, OperationUse] = {}


class Implemented:
    """An operation or notification that has an implementation: `plain` is its artifacts, `event` what calls it."""

    def __init__(
        self,
        interface: Interface,
        name: str,
        defined: Operation | None,
        use: OperationUse | None,
        plain: dict[str, Any],
        node: Node,
    ) -> None:
        self.interface = interface
        self.interface_use: InterfaceUse | None = None
        self.name = name
        self.defined = defined
        self.use = use
        self.plain = plain
        self.node = node
        self.event = ""


class CapabilityUse:
    """What a template says of a capability. `limit` and `least` are as in the definition."""

    def __init__(self, name: str, node: Node) -> None:
        self.name = name
        self.node = node
        self.limit: int | None = None
        self.least: int | None = None
        self.properties: dict[str, Value] = {}
        self.attributes: dict[str, Value] = {}
        self.directives: list[str] = []


class RelationshipUse:
    """The relationship of a requirement assignment, or a relationship template."""

    def __init__(self, name: str, definition: Relationship | RelationshipType, node: Node) -> None:
        self.name = name
        self.definition = definition
        self.node = node
        self.properties: dict[str, Value] = {}
        self.attributes: dict[str, Value] = {}
        self.interfaces: dict[str, InterfaceUse] = {}
        self.implemented: list[Implemented] = []

    @property
    def type(self) -> RelationshipType:
        return self.definition.type if isinstance(self.definition, Relationship) else self.definition


class RequirementUse:
    """A requirement assignment, written or `implicit`. `filters` are all conditions on the target."""

    def __init__(self, requirement: Requirement, node: Node) -> None:
        self.requirement = requirement
        self.name = requirement.name
        self.node = node
        self.implicit = False
        self.target: NodeTemplate | None = None
        self.index: Value = None
        self.node_type: NodeType | None = requirement.node_type
        self.capability_type: CapabilityType | None = requirement.capability_type
        self.capability_name = requirement.capability_name
        self.relationship: RelationshipUse | None = None
        self.filters: list[Value] = []
        self.count: Value = 1
        self.optional = False
        self.allocation: dict[str, Value] = {}
        self.directives: list[Node] = []


class NodeTemplate:
    """A node template. `type` is None when there is no such type, which was reported.

    `passed` has an assignment of each requirement that mappings of the service lead to, for relationships that they
    pass beyond those that are assigned.
    """

    def __init__(self, name: str, type: NodeType | None, node: Node, unit: Unit) -> None:
        self.name = name
        self.type = type
        self.node = node
        self.unit = unit
        self.metadata: dict[str, Any] = {}
        self.description = ""
        self.directives: list[Node] = []
        self.count: Value = 1
        self.properties: dict[str, Value] = {}
        self.attributes: dict[str, Value] = {}
        self.capabilities: dict[str, CapabilityUse] = {}
        self.requirements: list[RequirementUse] = []
        self.interfaces: dict[str, InterfaceUse] = {}
        self.implemented: list[Implemented] = []
        self.artifacts: dict[str, Artifact] = {}
        self.node_filter: Value = None
        self.passed: dict[str, RequirementUse] = {}

    @property
    def selects(self) -> bool:
        """Whether this node is only ever selected, so that nothing but its type and filter counts (section 7.2.1)."""
        return bool(self.directives) and all(directive.text == "select" for directive in self.directives)


class Action:
    """An activity with its inputs read."""

    def __init__(self, kind: written.ActivityKind, subject: str, node: Node) -> None:
        self.kind = kind
        self.subject = subject
        self.node = node
        self.inputs: dict[str, Value] = {}


class Trigger:
    """A trigger of a policy. `only` has the names of the node templates that it is for, when not for all targets."""

    def __init__(self, name: str, event: str, node: Node) -> None:
        self.name = name
        self.event = event
        self.node = node
        self.condition: Value = None
        self.actions: list[Action] = []
        self.only: frozenset[str] | None = None

    def is_for(self, name: str) -> bool:
        """Whether it acts at the node template `name`, which is among the targets of its policy."""
        return self.only is None or name in self.only


class Group:
    def __init__(self, name: str, type: GroupType | None, node: Node) -> None:
        self.name = name
        self.type = type
        self.node = node
        self.metadata: dict[str, Any] = {}
        self.properties: dict[str, Value] = {}
        self.attributes: dict[str, Value] = {}
        self.members: list[NodeTemplate | Group] = []

    def nodes(self) -> list[NodeTemplate]:
        """Return the node templates in this group and in the groups in it, each once."""
        found: dict[str, NodeTemplate] = {}
        visited: set[str] = set()
        stack: list[NodeTemplate | Group] = [self]
        while stack:
            member = stack.pop()
            if isinstance(member, NodeTemplate):
                found[member.name] = member
            elif member.name not in visited:
                visited.add(member.name)
                stack.extend(reversed(member.members))
        return list(found.values())


class Policy:
    def __init__(self, name: str, type: PolicyType | None, node: Node) -> None:
        self.name = name
        self.type = type
        self.node = node
        self.metadata: dict[str, Any] = {}
        self.properties: dict[str, Value] = {}
        self.targets: list[NodeTemplate | Group] = []
        self.triggers: list[Trigger] = []


class Step:
    def __init__(self, name: str, node: Node) -> None:
        self.name = name
        self.node = node
        self.target = ""
        self.target_relationship = ""
        self.filters: list[Value] = []
        self.actions: list[Action] = []
        self.on_success: list[str] = []
        self.on_failure: list[str] = []


class Workflow:
    def __init__(self, name: str, node: Node) -> None:
        self.name = name
        self.node = node
        self.metadata: dict[str, Any] = {}
        self.inputs: dict[str, Property] = {}
        self.precondition: Value = None
        self.steps: dict[str, Step] = {}
        self.implementation: dict[str, Value] | None = None
        self.outputs: dict[str, list[Value]] = {}


class Segment(NamedTuple):
    """Relationships of a substituted node: `span` ones of a requirement from the index `first` on, or all others."""

    requirement: str
    first: int
    span: int | None


class Mapping(NamedTuple):
    """What a requirement mapping leads to: a requirement of a node template, or a node to select where that is ""."""

    node: str
    requirement: str


class Inward(NamedTuple):
    """The property `into` of a node inside, or of its `capability`, gets the one at `path` of the substituted node."""

    path: list[Value]
    node: str
    capability: str
    into: str

    @property
    def label(self) -> str:
        """What the service inside calls it."""
        return ".".join(filter(None, ("mapped", self.node, self.capability, self.into)))


class Substitution:
    """The substitution mappings of a service (section 15), resolved.

    Keys of properties and attributes are TOSCA paths that begin with SELF, the substituted node. `requirements` are in
    the order in which they are performed: each has the relationships that it is about and what these are passed to.
    `interfaces` maps INTERFACE.OPERATION to a workflow. `inward` are properties of nodes inside that get one of the
    substituted node, which is for TOSCA 1.x.
    """

    def __init__(self, type: NodeType, node: Node) -> None:
        self.type = type
        self.node = node
        self.filter: Value = True
        self.properties: list[tuple[list[Value], str]] = []
        self.attributes: list[tuple[list[Value], str]] = []
        self.capabilities: dict[str, tuple[str, str]] = {}
        self.requirements: list[tuple[Segment, list[Mapping]]] = []
        self.interfaces: dict[str, str] = {}
        self.inward: list[Inward] = []


class Service:
    """A service template. `functions` are the custom functions defined inside of it."""

    def __init__(self, unit: Unit, definition: ServiceTemplate) -> None:
        self.unit = unit
        self.definition = definition
        self.node = definition.node
        self.metadata = definition.metadata
        self.description = definition.description or unit.file.description
        self.inputs: dict[str, Property] = {}
        self.outputs: dict[str, Property] = {}
        self.nodes: dict[str, NodeTemplate] = {}
        self.relationships: dict[str, RelationshipUse] = {}
        self.groups: dict[str, Group] = {}
        self.policies: list[Policy] = []
        self.workflows: dict[str, Workflow] = {}
        self.functions: dict[str, FunctionDefinition] = {}
        self.substitution: SubstitutionMapping | None = definition.substitution_mappings
        self.substitutes: Type | None = None
        self.mappings: Substitution | None = None

    def uncertain(self, section: str, name: str) -> bool:
        """Whether `name`, which is not known, is written in `section` but could not be understood."""
        return undefined(self.node, section, name, SERVICE.keys)
