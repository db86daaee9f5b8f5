"""Groups, policies and their triggers (sections 16.2, 16.4, 16.5)."""

from collections.abc import Mapping

from puccini.diagnostics import suggest
from puccini.grammar.policies import GroupDefinition, PolicyDefinition, TriggerDefinition
from puccini.grammar.types import Kind
from puccini.model.service import Group, NodeTemplate, Policy, Service, Trigger
from puccini.model.type import Type
from puccini.model.types import GroupType, PolicyType
from puccini.nodes import Node
from puccini.semantics import activities, templates, values
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope


def build(service: Service, resolver: Resolver) -> None:
    """Fill the groups and policies of the service."""
    definition = service.definition
    for name, group in definition.groups.items():
        type = resolver.find(Kind.GROUP, service.unit, group.type) if group.type is not None else None
        made = Group(name, type if isinstance(type, GroupType) else None, group.node)
        made.metadata = group.metadata
        service.groups[name] = made
    for name, group in definition.groups.items():
        _group(service.groups[name], group, service, resolver)
    for name in service.groups:
        _check_cycle(service.groups[name], resolver)
    for policy in definition.policies:
        service.policies.append(_policy(policy, service, resolver))


def _group(group: Group, definition: GroupDefinition, service: Service, resolver: Resolver) -> None:
    group.members = _members(definition.members, service, resolver)
    type = group.type
    if type is None:
        return
    scope = Scope(service.unit, service=service)
    owner = f"the group type {type.name!r}"
    group.properties = values.assign(
        definition.properties, type.properties, scope, resolver, owner, open_ended=type.incomplete
    )
    values.require(definition.properties, type.properties, definition.node, repr(group.name), resolver)
    group.attributes = templates.assign_attributes(definition.attributes, type, scope, resolver, owner)
    if type.members is not None:
        for member, node in zip(group.members, definition.members, strict=False):
            nodes = member.nodes() if isinstance(member, Group) else [member]
            for one in nodes:
                _check_type(one.type, type.members, repr(one.name), owner, node, resolver)


def _members(names: list[Node], service: Service, resolver: Resolver) -> list[NodeTemplate | Group]:
    found: list[NodeTemplate | Group] = []
    known: Mapping[str, NodeTemplate | Group] = {**service.groups, **service.nodes}
    for name in names:
        member = known.get(name.text)
        if member is None:
            if any(service.uncertain(section, name.text) for section in ("node_templates", "groups")):
                continue
            message = f"there is neither a node template nor a group {name.text!r}"
            resolver.report.error("unknown-node", message, name, suggest(name.text, known))
        else:
            found.append(member)
    return found


def _check_cycle(group: Group, resolver: Resolver) -> None:
    stack = [member for member in group.members if isinstance(member, Group)]
    visited: set[str] = set()
    while stack:
        member = stack.pop()
        if member is group:
            resolver.report.error(
                "group-cycle", f"the group {group.name!r} is a member of itself", group.node, key=True
            )
            return
        if member.name not in visited:
            visited.add(member.name)
            stack.extend(one for one in member.members if isinstance(one, Group))


def _policy(definition: PolicyDefinition, service: Service, resolver: Resolver) -> Policy:
    found = resolver.find(Kind.POLICY, service.unit, definition.type) if definition.type is not None else None
    type = found if isinstance(found, PolicyType) else None
    policy = Policy(definition.name, type, definition.node)
    policy.metadata = definition.metadata
    policy.targets = _members(definition.targets, service, resolver)
    for target, node in zip(policy.targets, definition.targets, strict=False):
        if isinstance(target, NodeTemplate) and target.selects and target.name == node.text:
            message = f"{target.name!r} is a node of another service, whose policies are its own"
            resolver.report.warn(
                "selected-target", message, node, "make the policy part of the service that has the node"
            )
    scope = Scope(service.unit, service=service)
    if type is not None:
        owner = f"the policy type {type.name!r}"
        policy.properties = values.assign(
            definition.properties, type.properties, scope, resolver, owner, open_ended=type.incomplete
        )
        values.require(definition.properties, type.properties, definition.node, repr(policy.name), resolver)
        if type.targets is not None:
            for target, node in zip(policy.targets, definition.targets, strict=False):
                _check_type(target.type, type.targets, repr(target.name), owner, node, resolver)
        for trigger, unit in type.triggers.values():
            policy.triggers.append(_trigger(trigger, policy, service, scope.with_(unit=unit), resolver))
    for name, trigger in definition.triggers.items():
        if type is not None and name in type.triggers:
            message = f"the trigger {name!r} of the policy type cannot be changed"
            resolver.report.error("bad-refinement", message, trigger.node, "choose another name", key=True)
            continue
        policy.triggers.append(_trigger(trigger, policy, service, scope, resolver))
    return policy


def _trigger(
    definition: TriggerDefinition, policy: Policy, service: Service, scope: Scope, resolver: Resolver
) -> Trigger:
    event = definition.event.text if definition.event is not None else ""
    trigger = Trigger(definition.name, event, definition.node)
    if definition.condition is not None:
        trigger.condition = templates.condition(definition.condition, scope, resolver)
    nodes: list[NodeTemplate] = []
    for target in policy.targets:
        nodes.extend(target.nodes() if isinstance(target, Group) else [target])
    watch = getattr(definition.node.document, "watch", None)
    if watch is not None:
        watch(trigger, nodes, service, scope, resolver)
        nodes = [one for one in nodes if trigger.is_for(one.name)]
    if definition.event is not None:
        _check_event(definition.event, nodes, resolver)
    trigger.actions = activities.build(definition.action, nodes, service, scope, resolver)
    return trigger


def _check_event(event: Node, nodes: list[NodeTemplate], resolver: Resolver) -> None:
    """Warn of INTERFACE.NOTIFICATION (section 11.6) when every target has the interface and none that notification."""
    interface, _, name = event.text.partition(".")
    found = [one.type.interfaces.get(interface) for one in nodes if one.type is not None]
    if not name or not found or len(found) < len(nodes):
        return
    names: set[str] = set()
    for one in found:
        if one is None or one.type.incomplete or one.type.handles_events:
            return
        names |= one.notifications.keys() | one.operations.keys()
    if name not in names:
        message = f"no target of the policy has a notification {name!r} in its interface {interface!r}"
        resolver.report.warn("unknown-event", message, event, suggest(name, names))


def _check_type(
    type: Type | None, valid: tuple[Type, ...], name: str, owner: str, node: Node, resolver: Resolver
) -> None:
    if type is None or any(type.derives(one) for one in valid):
        return
    wanted = ", ".join(repr(one.name) for one in valid)
    message = f"{name} is of the type {type.name!r}; {owner} takes only {wanted}"
    resolver.report.error("bad-member", message, node)
