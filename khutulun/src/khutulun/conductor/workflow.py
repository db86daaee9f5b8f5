"""The declarative workflows: which operations each node gets, and after which other nodes.

Pure functions from a topology to steps; `khutulun.conductor.executions` runs them.
"""

import itertools
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from floria.entities import Property, Vertex
from floria.ids import Id
from floria.values import Value
from khutulun.conductor import topology
from khutulun.conductor.topology import LIFECYCLE, Topology


class Workflow(StrEnum):
    """What an execution is for."""

    DEPLOY = "deploy"
    UPDATE = "update"
    UNDEPLOY = "undeploy"
    ROLLBACK = "rollback"


class Change(StrEnum):
    """What becomes of a node (TOSCA 2.0 section 4.4)."""

    UNCHANGED = "unchanged"
    MODIFIED = "modified"
    OBSOLETE = "obsolete"
    NOVEL = "novel"


READY = "ready"
"""Not an operation of the node: wait until it is ready."""

REMOVE = "remove"
"""Not an operation of the node: take it out of the graph."""

REFRESH, APPLY = "refresh", "apply"
"""Not operations of the node: evaluate its properties anew; when that made a difference, apply it."""

TEAR_DOWN = ("stop", "delete")


class Step(msgspec.Struct, frozen=True):
    """A node's part: `operations` in order, when the steps in `after` are done, or one in `otherwise` has failed.

    Steps go by their `key`, which is the node unless a node has several. `handled` says that its failure leads to
    others; `data` is what who performs the step needs to know.
    """

    node: Id
    operations: tuple[str, ...]
    after: frozenset[Id]
    otherwise: frozenset[Id] = frozenset()
    handled: bool = False
    key: Id | None = None
    data: dict[str, Value] = {}


ADOPTS = "khutulun.adopts"
"""Property of a node: the name under which it exists already."""


def deploy(service: Topology) -> list[Step]:
    return [Step(id, build(service, id), service.depends[id]) for id in service.nodes]


def undeploy(service: Topology) -> list[Step]:
    """Return steps in the reverse order; a node that was never created has nothing to do."""
    dependents = topology.dependents(service.depends)
    return [Step(id, TEAR_DOWN, dependents[id]) for id in service.nodes]


def update(service: Topology, changes: Mapping[Id, Change]) -> list[Step]:
    """Return the steps for the difference only.

    New and modified nodes come in dependency order, the representations of one node one after the other, each when
    the one before is ready (R45); obsolete ones go afterwards, in the reverse order, when nothing uses them any more.
    """
    before = _rolling(service, changes)
    alive = {id for id, change in changes.items() if change in (Change.NOVEL, Change.MODIFIED)}
    obsolete = {id for id, change in changes.items() if change is Change.OBSOLETE}
    followers = _followers(service, alive, obsolete)
    dependents = topology.dependents(service.depends)
    steps = []
    for id in service.nodes:
        change = changes.get(id, Change.UNCHANGED)
        if change is Change.NOVEL:
            steps.append(Step(id, build(service, id), frozenset(service.depends[id] & alive)))
        elif change is Change.MODIFIED:
            after = frozenset((service.depends[id] & alive) | before.get(id, frozenset()))
            steps.append(Step(id, modification(service.nodes[id], configured=id in service.configured), after))
        elif id in followers:
            steps.append(Step(id, (REFRESH, APPLY), frozenset(service.depends[id] & (alive | followers))))
        elif change is Change.OBSOLETE:
            after = frozenset((dependents[id] & (obsolete | alive)) | alive | followers)
            steps.append(Step(id, (*TEAR_DOWN, REMOVE), after - {id}))
    return steps


def _followers(service: Topology, alive: set[Id], obsolete: set[Id]) -> set[Id]:
    """Return what stays as it is designed but depends on what changes: it may learn something new (R21)."""
    dependents = topology.dependents(service.depends)
    found: set[Id] = set()
    pending = list(alive)
    while pending:
        new = dependents[pending.pop()] - found - alive - obsolete
        found |= new
        pending += new
    return found


def _rolling(service: Topology, changes: Mapping[Id, Change]) -> dict[Id, frozenset[Id]]:
    """Return what each modified representation waits for: the modified one before it, of the same node."""
    groups: dict[tuple[Id | None, str], list[Vertex]] = {}
    for id, vertex in service.nodes.items():
        if changes.get(id) is Change.MODIFIED:
            groups.setdefault((vertex.template, vertex.name), []).append(vertex)
    before: dict[Id, frozenset[Id]] = {}
    for group in groups.values():
        ordered = sorted(group, key=lambda vertex: vertex.index)
        before.update({late.id: frozenset([early.id]) for early, late in itertools.pairwise(ordered)})
    return before


def modification(vertex: Vertex, *, configured: bool = False) -> tuple[str, ...]:
    """Return what applies changed properties: the node's own ``update``, or to make it anew."""
    if any(handler.event == f"{LIFECYCLE}update" for handler in vertex.handlers):
        return ("update", *_ready(vertex))
    return (*TEAR_DOWN, *building(vertex, configured=configured))


def build(service: Topology, node: Id) -> tuple[str, ...]:
    """Return what brings a node of the service to life."""
    return building(service.nodes[node], configured=node in service.configured)


def building(vertex: Vertex, *, configured: bool = False) -> tuple[str, ...]:
    """Return what brings a node to life; `configure` and the wait for readiness only where there is such a thing.

    `configured` says that relationships of the node have something to do then.
    """
    if ADOPTS in vertex.properties:
        return ("adopt", *_ready(vertex))
    named = {handler.event for handler in vertex.handlers}
    configure = ("configure",) if configured or f"{LIFECYCLE}configure" in named else ()
    return ("create", *configure, "start", *_ready(vertex))


def _ready(vertex: Vertex) -> tuple[str, ...]:
    found = vertex.properties.get("readiness", Property())
    return () if found.value is msgspec.UNSET and found.updater is msgspec.UNSET else (READY,)
