"""Requirement assignments of node templates (section 8.5): targets, counts, relationships, filters, allocation."""

from collections.abc import Sequence
from functools import partial

from floria.values import Value
from puccini import yaml
from puccini.diagnostics import suggest
from puccini.grammar.readers import UNBOUNDED
from puccini.grammar.templates import RelationshipAssignment
from puccini.grammar.templates import RequirementAssignment as Definition
from puccini.grammar.types import Kind
from puccini.model.data import ANY, BUILT_IN, Base, Schema
from puccini.model.service import NodeTemplate, RelationshipUse, RequirementUse
from puccini.model.types import CapabilityType, NodeType, Relationship, RelationshipType, Requirement
from puccini.nodes import Node, describe
from puccini.semantics import combination, linking, operations, templates, values
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope

_INTEGER = Schema(BUILT_IN["integer"])
_ALLOCATABLE = (Base.INTEGER, Base.FLOAT, Base.SCALAR)


def build(
    template: NodeTemplate, type: NodeType, given: Sequence[Definition], scope: Scope, resolver: Resolver
) -> None:
    """Fill the requirements of a node template, in the order of its type's definitions."""
    by_name: dict[str, list[Definition]] = {}
    for definition in given:
        if definition.name not in type.requirements:
            if type.incomplete:
                continue
            message = f"the node type {type.name!r} has no requirement {definition.name!r}"
            hint = suggest(definition.name, type.requirements)
            resolver.report.error("unknown-requirement", message, definition.node, hint, key=True)
            continue
        by_name.setdefault(definition.name, []).append(definition)
    for name, requirement in type.requirements.items():
        uses = [_use(one, requirement, template, scope, resolver) for one in by_name.get(name, [])]
        if not uses and requirement.count_range.lower > 0 and not template.selects:
            uses = [implicit(requirement, template, scope, resolver)]
        template.requirements.extend(uses)
        if uses and not template.selects:
            resolver.deferred.append(partial(_check_counts, requirement, uses, resolver))
            for use in uses:
                resolver.deferred.append(partial(linking.check, use, template, resolver))


def implicit(requirement: Requirement, template: NodeTemplate, scope: Scope, resolver: Resolver) -> RequirementUse:
    """Section 8.5.4: what is not assigned although the lower bound is above 0."""
    use = RequirementUse(requirement, template.node)
    use.implicit = True
    use.count = requirement.count_range.lower
    if requirement.relationship is not None:
        use.relationship = _plain_relationship(requirement.relationship, template.node, resolver)
        known = requirement.relationship.properties
        values.require({}, known, template.node, f"the relationship of {requirement.name!r}", resolver)
    _filters(use, None, template, scope, resolver)
    return use


def _use(
    definition: Definition, requirement: Requirement, template: NodeTemplate, scope: Scope, resolver: Resolver
) -> RequirementUse:
    use = RequirementUse(requirement, definition.node)
    use.optional = definition.optional
    _target(definition, use, scope, resolver)
    _capability(definition, use, scope, resolver)
    _relationship(definition, use, template, scope, resolver)
    _filters(use, definition.node_filter, template, scope, resolver)
    if definition.count is not None:
        if definition.count.value == UNBOUNDED:
            use.count = "unbounded"
        else:
            use.count = templates.count(definition.count, scope, resolver, partial(setattr, use, "count"))
    templates.scopes(definition.directives, resolver)
    use.directives = definition.directives
    _allocation(definition, use, template, scope, resolver)
    return use


def _target(definition: Definition, use: RequirementUse, scope: Scope, resolver: Resolver) -> None:
    written = definition.target
    if written is None:
        return
    name = written
    if type(written.value) is yaml.Seq and len(written.value) == 2:
        name = written.child(0)
        _index(written.child(1), use, scope, resolver)
    if not isinstance(name.value, str):
        message = f"the node of a requirement is a name or [ NAME, INDEX ], not {describe(written.value)}"
        resolver.report.error("wrong-kind", message, written)
        return
    assert scope.service is not None
    target = scope.service.nodes.get(name.text)
    if target is not None:
        use.target = target
        return
    if scope.unit.type(Kind.NODE, name.text) is None:
        if scope.service.uncertain("node_templates", name.text) or scope.unit.uncertain(Kind.NODE.value, name.text):
            return
        known = [*scope.service.nodes, *scope.unit.names(Kind.NODE.value)]
        message = f"there is neither a node template nor a node type {name.text!r}"
        resolver.report.error("unknown-node", message, name, suggest(name.text, known))
        return
    found = resolver.find(Kind.NODE, scope.unit, name)
    if not isinstance(found, NodeType):
        return
    if name is not written:
        message = f"an index is for a node template; {name.text!r} is a node type"
        resolver.report.error("bad-target", message, written, f"write 'node: {name.text}'")
        return
    if definition.short:
        message = "the short form of a requirement names a node template; this is a node type"
        resolver.report.warn("short-node-type", message, name, f"write '{use.name}: {{ node: {name.text} }}'")
    before = use.requirement.node_type
    if before is not None and not found.derives(before):
        message = f"the node type {found.name!r} is not derived from {before.name!r}, as the requirement asks"
        resolver.report.error("bad-target", message, name, related=use.requirement.node)
        return
    use.node_type = found


def _index(node: Node, use: RequirementUse, scope: Scope, resolver: Resolver) -> None:
    """Section 8.5.2: which of the nodes of a template it is, from 0."""
    if isinstance(node.value, int) and node.value < 0:
        resolver.report.error("bad-target", f"the index of a node is a number from 0, not {node.value}", node)
        return
    values.give(node, _INTEGER, scope, resolver, partial(setattr, use, "index"))


def _capability(definition: Definition, use: RequirementUse, scope: Scope, resolver: Resolver) -> None:
    name = definition.capability
    if name is None:
        return
    requirement = use.requirement
    if requirement.capability_name:
        if name.text != requirement.capability_name:
            message = f"the capability of {use.name!r} is {requirement.capability_name!r}, and stays that"
            resolver.report.error("bad-capability", message, name, related=requirement.node)
        return
    target = use.target.type if use.target is not None else use.node_type
    if target is not None and name.text in target.capabilities:
        use.capability_name = name.text
        return
    if scope.unit.type(Kind.CAPABILITY, name.text) is None:
        known = [*(target.capabilities if target is not None else ()), *scope.unit.names(Kind.CAPABILITY.value)]
        hint = suggest(name.text, known)
        where = f"the node type {target.name!r} has no capability {name.text!r}, and" if target is not None else ""
        message = f"{where} there is no such capability type".strip()
        resolver.report.error("unknown-capability", message, name, hint)
        return
    found = resolver.find(Kind.CAPABILITY, scope.unit, name)
    if not isinstance(found, CapabilityType):
        return
    before = requirement.capability_type
    if before is not None and not found.derives(before):
        message = f"the capability type {found.name!r} is not derived from {before.name!r}, as the requirement asks"
        resolver.report.error("bad-capability", message, name, related=requirement.node)
        return
    use.capability_type = found


def _relationship(
    definition: Definition, use: RequirementUse, template: NodeTemplate, scope: Scope, resolver: Resolver
) -> None:
    written = definition.relationship
    defined = use.requirement.relationship
    if written is None:
        if defined is not None:
            use.relationship = _plain_relationship(defined, definition.node, resolver)
            owner = f"the relationship of {use.name!r}"
            values.require({}, defined.properties, definition.node, owner, resolver)
        return
    found = _named(written, defined, scope, resolver)
    if isinstance(found, RelationshipUse):
        use.relationship = found
        return
    if found is None:
        return
    inner = scope.with_(owner=found, relationship=True, source=template)
    made = RelationshipUse("", found, written.node)
    owner = f"the relationship type {made.type.name!r}"
    made.properties = values.assign(
        written.properties, found.properties, inner, resolver, owner, open_ended=made.type.incomplete
    )
    values.require(written.properties, found.properties, written.node, f"the relationship of {use.name!r}", resolver)
    made.attributes = templates.assign_attributes(
        written.attributes, linking.Data(made.type, found.properties, found.attributes), inner, resolver, owner
    )
    made.interfaces = templates.assign_interfaces(
        written.interfaces, found.interfaces, inner, resolver, owner, incomplete=made.type.incomplete
    )
    made.implemented = operations.resolve(found.interfaces, made.interfaces, {}, resolver)
    use.relationship = made


def _plain_relationship(defined: Relationship, node: Node, resolver: Resolver) -> RelationshipUse:
    made = RelationshipUse("", defined, node)
    made.implemented = operations.resolve(defined.interfaces, {}, {}, resolver)
    return made


def _named(
    written: RelationshipAssignment, defined: Relationship | None, scope: Scope, resolver: Resolver
) -> Relationship | RelationshipUse | None:
    """Return the relationship that an assignment means: a type first, then a template (section 8.5.2)."""
    name = written.type
    if name is None:
        if defined is None:
            message = "the relationship has no type, neither here nor in the requirement definition"
            resolver.report.error("missing-keyname", message, written.node, "add 'type: ...'")
        return defined
    assert scope.service is not None
    wanted = defined.type if defined is not None else None
    template = scope.service.relationships.get(name.text)
    if scope.unit.type(Kind.RELATIONSHIP, name.text) is None and written.short:
        uncertain = scope.service.uncertain("relationship_templates", name.text) or scope.unit.uncertain(
            Kind.RELATIONSHIP.value, name.text
        )
        if template is None and not uncertain:
            known = [*scope.service.relationships, *scope.unit.names(Kind.RELATIONSHIP.value)]
            message = f"there is neither a relationship type nor a relationship template {name.text!r}"
            resolver.report.error("unknown-relationship", message, name, suggest(name.text, known))
        elif template is not None and wanted is not None and not template.type.derives(wanted):
            message = f"the template's type {template.type.name!r} is not derived from {wanted.name!r}"
            resolver.report.error("bad-relationship", message, name)
        return template
    found = resolver.find(Kind.RELATIONSHIP, scope.unit, name)
    if not isinstance(found, RelationshipType):
        return None
    if defined is None or wanted is None:
        return Relationship(found, written.node)
    if not found.derives(wanted):
        message = f"the relationship type {found.name!r} is not derived from {wanted.name!r}, as the requirement asks"
        resolver.report.error("bad-relationship", message, name)
        return None
    if found is wanted:
        return defined
    made = Relationship(found, written.node)
    made.properties = combination.data(found.properties, defined.properties, wanted.properties)
    made.attributes = combination.data(found.attributes, defined.attributes, wanted.attributes)
    made.interfaces = combination.interfaces(found.interfaces, defined.interfaces, wanted.interfaces)
    return made


def _filters(use: RequirementUse, own: Node | None, template: NodeTemplate, scope: Scope, resolver: Resolver) -> None:
    """Section 8.6: the filters of all definitions and of the assignment hold; SELF in them is the relationship."""
    if own is None and not use.requirement.filters:
        return
    owner = use.relationship.definition if use.relationship is not None else None
    inner = scope.with_(owner=owner, relationship=True, source=template, requirement=use.requirement)
    for one in use.requirement.filters:
        use.filters.append(templates.condition(one.node, inner.with_(unit=one.unit), resolver))
    if own is not None:
        use.filters.append(templates.condition(own, inner, resolver))


def _allocation(
    definition: Definition, use: RequirementUse, template: NodeTemplate, scope: Scope, resolver: Resolver
) -> None:
    if not definition.allocation:
        return
    owner = use.relationship.definition if use.relationship is not None else None
    inner = scope.with_(owner=owner, relationship=True, source=template)
    known = linking.capability_properties(use)
    for name, node in definition.allocation.items():
        schema: Schema | None = None
        if known is not None and name not in known:
            message = f"the capability has no property {name!r}, of which something could be allocated"
            resolver.report.warn("unknown-allocation", message, node, suggest(name, known), key=True)
        elif known is not None and (schema := known[name].schema) is not None:
            if schema.base not in _ALLOCATABLE and schema.type is not ANY:
                message = f"{name!r} is of the type {schema.type.name}; only numbers and scalars can be allocated"
                resolver.report.error("bad-allocation", message, node)
                schema = None
            else:
                schema = Schema(schema.type)
        values.give(node, schema, inner, resolver, partial(use.allocation.__setitem__, name))


def _check_counts(requirement: Requirement, uses: list[RequirementUse], resolver: Resolver) -> None:
    """Section 8.5.4: the sum of all counts, and that of the counts which are not optional, are within the range."""
    counted: list[tuple[int, bool]] = [(use.count, use.optional) for use in uses if _is_number(use.count)]  # type: ignore[misc]
    complete = len(counted) == len(uses)
    total = sum(count for count, _ in counted)
    needed = sum(count for count, optional in counted if not optional)
    lower, upper = requirement.count_range
    where = uses[-1].node
    range = f"{requirement.count_range} of {requirement.name!r}"
    if upper is not None and total > upper:
        message = f"{total} relationships are asked for, more than the count range {range} allows"
        resolver.report.error("bad-count", message, where, "remove assignments", related=requirement.node)
    elif complete and needed < lower:
        kind = "are" if total == needed else "that are not optional are"
        message = f"{needed} relationships {kind} asked for, fewer than the count range {range} allows"
        resolver.report.error("bad-count", message, where, "add assignments", related=requirement.node)


def _is_number(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
