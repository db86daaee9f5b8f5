"""The site of an operation: what a driver sees of the workload it works for (see docs/plugins.md)."""

from typing import Any

import msgspec

from floria import codec
from floria.entities import Edge, Kind, Property, Vertex
from floria.ids import Id
from floria.store.interface import Axis, Query, Reader, Step
from floria.values import Value
from khutulun import names
from khutulun.agent import messages
from khutulun.conductor import nesting, sequence, topology

CAPABILITY = "tosca:capability"
ARTIFACT = "tosca:artifact"
REALISED = "khutulun.realised"
"""Property of a node that was adopted: its `names` that differ, and what to `watch` for."""

FILE, BLOB = "tosca.file", "tosca.blob"
"""Metadata of an artifact: its path in the archive, and the digest of its content."""


class Surroundings(msgspec.Struct, frozen=True):
    """A node with what belongs to it: capabilities and artifacts by name, and its edges."""

    service: Vertex
    node: Vertex
    capabilities: dict[str, Vertex]
    artifacts: dict[str, Vertex]
    edges: tuple[Edge, ...]
    path: str

    @property
    def ids(self) -> list[Id]:
        """Everything whose properties the node's operations may need."""
        inside = (*self.capabilities.values(), *self.artifacts.values())
        return [self.node.id, *(one.id for one in inside), *(edge.id for edge in self.edges)]

    def files(self) -> dict[str, str]:
        """Return path to digest of the artifacts that have content."""
        found = [one.metadata for one in self.artifacts.values()]
        return {str(one[FILE]): str(one[BLOB]) for one in found if FILE in one and BLOB in one}

    def workload(self) -> messages.Workload:
        node, service = self.node, self.service
        adopted, _ = realised(node)
        return messages.Workload(
            entity=node.id,
            service=service.name,
            node=self.path,
            index=node.index,
            directory=service.directory,
            names={**names.realised(service.name, self.path, node.index), **adopted},
        )


def realised(node: Vertex) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the names of an adopted node that differ, and what to watch for."""
    known = node.properties.get(REALISED)
    found = known.value if known is not None else None
    if not isinstance(found, dict):
        return {}, ()
    return msgspec.convert(found.get("names"), dict[str, str]), msgspec.convert(found.get("watch"), tuple[str, ...])


def surroundings(reader: Reader, node: Vertex) -> Surroundings:
    """Read what belongs to `node`."""
    children = [
        child for child in reader.query(Query(kinds=(Kind.VERTEX,), parent=node.id)) if isinstance(child, Vertex)
    ]
    found = reader.get_many(reader.path([node.id], [Step(axis=Axis.OUT)]))
    edges = [edge for edge in found if isinstance(edge, Edge) and edge.name != topology.HOST_EDGE]
    edges.sort(key=lambda edge: (edge.name, edge.index, edge.id))
    return Surroundings(
        _root(reader, node),
        node,
        {child.name: child for child in children if CAPABILITY in child.classes},
        {child.name: child for child in children if ARTIFACT in child.classes},
        tuple(edges),
        nesting.path(reader, node),
    )


def build(reader: Reader, around: Surroundings, host: dict[str, Any], event: Value = None) -> dict[str, Any]:
    """Return the site as plain data. Property values are those stored; unset ones are left out."""
    node = around.node
    workload = around.workload()
    return {
        "entity": {
            "id": node.id,
            "name": node.name,
            "classes": list(node.classes),
            "state": node.state,
            "properties": plain(node.properties),
            "capabilities": {name: plain(child.properties) for name, child in around.capabilities.items()},
        },
        "service": workload.service,
        "node": workload.node,
        "index": workload.index,
        "directory": workload.directory,
        "names": workload.names,
        "host": host,
        "artifacts": {
            name: {
                **plain(one.properties),
                "file": str(one.metadata.get(FILE) or ""),
                "digest": str(one.metadata.get(BLOB) or ""),
                "classes": list(one.classes),
            }
            for name, one in around.artifacts.items()
        },
        "event": codec.to_plain(event),
        "edges": [_edge(reader, edge) for edge in around.edges],
        "after": sequence.before(reader, node),
    }


def left(built: dict[str, Any], names: dict[str, Any], result: Any) -> dict[str, Any]:
    """Return a site as the result of an operation leaves it: under its names, with the node's attributes."""
    told = (result.get("attributes") if isinstance(result, dict) else None) or {}
    entity = built["entity"]
    attributes = {name: value for name, value in told.items() if "/" not in name}
    return {**built, "names": names, "entity": {**entity, "properties": {**entity["properties"], **attributes}}}


def plain(properties: dict[str, Property]) -> dict[str, Any]:
    """Return the values that are set, as plain data."""
    return {name: codec.to_plain(found.value) for name, found in properties.items() if found.value is not msgspec.UNSET}


def _edge(reader: Reader, edge: Edge) -> dict[str, Any]:
    target = reader.get(edge.target)
    owner = target
    while isinstance(owner, Vertex) and not topology.is_node(owner) and owner.parent is not None:
        owner = reader.get(owner.parent)
    if not isinstance(target, Vertex) or not isinstance(owner, Vertex):
        return {"name": edge.name, "properties": plain(edge.properties), "target": None}
    path = nesting.path(reader, owner)
    return {
        "name": edge.name,
        "classes": list(edge.classes),
        "properties": plain(edge.properties),
        "target": {
            "service": owner.directory.rpartition("/")[2],
            "node": path,
            "index": owner.index,
            "capability": target.name if target.id != owner.id else None,
            "properties": plain(target.properties),
            "node_properties": plain(owner.properties),
            "names": names.realised(owner.directory.rpartition("/")[2], path, owner.index),
        },
    }


def _root(reader: Reader, node: Vertex) -> Vertex:
    found = node
    while found.parent is not None:
        parent = reader.get(found.parent)
        if not isinstance(parent, Vertex):
            break
        found = parent
    return found
