"""Substitution at run time (section 15): which template substitutes a node, and what passes between inside and outside.

The inside of a substituted node is a service vertex in the node's vertex. What its mappings are is in its metadata, so
that nothing else needs to know which candidate was taken.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from floria import ids, naming
from floria.entities import Edge, Entity, Kind, Property, Vertex
from floria.evaluation import Context, EvaluationError, Function
from floria.instantiation.draft import Draft
from floria.store.interface import Axis, Query, Step
from floria.values import Value, is_literal
from puccini.functions import directives, filters, paths

MAPPINGS = "tosca.mappings"
"""Metadata of a substituting service: ``attributes``, a list of path and output, and ``interfaces``."""

SUBSTITUTED = "tosca.substituted"
"""Metadata of a substituted node: ``name`` of the service that is its inside, and its mapped ``interfaces``."""

UNSUBSTITUTED = "tosca.no-substitution"
UNMAPPED = "tosca.unmapped"
_ALL = "ALL"


class Candidate(NamedTuple):
    """A template that could substitute a node: the name of its service, and the substitution filter."""

    name: str
    filter: Value


def chosen(context: Context, arguments: list[Value]) -> Value:
    """``tosca:chosen(name, candidates)``: how often the candidate `name` is the inside of the node here: 0 or 1.

    It is the first whose filter accepts the node; one that is inside already stays while it is accepted.
    """
    name, known = arguments
    found = _choice(context, _candidates(known), _insides(context, context.entity))
    return int(found == name)


def substitutable(context: Context, arguments: list[Value]) -> Value:
    """``tosca:substitutable(count, candidates, node, selection)``: how many nodes to make in a service.

    None, when no candidate accepts such a `node` and there is another one to select.
    """
    count, known, node, selection = arguments
    if _accepts_any(context, _candidates(known), node):
        return context.evaluate(count)
    assert isinstance(selection, dict)
    return 0 if directives.is_selectable(context, selection) else context.evaluate(count)


def settled(context: Context, arguments: list[Value]) -> Value:
    """``tosca:settled(candidates, created)``: note what substitutes a node, when everything is known.

    Raises ``tosca.no-substitution`` with the reason against each candidate, unless the node may be `created` instead.
    """
    known, created = arguments
    inside = _insides(context, context.entity)
    if inside:
        found = inside[0].metadata.get(MAPPINGS)
        interfaces = found.get("interfaces", {}) if isinstance(found, dict) else {}
        return {"metadata": {SUBSTITUTED: {"name": inside[0].name, "interfaces": interfaces}}}
    if created:
        return True
    reasons = "; ".join(f"{one.name}: {_refusal(context, one)}" for one in _candidates(known))
    raise EvaluationError(UNSUBSTITUTED, f"no template substitutes it ({reasons})")


def mapped(context: Context, arguments: list[Value]) -> Value:
    """``tosca:mapped(value, default?)``: the value of an input; the default where what is mapped to it has no value."""
    value, *default = arguments
    try:
        return context.evaluate(value)
    except EvaluationError as error:
        if not default or error.code != "floria.unset":
            raise
        return context.evaluate(default[0])


def inward(context: Context, arguments: list[Value]) -> Value:
    """``tosca:inward(label, default?)``: what the service around has under `label`, from the node it is inside of."""
    label, *default = arguments
    service = paths.service(context, "inward")
    try:
        return context.property(service.id, str(label))
    except EvaluationError as error:
        if not default or error.code != "floria.unset":
            raise
        return context.evaluate(default[0])


def attribute(context: Context, arguments: list[Value]) -> Value:
    """``tosca:substituting(path, initial?)``: the attribute's value from inside of the substituted node here.

    `path` leads from the node to the attribute: a name, or that of a capability, or a requirement, before it.
    """
    path, *initial = arguments
    assert isinstance(path, list)
    node = paths.node(context, "substituting", context.entity)
    for inside in _insides(context, node):
        for mapping in _mappings(inside, "attributes"):
            if _leads(mapping["path"], path, context.entity):
                return _output(context, inside, mapping)
    if initial:
        return context.evaluate(initial[0])
    raise EvaluationError("floria.unset", f"nothing inside gives {path[-1]!r} a value", retryable=True)


def is_passed(context: Context, arguments: list[Value]) -> Value:
    """``tosca:is_passed(requirement, first, span)``: whether the candidate's node is what the outside requires.

    `span` relationships of the substituted node count, from the index `first` on; all others when it is null.
    """
    node = paths.node(context, "is_passed", context.candidate)
    return node is not None and node.id in _passed(context, arguments)


def passed_count(context: Context, arguments: list[Value]) -> Value:
    """``tosca:passed_count(requirement, first, span, limit)``: how many nodes are passed, `limit` (or null) at most."""
    *segment, limit = arguments
    number = len(_passed(context, segment))
    return min(number, limit) if isinstance(limit, int) else number


def inside(context: Context, arguments: list[Value]) -> Value:
    """``tosca:inside()``: whether the candidate is inside of the node that the source belongs to."""
    node = paths.node(context, "inside", context.source)
    if node is None or context.candidate is None:
        return False
    around = naming.lineage(context.reader, context.candidate)
    services = [one for one in around if paths.SERVICE in one.classes and getattr(one, "parent", None) == node.id]
    owner = paths.node(context, "inside", context.candidate)
    return bool(services) and owner is not None and owner.parent == services[0].id


def _choice(context: Context, candidates: list[Candidate], present: list[Vertex]) -> str | None:
    names = [one.name for one in present]
    ordered = sorted(candidates, key=lambda one: one.name not in names)
    return next((one.name for one in ordered if _accepts(context, one)), None)


def _accepts(context: Context, candidate: Candidate) -> bool:
    return filters.holds(context, [candidate.filter])


def _refusal(context: Context, candidate: Candidate) -> str:
    try:
        return str(filters.condition(context, [candidate.filter]))
    except EvaluationError as error:
        return error.message


def _accepts_any(context: Context, candidates: list[Candidate], described: Value) -> bool:
    """Whether a candidate accepts a node that is not made yet."""
    assert isinstance(described, dict)
    service = context.entity
    assert service is not None
    draft = Draft(context.reader)
    node = _prospect(described, service)
    draft.add_vertex(node)
    capabilities = described["capabilities"]
    assert isinstance(capabilities, list)
    for one in capabilities:
        assert isinstance(one, dict)
        draft.add_vertex(_prospect(one, node))
    inside = context.with_(reader=draft, entity=node)
    return any(_accepts(inside, one) for one in candidates)


def _prospect(described: dict[str, Value], parent: Entity) -> Vertex:
    classes, given = described["classes"], described["properties"]
    assert isinstance(classes, list)
    assert isinstance(given, dict)
    return Vertex(
        id=ids.new(),
        name=str(described["name"]),
        directory=parent.directory,
        parent=parent.id,
        classes=tuple(map(str, classes)),
        properties={name: _pulled(found) for name, found in given.items()},
    )


def _pulled(found: Value) -> Property:
    assert isinstance(found, dict)
    preparer: Any = found["preparer"]
    literal = is_literal(found["value"]) and preparer is None
    if literal:
        return Property(value=found["value"])
    return Property(updater=found["value"], preparer=preparer)


def _insides(context: Context, node: Entity | None) -> list[Vertex]:
    if node is None:
        return []
    query = Query(kinds=(Kind.VERTEX,), classes=(paths.SERVICE,), parent=node.id)
    found = [one for one in context.reader.query(query) if isinstance(one, Vertex)]
    noted = node.metadata.get(SUBSTITUTED)
    name = noted.get("name") if isinstance(noted, dict) else None
    return sorted(found, key=lambda one: one.name != name)


def _mappings(inside: Vertex, section: str) -> Iterator[dict[str, Any]]:
    found = inside.metadata.get(MAPPINGS)
    if isinstance(found, dict):
        yield from msgspec.convert(found.get(section, []), list[dict[str, Any]])


def _leads(mapped: list[Value], path: list[Value], entity: Entity | None) -> bool:
    """Whether a mapping is about the attribute at `path`: of an edge, about its index or all."""
    if mapped[1] != "RELATIONSHIP":
        return mapped[1:] == path
    fits = [mapped[1], mapped[2], mapped[4]] == path
    return fits and isinstance(entity, Edge) and mapped[3] in (_ALL, entity.index)


def _output(context: Context, inside: Vertex, mapping: dict[str, Any]) -> Value:
    value = context.property(inside.id, str(mapping["output"]))
    if _ALL not in mapping["path"][2:4] or not isinstance(context.entity, Edge):
        return value
    index = context.entity.index
    if isinstance(value, list) and index < len(value):
        return value[index]
    has = f"{len(value)} elements" if isinstance(value, list) else "no list"
    raise EvaluationError(UNMAPPED, f"the output {mapping['output']} has {has}; the relationship's index is {index}")


def _passed(context: Context, segment: list[Value]) -> set[str]:
    """Return the nodes that relationships of the substituted node, in which the source is, lead to."""
    requirement, first, span = segment
    start = context.source or context.entity
    service = paths.service(context.with_(source=start), "is_passed")
    outer = context.reader.get(service.parent) if service.parent is not None else None
    if not isinstance(outer, Vertex) or not isinstance(first, int):
        return set()
    found = context.reader.get_many(context.reader.path([outer.id], [Step(axis=Axis.OUT, name=str(requirement))]))
    edges = [one for one in found if isinstance(one, Edge) and one.index >= first]
    if isinstance(span, int):
        edges = [one for one in edges if one.index < first + span]
    nodes = [paths.node(context, "is_passed", context.reader.get(one.target)) for one in edges]
    return {one.id for one in nodes if one is not None}


def _candidates(known: Value) -> list[Candidate]:
    assert isinstance(known, list)
    return [Candidate(str(one["name"]), one["filter"]) for one in known if isinstance(one, dict)]


FUNCTIONS: Mapping[str, Function] = {
    "chosen": chosen,
    "substitutable": substitutable,
    "settled": settled,
    "mapped": mapped,
    "inward": inward,
    "substituting": attribute,
    "is_passed": is_passed,
    "passed_count": passed_count,
    "inside": inside,
}
