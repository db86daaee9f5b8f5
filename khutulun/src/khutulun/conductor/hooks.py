"""The user's code before and after each operation of a node (R41): handlers of ``before-VERB`` and ``after-VERB``.

A hook is any call that a handler may be: an operation of a plugin, which runs on the node's host, or an expression,
whose writes and events are one transaction. Each runs once for an operation. One that fails before it refuses it.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeAlias

from floria import ids, properties
from floria.entities import Edge, Entity, Handler, Vertex
from floria.evaluation import Context, EvaluationError, Library
from floria.events import Event, Outcome, Recorded
from floria.events.actions import Collected
from floria.ids import Id
from floria.store.interface import Store, Transaction
from floria.values import Value
from khutulun import model
from khutulun.conductor import calls, ends
from khutulun.conductor.performing import OperationFailed

DONE = "hook"
"""Journal topic of hooks that are expressions, by what they ran for."""


_HINTS = {
    "not-a-hook": "actions come after what they answer: give the policy's trigger another event, such as `failed` or "
    "`started`, or bind a script to this one"
}


class Writing(Protocol):
    """A transaction in which events can be emitted; `floria.events.Writing` is one."""

    tx: Transaction
    recorded: list[Recorded]

    def emit(self, event: Event) -> Outcome: ...


Handle: TypeAlias = Callable[[Handler, Entity, dict[str, Value], str, Id | None], Value]
"""Runs a handler that is a plugin's: (handler, entity, event, id, where). Raises `EvaluationError`."""


class Hooks:
    """Runs hooks. `writing` and `follow` are the engine's for events; without them, as in plans, none are emitted."""

    def __init__(self, store: Store, functions: Library, handle: Handle, *, is_plan: bool) -> None:
        self._store, self._functions, self._handle, self._is_plan = store, functions, handle, is_plan
        self.writing: Callable[[], AbstractContextManager[Writing]] = self._silent
        self.follow: Callable[..., None] = lambda *recorded: None

    def run(self, vertex: Vertex, event: str, operation: str, beside: tuple[ends.End, ...] = ()) -> None:
        """Run the hooks of `event` for an operation, which has this id: the node's, then those of relationships.

        Raises `OperationFailed`.
        """
        found: list[tuple[str, Handler, Vertex | Edge, Id | None]] = [
            (str(number), one, vertex, None) for number, one in enumerate(vertex.handlers) if one.event == event
        ]
        found += [
            (f"{one.edge.id}.{one.handler.name}", one.handler, one.edge, one.at) for one in beside if one.hook == event
        ]
        for key, handler, entity, at in found:
            id = ids.derive("hook", operation, event, key)
            try:
                if calls.is_plugin_call(handler.call):  # with a plan, whose graph goes by its id
                    self._handle(handler, entity, {"name": event}, operation if self._is_plan else id, at)
                else:
                    self._evaluate(handler, entity.id, event, id)
            except EvaluationError as error:
                hint = _HINTS.get(error.code, "the hook's handler failed: see its message")
                problem = model.Problem("refused-by-hook", f"{event}: {error}", vertex.name, hint)
                raise OperationFailed(problem, error.retryable) from None

    def _evaluate(self, handler: Handler, holder: Id, event: str, id: Id) -> None:
        actions = Collected()
        with self.writing() as writing:
            tx = writing.tx
            if tx.append(DONE, id, None) is None:
                return  # it ran before a restart
            entity = tx.get(holder)
            context = Context(tx, self._functions, entity=entity, event={"name": event}, actions=actions)
            if handler.call.function == calls.ACTIONS:
                what = f"a trigger's actions cannot come {event.partition('-')[0]} an operation"
                raise EvaluationError("not-a-hook", f"{what}: they would be operations within it")
            context.evaluate(handler.call)
            for changed, values in actions.writes.items():
                properties.write_properties(tx, changed, values, id, functions=self._functions)
            cause = Event(id=id, name=event, source=holder)
            for told in actions.events(cause, holder, 0):
                writing.emit(told)
        self.follow(*writing.recorded)

    @contextmanager
    def _silent(self) -> "Iterator[_Silent]":
        with self._store.write() as tx:
            yield _Silent(tx)


class _Silent:
    """A transaction whose events nobody gets."""

    def __init__(self, tx: Transaction) -> None:
        self.tx, self.recorded = tx, list[Recorded]()

    def emit(self, event: Event) -> Outcome:
        return Outcome.DUPLICATE
