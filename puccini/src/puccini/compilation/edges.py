"""Requirement assignments as edge templates with finders (sections 8.4 to 8.6)."""

from collections.abc import Iterator

from floria.entities import EdgeTemplate, Finder, Property
from floria.values import Call, Value
from puccini.compilation import directives, equality, handlers, occurrences, passing, properties, substitution
from puccini.compilation.marks import (
    CAPABILITY,
    EXTERNAL,
    INTERNAL,
    NODE,
    RELATIONSHIP,
    RESTRICTED_RELATIONSHIPS,
    RESTRICTED_SOURCES,
    accepts,
    named,
)
from puccini.compilation.passing import Passed
from puccini.compilation.state import State
from puccini.model.service import NodeTemplate, RequirementUse, Segment
from puccini.model.type import Type
from puccini.semantics import linking

Condition = tuple[Value, str]
_SELF_NODE = Call("floria:parent", [])
_OUTSIDE_FIRST = Call("tosca:outside_first", [])
_FOR_OTHERS = "the capability is for other services only"
_FOR_ITS_OWN = "the capability is for its own service only"


def edges(template: NodeTemplate, state: State) -> Iterator[EdgeTemplate]:
    """Yield the edge templates of a node's requirements, in order."""
    names = dict.fromkeys([*(use.name for use in template.requirements), *template.passed])
    for name in names:
        uses = [use for use in template.requirements if use.name == name]
        segments = state.passed.get((template.name, name))
        if segments is None:
            for position, use in enumerate(uses):
                yield _edge(template, Passed(use, None, use.count, use.optional), str(position), state)
            continue
        for position, one in enumerate(passing.distribute(uses, template.passed[name], segments)):
            yield _edge(template, one, f"passed:{position}", state)


def _edge(template: NodeTemplate, passed: Passed, position: str, state: State) -> EdgeTemplate:
    use = passed.use
    relationship = use.relationship
    type = relationship.type if relationship is not None else None
    metadata = properties.metadata(use.node, {}, requirement=use.name)
    if relationship is not None and relationship.name:
        metadata["tosca.template"] = relationship.name
    return EdgeTemplate(
        id=state.id("node", template.name, "requirement", use.name, position),
        name=use.name,
        classes=(*(type.classes if type is not None else ()), RELATIONSHIP),
        source=state.node(template),
        finder=_finder(template, use, passed.segment, state),
        count=passed.number,
        optional=passed.optional,
        properties=_properties(template, use, state),
        handlers=handlers.build(relationship.implemented, state) if relationship is not None else (),
        metadata=metadata,
    )


def _properties(template: NodeTemplate, use: RequirementUse, state: State) -> dict[str, Property]:
    relationship = use.relationship
    if relationship is None:
        return {}
    definition = relationship.definition
    found = properties.assigned(
        state.defaults(definition),
        definition.properties,
        definition.attributes,
        relationship.properties,
        relationship.attributes,
    )
    mapped = substitution.edge_attributes(state.fitting.get(template.name, ()))
    return properties.from_inside(found, mapped, ("RELATIONSHIP", use.name)) if mapped else found


def _finder(template: NodeTemplate, use: RequirementUse, segment: Segment | None, state: State) -> Finder:
    classes = [CAPABILITY]
    if use.capability_type is not None:
        classes.insert(0, use.capability_type.class_name)
    if use.capability_name:
        classes.insert(0, named(use.capability_name))
    owners = [NODE] if use.node_type is None else [use.node_type.class_name, NODE]
    target = use.target if use.target is not None and not directives.may_select(use.target) else None
    scopes = [one.text for one in use.directives]
    elsewhere = "external" in scopes or segment is not None or target is not use.target
    return Finder(
        classes=tuple(classes),
        owner_classes=tuple(owners),
        owner=state.node(target) if target is not None else None,
        owner_index=use.index if target is not None else None,
        predicate=_predicate(_conditions(template, use, segment, target, state), use.filters),
        equal=equality.wanted(use),
        allocation={**use.allocation, **(occurrences.taken() if state.has_limits and not elsewhere else {})},
        select=_OUTSIDE_FIRST if scopes[:1] == ["external"] and "internal" in scopes else None,
        scope=directives.EVERYWHERE if elsewhere else None,
    )


def _conditions(
    template: NodeTemplate, use: RequirementUse, segment: Segment | None, target: NodeTemplate | None, state: State
) -> list[Condition]:
    if target is not None:
        return [*_pinned(template, use), *_takes_internal(target)]
    if segment is not None:
        return [passing.condition(segment), *_dangling(template, use), *_open()]
    if use.target is not None:
        named = Call("tosca:is_node", [use.target.name])
        return [(named, f"it is not {use.target.name}"), *_dangling(template, use), *_open()]
    return [*_scope(use, state), *_dangling(template, use)]


def _takes_internal(target: NodeTemplate) -> Iterator[Condition]:
    """A capability may be for sources of other services only (section 8.3)."""
    if any(use.directives == ["external"] for use in target.capabilities.values()):
        yield Call("floria:not", [_has(EXTERNAL)]), _FOR_OTHERS


def _open() -> Iterator[Condition]:
    """What is true of a capability that may be used from where the source is (section 8.3)."""
    within = Call("tosca:same_service", [])
    yield Call("floria:or", [Call("floria:not", [_has(INTERNAL)]), within]), _FOR_ITS_OWN
    yield Call("floria:not", [Call("floria:and", [_has(EXTERNAL), within])]), _FOR_OTHERS


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
    result: list[Condition] = []
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


def _scope(use: RequirementUse, state: State) -> Iterator[Condition]:
    """Without directives, targets are looked for within the service."""
    scopes = {one.text for one in use.directives}
    if "external" not in scopes:
        yield Call("tosca:same_service", []), "it is in another service"
        if state.has_external:
            yield Call("floria:not", [_has(EXTERNAL)]), _FOR_OTHERS
        return
    reachable = Call("tosca:external", [])
    if "internal" not in scopes:
        yield reachable, "it is not in another service that can be seen from here"
        yield Call("floria:not", [_has(INTERNAL)]), _FOR_ITS_OWN
        return
    either = Call("floria:or", [Call("tosca:same_service", []), reachable])
    yield either, "it is inside of a substituted node"
    yield from _open()


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
