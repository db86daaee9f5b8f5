"""Handlers that wait for their turn at a node: without a thread, and not forgotten when the server ends meanwhile.

What is durable is the event, which stays unfinished. `khutulun.conductor.emission` runs every handler within `turn`.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence

from floria.entities import Edge, Entity, Handler, Vertex
from floria.evaluation import Context, EvaluationError
from floria.events import Event, Later, Recorded, unfinished
from floria.events.actions import Collected
from floria.ids import Id
from floria.store.interface import Reader, Store
from khutulun import model
from khutulun.conductor import calls, operated, topology, triggers
from khutulun.conductor.turns import Actor, Turns

Again = Callable[[Recorded, Callable[[], None]], None]
"""Has an event handled again, in the background, and calls the function after that."""

ACTING = frozenset({"call_operation", "delegate", "set_state"})
"""Kinds of actions that are done at once at a node. Workflows are executions, which have turns of their own."""


class Waiting:
    """Gives handlers their turns."""

    def __init__(self, store: Store, turns: Turns, again: Again) -> None:
        self._store, self._turns, self._again = store, turns, again
        self._lock = threading.Lock()
        self._acting: set[str] = set()
        self._reserved: list[tuple[Sequence[Id], Actor]] = []

    @contextlib.contextmanager
    def turn(self, handler: Handler, entity: Vertex | Edge, event: Event, context: Context) -> Iterator[None]:
        """Have what a handler acts upon until its result is committed, or raise `Later`."""
        actor = Actor(str((context.event or {}).get("handling")))
        with self._store.read() as reader:
            nodes = _acts_on(reader, handler, entity, event.source)
        if not nodes:
            yield
            return
        with self._lock:
            self._acting.add(actor.id)
        if (busy := self._turns.take(nodes, actor)) is not None:
            self._leave(nodes, actor)  # who waits has nothing that others wait for
            raise Later(functools.partial(self._wait, busy, actor))
        assert isinstance(context.actions, Collected)
        context.actions.afterwards(lambda: self._leave(nodes, actor))
        with self._turns.acting(actor):
            yield

    def reserve(self) -> None:
        """Have those that had not finished when the server ended come first, ahead of all those that had begun."""
        found: list[tuple[Actor, Sequence[Id]]] = []
        with self._store.read() as reader:
            for one in unfinished.find(reader).events:
                for delivery in one.deliveries:
                    entity = reader.get(delivery.entity)
                    if not isinstance(entity, Vertex | Edge) or delivery.handler >= len(entity.handlers):
                        continue
                    with contextlib.suppress(EvaluationError, model.Refused):  # it says so when it is run
                        nodes = _acts_on(reader, entity.handlers[delivery.handler], entity, one.event.source)
                        found += [(Actor(delivery.key(one.event)), nodes)] if nodes else []
            found.sort(key=lambda one: not any(_began(reader, node, one[0]) for node in one[1]))
        self._reserved = [(nodes, actor) for actor, nodes in found if self._turns.take(nodes, actor) is None]

    def give_back(self) -> None:
        """Give up what was reserved and is not needed."""
        reserved, self._reserved = self._reserved, []
        for nodes, actor in reserved:
            self._decline(nodes, actor)

    def _wait(self, node: Id, actor: Actor, recorded: Recorded) -> None:
        self._turns.wait(node, actor, lambda: self._again(recorded, lambda: self._decline([node], actor)))

    def _decline(self, nodes: Sequence[Id], actor: Actor) -> None:
        """Give up a turn unless the handler has taken it."""
        with self._lock:
            if actor.id in self._acting:
                return
        self._turns.release(nodes, actor)

    def _leave(self, nodes: Sequence[Id], actor: Actor) -> None:
        with self._lock:
            self._acting.discard(actor.id)
        self._turns.release(nodes, actor)


def _began(reader: Reader, node: Id, actor: Actor) -> bool:
    """Whether a handler had begun to operate a node."""
    vertex = reader.get(node)
    last = operated.of(vertex) if isinstance(vertex, Vertex) else None
    return last is not None and last.by == actor.id


def _acts_on(reader: Reader, handler: Handler, entity: Vertex | Edge, source: Id) -> list[Id]:
    """Return the nodes that a handler operates; none when it only looks at the graph, or writes to it."""
    call = handler.call
    found: Sequence[Entity] = []
    if call.function == calls.ACTIONS:
        if any(action["kind"] in ACTING for action in triggers.actions(call)):
            found = triggers.targets(reader, call, entity, source)
    elif calls.is_plugin_call(call) and calls.notification(call) is None:
        found = [entity]
    return list(dict.fromkeys(node for one in found if (node := _node(reader, one)) is not None))


def _node(reader: Reader, entity: Entity) -> Id | None:
    """Return the node that something is, or belongs to."""
    found: Entity | None = reader.get(entity.source) if isinstance(entity, Edge) else entity
    while isinstance(found, Vertex) and not topology.is_node(found):
        found = reader.get(found.parent) if found.parent is not None else None
    return found.id if isinstance(found, Vertex) else None
