"""What comes up before a node when its host starts: the workloads that it requires, by the names of their units.

Drivers get it in the site of every operation, and write it into what brings the workload back. Only what runs on the
same host counts, because nobody orders the starts of several machines. What has nothing to start, such as a
substituted node, stands for what it requires and for what is inside of it; a job, which has had its run, for what it
requires.
"""

from collections.abc import Callable, Iterator

import msgspec

from floria.entities import Edge, Kind, Vertex
from floria.ids import Id
from floria.store.interface import Axis, Query, Reader, Step
from khutulun.conductor import nesting, topology

TOLD = "khutulun.after"
"""Property of a node: what its driver was told last of what comes before it."""

UNIT, TRANSIENT = "unit", "transient"
"""Attribute of a workload that something brings back; property of one that does not come back."""

JOB = "::Job"
START = f"{topology.LIFECYCLE}start"

Counts = Callable[[Edge], bool]


def before(reader: Reader, node: Vertex) -> list[str]:
    """Return the names of the units that are to be up before that of `node` is started, sorted.

    Nodes of one service never require each other in a circle. Where services do, the youngest relationship between
    them that closes the circle has no say; else the host could not start any of it.
    """
    here = _host(reader, node)
    found: set[str] = set()
    for one in _walk(reader, node, lambda edge: _counts(reader, edge), beyond=_stands_for_others):
        if (unit := _unit(one)) and _comes_back(one) and _host(reader, one) == here:
            found.add(unit)
    return sorted(found)


def told(node: Vertex) -> list[str]:
    """Return what the driver of a node was told last."""
    known = node.properties.get(TOLD)
    return [str(name) for name in known.value] if known is not None and isinstance(known.value, list) else []


def _walk(
    reader: Reader, node: Vertex, counts: Counts, beyond: Callable[[Vertex], bool] = lambda one: True
) -> Iterator[Vertex]:
    """Yield the nodes that `node` requires, each once, and those that these require where it goes on `beyond` them."""
    seen = {node.id}
    pending = list(_required(reader, node, counts))
    while pending:
        one = pending.pop()
        if one.id in seen:
            continue
        seen.add(one.id)
        yield one
        if beyond(one):
            pending += _required(reader, one, counts)


def _required(reader: Reader, node: Vertex, counts: Counts) -> Iterator[Vertex]:
    """Yield what a node requires itself, what the nodes around it require, and what is inside of it."""
    around = nesting.around(reader, node)
    chain = {one.id for one in around}
    for source in (node, *around):
        for edge in reader.get_many(reader.path([source.id], [Step(axis=Axis.OUT)])):
            if not isinstance(edge, Edge) or edge.name == topology.HOST_EDGE or not counts(edge):
                continue
            target = _owner(reader, edge.target)
            if target is not None and target.id != node.id and target.id not in chain:
                yield target
    if nesting.is_substituted(node):
        yield from _inside(reader, node)


def _inside(reader: Reader, node: Vertex) -> Iterator[Vertex]:
    for service in reader.query(Query(kinds=(Kind.VERTEX,), classes=(nesting.INSIDE,), parent=node.id)):
        for one in reader.query(Query(kinds=(Kind.VERTEX,), parent=service.id)):
            if isinstance(one, Vertex) and topology.is_node(one):
                yield one


def _counts(reader: Reader, edge: Edge) -> bool:
    """Whether a relationship says what comes first: not if it closes a circle of services, as the youngest of it."""
    source, target = _owner(reader, edge.source), _owner(reader, edge.target)
    if source is None or target is None or source.directory == target.directory:
        return True

    def older(other: Edge) -> bool:
        leads_to = reader.get(other.target)
        away = leads_to is not None and leads_to.directory != other.directory
        return not away or (other.created, other.id) < (edge.created, edge.id)

    return all(one.id != source.id for one in _walk(reader, target, older))


def _stands_for_others(node: Vertex) -> bool:
    """Whether what a node requires takes its place."""
    starts = any(handler.event == START for handler in node.handlers) and not nesting.is_substituted(node)
    return not starts or _is_job(node)


def _comes_back(node: Vertex) -> bool:
    transient = node.properties.get(TRANSIENT)
    return not _is_job(node) and (transient is None or transient.value is not True)


def _is_job(node: Vertex) -> bool:
    return any(label.endswith(JOB) for label in node.classes)


def _unit(node: Vertex) -> str:
    known = node.properties.get(UNIT)
    return str(known.value) if known is not None and known.value not in (msgspec.UNSET, None) else ""


def _host(reader: Reader, node: Vertex) -> Id | None:
    for edge in reader.get_many(reader.path([node.id], [Step(axis=Axis.OUT, name=topology.HOST_EDGE)])):
        if isinstance(edge, Edge):
            return edge.target
    return None


def _owner(reader: Reader, id: Id) -> Vertex | None:
    """Return the node that a vertex belongs to."""
    found = reader.get(id)
    while isinstance(found, Vertex) and not topology.is_node(found):
        found = reader.get(found.parent) if found.parent is not None else None
    return found if isinstance(found, Vertex) else None
