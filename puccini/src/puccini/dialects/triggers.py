"""What limits a trigger of TOSCA 1.x: the node of its ``target_filter``, and the period of its ``schedule``.

Called by `puccini.semantics` when the targets of its policy are known.
"""

from collections.abc import Sequence

from floria.values import Call, Value
from puccini.data import timestamps
from puccini.diagnostics import suggest
from puccini.dialects.forms import Watch
from puccini.grammar.types import Kind
from puccini.model.service import NodeTemplate, Service, Trigger
from puccini.model.types import NodeType
from puccini.nodes import Node
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope

WITHIN = "tosca:within"
_SELF = "SELF"


def limit(
    trigger: Trigger, watch: Watch, nodes: Sequence[NodeTemplate], service: Service, scope: Scope, resolver: Resolver
) -> None:
    """Complete a trigger that is limited."""
    if watch.node is not None:
        _where(trigger, watch.node, nodes, service, scope, resolver)
    if watch.schedule is not None:
        _when(trigger, watch.schedule, resolver)


def _where(
    trigger: Trigger, node: Node, nodes: Sequence[NodeTemplate], service: Service, scope: Scope, resolver: Resolver
) -> None:
    """It acts at the targets of that name or type; a node that is no target is what its condition is about."""
    name = node.text
    if any(one.name == name for one in nodes):
        trigger.only = frozenset([name])
        return
    if name in service.nodes:
        trigger.condition = _about(trigger.condition, name)
        return
    found = scope.unit.type(Kind.NODE, name)
    type = resolver.types.get(id(found.definition)) if found is not None else None
    if not isinstance(type, NodeType):
        message = f"target_filter: there is neither a node template nor a node type {name!r}"
        resolver.report.error("unknown-node", message, node, suggest(name, service.nodes))
        return
    trigger.only = frozenset(one.name for one in nodes if one.type is not None and one.type.derives(type))


def _about(value: Value, name: str) -> Value:
    """Return a condition about the node `name`."""
    if isinstance(value, Call):
        given = value.arguments
        if value.function in ("tosca:get_attribute", "tosca:get_property") and given and given[0] == _SELF:
            return Call(value.function, [name, *given[1:]])
        return Call(value.function, [_about(one, name) for one in given])
    return [_about(one, name) for one in value] if isinstance(value, list) else value


def _when(trigger: Trigger, node: Node, resolver: Resolver) -> None:
    """It acts from the begin to the end of the period."""
    bounds: list[Value] = []
    for key in ("start_time", "end_time"):
        child = node.get(key)
        if child is None:
            message = f"schedule: {key!r} is missing"
            resolver.report.error("missing-keyname", message, node, f"add '{key}: 2030-01-31T12:00:00Z'")
            return
        try:
            timestamps.parse(child.value)
        except (TypeError, ValueError):
            message = f"schedule: {key} is the time {child.value!r}, which is none"
            resolver.report.error("wrong-type", message, child, "such as 2030-01-31T12:00:00Z")
            return
        bounds.append(child.value)
    if timestamps.parse(str(bounds[1])) <= timestamps.parse(str(bounds[0])):
        resolver.report.error("bad-range", "schedule: it ends before it begins", node)
        return
    within = Call(WITHIN, bounds)
    trigger.condition = within if trigger.condition is None else Call("tosca:and", [within, trigger.condition])
