"""Grammar of service templates and what is in them (sections 6.9, 7.2, 7.4, 8.3, 8.5, 15.1)."""

from typing import Any

from puccini import yaml
from puccini.diagnostics import Report
from puccini.grammar import readers
from puccini.grammar.construct import Construct, Element, Key, listed, named, named_list
from puccini.grammar.data import PARAMETER, SCHEMA, DataDefinition, SchemaDefinition
from puccini.grammar.interfaces import (
    ARTIFACT,
    IMPLEMENTATION,
    INTERFACE_ASSIGNMENT,
    ArtifactDefinition,
    Implementation,
    InterfaceAssignment,
)
from puccini.grammar.policies import (
    GROUP,
    POLICY,
    WORKFLOW,
    GroupDefinition,
    PolicyDefinition,
    WorkflowDefinition,
)
from puccini.nodes import Node


class CapabilityAssignment(Element):
    properties: dict[str, Node] = {}
    attributes: dict[str, Node] = {}
    directives: list[Node] = []


class RelationshipAssignment(Element):
    """Of a requirement assignment; `short` when only a name was written: of a type or else of a template (8.5.2)."""

    type: Node | None = None
    properties: dict[str, Node] = {}
    attributes: dict[str, Node] = {}
    interfaces: dict[str, InterfaceAssignment] = {}
    short: bool = False


class RequirementAssignment(Element):
    """`target` is the keyname ``node``; `short` when only that was written."""

    target: Node | None = None
    capability: Node | None = None
    relationship: RelationshipAssignment | None = None
    allocation: dict[str, Node] = {}
    count: Node | None = None
    node_filter: Node | None = None
    directives: list[Node] = []
    optional: bool = False
    short: bool = False


class RelationshipTemplate(Element):
    type: Node | None = None
    properties: dict[str, Node] = {}
    attributes: dict[str, Node] = {}
    interfaces: dict[str, InterfaceAssignment] = {}
    copy: Node | None = None


class NodeTemplate(RelationshipTemplate):
    directives: list[Node] = []
    requirements: list[RequirementAssignment] = []
    capabilities: dict[str, CapabilityAssignment] = {}
    artifacts: dict[str, ArtifactDefinition] = {}
    count: Node | None = None
    node_filter: Node | None = None


class SubstitutionMapping(Element):
    """Mappings are pairs of a key, which may be complex, and a node."""

    node_type: Node | None = None
    substitution_filter: Node | None = None
    properties: list[tuple[Any, Node]] = []
    attributes: list[tuple[Any, Node]] = []
    capabilities: dict[str, Node] = {}
    requirements: list[tuple[Any, Node]] = []
    interfaces: dict[str, Node] = {}


class SignatureDefinition(Element):
    """One way to call a custom function (section 10.4)."""

    arguments: list[SchemaDefinition] = []
    optional_arguments: list[SchemaDefinition] = []
    variadic: bool = False
    result: SchemaDefinition | None = None
    implementation: Implementation | None = None


class FunctionDefinition(Element):
    signatures: list[SignatureDefinition] = []


class ServiceTemplate(Element):
    inputs: dict[str, DataDefinition] = {}
    outputs: dict[str, DataDefinition] = {}
    node_templates: dict[str, NodeTemplate] = {}
    relationship_templates: dict[str, RelationshipTemplate] = {}
    groups: dict[str, GroupDefinition] = {}
    policies: list[PolicyDefinition] = []
    substitution_mappings: SubstitutionMapping | None = None
    workflows: dict[str, WorkflowDefinition] = {}
    functions: dict[str, FunctionDefinition] = {}


_DATA = {"properties": Key(readers.values), "attributes": Key(readers.values)}
_INTERFACES = {"interfaces": Key(named(INTERFACE_ASSIGNMENT))}

CAPABILITY_ASSIGNMENT = Construct(
    "capability assignment", CapabilityAssignment, {**_DATA, "directives": Key(readers.names)}
)


def _relationship_name(node: Node, report: Report) -> dict[str, Any] | None:
    return {"type": node, "short": True} if isinstance(node.value, str) and node.value else None


RELATIONSHIP_ASSIGNMENT = Construct(
    "relationship assignment",
    RelationshipAssignment,
    {**_DATA, **_INTERFACES, "type": Key(readers.name)},
    _relationship_name,
)


def _target(node: Node, report: Report) -> dict[str, Any] | None:
    name = isinstance(node.value, str) and node.value
    pair = type(node.value) is yaml.Seq and len(node.value) == 2
    return {"target": node, "short": True} if name or pair else None


REQUIREMENT_ASSIGNMENT = Construct(
    "requirement assignment",
    RequirementAssignment,
    {
        "node": Key(readers.value, field="target"),
        "capability": Key(readers.name),
        "relationship": Key(RELATIONSHIP_ASSIGNMENT),
        "allocation": Key(readers.values),
        "count": Key(readers.value),
        "node_filter": Key(readers.value),
        "directives": Key(readers.names),
        "optional": Key(readers.boolean),
    },
    _target,
)

_TEMPLATE = {
    **_DATA,
    **_INTERFACES,
    "type": Key(readers.name, mandatory=True, unless="copy"),
    "copy": Key(readers.name),
}

RELATIONSHIP_TEMPLATE = Construct("relationship template", RelationshipTemplate, _TEMPLATE)

NODE_TEMPLATE = Construct(
    "node template",
    NodeTemplate,
    {
        **_TEMPLATE,
        "directives": Key(readers.names),
        "requirements": Key(named_list(REQUIREMENT_ASSIGNMENT)),
        "capabilities": Key(named(CAPABILITY_ASSIGNMENT)),
        "artifacts": Key(named(ARTIFACT)),
        "count": Key(readers.value),
        "node_filter": Key(readers.value),
    },
)

SUBSTITUTION = Construct(
    "substitution mapping",
    SubstitutionMapping,
    {
        "node_type": Key(readers.name, mandatory=True),
        "substitution_filter": Key(readers.value),
        "properties": Key(readers.mappings),
        "attributes": Key(readers.mappings),
        "capabilities": Key(readers.values),
        "requirements": Key(readers.single_mappings),
        "interfaces": Key(readers.values),
    },
)


def _empty(node: Node, report: Report) -> dict[str, Any] | None:
    """An empty element stands for a signature that a refinement leaves as it is (section 10.4)."""
    return {} if node.value is None else None


SIGNATURE = Construct(
    "function signature",
    SignatureDefinition,
    {
        "arguments": Key(listed(SCHEMA)),
        "optional_arguments": Key(listed(SCHEMA)),
        "variadic": Key(readers.boolean),
        "result": Key(SCHEMA),
        "implementation": Key(IMPLEMENTATION),
    },
    _empty,
)


def _signatures(node: Node, report: Report) -> Any:
    if node.value == []:
        report.error("wrong-kind", "a list of at least one signature was expected (section 10.4)", node)
    return listed(SIGNATURE)(node, report)


FUNCTION = Construct("function definition", FunctionDefinition, {"signatures": Key(_signatures, mandatory=True)})

SERVICE = Construct(
    "service template",
    ServiceTemplate,
    {
        "inputs": Key(named(PARAMETER)),
        "outputs": Key(named(PARAMETER)),
        "node_templates": Key(named(NODE_TEMPLATE), mandatory=True),
        "relationship_templates": Key(named(RELATIONSHIP_TEMPLATE)),
        "groups": Key(named(GROUP)),
        "policies": Key(named_list(POLICY, unique=True)),
        "substitution_mappings": Key(SUBSTITUTION),
        "workflows": Key(named(WORKFLOW)),
        "functions": Key(named(FUNCTION)),
    },
)
