"""Grammar of interfaces, operations, notifications, implementations and artifacts (sections 11 and 12.2)."""

from typing import Any

from puccini import yaml
from puccini.diagnostics import Report
from puccini.grammar import readers
from puccini.grammar.construct import INVALID, Construct, Element, Key, listed, named
from puccini.grammar.data import PARAMETER, DataDefinition
from puccini.nodes import Node


class ArtifactDefinition(Element):
    """A file with a type. `inferred` is set when only the file was written (section 11.4's single-line form)."""

    type: Node | None = None
    file: Node | None = None
    repository: Node | None = None
    artifact_version: Node | None = None
    checksum: Node | None = None
    checksum_algorithm: Node | None = None
    properties: dict[str, Node] = {}


class Implementation(Element):
    """Artifacts, each one defined here or named: `primary` and `dependencies` hold definitions or nodes with names."""

    primary: ArtifactDefinition | Node | None = None
    dependencies: list[ArtifactDefinition | Node] = []
    timeout: int | float | None = None


class OperationDefinition(Element):
    """An operation or a notification in a type."""

    implementation: Implementation | None = None
    inputs: dict[str, DataDefinition] = {}
    outputs: dict[str, DataDefinition] = {}


class InterfaceDefinition(Element):
    """An interface in a node or relationship type."""

    type: Node | None = None
    inputs: dict[str, DataDefinition] = {}
    operations: dict[str, OperationDefinition] = {}
    notifications: dict[str, OperationDefinition] = {}


class OperationAssignment(Element):
    """An operation or a notification in a template."""

    implementation: Implementation | None = None
    inputs: dict[str, Node] = {}
    outputs: dict[str, Node] = {}


class InterfaceAssignment(Element):
    """An interface in a template."""

    inputs: dict[str, Node] = {}
    operations: dict[str, OperationAssignment] = {}
    notifications: dict[str, OperationAssignment] = {}


def _version(node: Node, report: Report) -> Any:
    """What the grammar of section 12.2 calls ``version`` is ``artifact_version`` in its table of keynames."""
    report.warn("other-keyname", "the version of an artifact is 'artifact_version'", node, key=True)
    return readers.text(node, report)


ARTIFACT = Construct(
    "artifact definition",
    ArtifactDefinition,
    {
        "type": Key(readers.name, mandatory=True),
        "file": Key(readers.name, mandatory=True),
        "repository": Key(readers.name),
        "artifact_version": Key(readers.text),
        "version": Key(_version, field="artifact_version"),
        "checksum": Key(readers.text),
        "checksum_algorithm": Key(readers.name),
        "properties": Key(readers.values),
    },
)


def _artifact(node: Node, report: Report) -> Any:
    return node if isinstance(node.value, str) and node.value else ARTIFACT(node, report)


def _artifacts(node: Node, report: Report) -> Any:
    if type(node.value) is not yaml.Seq:
        return listed(ARTIFACT)(node, report)
    return [found for found in (_artifact(item, report) for item in node) if found is not INVALID]


def _implementations(timeout: Key) -> Any:
    keys = {"primary": Key(_artifact), "dependencies": Key(_artifacts), "timeout": timeout}
    return readers.or_name(Construct("implementation definition", Implementation, keys), "primary")


IMPLEMENTATION = _implementations(Key(readers.seconds))
NOTIFYING = _implementations(Key(readers.seconds, note="'timeout' means nothing for notifications (section 11.8)"))
"""The implementation of a notification, which is not waited for."""


def _implementation(node: Node, report: Report) -> dict[str, Any] | None:
    if isinstance(node.value, str) and node.value:
        return {"implementation": IMPLEMENTATION(node, report)}
    return None


_DEFINITION_KEYS = {
    "implementation": Key(IMPLEMENTATION),
    "inputs": Key(named(PARAMETER)),
    "outputs": Key(named(PARAMETER)),
}
OPERATION = Construct("operation definition", OperationDefinition, _DEFINITION_KEYS, _implementation)
NOTIFICATION = Construct(
    "notification definition",
    OperationDefinition,
    {**_DEFINITION_KEYS, "implementation": Key(NOTIFYING)},
    _implementation,
)

INTERFACE = Construct(
    "interface definition",
    InterfaceDefinition,
    {
        "type": Key(readers.name),
        "inputs": Key(named(PARAMETER)),
        "operations": Key(named(OPERATION)),
        "notifications": Key(named(NOTIFICATION)),
    },
)

_ASSIGNMENT_KEYS = {
    "implementation": Key(IMPLEMENTATION),
    "inputs": Key(readers.values),
    "outputs": Key(readers.values),
}
OPERATION_ASSIGNMENT = Construct("operation assignment", OperationAssignment, _ASSIGNMENT_KEYS, _implementation)
NOTIFICATION_ASSIGNMENT = Construct(
    "notification assignment",
    OperationAssignment,
    {**_ASSIGNMENT_KEYS, "implementation": Key(NOTIFYING)},
    _implementation,
)

INTERFACE_ASSIGNMENT = Construct(
    "interface assignment",
    InterfaceAssignment,
    {
        "inputs": Key(readers.values),
        "operations": Key(named(OPERATION_ASSIGNMENT)),
        "notifications": Key(named(NOTIFICATION_ASSIGNMENT)),
    },
)
