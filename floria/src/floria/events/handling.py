"""Running one handler: find it, check deadline and condition, execute it, and turn whatever happens into a result."""

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import msgspec

from floria import naming
from floria.entities import Edge, Failure, Handler, Vertex
from floria.evaluation import Clock, Context, EvaluationError, Library, Run
from floria.events import event as events
from floria.events.actions import Collected
from floria.events.event import Event
from floria.events.journal import Delivery, Handling, Recorded, Status
from floria.events.live import LiveReader
from floria.store.interface import Reader, Store, StoreError
from floria.values import Value

_log = logging.getLogger(__name__)

Execute: TypeAlias = Callable[[Handler, Vertex | Edge, Event, Context], Value]
"""Runs a handler. `Context.actions` takes what it wants to do to the graph; `Context.event` holds, besides the event,
``handling``: the key under which the result will be journaled, the same again when it is resumed; and ``position``:
where the event is in the journal. Raises `Later` when it has to wait."""


class Later(Exception):
    """A handler cannot be run now. Nothing is written down: the event is handled again when somebody says so.

    `put_off` is given the event once it is free to be handled again; whoever gets it hands it to `Emitter.handle` when
    the time has come. Its condition is looked at then, and the entity as it is then.
    """

    def __init__(self, put_off: "Callable[[Recorded], None]") -> None:
        super().__init__("later")
        self.put_off = put_off


class Runner:
    """Runs handlers against one store; without `execute`, by evaluating their calls in one consistent view."""

    def __init__(self, store: Store, functions: Library, execute: Execute | None, clock: Clock, extra: Any) -> None:
        self._store, self._functions, self._execute = store, functions, execute
        self._clock, self._extra = clock, extra

    def run(self, recorded: Recorded, delivery: Delivery, actions: Collected) -> Handling:
        """Return what the handler did; what it wants done is in `actions`.

        Only signals and `Later` come through as exceptions.
        """
        event = recorded.event
        if event.deadline is not None and self._clock() > event.deadline:
            failure = Failure("floria.deadline", "the event's deadline has passed", self._clock(), event.id)
            return self.handling(event, delivery, Status.EXPIRED, error=failure)
        try:
            with self._reader() as reader:
                return self._evaluate(reader, recorded, delivery, actions)
        except Later:
            raise
        except Exception as error:
            actions.clear()
            return self.failed(event, delivery, error)

    def failed(self, event: Event, delivery: Delivery, error: Exception) -> Handling:
        """Return the result of a handler that raised `error`; one that nobody foresaw is logged with its traceback."""
        if isinstance(error, EvaluationError):
            failure = error.failure(self._clock(), event.id)
        elif isinstance(error, StoreError):
            failure = Failure("floria.store", str(error), self._clock(), event.id)
        else:
            _log.error("a handler of %s failed", event.name, exc_info=error)
            detail = "".join(traceback.format_exception(error))[-10_000:]
            failure = Failure("floria.bug", f"{type(error).__name__}: {error}", self._clock(), event.id, False, detail)
        return self.handling(event, delivery, Status.FAILED, error=failure)

    def handling(
        self, event: Event, delivery: Delivery, status: Status, result: Value = None, error: Failure | None = None
    ) -> Handling:
        """Return a result as of now."""
        return Handling(event.id, event.name, delivery.entity, delivery.handler, status, result, error, self._clock())

    @contextmanager
    def _reader(self) -> Iterator[Reader]:
        if self._execute is not None:
            yield LiveReader(self._store)
            return
        with self._store.read() as reader:
            yield reader

    def _evaluate(self, reader: Reader, recorded: Recorded, delivery: Delivery, actions: Collected) -> Handling:
        event = recorded.event
        entity = delivery.subject(reader)
        if entity is None:
            message = f"nothing to do: {delivery.entity} was deleted before its handler ran"
            gone = Failure("floria.gone", message, self._clock(), event.id)
            return self.handling(event, delivery, Status.SKIPPED, error=gone)
        handler = _handler(reader, event, delivery, entity)
        context = Context(
            reader,
            self._functions,
            entity=entity,
            event={**events.to_plain(event), "handling": delivery.key(event), "position": recorded.position},
            actions=actions,
            extra=self._extra,
            run=Run(clock=self._clock),
        )
        if handler.condition is not msgspec.UNSET:
            met = context.with_(actions=None).evaluate(handler.condition)
            if met is not True:
                return self.handling(event, delivery, Status.SKIPPED, met)
        if self._execute is None:
            return self.handling(event, delivery, Status.DONE, context.evaluate(handler.call))
        return self.handling(event, delivery, Status.DONE, self._execute(handler, entity, event, context))


def _handler(reader: Reader, event: Event, delivery: Delivery, entity: Vertex | Edge) -> Handler:
    if delivery.handler >= len(entity.handlers) or entity.handlers[delivery.handler].event != event.name:
        where = naming.label(reader, entity)
        raise EvaluationError("floria.gone", f"the handler of {event.name!r} in {where} was removed before it ran")
    return entity.handlers[delivery.handler]
