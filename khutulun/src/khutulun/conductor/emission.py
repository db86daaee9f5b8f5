"""Events of workloads and users: into the graph, to their handlers, and out to those who follow.

The engine (`floria.events`) keeps and delivers; what a handler does on a host is an operation like any other.
"""

import contextlib
import functools
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from floria import ids, naming
from floria.entities import Edge, Entity, Handler, Vertex
from floria.evaluation import Context, EvaluationError, Functions
from floria.events import Emitter, Event, Outcome, Recorded
from floria.ids import Id
from floria.store.interface import Axis, Step, Store, StoreError, Transaction
from floria.values import Call, Value
from khutulun import model
from khutulun.agent import messages
from khutulun.conductor import calls, journals, promptness, triggers
from khutulun.conductor.imperative import Imperative
from khutulun.conductor.operations import Operations
from khutulun.conductor.triggers import Triggers
from khutulun.conductor.turns import Turns
from khutulun.conductor.waiting import Waiting

WORKERS = 8

TARGET_CHANGED = "target-changed"
"""Event of a node: attributes of what one of its requirements leads to have changed."""

log = logging.getLogger(__name__)


class Emission:
    """Emits into the graph."""

    def __init__(
        self,
        store: Store,
        functions: Functions,
        operations: Operations,
        imperative: Imperative,
        ring: Callable[[], None],
        turns: Turns,
    ) -> None:
        self._store, self._operations, self._ring = store, operations, ring
        self._waiting = Waiting(store, turns, self._again)
        self._triggers = Triggers(store, operations, imperative)
        self._emitter = Emitter(store, functions, self._execute)
        self._pool = ThreadPoolExecutor(WORKERS, "handler")
        self._interrupted = False
        self._removal = store.on_commit(lambda _: self._committed())
        operations.attributes.followers = self._followers
        operations.hooks.writing, operations.hooks.follow = self._emitter.writing, self.handle

    def happened(self, happened: messages.Happened) -> None:
        """Take what an agent tells: the new state and attributes, and the event; once, also when told twice."""
        try:
            self._take(happened, happened.attributes)
        except EvaluationError as error:
            log.error("event %s of %s: %s", happened.name, happened.entity, error)
            self._take(msgspec.structs.replace(happened, detail={"event": happened.detail, "problem": str(error)}), {})

    def _take(self, happened: messages.Happened, attributes: dict[str, Any]) -> None:
        with self._emitter.writing() as writing:
            tx = writing.tx
            vertex = tx.get(Id(happened.entity))
            if not isinstance(vertex, Vertex):
                return
            event = Event(
                id=happened.id,
                name=happened.name,
                source=vertex.id,
                time=happened.time,
                data={"detail": happened.detail, "state": happened.state},
            )
            if writing.emit(event) is Outcome.DUPLICATE:
                return
            after = self._operations.attributes.write(tx, vertex, attributes, happened.id)
            if happened.state is not None:
                self._operations.set_state(tx, vertex.id, happened.state)
            prompt = all(promptness.is_prompt(tx, one) for one in writing.recorded)
        if prompt:
            self._guarded(lambda: self._emitter.handle(*writing.recorded))
        else:
            self.handle(*writing.recorded)
        after()

    def emit(
        self, target: Vertex, name: str, data: Value, record: Callable[[Transaction], None] = lambda tx: None
    ) -> model.Event:
        """Emit a user's event; its handlers run in the background. `record` writes beside it what belongs to it."""
        event = Event(name=name, source=target.id, data=data, time=time.time_ns())
        with self._emitter.writing() as writing:
            writing.emit(event)
            record(writing.tx)
            service, node = journals.split(naming.subject(writing.tx, target))
        self.handle(*writing.recorded)
        position = writing.recorded[0].position if writing.recorded else 0
        return model.Event(position, event.id, "event", name, event.time, service, node, data=data)

    def tell(self, targets: Iterable[Vertex], name: str, data: Value) -> None:
        """Emit an event of the conductor's own to vertexes."""
        with self._emitter.writing() as writing:
            for target in targets:
                writing.emit(Event(name=name, source=target.id, data=data))
        self.handle(*writing.recorded)

    def told(self, entity: Entity, name: str, data: Value, id: str) -> None:
        """Emit an event that a plugin tells; `id` makes it the same when it is told again."""
        with self._emitter.writing() as writing:
            writing.emit(Event(id=id, name=name, source=entity.id, data=data))
        self.handle(*writing.recorded)

    def handle(self, *recorded: Recorded | None) -> None:
        """Run the handlers of events that were recorded, in the background."""
        self._ring()
        for one in recorded:
            if one is not None and one.deliveries:
                with contextlib.suppress(RuntimeError):  # it is closing: they are handled at the next start
                    self._pool.submit(self._guarded, functools.partial(self._emitter.handle, one))

    def reserve(self) -> None:
        """Have handlers that had not finished come before whatever begins now."""
        self._waiting.reserve()

    def resume(self) -> None:
        """Run handlers that had not finished."""

        def run() -> None:
            try:
                self._emitter.resume()
            finally:
                self._waiting.give_back()

        with contextlib.suppress(RuntimeError):  # it is closing
            self._pool.submit(self._guarded, run)

    def _again(self, recorded: Recorded, after: Callable[[], None]) -> None:
        """Handle an event whose handler has its turn now."""

        def run() -> None:
            try:
                self._emitter.handle(recorded)
            finally:
                after()

        with contextlib.suppress(RuntimeError):  # it is closing: it is handled at the next start
            self._pool.submit(self._guarded, run)

    def _committed(self) -> None:
        """Go on with what a full disk has interrupted: there is space again."""
        if self._interrupted:
            self._interrupted = False
            self.resume()

    def settle(self) -> None:
        """Write down up to where all events are done with."""
        self._emitter.settle()

    def close(self) -> None:
        """Wait for handlers on their way; those that were not begun are resumed at the next start."""
        self._removal()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _followers(self, tx: Transaction, capability: Vertex, changes: dict[str, Value]) -> Callable[[], None]:
        """Tell the nodes that are related to a capability that its attributes have changed (R21).

        Relationships are told too, when they have an operation for that.
        """
        edges = tx.get_many(tx.path([capability.id], [Step(axis=Axis.IN)]))
        found: list[Recorded | None] = []
        for edge in edges:
            if isinstance(edge, Edge):
                data: Value = {"requirement": edge.name, "target": naming.label(tx, capability), "changes": changes}
                told = [edge.source, *([edge.id] if _has_handler(edge, TARGET_CHANGED) else [])]
                found += [self._emitter.record(tx, Event(name=TARGET_CHANGED, source=one, data=data)) for one in told]

        return lambda: self.handle(*found)

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except StoreError as error:
            if type(error) is not StoreError:
                log.exception("handling an event")
            else:  # what the handler did is known to the agent; it is written down when that is possible again
                log.error("a handler waits: %s (%s)", error, error.hint)
                self._interrupted = True
        except Exception:
            log.exception("handling an event")
        self._ring()

    def _execute(self, handler: Handler, entity: Vertex | Edge, event: Event, context: Context) -> Value:
        about = context.event or {}
        id = ids.derive("handling", str(about.get("handling")))
        with self._waiting.turn(handler, entity, event, context):
            if handler.call.function == calls.ACTIONS:
                return self._act(handler.call, entity, event, context, id)
            if calls.is_plugin_call(handler.call):
                return self._operations.handle(handler, entity, about, id)
            return context.evaluate(handler.call)

    def _act(self, call: Call, entity: Vertex | Edge, event: Event, context: Context, id: str) -> Value:
        """Run the actions of a policy's trigger (TOSCA 2.0 section 16.5)."""
        actions = triggers.actions(call)
        with self._store.read() as reader:
            targets = triggers.targets(reader, call, entity, event.source)
        if targets == [entity]:
            return self._triggers.act(entity, actions, context, id)
        return [
            self._triggers.act(one, actions, context.with_(entity=one), ids.derive("target", id, one.id))
            for one in targets
        ] or None


def _has_handler(edge: Edge, event: str) -> bool:
    """Whether a relationship has an operation for an event of that name."""
    return any(one.event == event for one in edge.handlers)
