"""Groups and policies as vertex templates, triggers as handlers on the policy and on its targets (section 16)."""

from collections.abc import Iterator, Mapping

from floria.entities import Handler, VertexTemplate
from floria.values import Call, Value
from puccini.compilation import properties
from puccini.compilation.marks import GROUP, POLICY
from puccini.compilation.state import State
from puccini.model.service import Action, Group, NodeTemplate, Policy, Service, Trigger

ACTIONS = "tosca:actions"


def handlers(service: Service, state: State) -> dict[str, list[Handler]]:
    """Return the handlers of triggers by the name of the node template they are on."""
    found: dict[str, list[Handler]] = {}
    for policy in service.policies:
        names: dict[str, None] = {}
        for target in policy.targets:
            members = target.nodes() if isinstance(target, Group) else [target]
            names.update((one.name, None) for one in members)
        for trigger in policy.triggers:
            for name in filter(trigger.is_for, names):
                found.setdefault(name, []).append(_handler(policy, trigger))
    return found


def vertexes(
    service: Service, root: VertexTemplate, triggers: Mapping[str, list[Handler]], state: State
) -> Iterator[VertexTemplate]:
    """Yield the vertex templates of groups and policies."""
    for group in service.groups.values():
        assert group.type is not None
        members = [_reference(member) for member in group.members]
        yield VertexTemplate(
            id=state.id("group", group.name),
            name=group.name,
            parent=root.id,
            classes=(*group.type.classes, GROUP),
            properties=properties.assigned(
                state.defaults(group.type),
                group.type.properties,
                group.type.attributes,
                group.properties,
                group.attributes,
            ),
            metadata=properties.metadata(group.node, group.metadata, members=members),
        )
    for policy in service.policies:
        assert policy.type is not None
        targets = [_reference(target) for target in policy.targets]
        yield VertexTemplate(
            id=state.id("policy", policy.name),
            name=policy.name,
            parent=root.id,
            classes=(*policy.type.classes, POLICY),
            properties=properties.assigned(
                state.defaults(policy.type), policy.type.properties, {}, policy.properties, {}
            ),
            handlers=tuple(_handler(policy, trigger) for trigger in policy.triggers),
            metadata=properties.metadata(policy.node, policy.metadata, targets=targets),
        )


def actions(given: list[Action]) -> list[Value]:
    """Return activities as data: maps of ``kind`` (TOSCA's word), ``subject`` and ``inputs``."""
    return [{"kind": one.kind.value, "subject": one.subject, "inputs": dict(one.inputs)} for one in given]


def _handler(policy: Policy, trigger: Trigger) -> Handler:
    plain: dict[str, Value] = {
        "policy": policy.name,
        "trigger": trigger.name,
        "actions": actions(trigger.actions),
    }
    if trigger.only is not None:
        plain["only"] = [*sorted(trigger.only)]
    call = Call(ACTIONS, [plain])
    name = f"{policy.name}.{trigger.name}"
    metadata: dict[str, Value] = {"tosca.origin": trigger.node.origin}
    if trigger.condition is None:
        return Handler(event=trigger.event, call=call, name=name, metadata=metadata)
    return Handler(event=trigger.event, call=call, name=name, condition=trigger.condition, metadata=metadata)


def _reference(member: NodeTemplate | Group) -> Value:
    return {"kind": "group" if isinstance(member, Group) else "node", "name": member.name}
