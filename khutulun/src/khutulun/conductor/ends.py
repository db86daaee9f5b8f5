"""What relationships do when the nodes at their ends are operated.

A handler of an edge for the event ``source.before-configure`` runs before its source is configured; ``target.`` goes
by the target's operations. It runs on the host of that node, or with ``:target`` (``source.after-start:target``) on
that of the target.
"""

from collections.abc import Iterable, Mapping

import msgspec

from floria.entities import Edge, Handler, Kind, Vertex
from floria.ids import Id
from floria.store.interface import Axis, Query, Reader, Step

SOURCE, TARGET = "source.", "target."
_CONFIGURE = ("before-configure", "after-configure")


class End(msgspec.Struct, frozen=True):
    """A handler of `edge` to be run at the `hook` of a node's operation, on the host of the node `at`."""

    edge: Edge
    handler: Handler
    hook: str
    at: Id


def hooks(reader: Reader, node: Vertex) -> tuple[End, ...]:
    """Return the handlers of a node's relationships that go by its operations, in the order of their edges."""
    own = [node.id, *(one.id for one in reader.query(Query(kinds=(Kind.VERTEX,), parent=node.id)))]
    leaving, coming = _edges(reader, own, Axis.OUT), _edges(reader, own, Axis.IN)
    found = [one for edge in leaving for one in _of(reader, edge, node, SOURCE)]
    found += [one for edge in coming for one in _of(reader, edge, node, TARGET)]
    return tuple(found)


def configured(edges: Iterable[Edge], owner: Mapping[Id, Id]) -> frozenset[Id]:
    """Return the nodes at whose configuration one of these edges has something to do."""
    found: set[Id] = set()
    for edge in edges:
        for handler in edge.handlers:
            hook = handler.event.partition(":")[0]
            for side, end in ((SOURCE, edge.source), (TARGET, edge.target)):
                if hook.removeprefix(side) in _CONFIGURE and hook.startswith(side) and end in owner:
                    found.add(owner[end])
    return frozenset(found)


def _edges(reader: Reader, ids: list[Id], axis: Axis) -> list[Edge]:
    found = (one for one in reader.get_many(reader.path(ids, [Step(axis=axis)])) if isinstance(one, Edge))
    return sorted((one for one in found if one.handlers), key=lambda edge: (edge.name, edge.index, edge.id))


def _of(reader: Reader, edge: Edge, node: Vertex, side: str) -> Iterable[End]:
    for handler in edge.handlers:
        if handler.event.startswith(side):
            hook, _, where = handler.event.removeprefix(side).partition(":")
            yield End(edge, handler, hook, _holder(reader, edge.target) if where == "target" else node.id)


def _holder(reader: Reader, id: Id) -> Id:
    """Return the node that a capability belongs to; a node itself."""
    found = reader.get(id)
    return found.parent if isinstance(found, Vertex) and "tosca:capability" in found.classes and found.parent else id
