"""Change: bring a running instance to what another design or other inputs say, touching only what is different.

Everything that stays keeps its id and what was written to it (R45, R46, R63). A change has two phases: `apply_change`
makes the novel and the modified; obsolete vertices and edges are deleted one by one by the caller, who knows when the
real things are gone (`floria.deletion.delete`, `floria.connections.disconnect`).
"""

import time as clocks
from collections.abc import Callable, Mapping

import msgspec

from floria import connections, graph, ids, naming, properties, updating
from floria.difference import comparison
from floria.difference.comparison import Comparison, Modified, PropertyChange
from floria.entities import Edge, Vertex
from floria.evaluation import Clock, EvaluationError, Key, Library
from floria.events import Recorded
from floria.graph import Graph
from floria.ids import Id
from floria.instantiation import application, merging, planning
from floria.instantiation.design import Design
from floria.instantiation.hooks import Hooks
from floria.instantiation.planning import INPUTS, Plan, Planner, Source
from floria.instantiation.problems import InstantiationError, Problem
from floria.properties import Holder
from floria.store.interface import Reader, Transaction
from floria.values import Value


class Change(msgspec.Struct, frozen=True):
    """What a change of the instance `root` comes to.

    `difference` has ids of the instance throughout. Besides what the design says differently, it lists under
    ``evaluated`` the properties whose updaters give other values because of that. `plan` is the whole as it will be.
    """

    root: Id
    difference: Comparison
    plan: Plan

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.difference)


def plan_change(
    reader: Reader,
    root: Id,
    source: Source,
    inputs: Mapping[str, Value] | None = None,
    *,
    functions: Library,
    hooks: Hooks | None = None,
    clock: Clock = clocks.time_ns,
    new_id: Callable[[], Id] = ids.new,
) -> Change:
    """Plan what `source` and `inputs` mean for the running instance `root`. Changes nothing.

    Inputs that are not given stay as they were given before. What was added at run time without a template stays,
    as long as what it belongs to does. Raises `InstantiationError`, `NotFound`.
    """
    running = graph.load(reader, root).designed()
    design = planning.of(reader, source)
    top = running.vertexes[root]
    planner = Planner(
        reader,
        design,
        top.name,
        top.directory,
        {**_kept_inputs(top, design), **dict(inputs or {})},
        functions,
        hooks,
        clock,
        new_id,
        running,
    )
    plan = planner.plan()
    difference = comparison.compare(running, plan.graph())
    affected = _affected(reader, planner, running, plan, functions, clock)
    return Change(root, _with_evaluated(difference, affected, plan), plan)


def apply_change(
    tx: Transaction, change: Change, *, cause: str | None = None, clock: Clock = clocks.time_ns
) -> tuple[Recorded, ...]:
    """Make the novel and the modified; return the events that tell of new edges (see `floria.connections`).

    What was written to the instance since the change was planned is kept. Raises `InstantiationError` when something
    that was to stay is gone, or a capacity is taken; roll back then.
    """
    wanted: list[Vertex | Edge] = [*change.plan.vertexes, *change.plan.edges]
    everything = {one.id: one for one in wanted}
    novel = [everything[id] for id in change.difference.novel]
    application.put_vertexes(tx, (one for one in novel if isinstance(one, Vertex)))
    for one in change.difference.modified:
        if one.fields or any(found.what != EVALUATED for found in one.properties):
            _modify(tx, everything[one.id])
    _note_inputs(tx, everything[change.root])
    recorded: list[Recorded] = []
    for edge in novel:
        if isinstance(edge, Edge):
            recorded += connections.form(tx, edge, cause=cause, clock=clock).events
    return tuple(recorded)


EVALUATED = ("evaluated",)


def _kept_inputs(top: Vertex, design: Design) -> dict[str, Value]:
    given = top.metadata.get(INPUTS)
    known = design.root.properties
    return {name: value for name, value in given.items() if name in known} if isinstance(given, dict) else {}


def _affected(
    reader: Reader, planner: Planner, running: Graph, plan: Plan, functions: Library, clock: Clock
) -> dict[Id, list[PropertyChange]]:
    """Return the properties of what stays whose updaters give another value than before the change."""
    stays = [id for id in (*running.vertexes, *running.edges) if id in plan.kept]
    before = updating.evaluate(reader, stays, functions, clock=clock)
    after = updating.evaluate(planner.draft, stays, functions, clock=clock)
    found: dict[Id, list[PropertyChange]] = {}
    for (id, name), value in after.items():
        if id in plan.kept and not _same(before, (id, name), value):
            old = _stored(reader, id, name)
            new = msgspec.UNSET if isinstance(value, EvaluationError) else value
            found.setdefault(id, []).append(PropertyChange(name, EVALUATED, old, new))
    return found


def _same(before: Mapping[Key, Value | EvaluationError], key: Key, value: Value | EvaluationError) -> bool:
    if key not in before:
        return isinstance(value, EvaluationError)
    old = before[key]
    if isinstance(old, EvaluationError) or isinstance(value, EvaluationError):
        return isinstance(old, EvaluationError) and isinstance(value, EvaluationError)
    return properties.identical(old, value)


def _stored(reader: Reader, id: Id, name: str) -> Value | msgspec.UnsetType:
    found = reader.get(id)
    group = found.properties if isinstance(found, Holder) else {}
    return group[name].value if name in group else msgspec.UNSET


def _with_evaluated(difference: Comparison, affected: dict[Id, list[PropertyChange]], plan: Plan) -> Comparison:
    entities: list[Vertex | Edge] = [*plan.vertexes, *plan.edges]
    names = {one.id: one.name for one in entities}
    modified = {one.id: one for one in difference.modified}
    for id, changes in affected.items():
        one = modified.get(id) or Modified(id, id, names[id])
        known = {change.name for change in one.properties}
        added = tuple(change for change in changes if change.name not in known)
        if added or id in modified:
            modified[id] = msgspec.structs.replace(one, properties=(*one.properties, *added))
    unchanged = tuple(id for id in difference.unchanged if id not in modified)
    return msgspec.structs.replace(difference, modified=tuple(modified.values()), unchanged=unchanged)


def _modify(tx: Transaction, wanted: Vertex | Edge) -> None:
    current = tx.get(wanted.id)
    if isinstance(wanted, Vertex) and isinstance(current, Vertex):
        tx.put(merging.merge(current, wanted))
    elif isinstance(wanted, Edge) and isinstance(current, Edge):
        stored = tx.put(merging.merge(current, wanted))
        if current.allocation != wanted.allocation and isinstance(stored, Edge):
            _allocate_again(tx, stored)
    else:
        message = "it was deleted since the change was planned; plan again"
        raise InstantiationError((Problem("floria.changed-meanwhile", message, naming.label(tx, wanted)),))


def _allocate_again(tx: Transaction, edge: Edge) -> None:
    tx.release(edge.id)
    if problems := application.allocate(tx, edge):
        raise InstantiationError(tuple(problems))


def _note_inputs(tx: Transaction, root: Vertex | Edge) -> None:
    current = tx.get(root.id)
    given = root.metadata.get(INPUTS)
    if isinstance(current, Vertex) and current.metadata.get(INPUTS) != given:
        tx.put(msgspec.structs.replace(current, metadata={**current.metadata, INPUTS: given}))
