"""Requirement assignments as edge templates with finders (sections 8.4 to 8.6)."""

from collections.abc import Iterator

from floria.entities import EdgeTemplate, Finder, Property
from floria.values import Call, Value
from puccini.compilation import handlers, properties
from puccini.compilation.marks import (
    CAPABILITY,
    NODE,
    RELATIONSHIP,
    RESTRICTED_RELATIONSHIPS,
    RESTRICTED_SOURCES,
    accepts,
    named,
)
from puccini.compilation.state import State
from puccini.model.service import NodeTemplate, RelationshipUse, RequirementUse
from puccini.model.type import Type
from puccini.semantics import linking

Condition = tuple[Value, str]
_SELF_NODE = Call("floria:parent", [])


def edges(template: NodeTemplate, state: State) -> Iterator[EdgeTemplate]:
    """Yield the edge templates of a node's requirements, in order."""
    counts: dict[str, int] = {}
    for use in template.requirements:
        position = counts.get(use.name, 0)
        counts[use.name] = position + 1
        yield _edge(template, use, position, state)


def _edge(template: NodeTemplate, use: RequirementUse, position: int, state: State) -> EdgeTemplate:
    relationship = use.relationship
    type = relationship.type if relationship is not None else None
    metadata = properties.metadata(use.node, {}, requirement=use.name)
    if relationship is not None and relationship.name:
        metadata["tosca.template"] = relationship.name
    return EdgeTemplate(
        id=state.id("node", template.name, "requirement", use.name, str(position)),
        name=use.name,
        classes=(*(type.classes if type is not None else ()), RELATIONSHIP),
        source=state.node(template),
        finder=_finder(template, use, state),
        count=use.count,
        optional=use.optional,
        properties=_properties(relationship, state),
        handlers=handlers.build(relationship.implemented, state) if relationship is not None else (),
        metadata=metadata,
    )


def _properties(relationship: RelationshipUse | None, state: State) -> dict[str, Property]:
    if relationship is None:
        return {}
    definition = relationship.definition
    return properties.assigned(
        state.defaults(definition),
        definition.properties,
        definition.attributes,
        relationship.properties,
        relationship.attributes,
    )


def _finder(template: NodeTemplate, use: RequirementUse, state: State) -> Finder:
    classes = [CAPABILITY]
    if use.capability_type is not None:
        classes.insert(0, use.capability_type.class_name)
    if use.capability_name:
        classes.insert(0, named(use.capability_name))
    owners = [NODE] if use.node_type is None else [use.node_type.class_name, NODE]
    conditions = _pinned(template, use) if use.target is not None else _dangling(template, use)
    return Finder(
        classes=tuple(classes),
        owner_classes=tuple(owners),
        owner=state.node(use.target) if use.target is not None else None,
        owner_index=use.index,
        predicate=_predicate(conditions, use.filters),
        allocation=dict(use.allocation),
    )


def _pinned(template: NodeTemplate, use: RequirementUse) -> list[Condition]:
    """Return what tells apart the capabilities of a known target, when some of them cannot be the target."""
    assert use.target is not None
    assert use.target.type is not None
    assert template.type is not None
    target = use.target.type
    typed = [
        one
        for one in target.capabilities.values()
        if use.capability_type is None or one.type.derives(use.capability_type)
    ]
    fitting = [one for one in typed if not linking.refusal(use, one, template.type, target)]
    if len(fitting) == len(typed):
        return []
    names = [one.name for one in fitting]
    return [(_any([named(name) for name in names]), f"only {', '.join(names)} can be the target")]


def _dangling(template: NodeTemplate, use: RequirementUse) -> list[Condition]:
    """Return what must be true of a target that is yet to be found (sections 7.3, 8.1, 8.5)."""
    result: list[Condition] = list(_scope(use))
    source = template.type
    relationship = use.relationship.type if use.relationship is not None else None
    assert source is not None
    if relationship is not None and relationship.valid_capabilities is not None:
        valid = relationship.valid_capabilities
        result.append((_any([one.class_name for one in valid]), _reason("capability", valid, relationship)))
    if relationship is not None and relationship.valid_targets is not None:
        valid = relationship.valid_targets
        result.append((_any([one.class_name for one in valid], _SELF_NODE), _reason("node", valid, relationship)))
    result.append(
        (_accepted(RESTRICTED_SOURCES, source), f"the capability does not accept {source.name} as the source")
    )
    if relationship is not None:
        reason = f"the capability does not accept the relationship type {relationship.name}"
        result.append((_accepted(RESTRICTED_RELATIONSHIPS, relationship), reason))
    return result


def _scope(use: RequirementUse) -> Iterator[Condition]:
    """Without directives, targets are looked for within the service."""
    same: Value = Call("floria:equal", [Call("floria:root", []), Call("floria:root", [Call("floria:source", [])])])
    directives = [one.text for one in use.directives]
    if directives in ([], ["internal"]):
        yield same, "it is in another service"
    elif directives == ["external"]:
        yield Call("floria:not", [same]), "it is in the same service"


def _accepted(restriction: str, type: Type) -> Value:
    labels: list[Value] = [_has(accepts(name)) for name in type.classes]
    return Call("floria:or", [Call("floria:not", [_has(restriction)]), *labels])


def _any(classes: list[str], subject: Call | None = None) -> Value:
    tests: list[Value] = [_has(name, subject) for name in classes]
    return tests[0] if len(tests) == 1 else Call("floria:or", tests)


def _has(class_name: str, subject: Call | None = None) -> Call:
    return Call("floria:has_class", [class_name] if subject is None else [class_name, subject])


def _reason(what: str, valid: tuple[Type, ...], relationship: Type) -> str:
    names = ", ".join(one.name for one in valid)
    return f"{relationship.name} leads only to {what} types {names}"


def _predicate(conditions: list[Condition], filters: list[Value]) -> Value:
    """Return an expression that is true, or the reason against a candidate."""
    result: Value = Call("tosca:filter", list(filters)) if filters else True
    for condition, reason in reversed(conditions):
        result = Call("floria:if", [condition, result, reason])
    return result
