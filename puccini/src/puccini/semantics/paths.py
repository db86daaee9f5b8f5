"""Follows TOSCA paths (section 10.3) through types and templates, as far as that is possible without a service."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from floria.values import Call, Value
from puccini.diagnostics import suggest
from puccini.model.data import ANY, Base, Property, Schema
from puccini.model.types import Capability, CapabilityType, NodeType, Relationship, RelationshipType, Requirement
from puccini.nodes import Node
from puccini.semantics.scope import Scope

if TYPE_CHECKING:
    from puccini.model.service import NodeTemplate
    from puccini.semantics.resolver import Resolver

_OLD = {"SOURCE", "TARGET", "HOST", "ENTITY"}


class Place(NamedTuple):
    """Where a path has come to; everything that is not known is None.

    `own` is the requirement at whose relationship a path began. `narrower` says that what is found there may be of a
    derived type, which has more; `exact` that it is not.
    """

    node: "NodeType | NodeTemplate | None" = None
    relationship: "Relationship | RelationshipType | None" = None
    capability: Capability | CapabilityType | None = None
    source: "NodeType | NodeTemplate | None" = None
    requirement: Requirement | None = None
    own: Requirement | None = None
    kind: str = "node"
    many: bool = False
    narrower: bool = False
    exact: bool = False


class _Lost(Exception):
    def __init__(self, code: str, message: str, index: int, hint: str = "", *, maybe: bool = False) -> None:
        super().__init__(message)
        self.code, self.index, self.hint, self.maybe = code, index, hint, maybe


def check(call: Call, node: Node, arguments: list[Node], scope: Scope, resolver: "Resolver", title: str = "") -> None:
    """Report where the path of `call` leads nowhere. `title` begins messages where no function was written."""
    try:
        _follow(call, scope)
    except _Lost as lost:
        where = arguments[lost.index] if lost.index < len(arguments) else node
        title = title or f"${call.function.removeprefix('tosca:')}"
        say = resolver.report.warn if lost.maybe else resolver.report.error
        say(lost.code, f"{title}: {lost}", where, lost.hint)


def schema(call: Call, scope: Scope) -> Schema | None:
    """Return the schema of what `call` gets; None when that is not known."""
    if not call.arguments:
        return None
    try:
        found = _follow(call, scope)
    except _Lost:
        return None
    return found


def _follow(call: Call, scope: Scope) -> Schema | None:
    tokens = call.arguments
    place, index = _start(tokens, scope)
    while index < len(tokens):
        token = tokens[index]
        step = _STEPS.get((place.kind, token)) if isinstance(token, str) else None
        if step is None:
            break
        place, index = step(place, tokens, index)
    if index >= len(tokens):
        raise _Lost("bad-path", "the path ends where the name of a property or attribute is missing", len(tokens) - 1)
    if call.function == "tosca:get_artifact":
        _artifact(place, tokens, index)
        return None
    return _value(call, place, tokens, index)


def _start(tokens: Sequence[Value], scope: Scope) -> tuple[Place, int]:
    name = tokens[0]
    if isinstance(name, Call):
        return Place(kind="unknown"), len(tokens) - 1
    if not isinstance(name, str):
        raise _Lost("bad-path", "a path begins with SELF or the name of a node template", 0)
    if name == "SELF":
        if scope.selfless:
            raise _Lost("bad-path", "SELF means nothing here", 0, "begin with the name of a node template")
        return _self(scope), 1
    if scope.service is None:
        hint = "in a type, paths begin with SELF" if name not in _OLD else f"write [ SELF, {name}, ... ]"
        raise _Lost("bad-path", f"{name!r} cannot be known here", 0, hint)
    template = scope.service.nodes.get(name)
    if template is None:
        if scope.service.uncertain("node_templates", name):
            return Place(kind="unknown"), len(tokens) - 1
        relationship = scope.service.relationships.get(name)
        if relationship is not None:
            return Place(relationship=relationship.type, kind="relationship"), 1
        hint = f"write [ SELF, {name}, ... ]" if name in _OLD else suggest(name, ["SELF", *scope.service.nodes])
        raise _Lost("unknown-node", f"there is no node template {name!r}", 0, hint)
    index, many = _index(tokens, 1)
    return Place(node=template, many=many), index


def _self(scope: Scope) -> Place:
    owner = scope.owner
    if scope.relationship:
        relationship = owner if isinstance(owner, Relationship | RelationshipType) else None
        return Place(relationship=relationship, source=scope.source, own=scope.requirement, kind="relationship")
    if isinstance(owner, CapabilityType):
        return Place(capability=owner, kind="capability")
    if isinstance(owner, Relationship | RelationshipType):
        return Place(relationship=owner, kind="relationship")
    return Place(node=owner, kind="node" if owner is not None else "unknown")


def _index(tokens: Sequence[Value], index: int) -> tuple[int, bool]:
    """Return the position after an optional index, and whether it is ALL."""
    if index < len(tokens):
        token = tokens[index]
        if token == "ALL":
            return index + 1, True
        if isinstance(token, Call) or (isinstance(token, int) and not isinstance(token, bool)):
            return index + 1, False
    return index, False


def _to_relationship(place: Place, tokens: Sequence[Value], index: int) -> tuple[Place, int]:
    if index + 1 >= len(tokens):
        raise _Lost("bad-path", "RELATIONSHIP is followed by the name of a requirement", index)
    name = tokens[index + 1]
    after, many = _index(tokens, index + 2)
    type = node_type(place.node)
    if type is None or not isinstance(name, str):
        return Place(kind="relationship", source=place.node, many=many or place.many), after
    requirement = type.requirements.get(name)
    if requirement is None:
        if type.incomplete:
            return Place(kind="relationship", source=place.node, many=many or place.many), after
        message = f"{type.name!r} has no requirement {name!r}"
        raise _Lost("unknown-requirement", message, index + 1, suggest(name, type.requirements))
    assigned = _relationship(place.node, requirement)
    found = Place(
        relationship=assigned or requirement.relationship,
        source=place.node,
        requirement=requirement,
        kind="relationship",
        many=many or place.many,
        exact=assigned is not None,
    )
    return found, after


def _relationship(
    node: "NodeType | NodeTemplate | None", requirement: Requirement
) -> "Relationship | RelationshipType | None":
    """Return what relationships of a node template's requirement are, where all its assignments make the same."""
    from puccini.model.service import NodeTemplate

    uses = (
        [one.relationship for one in node.requirements if one.name == requirement.name]
        if isinstance(node, NodeTemplate)
        else []
    )
    made = {id(one.definition): one.definition for one in uses if one is not None}
    return next(iter(made.values())) if len(made) == 1 and None not in uses else None


def _to_capability(place: Place, tokens: Sequence[Value], index: int) -> tuple[Place, int]:
    if index + 1 >= len(tokens):
        raise _Lost("bad-path", "CAPABILITY is followed by the name of a capability", index)
    name = tokens[index + 1]
    type = node_type(place.node)
    if type is None or not isinstance(name, str):
        return Place(kind="capability", many=place.many), index + 2
    capability = type.capabilities.get(name)
    if capability is None:
        if type.incomplete:
            return Place(kind="capability", many=place.many), index + 2
        message = f"{type.name!r} has no capability {name!r}"
        raise _Lost("unknown-capability", message, index + 1, suggest(name, type.capabilities))
    return Place(capability=capability, node=place.node, kind="capability", many=place.many), index + 2


def _to_source(place: Place, tokens: Sequence[Value], index: int) -> tuple[Place, int]:
    return Place(node=place.source, many=place.many), index + 1


def _to_target(place: Place, tokens: Sequence[Value], index: int) -> tuple[Place, int]:
    requirement = place.requirement
    if requirement is not None and (template := _assigned(place.source, requirement)) is not None:
        return Place(node=template, many=place.many), index + 1
    requirement = requirement or place.own
    target = requirement.node_type if requirement is not None else None
    return Place(node=target, requirement=requirement, many=place.many), index + 1


def _assigned(source: "NodeType | NodeTemplate | None", requirement: Requirement) -> "NodeTemplate | None":
    """Return the node template that a requirement leads to, where one is named."""
    from puccini.model.service import NodeTemplate

    uses = source.requirements if isinstance(source, NodeTemplate) else []
    targets = [use.target for use in uses if use.name == requirement.name]
    return targets[0] if len(targets) == 1 else None


def _to_target_capability(place: Place, tokens: Sequence[Value], index: int) -> tuple[Place, int]:
    requirement = place.requirement or place.own
    found: Capability | CapabilityType | None = None
    if requirement is not None:
        found = requirement.capability_type
        if requirement.node_type is not None and requirement.capability_name:
            found = requirement.node_type.capabilities.get(requirement.capability_name)
    narrower = place.requirement is None and isinstance(found, CapabilityType)
    return Place(capability=found, kind="capability", many=place.many, narrower=narrower), index + 1


def _to_incoming(place: Place, tokens: Sequence[Value], index: int) -> tuple[Place, int]:
    after, many = _index(tokens, index + 1)
    return Place(kind="relationship", many=many or place.many), after


_STEPS = {
    ("node", "RELATIONSHIP"): _to_relationship,
    ("node", "CAPABILITY"): _to_capability,
    ("unknown", "RELATIONSHIP"): _to_relationship,
    ("unknown", "CAPABILITY"): _to_capability,
    ("unknown", "SOURCE"): _to_source,
    ("unknown", "TARGET"): _to_target,
    ("relationship", "SOURCE"): _to_source,
    ("relationship", "TARGET"): _to_target,
    ("relationship", "CAPABILITY"): _to_target_capability,
    ("capability", "RELATIONSHIP"): _to_incoming,
}


def _value(call: Call, place: Place, tokens: Sequence[Value], index: int) -> Schema | None:
    name = tokens[index]
    if isinstance(name, Call):
        return None
    if not isinstance(name, str):
        raise _Lost("bad-path", f"the name of a property or attribute was expected, not {name!r}", index)
    title, known, final = _data(call, place)
    if name not in (known or {}) and index + 1 < len(tokens) and name.isupper():
        hint = suggest(name, [word for kind, word in _STEPS if kind == place.kind])
        if hint.startswith("did"):
            raise _Lost("bad-path", f"{name!r} is no step from a {place.kind}", index, hint)
    if known is None:
        return None
    found = known.get(name)
    if found is None:
        if incomplete(place):
            return None
        kind = "property" if call.function == "tosca:get_property" else "attribute"
        if not final:
            return None
        hint = suggest(name, known) or f"it has no {kind.replace('property', 'propertie')}s"
        raise _Lost("unknown-property", f"{title} has no {kind} {name!r}", index, hint, maybe=place.narrower)
    if found.schema is None or found.schema.type is ANY or place.many:
        return None
    return _inside(found.schema, place, tokens, index)


def _inside(schema: Schema, place: Place, tokens: Sequence[Value], index: int) -> Schema | None:
    """Return the schema of the part of a value that the tokens after its name lead to."""
    from puccini.model.service import NodeTemplate
    from puccini.semantics import references

    current: Schema | None = schema
    what = repr(tokens[index])
    for position, key in enumerate(tokens[index + 1 :], index + 1):
        if current is None or isinstance(key, Call):
            return None
        following, problem, hint = references.step(current, key)
        if problem:
            maybe = current.base is Base.COMPLEX and not isinstance(place.node, NodeTemplate)
            raise _Lost("bad-path", f"{what} {problem}", position, hint, maybe=maybe)
        what, current = f"{what}, {key!r},", following
    return current


def _data(call: Call, place: Place) -> tuple[str, dict[str, Property] | None, bool]:
    """Return what the place is called, what it has, and whether it cannot have more (its type is not a lower bound)."""
    from puccini.model.service import NodeTemplate

    holder: NodeType | Relationship | RelationshipType | Capability | CapabilityType | None
    match place.kind:
        case "capability":
            holder = place.capability
        case "relationship":
            holder = place.relationship
        case _:
            holder = node_type(place.node)
    if holder is None:
        return "", None, False
    title = holder.type.name if isinstance(holder, Relationship) else holder.name
    known = dict(holder.properties)
    if call.function == "tosca:get_attribute":
        known |= holder.attributes
    final = isinstance(place.node, NodeTemplate) and place.kind != "relationship"
    return repr(title), known, final or place.exact or place.requirement is None


def incomplete(place: Place) -> bool:
    """Whether what is there may have more than is known of it."""
    holder = place.capability or place.relationship or node_type(place.node)
    type = holder.type if isinstance(holder, Relationship | Capability) else holder
    return type is not None and type.incomplete


def _artifact(place: Place, tokens: Sequence[Value], index: int) -> None:
    from puccini.model.service import NodeTemplate

    name = tokens[index]
    if not isinstance(name, str) or place.kind != "node" or place.node is None:
        return
    type = node_type(place.node)
    known = dict(type.artifacts) if type is not None else {}
    if isinstance(place.node, NodeTemplate):
        known |= place.node.artifacts
    if name not in known and not incomplete(place):
        hint = suggest(name, known)
        raise _Lost("unknown-artifact", f"there is no artifact {name!r}", index, hint)


def node_type(node: "NodeType | NodeTemplate | None") -> NodeType | None:
    """Return the type of a node template, or the node type itself."""
    return node if node is None or isinstance(node, NodeType) else node.type
