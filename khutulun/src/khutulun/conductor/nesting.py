"""Nodes inside of nodes: a substituted node has a service of its own inside (TOSCA 2.0 section 15).

What is inside is realised like every node, under the names of what is around it: ``client.small.web`` is the node
``web`` of the service ``small`` inside of ``client``. So another service can come up inside before this one goes. The
node around waits for all that is inside, and all that is inside for what the node requires.
"""

from collections.abc import Iterable, Mapping

from floria.entities import Entity, Vertex
from floria.ids import Id
from floria.store.interface import Reader
from floria.values import Value

INSIDE = "tosca:substitution"
NODE = "tosca:node"
SUBSTITUTED = "tosca.substituted"
"""Metadata of a substituted node: what is inside, with the workflows that its operations are mapped to."""


def inside_of(vertex: Vertex, vertexes: Mapping[Id, Vertex]) -> Vertex | None:
    """Return the service inside of a node that a vertex lies in, the innermost; None in the service itself."""
    above = vertexes.get(vertex.parent) if vertex.parent is not None else None
    while above is not None and INSIDE not in above.classes:
        above = vertexes.get(above.parent) if above.parent is not None else None
    return above


def path(reader: Reader, node: Vertex) -> str:
    """Return the name of a node, after those of what it is inside of: ``client.small.web``, ``client-1.small.web``."""
    parts = [f"{_segment(outer)}.{service.name}." for outer, service in reversed(_levels(reader, node))]
    return "".join([*parts, node.name])


def around(reader: Reader, node: Vertex) -> list[Vertex]:
    """Return the nodes that a node is inside of, the innermost first."""
    return [outer for outer, _ in _levels(reader, node)]


def _levels(reader: Reader, node: Vertex) -> list[tuple[Vertex, Vertex]]:
    """Return each node around, with its service inside, the innermost first."""
    found: list[tuple[Vertex, Vertex]] = []
    above: Entity | None = node
    while isinstance(above, Vertex) and above.parent is not None:
        service, above = above, reader.get(above.parent)
        if isinstance(above, Vertex) and INSIDE in service.classes:
            found.append((above, service))
    return found


def paths(nodes: Iterable[Vertex], vertexes: Mapping[Id, Vertex]) -> dict[Id, str]:
    """Return the path of each node of a service."""
    found: dict[Id, str] = {}
    for node in nodes:
        parts = [node.name]
        service = inside_of(node, vertexes)
        while service is not None:
            outer = vertexes.get(service.parent) if service.parent is not None else None
            if outer is None:
                break
            parts += [service.name, _segment(outer)]
            service = inside_of(outer, vertexes)
        found[node.id] = ".".join(reversed(parts))
    return found


def depend(depends: dict[Id, set[Id]], nodes: Mapping[Id, Vertex], vertexes: Mapping[Id, Vertex]) -> None:
    """Make nodes depend on what is inside of them, and what is inside on what they depend on."""
    around = {id: outer for id, node in nodes.items() if (outer := _around(node, nodes, vertexes)) is not None}
    if not around:
        return
    chains = {id: _chain(id, around) for id in around}
    required = {id: set(found) for id, found in depends.items()}
    for id, chain in chains.items():
        depends[chain[0]].add(id)
        for outer in chain:
            depends[id] |= {one for one in required[outer] if one != id and outer not in chains.get(one, ())}


def operation(node: Vertex, name: str) -> str | None:
    """Return the workflow inside of a substituted node that its operation ``INTERFACE.OPERATION`` is mapped to."""
    found = node.metadata.get(SUBSTITUTED)
    mapped: Value = found.get("interfaces") if isinstance(found, dict) else None
    workflow = mapped.get(name) if isinstance(mapped, dict) else None
    return str(workflow) if workflow is not None else None


def is_substituted(node: Vertex) -> bool:
    return SUBSTITUTED in node.metadata


def _around(node: Vertex, nodes: Mapping[Id, Vertex], vertexes: Mapping[Id, Vertex]) -> Id | None:
    service = inside_of(node, vertexes)
    return service.parent if service is not None and service.parent in nodes else None


def _chain(id: Id, around: Mapping[Id, Id]) -> list[Id]:
    """Return the nodes around a node, the innermost first."""
    chain = []
    while id in around:
        id = around[id]
        chain.append(id)
    return chain


def _segment(node: Vertex) -> str:
    return f"{node.name}-{node.index}" if node.index else node.name
