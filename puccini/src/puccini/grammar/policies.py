"""Grammar of groups, policies, triggers, activities and workflows (sections 13, 16)."""

from enum import StrEnum
from typing import Any

from puccini import yaml
from puccini.diagnostics import Report, suggest
from puccini.grammar import readers
from puccini.grammar.construct import INVALID, Construct, Element, Key, listed, named
from puccini.grammar.data import PARAMETER, DataDefinition
from puccini.grammar.interfaces import IMPLEMENTATION, Implementation
from puccini.nodes import Node, describe


class ActivityKind(StrEnum):
    """What an activity does."""

    DELEGATE = "delegate"
    SET_STATE = "set_state"
    CALL_OPERATION = "call_operation"
    INLINE = "inline"


class Activity(Element):
    """One activity: `subject` is the workflow, state or operation."""

    kind: ActivityKind
    subject: Node
    inputs: dict[str, Node] = {}


class TriggerDefinition(Element):
    event: Node | None = None
    condition: Node | None = None
    action: list[Activity] = []


class GroupDefinition(Element):
    type: Node | None = None
    properties: dict[str, Node] = {}
    attributes: dict[str, Node] = {}
    members: list[Node] = []


class PolicyDefinition(Element):
    type: Node | None = None
    properties: dict[str, Node] = {}
    targets: list[Node] = []
    triggers: dict[str, TriggerDefinition] = {}


class StepDefinition(Element):
    target: Node | None = None
    target_relationship: Node | None = None
    filter: list[Node] = []
    activities: list[Activity] = []
    on_success: list[Node] = []
    on_failure: list[Node] = []


class WorkflowDefinition(Element):
    inputs: dict[str, DataDefinition] = {}
    precondition: Node | None = None
    steps: dict[str, StepDefinition] | None = None
    implementation: Implementation | None = None
    outputs: dict[str, Node] = {}


class _Details(Element):
    subject: Node | None = None
    inputs: dict[str, Node] = {}


def _details(title: str, keyname: str) -> Construct[_Details]:
    construct = Construct(
        title,
        _Details,
        {keyname: Key(readers.name, mandatory=True, field="subject"), "inputs": Key(readers.values)},
    )
    readers.or_name(construct, "subject")
    return construct


_DETAILS = {
    ActivityKind.DELEGATE: _details("delegate activity", "workflow"),
    ActivityKind.CALL_OPERATION: _details("call_operation activity", "operation"),
    ActivityKind.INLINE: _details("inline activity", "workflow"),
}


def operation_name(subject: Node, report: Report) -> tuple[str, str] | None:
    """Return the interface and the operation that a call names (section 13.2.3.3)."""
    interface, _, operation = subject.text.partition(".")
    if interface and operation:
        return interface, operation
    message = f"an operation is named INTERFACE.OPERATION, not {subject.text!r}"
    report.error("bad-operation", message, subject)
    return None


def _activity(node: Node, report: Report) -> Any:
    if type(node.value) is not yaml.Map or len(node.value) != 1:
        report.error("wrong-kind", f"an activity is a map with one key, not {describe(node.value)}", node)
        return INVALID
    ((key, child),) = node.items()
    if key not in set(ActivityKind):
        hint = suggest(str(key), [kind.value for kind in ActivityKind])
        report.error("unknown-keyname", f"{key!r} is not an activity", child, hint, key=True)
        return INVALID
    kind = ActivityKind(key)
    if kind is ActivityKind.SET_STATE:
        subject = readers.name(child, report)
        return INVALID if subject is INVALID else Activity(node=node, kind=kind, subject=subject)
    details = _DETAILS[kind](child, report)
    if details is INVALID or details.subject is None:  # type: ignore[union-attr]
        return INVALID
    if kind is ActivityKind.CALL_OPERATION:
        operation_name(details.subject, report)  # type: ignore[union-attr]
    return Activity(node=node, kind=kind, subject=details.subject, inputs=details.inputs)  # type: ignore[union-attr]


def _activities(node: Node, report: Report) -> Any:
    if type(node.value) is not yaml.Seq:
        report.error("wrong-kind", f"{node.key}: a list of activities was expected, not {describe(node.value)}", node)
        return INVALID
    return [found for found in (_activity(item, report) for item in node) if found is not INVALID]


def _conditions(node: Node, report: Report) -> Any:
    if type(node.value) is not yaml.Seq:
        report.error("wrong-kind", f"{node.key}: a list of conditions was expected, not {describe(node.value)}", node)
        return INVALID
    return list(node)


TRIGGER = Construct(
    "trigger definition",
    TriggerDefinition,
    {
        "event": Key(readers.name, mandatory=True),
        "condition": Key(readers.value),
        "action": Key(_activities, mandatory=True),
    },
)

GROUP = Construct(
    "group definition",
    GroupDefinition,
    {
        "type": Key(readers.name, mandatory=True),
        "properties": Key(readers.values),
        "attributes": Key(readers.values),
        "members": Key(readers.names),
    },
)

POLICY = Construct(
    "policy definition",
    PolicyDefinition,
    {
        "type": Key(readers.name, mandatory=True),
        "properties": Key(readers.values),
        "targets": Key(readers.names),
        "triggers": Key(named(TRIGGER)),
    },
)

STEP = Construct(
    "workflow step",
    StepDefinition,
    {
        "target": Key(readers.name, mandatory=True),
        "target_relationship": Key(readers.name),
        "filter": Key(_conditions),
        "activities": Key(_activities, mandatory=True),
        "on_success": Key(readers.name_or_names),
        "on_failure": Key(readers.name_or_names),
    },
)

WORKFLOW = Construct(
    "workflow definition",
    WorkflowDefinition,
    {
        "inputs": Key(named(PARAMETER)),
        "precondition": Key(readers.value),
        "steps": Key(named(STEP)),
        "implementation": Key(IMPLEMENTATION),
        "outputs": Key(readers.values),
    },
)

__all__ = [
    "GROUP",
    "POLICY",
    "STEP",
    "TRIGGER",
    "WORKFLOW",
    "Activity",
    "ActivityKind",
    "GroupDefinition",
    "PolicyDefinition",
    "StepDefinition",
    "TriggerDefinition",
    "WorkflowDefinition",
    "listed",
]
