"""Activities of workflow steps and policy triggers (section 13.2.3)."""

from collections.abc import Sequence
from functools import partial

from puccini.diagnostics import suggest
from puccini.grammar.policies import Activity, ActivityKind
from puccini.model.data import Property
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
        workflow = service.definition.workflows.get(action.subject)
        if workflow is None and service.uncertain("workflows", action.subject):
            return action
        if workflow is None:
            hint = suggest(action.subject, service.definition.workflows)
            message = f"there is no workflow {action.subject!r}"
            resolver.report.error("unknown-workflow", message, activity.subject, hint)
        else:
            for name, node in activity.inputs.items():
                if name not in workflow.inputs:
                    message = f"the workflow {action.subject!r} has no input {name!r}"
                    hint = suggest(name, workflow.inputs)
                    resolver.report.error("unknown-input", message, node, hint, key=True)
    for name, node in activity.inputs.items():
        schema = known[name].schema if known is not None and name in known else None
        values.give(node, schema, scope, resolver, partial(action.inputs.__setitem__, name))
    return action


def _operation(
    activity: Activity,
    targets: Sequence[NodeTemplate],
    resolver: Resolver,
    interfaces: dict[str, Interface] | None,
) -> dict[str, Property] | None:
    """Return the inputs of the operation that is called; report when there is none."""
    subject = activity.subject
    interface_name, dot, operation_name = subject.text.partition(".")
    if not dot or not operation_name:
        message = f"an operation is named INTERFACE.OPERATION, not {subject.text!r}"
        resolver.report.error("bad-operation", message, subject)
        return None
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
