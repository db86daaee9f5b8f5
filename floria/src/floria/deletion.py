"""Delete vertices: handlers may refuse, and everybody whose edge goes with it is told (R41, R70).

The orchestrator calls this when the real thing is gone; `floria.store.interface.Transaction.delete` alone asks nobody.
"""

import time as clocks
from collections.abc import Iterator

import msgspec

from floria import connections, graph, naming
from floria.entities import Edge, Vertex
from floria.evaluation import Clock, Context, EvaluationError, Library, Run
from floria.events import Recorded
from floria.ids import Id
from floria.store.interface import Axis, Step, Transaction

BEFORE = "floria.before-delete"
"""Event whose handlers are evaluated before a vertex or its container is deleted: false or a failure refuses."""


def delete(
    tx: Transaction, id: Id, *, functions: Library, cause: str | None = None, clock: Clock = clocks.time_ns
) -> tuple[Recorded, ...]:
    """Delete a vertex with its content and their edges; return the events for `floria.events.Emitter.handle`.

    Raises `EvaluationError` (``floria.refused``) when a handler refuses, `NotFound`. Nothing is deleted then.
    """
    going = graph.load(tx, id)
    crossing = _crossing(tx, going)
    departing: tuple[Vertex | Edge, ...] = (*going.vertexes.values(), *going.edges.values(), *crossing)
    _ask(tx, departing, functions, cause, clock)
    recorded = [
        one for edge in (*going.edges.values(), *crossing) for one in _told(tx, edge, going, departing, cause, clock)
    ]
    tx.delete(id)
    return tuple(recorded)


def _crossing(tx: Transaction, going: graph.Graph) -> list[Edge]:
    """Return the edges from outside that end inside."""
    found = tx.get_many(tx.path(list(going.vertexes), [Step(axis=Axis.IN)]))
    return [one for one in found if isinstance(one, Edge) and one.id not in going.edges]


def _told(
    tx: Transaction,
    edge: Edge,
    going: graph.Graph,
    departing: tuple[Vertex | Edge, ...],
    cause: str | None,
    clock: Clock,
) -> Iterator[Recorded]:
    stays = edge.source not in going.vertexes or edge.target not in going.vertexes
    if stays or any(handler.event == connections.DISSOLVED for handler in edge.handlers):
        yield from connections.dissolved(tx, edge, departing, cause, clock)


def _ask(
    tx: Transaction, departing: tuple[Vertex | Edge, ...], functions: Library, cause: str | None, clock: Clock
) -> None:
    for entity in departing:
        for handler in entity.handlers:
            if handler.event != BEFORE:
                continue
            event = {"name": BEFORE, "source": entity.id, "cause": cause}
            context = Context(tx, functions, entity=entity, event={**event}, run=Run(clock=clock))
            if handler.condition is not msgspec.UNSET and context.evaluate(handler.condition) is not True:
                continue
            if context.evaluate(handler.call) is False:
                where = naming.label(tx, entity)
                raise EvaluationError("floria.refused", f"{where}: a handler of {BEFORE} refuses its deletion")
