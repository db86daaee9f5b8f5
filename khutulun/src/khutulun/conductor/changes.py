"""What becomes of each node when a design is changed: the differences of entities, seen from the nodes they belong to.

`khutulun.conductor.services` acts on it.
"""

from floria import difference, naming
from floria.entities import Edge, Vertex
from floria.ids import Id
from floria.store.interface import Axis, Step, Transaction
from khutulun.conductor import nesting, topology
from khutulun.conductor.workflow import Change

UNFINISHED = frozenset({"", "creating", "created", "configuring", "configured", "starting", "error"})
"""States of nodes whose building did not end well; to build them again changes nothing that is there."""

FAILED = "failed"
"""State of a node that ended by itself; when it is changed, it is built again."""


def is_designed(tx: Transaction, id: Id) -> bool:
    """Whether something was made from a template; what was made at run time stays."""
    entity = tx.get(id)
    return isinstance(entity, Vertex | Edge) and entity.template is not None


def of_nodes(compared: difference.Comparison, obsolete: list[Id], found: topology.Topology) -> dict[Id, Change]:
    """Return what becomes of each node: a change of anything that belongs to it is a change of the node."""
    changes = dict.fromkeys(found.nodes, Change.UNCHANGED)
    sources = {edge.id: edge.source for edge in found.edges}
    kinds = [
        *((one.id, Change.MODIFIED) for one in compared.modified),
        *((id, Change.OBSOLETE) for id in obsolete),
        *((id, Change.NOVEL) for id in compared.novel),
    ]
    for id, change in kinds:
        if id in changes:
            changes[id] = change
    for id, _ in kinds:
        owner = found.owner.get(sources.get(id, id))
        if owner is not None and changes[owner] is Change.UNCHANGED:
            changes[owner] = Change.MODIFIED
    return changes


def without_obsolete_parts(
    tx: Transaction, obsolete: list[Id], found: topology.Topology, changes: dict[Id, Change]
) -> topology.Topology:
    """Delete what is obsolete of nodes that stay; obsolete nodes go when their steps are done."""
    edges = {edge.id: edge for edge in found.edges}
    gone = set(obsolete)
    for id in obsolete:
        node = found.owner.get(edges[id].source if id in edges else id)
        if node is None or changes[node] is Change.OBSOLETE or tx.get(id) is None or _goes_with_nodes(tx, id, gone):
            continue
        tx.delete(id)
    return topology.load(tx, found.root)


def _goes_with_nodes(tx: Transaction, id: Id, obsolete: set[Id]) -> bool:
    """Whether something is, or is part of, an obsolete service inside of a node: that goes with the last node in it."""
    entity = tx.get(id)
    start = tx.get(entity.source) if isinstance(entity, Edge) else entity
    for one in naming.lineage(tx, start) if start is not None else ():
        if one.id in obsolete and nesting.INSIDE in one.classes:
            found = tx.get_many(tx.path([one.id], [Step(axis=Axis.CHILDREN)]))
            return any(isinstance(child, Vertex) and topology.is_node(child) for child in found)
    return False


def with_unfinished(changes: dict[Id, Change], found: topology.Topology) -> dict[Id, Change]:
    """Return the changes, with nodes that never came to life, or broke on the way, counted as novel."""
    return {
        id: Change.NOVEL
        if change in (Change.UNCHANGED, Change.MODIFIED)
        and found.nodes[id].state in (UNFINISHED | {FAILED} if change is Change.MODIFIED else UNFINISHED)
        else change
        for id, change in changes.items()
    }


def modified(compared: difference.Comparison, node: Id) -> tuple[str, ...]:
    """Return the names of a node's own properties that are different."""
    return tuple(change.name for one in compared.modified if one.id == node for change in one.properties)
