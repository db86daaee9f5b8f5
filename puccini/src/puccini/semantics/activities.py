"""Activities of workflow steps and policy triggers (section 13.2.3)."""

from collections.abc import Sequence
from functools import partial

from puccini.diagnostics import mistaken, suggest
from puccini.grammar import policies
from puccini.grammar.policies import Activity, ActivityKind
from puccini.model.data import UNSET, Property
from puccini.model.service import Action, NodeTemplate, Service
from puccini.model.types import Interface
from puccini.semantics import values
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope


def build(
    given: Sequence[Activity],
    targets: Sequence[NodeTemplate],
    service: Service,
    scope: Scope,
    resolver: Resolver,
    interfaces: dict[str, Interface] | None = None,
) -> list[Action]:
    """Return the activities for nodes `targets`, or for a relationship that has `interfaces`."""
    return [_action(one, targets, service, scope, resolver, interfaces) for one in given]


def _action(
    activity: Activity,
    targets: Sequence[NodeTemplate],
    service: Service,
    scope: Scope,
    resolver: Resolver,
    interfaces: dict[str, Interface] | None,
) -> Action:
    action = Action(activity.kind, activity.subject.text, activity.node)
    known: dict[str, Property] | None = None
    if activity.kind is ActivityKind.CALL_OPERATION:
        known = _operation(activity, targets, resolver, interfaces)
    elif activity.kind is ActivityKind.INLINE:
        if action.subject not in service.workflows and service.uncertain("workflows", action.subject):
            return action
        known = _workflow(activity, service, resolver)
    for name, node in activity.inputs.items():
        defined = known.get(name) if known is not None else None
        if defined is not None and defined.fixed is not UNSET:
            message = f"{name!r} has a fixed value, which cannot be assigned"
            resolver.report.error("fixed-value", message, node, "remove it", key=True, related=defined.node)
            continue
        schema = defined.schema if defined is not None else None
        values.give(node, schema, scope, resolver, partial(action.inputs.__setitem__, name))
    return action


def _workflow(activity: Activity, service: Service, resolver: Resolver) -> dict[str, Property] | None:
    """Return the inputs of the workflow that is inlined; report when there is none, or when its inputs do not fit."""
    subject = activity.subject
    workflow = service.workflows.get(subject.text)
    if workflow is None:
        hint = suggest(subject.text, service.workflows)
        resolver.report.error("unknown-workflow", f"there is no workflow {subject.text!r}", subject, hint)
        return None
    unknown = [name for name in activity.inputs if name not in workflow.inputs]
    for name in unknown:
        message = f"the workflow {subject.text!r} has no input {name!r}"
        hint = suggest(name, workflow.inputs)
        resolver.report.error("unknown-input", message, activity.inputs[name], hint, key=True)
    for name, one in workflow.inputs.items():
        if name not in activity.inputs and one.required and one.initial is UNSET and not mistaken(name, unknown):
            message = f"the input {name!r} of the workflow {subject.text!r} is required"
            hint = f"write 'inline: {{ workflow: {subject.text}, inputs: {{ {name}: ... }} }}'"
            resolver.report.error("missing-property", message, subject, hint, related=one.node)
    return workflow.inputs


def _operation(
    activity: Activity,
    targets: Sequence[NodeTemplate],
    resolver: Resolver,
    interfaces: dict[str, Interface] | None,
) -> dict[str, Property] | None:
    """Return the inputs of the operation that is called; report when there is none."""
    subject = activity.subject
    found = policies.operation_name(subject, resolver.report)
    if found is None:
        return None
    interface_name, operation_name = found
    known: dict[str, Property] | None = None
    holders = [
        (target.name, target.type.interfaces, target.type.incomplete) for target in targets if target.type is not None
    ]
    if interfaces is not None:
        holders = [("the relationship", interfaces, False)]
    for owner, available, incomplete in holders:
        interface = available.get(interface_name)
        if interface is None and incomplete:
            continue
        if interface is None:
            message = f"{owner!r} has no interface {interface_name!r}"
            resolver.report.error("unknown-interface", message, subject, suggest(interface_name, available))
            continue
        operation = interface.operations.get(operation_name)
        if operation is None:
            if not interface.type.handles_events and not interface.type.incomplete:
                message = f"the interface {interface_name!r} of {owner!r} has no operation {operation_name!r}"
                hint = suggest(operation_name, interface.operations)
                resolver.report.error("unknown-operation", message, subject, hint)
            continue
        known = {**interface.inputs, **operation.inputs}
    return known
