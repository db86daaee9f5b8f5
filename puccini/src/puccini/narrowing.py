"""Edits of node types that are about properties alone: what else there is of their nodes stays as it was resolved.

Called by `puccini.session`, before it looks for everything that depends on a type. The types are read and filled again;
of each of their nodes, the properties that changed are assigned again, and what it knows of its type is renewed. Nodes
that name such a property anywhere, or of which something was reported, are resolved again in full.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from puccini import dialects, yaml
from puccini.dependence import LATER, Names, derives_alike, stays
from puccini.grammar.types import Kind
from puccini.loading import Loaded
from puccini.model.data import UNSET
from puccini.model.service import Implemented, NodeTemplate, Service
from puccini.model.type import Type
from puccini.model.types import Interface, NodeType
from puccini.semantics import siblings, values
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope
from puccini.units import FUNCTIONS, Unit

_LOOSE: Final = frozenset({"properties", "description"})
"""What may change of a type."""


class Narrow(NamedTuple):
    """`properties` that changed of `types`; nodes to resolve again in full, and the others of these types."""

    types: list[Type]
    properties: frozenset[str]
    full: list[str]
    others: list[str]


def find(
    loaded: Loaded,
    said: Collection[str],
    names: Names,
    unit: Unit,
    changed: Sequence[tuple[Kind, str]],
    documents: tuple[yaml.Document, yaml.Document],
) -> Narrow | None:
    """Return what an edit of types of `unit` asks for; None when it is about more than properties.

    `documents` are the file before and after; `said` are those on whose behalf something was reported.
    """
    service, resolver, entry = loaded.service, loaded.resolver, loaded.entry
    assert service is not None
    assert resolver is not None
    assert entry is not None
    old, new = documents
    properties: set[str] = set()
    for kind, name in changed:
        found = _changed(kind, name, old, new)
        if found is None:
            return None
        properties |= found
    known = {(type.kind, type.name): type for type in resolver.types.values()}
    if len(known) != len(resolver.types) or any(one not in known or known[one].unit is not unit for one in changed):
        return None
    edited = {known[one] for one in changed}
    types = [type for type in known.values() if not edited.isdisjoint(type.ancestors)]
    if not all(stays(type) and not type.incomplete for type in types):
        return None
    if not all(derives_alike(known[one], new, one) for one in changed):
        return None
    if any(one.local(FUNCTIONS) or dialects.is_old(one.root) for one in resolver.units):
        return None
    if properties and any(
        not properties.isdisjoint(names.of(type.node)[0]) for type in known.values() if type.definition
    ):
        return None
    return _nodes(service, entry, types, frozenset(properties), said, names)


def _nodes(
    service: Service, entry: Unit, types: list[Type], properties: frozenset[str], said: Collection[str], names: Names
) -> Narrow | None:
    template = entry.root.child("service_template")
    parts = template.document.parts
    if parts is None or "node_templates" not in parts or parts["node_templates"].parts is None:
        return None
    of_types = {type.name for type in types}
    for key, child in template.items():
        if key not in LATER and not (of_types | properties).isdisjoint(names.of(child)[1]):
            return None
    mine = {id(type) for type in types}
    full: list[str] = []
    others: list[str] = []
    for name, definition in service.definition.node_templates.items():
        node = service.nodes.get(name)
        if node is None:
            return None
        is_of_them = id(node.type) in mine
        if is_of_them and definition.copy is not None:
            return None
        if not properties.isdisjoint(names.of(definition.node)[0]):
            full.append(name)
        elif is_of_them:
            special = (
                f"node_templates/{name}" in said
                or definition.directives
                or not properties.isdisjoint(definition.attributes)
            )
            refined = any(one.relationship is not None for one in definition.requirements)
            (full if special or refined else others).append(name)
    if len(full) > max(50, len(service.nodes) // 2):
        return None
    if any(service.definition.node_templates[name].copy is not None for name in full):
        return None
    return Narrow(types, properties, full, others)


def assign(narrow: Narrow, service: Service, resolver: Resolver) -> bool:
    """Renew the other nodes, whose types are filled again; return whether that was possible."""
    for type in narrow.types:
        if not isinstance(type, NodeType) or type.incomplete or siblings.related(type, resolver):
            return False
        if not narrow.properties <= type.properties.keys():
            return False
    before = resolver.report.owner
    for name in narrow.others:
        node = service.nodes[name]
        resolver.report.owner = f"node_templates/{name}"
        _assign(node, narrow.properties, service, resolver)
        _renew(node)
    resolver.report.owner = before
    return True


def _assign(node: NodeTemplate, properties: Iterable[str], service: Service, resolver: Resolver) -> None:
    """Assign some properties again; before, nothing was wrong with any."""
    written, type = service.definition.node_templates[node.name], node.type
    assert type is not None
    scope = Scope(service.unit, service=service, owner=node)
    given = {name: written.properties[name] for name in properties if name in written.properties}
    known = {name: type.properties[name] for name in properties}
    for name, definition in known.items():
        if definition.fixed is not UNSET:
            node.properties.pop(name, None)
    values.assign(given, known, scope, resolver, f"the node type {type.name!r}", into=node.properties)
    values.require(written.properties, known, written.node, repr(node.name), resolver)


def _renew(node: NodeTemplate) -> None:
    """Have a node know what its type is made of now."""
    type = node.type
    assert type is not None
    _interfaces(node.implemented, type.interfaces)
    for interface in node.interfaces.values():
        interface.interface = type.interfaces[interface.interface.name]
    for use in node.requirements:
        requirement = type.requirements[use.name]
        relationship = use.relationship
        if relationship is not None and relationship.definition is use.requirement.relationship:
            assert requirement.relationship is not None
            relationship.definition = requirement.relationship
            _interfaces(relationship.implemented, requirement.relationship.interfaces)
        use.requirement = requirement


def _interfaces(found: Iterable[Implemented], interfaces: Mapping[str, Interface]) -> None:
    for one in found:
        before, after = one.interface, interfaces[one.interface.name]
        if one.defined is not None:
            is_operation = before.operations.get(one.name) is one.defined
            one.defined = (after.operations if is_operation else after.notifications)[one.name]
        if one.use is None:
            one.node = one.defined.node if one.defined is not None else after.node
        one.interface = after


def _changed(kind: Kind, name: str, old: yaml.Document, new: yaml.Document) -> set[str] | None:
    """Return the properties of a type that are not as they were; None when there is more."""
    if kind is not Kind.NODE or old.parts is None or new.parts is None:
        return None
    before, after = old.parts[kind.value], new.parts[kind.value]
    assert before.parts is not None
    assert after.parts is not None
    if any(one.anchored or one.unusual or one.problems for one in (before.parts[name], after.parts[name])):
        return None
    was, now = before.value[name], after.value[name]
    if type(was) is not yaml.Map or type(now) is not yaml.Map:
        return None
    if not alike(*({key: value for key, value in one.items() if key not in _LOOSE} for one in (was, now))):
        return None
    if any(not isinstance(one.get("description", ""), str) for one in (was, now)):
        return None
    first, second = was.get("properties", yaml.Map()), now.get("properties", yaml.Map())
    if type(first) is not yaml.Map or type(second) is not yaml.Map:
        return None
    common = [key for key in second if key in first]
    if not all(isinstance(key, str) for key in second) or list(first) != common:
        return None
    return {key for key, value in second.items() if key not in first or not alike(first[key], value)}


def alike(one: Any, other: Any) -> bool:
    """Whether two values are the same in YAML, where 1 is neither true nor 1.0, with their keys in one order."""
    if one.__class__ is not other.__class__:
        return False
    if isinstance(one, dict):
        return alike(list(one), list(other)) and all(map(alike, one.values(), other.values()))
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return repr(one) == repr(other)
