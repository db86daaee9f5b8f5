"""Interfaces and their operations where these are called: in workflow steps, triggers and mappings of substitution.

Called by `puccini.server.occurrences`. What is called is found in the types of the nodes that the call is for.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from puccini import yaml
from puccini.grammar.types import Kind
from puccini.nodes import Node
from puccini.server.occurrence import Occurrence
from puccini.server.structure import World

SECTIONS = frozenset(
    {
        ("workflow step", "activities"),
        ("trigger definition", "action"),
        ("trigger definition", "event"),
        ("substitution mapping", "interfaces"),
    }
)
"""Titles of constructs, and their keynames under which operations, notifications or interfaces are named."""


def find(node: Node, key: str, world: World) -> Iterator[Occurrence]:
    """Yield the interfaces, operations and notifications that are named under `node`, which has one of those keys."""
    if key == "interfaces":
        yield from _mapped(node, world)
    elif key == "event" and isinstance(node.value, str):
        yield from _named(node, _targets(node, world), ("notifications",))
    elif key == "action":
        yield from _called(node, _targets(node, world))
    elif key == "activities":
        yield from _called(node, _step(node, world))


def _called(node: Node, holders: Iterable[Any]) -> Iterator[Occurrence]:
    """What is called by activities for nodes of the types `holders`, or for a relationship."""
    known = list(holders)
    for item in node if type(node.value) is yaml.Seq else ():
        call = item.get("call_operation") if type(item.value) is yaml.Map else None
        named = call.get("operation") if call is not None and type(call.value) is yaml.Map else call
        if named is not None and isinstance(named.value, str):
            yield from _named(named, known, ("operations",))


def _named(node: Node, holders: Iterable[Any], sections: tuple[str, ...]) -> Iterator[Occurrence]:
    """What ``INTERFACE.NAME`` means in each of the types; where they have it from one, once."""
    name, _, last = node.text.rpartition(".")
    for interface in _once(getattr(one, "interfaces", {}).get(name) for one in holders):
        yield Occurrence(node, False, "interface", name, interface.node, interface, False, True, True)
        for section in sections:
            found = getattr(interface, section).get(last)
            if found is not None:
                yield Occurrence(node, False, section[:-1], last, found.node, found, False, True)


def _once(found: Iterable[Any]) -> Iterable[Any]:
    return {id(one.node.marks): one for one in found if one is not None}.values()


def _step(node: Node, world: World) -> Iterator[Any]:
    """Yield what the activities of a workflow step are for."""
    step = node.parent
    target = step.get("target") if step is not None else None
    if step is None or target is None or not isinstance(target.value, str):
        return
    holders = _types(target.text, world)
    relationship = step.get("target_relationship")
    if relationship is None:
        yield from holders
    elif isinstance(relationship.value, str):
        for holder in holders:
            requirement = getattr(holder, "requirements", {}).get(relationship.text)
            yield getattr(requirement, "relationship", None)


def _targets(node: Node, world: World) -> Iterator[Any]:
    """Yield the types of the targets of the policy, or policy type, around something in a trigger."""
    policy = node.parent
    for _ in range(2):
        policy = policy.parent if policy is not None else None
    targets = policy.get("targets") if policy is not None else None
    if targets is None and policy is not None:
        written = policy.get("type")
        type = world.type(Kind.POLICY, written.text) if written is not None else None
        yield from getattr(type, "targets", None) or ()
    for item in targets if targets is not None and isinstance(targets.value, yaml.Seq) else ():
        if isinstance(item.value, str):
            yield from _types(item.text, world)


def _types(name: str, world: World) -> Iterator[Any]:
    """Yield the types of the nodes that a node template, a group, or the name of a type stands for."""
    service = world.service
    if service is not None and name in service.nodes:
        yield service.nodes[name].type
    elif service is not None and name in service.groups:
        yield from (one.type for one in service.groups[name].nodes())
    else:
        yield world.type(Kind.NODE, name)
        group = world.type(Kind.GROUP, name)
        yield from getattr(group, "members", None) or ()


def _mapped(node: Node, world: World) -> Iterator[Occurrence]:
    """What mappings of interfaces name: those of the substituted type, their operations, and workflows."""
    written = node.parent.get("node_type") if node.parent is not None else None
    outer = world.type(Kind.NODE, written.text) if written is not None and isinstance(written.value, str) else None
    for name, child in node.items() if type(node.value) is yaml.Map else ():
        interface = getattr(outer, "interfaces", {}).get(name)
        if interface is None:
            continue
        yield Occurrence(child, True, "interface", name, interface.node, interface, False, True)
        for operation, workflow in child.items() if type(child.value) is yaml.Map else ():
            found = interface.operations.get(operation)
            if found is not None:
                yield Occurrence(workflow, True, "operation", operation, found.node, found, False, True)
            service = world.service
            if service is not None and isinstance(workflow.value, str) and workflow.text in service.workflows:
                thing = service.workflows[workflow.text]
                yield Occurrence(workflow, False, "workflow", thing.name, thing.node, thing, False, True)
