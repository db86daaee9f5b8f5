"""Services and nodes as users see them: from entities to `khutulun.model`."""

from collections.abc import Iterable, Mapping

import msgspec

from floria.entities import Edge, Kind, Property, Vertex
from floria.ids import Id
from floria.store.interface import Query, Reader
from floria.values import Value
from khutulun import model
from khutulun.conductor import nesting, progress, site, topology
from khutulun.conductor.states import ERROR, FAILED
from khutulun.model import ServiceState

OUTPUT = "floria:output"
OWN = "khutulun."
"""Beginning of the names of properties that Khutulun keeps for itself."""

UP, DOWN = frozenset({"starting", "started"}), frozenset({"stopping", "stopped", "deleting", "deleted"})
BROKEN = frozenset({ERROR, FAILED})
JOB = "::Job"
"""End of the class of nodes that come to an end."""

MARKS = ("tosca:", "floria:", "khutulun:")


def state(reader: Reader, root: Vertex) -> ServiceState:
    """Return the state of a service, from its last execution and its nodes."""
    last = progress.last(reader, root.directory, declarative=True)
    newest = progress.last(reader, root.directory)
    if last is not None:
        ended = progress.value(last, "state")
        if newest is not None and newest.id != last.id and progress.value(newest, "state") == "running":
            return ServiceState.UPDATING
        if ended == "running":
            return {
                "deploy": ServiceState.DEPLOYING,
                "update": ServiceState.UPDATING,
                "rollback": ServiceState.UPDATING,
                "undeploy": ServiceState.UNDEPLOYING,
            }[last.name]
        if ended == "failed":
            return ServiceState.FAILED
    return _of_nodes(
        one for one in reader.query(Query(kinds=(Kind.VERTEX,), parent=root.id)) if isinstance(one, Vertex)
    )


def _of_nodes(children: Iterable[Vertex]) -> ServiceState:
    """Return what the nodes are together. A job that is over is neither up nor down."""
    found = {
        one.state
        for one in children
        if topology.is_node(one) and not (one.state == "stopped" and any(label.endswith(JOB) for label in one.classes))
    }
    if found & BROKEN:
        return ServiceState.DEGRADED
    if not found & DOWN:
        return ServiceState.RUNNING
    return ServiceState.DEGRADED if found & UP else ServiceState.STOPPED


def last_execution(reader: Reader, directory: str) -> Vertex | None:
    return progress.last(reader, directory)


def summary(reader: Reader, root: Vertex) -> model.Service:
    """Return a service without its nodes."""
    children = [one for one in reader.query(Query(kinds=(Kind.VERTEX,), parent=root.id)) if isinstance(one, Vertex)]
    return model.Service(
        id=root.id,
        name=root.name,
        directory=root.directory.rpartition("/")[0] or "/",
        state=state(reader, root),
        created=root.created,
        modified=max((one.modified for one in children), default=root.modified),
        node_count=sum(1 for one in children if topology.is_node(one)),
    )


def service(
    reader: Reader, root: Vertex, found: topology.Topology, outputs: dict[str, model.Attribute]
) -> model.Service:
    """Return a service with its nodes."""
    last = last_execution(reader, root.directory)
    labels = found.labels()
    nodes = [_node(reader, found, id, labels) for id in found.nodes]
    return msgspec.structs.replace(
        summary(reader, root),
        inputs={
            name: property.value
            for name, property in root.properties.items()
            if OUTPUT not in property.classes and property.value is not msgspec.UNSET
        },
        outputs=outputs,
        nodes=tuple(sorted(nodes, key=lambda node: node.name)),
        execution=progress.view(reader, last) if last is not None else None,
    )


def attributes(properties: Mapping[str, Property]) -> dict[str, model.Attribute]:
    return {name: attribute(property) for name, property in properties.items() if not name.startswith(OWN)}


def attribute(property: Property) -> model.Attribute:
    error = property.error
    return model.Attribute(
        None if property.value is msgspec.UNSET else property.value,
        model.Problem(error.code, error.message) if error is not None else None,
    )


def type_name(classes: tuple[str, ...]) -> str:
    """Return what an entity is: its most specific class that is no mark."""
    return next((label for label in classes if not label.startswith(MARKS) or "::" in label), "")


def _node(reader: Reader, found: topology.Topology, id: Id, labels: dict[Id, str]) -> model.Node:
    vertex = found.nodes[id]
    around = site.surroundings(reader, vertex)
    return model.Node(
        id=vertex.id,
        name=labels[id],
        type=type_name(vertex.classes),
        state=vertex.state,
        host=_host(reader, found, id),
        properties=attributes(vertex.properties),
        capabilities={name: attributes(one.properties) for name, one in around.capabilities.items()},
        relations=tuple(_relation(reader, found, edge, labels) for edge in around.edges),
        handlers=tuple(handler.event for handler in vertex.handlers),
        inside=next((labels[one.id] for one in nesting.around(reader, vertex) if one.id in labels), ""),
    )


def _relation(reader: Reader, found: topology.Topology, edge: Edge, labels: dict[Id, str]) -> model.Relation:
    owner = found.owner.get(edge.target)
    target = reader.get(edge.target)
    shown = target.name if target is not None else ""
    if owner is not None:
        shown = labels[owner] if owner == edge.target else f"{labels[owner]}.{shown}"
    return model.Relation(edge.name, shown, attributes(edge.properties))


def _host(reader: Reader, found: topology.Topology, id: Id) -> str:
    for edge in found.edges:
        if edge.source == id and edge.name == topology.HOST_EDGE:
            host = reader.get(edge.target)
            return host.name if host is not None else ""
    return ""


def literal(properties: Mapping[str, Property]) -> dict[str, Value]:
    """Return the values that are set."""
    return {name: one.value for name, one in properties.items() if one.value is not msgspec.UNSET}
