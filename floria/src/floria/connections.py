"""Edges at run time: formed, moved and dissolved, with everybody concerned told (R70).

The edge and both its ends hear ``floria.edge-formed`` and ``floria.edge-dissolved``. The events are recorded in the
same transaction; the caller hands them to `floria.events.Emitter.handle` after the commit (or `resume` finds them).
"""

import time as clocks
from collections.abc import Callable, Mapping, Sequence

import msgspec

from floria import ids, naming, properties
from floria.entities import Edge, EdgeTemplate, Handler, Property, Vertex
from floria.evaluation import Clock, Context, EvaluationError, Library, Run
from floria.events import Direction, Event, Propagation, Recorded, record
from floria.ids import Id
from floria.instantiation import application, search
from floria.instantiation.hooks import Hooks
from floria.instantiation.problems import InstantiationError, Refusal
from floria.store.interface import Axis, NotFound, Reader, Step, Transaction
from floria.values import Value

FORMED = "floria.edge-formed"
DISSOLVED = "floria.edge-dissolved"

_BOTH_ENDS = Propagation((Direction.OUT, Direction.IN), depth=0)


class Connection(msgspec.Struct, frozen=True):
    """An edge that was formed, moved or dissolved, and the events that tell of it."""

    edge: Edge
    events: tuple[Recorded, ...] = ()


def connect(
    tx: Transaction,
    source: Id,
    target: Id,
    name: str,
    *,
    functions: Library,
    classes: Sequence[str] = (),
    group: Mapping[str, Property] | None = None,
    handlers: Sequence[Handler] = (),
    metadata: Mapping[str, Value] | None = None,
    allocation: Mapping[str, int | float] | None = None,
    cause: str | None = None,
    clock: Clock = clocks.time_ns,
    new_id: Callable[[], Id] = ids.new,
) -> Connection:
    """Form an edge; `group` are its properties, whose literal values pass through their preparers.

    Raises `NotFound`, `EvaluationError` (a value is refused), `InstantiationError` (there is too little to allocate).
    """
    start = _vertex(tx, source)
    _vertex(tx, target)
    edge = Edge(
        id=new_id(),
        name=name,
        directory=start.directory,
        classes=tuple(classes),
        metadata=dict(metadata or {}),
        properties=dict(group or {}),
        handlers=tuple(handlers),
        source=source,
        target=target,
        index=_next_index(tx, source, name),
        allocation=dict(allocation or {}),
    )
    return form(tx, _prepared(tx, edge, functions, clock), cause=cause, clock=clock)


def connect_template(
    tx: Transaction,
    template: EdgeTemplate,
    source: Id,
    *,
    functions: Library,
    hooks: Hooks | None = None,
    cause: str | None = None,
    clock: Clock = clocks.time_ns,
    new_id: Callable[[], Id] = ids.new,
) -> tuple[Connection, ...]:
    """Form the edges that `template` asks for from `source` and that are not there yet, with targets found now.

    Raises `InstantiationError` with every candidate and why it was refused, unless the template is optional.
    """
    edges = search.edges(tx, template, _vertex(tx, source), functions, hooks=hooks, clock=clock, new_id=new_id)
    return tuple(form(tx, edge, cause=cause, clock=clock) for edge in edges)


def form(tx: Transaction, edge: Edge, *, cause: str | None = None, clock: Clock = clocks.time_ns) -> Connection:
    """Store a new edge, allocate, and record that it was formed."""
    properties.check_metadata(edge, edge.name)
    stored = tx.put(edge)
    assert isinstance(stored, Edge)
    if problems := application.allocate(tx, stored):
        raise InstantiationError(tuple(problems))
    return Connection(stored, _recorded(tx, FORMED, stored, cause, clock))


def move(
    tx: Transaction, edge: Id, target: Id, *, cause: str | None = None, clock: Clock = clocks.time_ns
) -> Connection:
    """Lead an edge to another target. It keeps its id, properties and handlers; what it allocated moves with it.

    Raises `NotFound`, `InstantiationError` when the new target has too little.
    """
    before = _edge(tx, edge)
    _vertex(tx, target)
    if before.target == target:
        return Connection(before)
    told = _recorded(tx, DISSOLVED, before, cause, clock)
    if before.allocation:
        tx.release(before.id)
    moved = tx.put(msgspec.structs.replace(before, target=target))
    assert isinstance(moved, Edge)
    if problems := application.allocate(tx, moved):
        raise InstantiationError(tuple(problems))
    return Connection(moved, (*told, *_recorded(tx, FORMED, moved, cause, clock)))


def disconnect(tx: Transaction, edge: Id, *, cause: str | None = None, clock: Clock = clocks.time_ns) -> Connection:
    """Dissolve an edge and give back what it allocated; its own handlers still hear of it. Raises `NotFound`."""
    before = _edge(tx, edge)
    told = _recorded(tx, DISSOLVED, before, cause, clock, departing=(before,))
    tx.delete(edge)
    return Connection(before, told)


def candidates(
    reader: Reader, template: EdgeTemplate, source: Id, *, functions: Library, clock: Clock = clocks.time_ns
) -> tuple[list[Id], list[Refusal]]:
    """Return which vertices could be the target of an edge now, the best first, and why others could not."""
    return search.candidates(reader, template, _vertex(reader, source), functions, clock=clock)


def dissolved(
    tx: Transaction, edge: Edge, departing: tuple[Vertex | Edge, ...], cause: str | None, clock: Clock
) -> tuple[Recorded, ...]:
    """Record that an edge goes together with some of its ends."""
    return _recorded(tx, DISSOLVED, edge, cause, clock, departing=departing)


def _recorded(
    tx: Transaction,
    name: str,
    edge: Edge,
    cause: str | None,
    clock: Clock,
    departing: tuple[Vertex | Edge, ...] = (),
) -> tuple[Recorded, ...]:
    data: dict[str, Value] = {
        "edge": edge.id,
        "name": edge.name,
        "source": edge.source,
        "target": edge.target,
        "label": naming.label(tx, edge),
    }
    event = Event(name=name, source=edge.id, time=clock(), cause=cause, data=data, propagation=_BOTH_ENDS)
    recorded = record(tx, event, departing=departing)
    return () if recorded is None else (recorded,)


def _prepared(tx: Transaction, edge: Edge, functions: Library, clock: Clock) -> Edge:
    context = Context(tx, functions, entity=edge, run=Run(clock=clock))
    group = dict(edge.properties)
    for name, found in edge.properties.items():
        if found.value is not msgspec.UNSET:
            value = context.prepare(edge, name, found.value)
            group[name] = msgspec.structs.replace(found, value=value, revision=1, time=clock())
        elif properties.REQUIRED in found.classes and found.updater is msgspec.UNSET:
            raise EvaluationError("floria.missing", f"{edge.name}.{name} is required and has no value")
    return msgspec.structs.replace(edge, properties=group)


def _next_index(tx: Transaction, source: Id, name: str) -> int:
    found = tx.get_many(tx.path([source], [Step(axis=Axis.OUT, name=name)]))
    used = {one.index for one in found if isinstance(one, Edge)}
    return next(index for index in range(len(used) + 1) if index not in used)


def _vertex(reader: Reader, id: Id) -> Vertex:
    found = reader.get(id)
    if not isinstance(found, Vertex):
        raise NotFound(f"there is no vertex {id}")
    return found


def _edge(reader: Reader, id: Id) -> Edge:
    found = reader.get(id)
    if not isinstance(found, Edge):
        raise NotFound(f"there is no edge {id}")
    return found
