"""A service as the orchestrator sees it: nodes, and which depends on which.

A node is a vertex that has a ``lifecycle`` or that a frontend marked as one; everything below it (capabilities,
artifacts) belongs to it. An edge makes its source's node depend on its target's.
"""

import collections
import graphlib
from collections.abc import Iterable

import msgspec

from floria.entities import Edge, Kind, Vertex
from floria.ids import Id
from floria.store.interface import Query, Reader
from khutulun import model, names
from khutulun.conductor import ends, nesting

LIFECYCLE = "lifecycle."
NODE = "tosca:node"
SERVICE = "khutulun:service"
HOST_EDGE = "khutulun:host"


class Topology(msgspec.Struct, frozen=True):
    """Nodes by id, the node that each vertex belongs to, the edges, and what each node depends on.

    `configured` are the nodes at whose configuration a relationship has something to do. `paths` are the names of nodes
    after those of the nodes that they are inside of; `own` are the nodes that are inside of no other one here.
    """

    root: Vertex
    nodes: dict[Id, Vertex]
    owner: dict[Id, Id]
    edges: tuple[Edge, ...]
    depends: dict[Id, frozenset[Id]]
    configured: frozenset[Id] = frozenset()
    paths: dict[Id, str] = {}
    own: frozenset[Id] = frozenset()

    def labels(self) -> dict[Id, str]:
        """Return how users address each node."""
        counts = collections.Counter(self.paths.values())
        return {
            id: names.representation(self.paths[id], v.index, counts[self.paths[id]]) for id, v in self.nodes.items()
        }

    def find(self, name: str) -> Vertex:
        """Return the node that users call `name`: ``web``, or ``web-1``. Raises `model.Refused`."""
        labels = self.labels()
        for id, label in labels.items():
            vertex = self.nodes[id]
            if name in (label, f"{self.paths[id]}-{vertex.index}"):
                return vertex
        several = [label for id, label in labels.items() if self.paths[id] == name]
        if several:
            raise model.refuse(
                "ambiguous-node",
                f"{self.root.name}/{name} has {len(several)} representations",
                hint=f"name one: {', '.join(sorted(several))}",
            )
        raise model.refuse(
            "unknown-node",
            f"service {self.root.name} has no node {name!r}",
            hint=f"it has: {', '.join(sorted(labels.values())) or 'none'}",
            status=404,
        )


def is_node(vertex: Vertex) -> bool:
    return NODE in vertex.classes or any(handler.event.startswith(LIFECYCLE) for handler in vertex.handlers)


def load(reader: Reader, root: Vertex) -> Topology:
    """Read a service. Raises `model.Refused` when its nodes depend on each other in a circle."""
    vertexes = {v.id: v for v in reader.query(Query(kinds=(Kind.VERTEX,), within=root.id)) if isinstance(v, Vertex)}
    edges = tuple(
        e
        for e in reader.query(Query(kinds=(Kind.EDGE,), directory=root.directory))
        if isinstance(e, Edge) and e.source in vertexes
    )
    nodes = {id: vertex for id, vertex in vertexes.items() if is_node(vertex)}
    owner = {id: found for id in vertexes if (found := _owner(id, vertexes, nodes)) is not None}
    depends: dict[Id, set[Id]] = {id: set() for id in nodes}
    for edge in edges:
        source, target = owner.get(edge.source), owner.get(edge.target)
        if source is not None and target is not None and source != target:
            depends[source].add(target)
    nesting.depend(depends, nodes, vertexes)
    _check_order(depends, nodes)
    configured = ends.configured(edges, owner)
    return Topology(
        root=root,
        nodes=nodes,
        owner=owner,
        edges=edges,
        depends={id: frozenset(found) for id, found in depends.items()},
        configured=configured,
        paths={id: nesting.path(reader, vertex) for id, vertex in nodes.items()}
        if nesting.INSIDE in root.classes
        else nesting.paths(nodes.values(), vertexes),
        own=frozenset(id for id, vertex in nodes.items() if nesting.inside_of(vertex, vertexes) in (None, root)),
    )


def find(reader: Reader, root: Vertex, name: str) -> Vertex:
    """Return the node that users call `name`, and read the whole service only when it is not clear. See `load`."""
    if "." not in name:
        plain, numbered = (_called(reader, root, one) for one in (name, name.rpartition("-")[0]))
        numbered = [vertex for vertex in numbered if f"{vertex.name}-{vertex.index}" == name]
        if len(plain) + len(numbered) == 1:
            return (plain + numbered)[0]
    return load(reader, root).find(name)


def _called(reader: Reader, root: Vertex, name: str) -> list[Vertex]:
    """Return the representations of a node of the service itself."""
    query = Query(kinds=(Kind.VERTEX,), parent=root.id, name=name)
    return [one for one in reader.query(query) if isinstance(one, Vertex) and is_node(one)] if name else []


def dependents(depends: dict[Id, frozenset[Id]]) -> dict[Id, frozenset[Id]]:
    """Return the reverse: what depends on each node."""
    reverse: dict[Id, set[Id]] = {id: set() for id in depends}
    for source, targets in depends.items():
        for target in targets:
            reverse[target].add(source)
    return {id: frozenset(found) for id, found in reverse.items()}


def _owner(id: Id, vertexes: dict[Id, Vertex], nodes: dict[Id, Vertex]) -> Id | None:
    vertex = vertexes.get(id)
    while vertex is not None and vertex.id not in nodes:
        vertex = vertexes.get(vertex.parent) if vertex.parent is not None else None
    return vertex.id if vertex is not None else None


def _check_order(depends: dict[Id, set[Id]], nodes: dict[Id, Vertex]) -> None:
    try:
        graphlib.TopologicalSorter(depends).prepare()
    except graphlib.CycleError as error:
        circle: Iterable[Id] = error.args[1]
        path = " -> ".join(nodes[id].name for id in reversed(list(circle)))
        raise model.refuse(
            "dependency-cycle",
            f"nodes depend on each other in a circle: {path}",
            hint="no node of a circle can start first: remove one of these requirements",
        ) from None
