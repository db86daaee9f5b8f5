"""Requirement definitions of node types and their refinement (section 8.4)."""

from functools import partial

from puccini.diagnostics import suggest, unread
from puccini.grammar.types import REQUIREMENT, Kind, RelationshipDefinition, RequirementDefinition
from puccini.model.data import Role
from puccini.model.type import Type
from puccini.model.types import (
    CapabilityType,
    Filter,
    NodeType,
    Relationship,
    RelationshipType,
    Requirement,
)
from puccini.nodes import Node
from puccini.semantics import combination, definitions, interfaces, templates
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope


def define(
    definition: RequirementDefinition, parent: Requirement | None, scope: Scope, resolver: Resolver
) -> Requirement:
    """Return a requirement; a refinement when there is a `parent`."""
    result = Requirement(definition.name, definition)
    if parent is not None:
        result.capability_type, result.capability_name = parent.capability_type, parent.capability_name
        result.node_type, result.relationship = parent.node_type, parent.relationship
        result.filters, result.count_range = parent.filters, parent.count_range
    _node(definition, result, parent, scope, resolver)
    _capability(definition, result, parent, scope, resolver)
    _relationship(definition, result, parent, scope, resolver)
    if definition.node_filter is not None:
        result.filters = (*result.filters, Filter(definition.node_filter, scope.unit))
        inner = scope.with_(owner=result.relationship, relationship=True, source=scope.owner, requirement=result)
        resolver.deferred.append(partial(_check_filter, definition.node_filter, inner, resolver))
    if definition.count_range is not None:
        if parent is not None and not definition.count_range.within(parent.count_range):
            node = definition.node.child("count_range")
            message = f"{definition.count_range} is not within {parent.count_range}, as in the parent type"
            resolver.report.error("bad-refinement", message, node, related=parent.node)
        result.count_range = definition.count_range
    return result


def _check_filter(node: Node, scope: Scope, resolver: Resolver) -> None:
    """Check a filter when all types are known, although no node template may ever use it."""
    templates.condition(node, scope, resolver)


def check_targets(type: NodeType, resolver: Resolver) -> None:
    """Check that the node types that requirements name have the capability they ask for."""
    parent = type.parent if isinstance(type.parent, NodeType) else None
    for requirement in type.requirements.values():
        if parent is not None and parent.requirements.get(requirement.name) is requirement:
            continue
        target = requirement.node_type
        if target is None:
            continue
        wanted = requirement.capability_type
        if requirement.capability_name:
            known = target.capabilities
            if requirement.capability_name not in known and not target.incomplete:
                hint = suggest(requirement.capability_name, known)
                message = f"the node type {target.name!r} has no capability {requirement.capability_name!r}"
                resolver.report.error("unknown-capability", message, requirement.node, hint)
        elif (
            wanted is not None
            and not target.incomplete
            and not any(one.type.derives(wanted) for one in target.capabilities.values())
        ):
            if any(wanted.derives(one.type) for one in target.capabilities.values()):
                continue
            message = f"the node type {target.name!r} has no capability of the type {wanted.name!r}"
            resolver.report.warn("unfulfillable", message, requirement.node, "only types derived from it may have one")


def _node(
    definition: RequirementDefinition,
    result: Requirement,
    parent: Requirement | None,
    scope: Scope,
    resolver: Resolver,
) -> None:
    if definition.node_type is None:
        return
    found = resolver.find(Kind.NODE, scope.unit, definition.node_type)
    if not isinstance(found, NodeType):
        return
    if parent is not None and parent.node_type is not None and not found.derives(parent.node_type):
        _not_derived(found, parent.node_type, definition.node_type, parent, resolver)
    result.node_type = found


def _capability(
    definition: RequirementDefinition,
    result: Requirement,
    parent: Requirement | None,
    scope: Scope,
    resolver: Resolver,
) -> None:
    name = definition.capability
    if name is None:
        if parent is None and not _inherits(definition, "capability", scope):
            message = f"the requirement {definition.name!r} has no capability"
            resolver.report.error("missing-keyname", message, definition.node, "add 'capability: ...'")
        return
    if parent is not None and parent.capability_name:
        if name.text != parent.capability_name:
            message = f"the capability is {parent.capability_name!r} by name in the parent type, and stays that"
            resolver.report.error("bad-refinement", message, name, related=parent.node)
        return
    known = scope.unit.type(Kind.CAPABILITY, name.text) is not None
    if not known and result.node_type is not None and _declares(result.node_type, name.text):
        result.capability_name = name.text
        return
    found = resolver.find(Kind.CAPABILITY, scope.unit, name)
    if not isinstance(found, CapabilityType):
        return
    if parent is not None and parent.capability_type is not None and not found.derives(parent.capability_type):
        _not_derived(found, parent.capability_type, name, parent, resolver)
        return
    result.capability_type = found


def _inherits(definition: RequirementDefinition, key: str, scope: Scope) -> bool:
    """Whether what is missing may be in a parent that is not known, or is written but cannot be read."""
    if isinstance(scope.owner, Type) and scope.owner.uncertain:
        return True
    return unread(definition.node, key, REQUIREMENT.keys)


def _declares(type: NodeType, name: str) -> bool:
    """Whether a node type, filled or not, has a capability of that name."""
    return any(name in getattr(one.definition, "capabilities", {}) for one in type.ancestors)


def _relationship(
    definition: RequirementDefinition,
    result: Requirement,
    parent: Requirement | None,
    scope: Scope,
    resolver: Resolver,
) -> None:
    written = definition.relationship
    if written is None:
        if parent is None and not _inherits(definition, "relationship", scope):
            message = f"the requirement {definition.name!r} has no relationship"
            resolver.report.warn("no-relationship", message, definition.node, "add 'relationship: TYPE'")
        return
    before = parent.relationship if parent is not None else None
    type = _relationship_type(written, before, parent, scope, resolver)
    if type is None:
        return
    made = Relationship(type, written.node)
    if before is not None:
        base = before.type
        made.properties = combination.data(type.properties, before.properties, base.properties)
        made.attributes = combination.data(type.attributes, before.attributes, base.attributes)
        made.interfaces = combination.interfaces(type.interfaces, before.interfaces, base.interfaces)
    title = f"the relationship type {type.name!r}"
    inner = scope.with_(owner=type, relationship=True, source=scope.owner)
    made.properties = definitions.extend(
        made.properties, written.properties, Role.PROPERTY, inner, resolver, closed=title
    )
    made.attributes = definitions.extend(
        made.attributes, written.attributes, Role.ATTRIBUTE, inner, resolver, closed=title
    )
    made.interfaces = interfaces.extend(made.interfaces, written.interfaces, inner, resolver, closed=title)
    result.relationship = made


def _relationship_type(
    written: RelationshipDefinition,
    before: Relationship | None,
    parent: Requirement | None,
    scope: Scope,
    resolver: Resolver,
) -> RelationshipType | None:
    if written.type is None:
        if before is not None:
            return before.type
        resolver.report.error("missing-keyname", "the relationship has no type", written.node, "add 'type: ...'")
        return None
    found = resolver.find(Kind.RELATIONSHIP, scope.unit, written.type)
    if not isinstance(found, RelationshipType):
        return None
    if before is not None and parent is not None and not found.derives(before.type):
        _not_derived(found, before.type, written.type, parent, resolver)
    return found


def _not_derived(found: Type, wanted: Type, node: Node, parent: Requirement, resolver: Resolver) -> None:
    message = f"{found.name!r} is neither {wanted.name!r}, as in the parent type, nor derived from it"
    resolver.report.error("bad-refinement", message, node, related=parent.node)
