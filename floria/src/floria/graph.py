"""Graphs in memory: what a root vertex contains, and the edges that begin in it.

The difference of two designs is taken between two of these; see `floria.difference`.
"""

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from floria.entities import Edge, Entity, Kind, Vertex
from floria.ids import Id
from floria.store.interface import Axis, NotFound, Query, Reader, Step

Identity: TypeAlias = tuple[object, ...]
"""What stays the same when a design is instantiated again: names, kinds and indexes from the root down."""

ROOT: Identity = ("root",)


class Graph(msgspec.Struct, frozen=True):
    """Vertices, containers before their content, and the edges from them. `root` contains them all."""

    root: Id
    vertexes: dict[Id, Vertex]
    edges: dict[Id, Edge]

    def designed(self) -> "Graph":
        """Return the part that was made from templates: without what was added at run time, and its content."""
        vertexes: dict[Id, Vertex] = {}
        for vertex in self.vertexes.values():
            inside = vertex.parent in vertexes and vertex.template is not None
            if vertex.id == self.root or inside:
                vertexes[vertex.id] = vertex
        edges = {one.id: one for one in self.edges.values() if one.template is not None and one.source in vertexes}
        return Graph(self.root, vertexes, edges)

    def identities(self) -> dict[Identity, Vertex | Edge]:
        """Return the vertices, then the edges, by what makes them the same in another graph."""
        keys: dict[Id, Identity] = {}
        result: dict[Identity, Vertex | Edge] = {}
        for vertex in self.vertexes.values():
            above = keys.get(vertex.parent) if vertex.parent is not None else None
            key = ROOT if vertex.id == self.root else vertex_identity(above or (), vertex)
            keys[vertex.id] = key
            result[key] = vertex
        for edge in self.edges.values():
            result[edge_identity(keys[edge.source], edge.name, edge.index)] = edge
        return result


def vertex_identity(above: Identity, vertex: Vertex) -> Identity:
    """Return the identity of a vertex contained in the one with identity `above`.

    The last class tells apart things of different kinds that have the same name in one container.
    """
    return (above, vertex.name, vertex.classes[-1] if vertex.classes else "", vertex.index)


def edge_identity(source: Identity, name: str, index: int) -> Identity:
    """Return the identity of an edge from the vertex with identity `source`."""
    return ("edge", source, name, index)


def load(reader: Reader, root: Id) -> Graph:
    """Return what `root` contains, with itself. Raises `NotFound`."""
    top = reader.get(root)
    if not isinstance(top, Vertex):
        raise NotFound(f"there is no vertex {root}")
    inside = _vertexes(reader.query(Query(kinds=(Kind.VERTEX,), within=root)))
    vertexes = _contained_first(top, inside)
    ids = reader.path(list(vertexes), [Step(axis=Axis.OUT)])
    edges = [one for one in reader.get_many(ids) if isinstance(one, Edge)]
    edges.sort(key=lambda edge: (edge.name, edge.index, edge.id))
    return Graph(root, vertexes, {edge.id: edge for edge in edges})


def _vertexes(found: Iterable[Entity]) -> list[Vertex]:
    return [one for one in found if isinstance(one, Vertex)]


def _contained_first(top: Vertex, inside: list[Vertex]) -> dict[Id, Vertex]:
    children: dict[Id, list[Vertex]] = {}
    for vertex in sorted(inside, key=lambda one: (one.created, one.name, one.index, one.id)):
        if vertex.parent is not None and vertex.id != top.id:
            children.setdefault(vertex.parent, []).append(vertex)
    ordered: dict[Id, Vertex] = {}
    pending = [top]
    while pending:
        vertex = pending.pop()
        ordered[vertex.id] = vertex
        pending.extend(reversed(children.get(vertex.id, ())))
    return ordered
