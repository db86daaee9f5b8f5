"""Turns: at any time one actor acts upon a node. An actor is an execution, what an event asks for, or a user's call.

Who finds a node taken leaves word what to do when it is theirs, and goes away; no thread waits but that of a user's
call. Turns are given in the order in which they were asked for. They are not written down: after a crash executions and
events are resumed, and ask again.

A program that an operation runs may itself ask for something (`khutulun call`, `khutulun service update`). That is done
within the turn of the operation, which waits for it: programs carry the operation's id in their environment.
"""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar

import msgspec

from floria.ids import Id
from khutulun import model

CALLS = 8
"""Users' calls that may wait for a turn; each holds a thread of the API meanwhile."""


class Actor(msgspec.Struct, frozen=True):
    """Who acts: `id` is an execution's, a handling's or a call's; `part` a step of an execution.

    Parts of one actor act at the same time where a workflow lets them. `within` are the actors that wait for this one.
    """

    id: str
    part: str = ""
    within: tuple[str, ...] = ()


class _Held(msgspec.Struct):
    id: str
    parts: set[str]


class _Waiting(msgspec.Struct):
    actor: Actor
    then: Callable[[], None]


_ACTING: ContextVar[Actor | None] = ContextVar("acting", default=None)


class Turns:
    """Who has which node. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[Id, list[_Held]] = {}
        self._waiting: dict[Id, list[_Waiting]] = {}
        self._operations: dict[str, Actor] = {}
        self._calls = 0
        self._closed = threading.Event()

    def take(self, nodes: Iterable[Id], actor: Actor) -> Id | None:
        """Have all of these nodes, or none and return one that is taken. To have them already is fine."""
        had: list[Id] = []
        with self._lock:
            for node in sorted(nodes):
                if self._has(node, actor):
                    continue
                if not self._is_free(node, actor):
                    granted = [then for one in had for then in self._release(one, actor)]
                    break
                self._enter(node, actor)
                had.append(node)
            else:
                return None
        _call(granted)
        return node

    def wait(self, node: Id, actor: Actor, then: Callable[[], None]) -> None:
        """Have `then` called, once, when the node is the actor's; who waits already is not asked twice."""
        with self._lock:
            if not self._has(node, actor):
                if not self._is_free(node, actor):
                    queue = self._waiting.setdefault(node, [])
                    if all((one.actor.id, one.actor.part) != (actor.id, actor.part) for one in queue):
                        queue.append(_Waiting(actor, then))
                    return
                self._enter(node, actor)
        then()

    def release(self, nodes: Iterable[Id], actor: Actor) -> None:
        """Give up what of these nodes the actor has."""
        with self._lock:
            granted = [then for node in nodes for then in self._release(node, actor)]
        _call(granted)

    @contextlib.contextmanager
    def holding(self, node: Id, actor: Actor, name: str) -> Iterator[None]:
        """Wait for the node, in this thread, and have it. Raises `model.Refused`."""
        mine = threading.Event()
        with self._lock:
            if self._would_wait_for_itself(node, actor):
                raise model.refuse(
                    "waits-for-itself",
                    f"{name} is waiting for what asks for this",
                    hint="programs of operations cannot call each other's nodes in a circle; send an event instead",
                    status=409,
                )
            if self._calls >= CALLS and not self._is_free(node, actor):
                hint = f"{CALLS} calls wait already; see what is going on: `khutulun events -f`"
                raise model.refuse("node-busy", f"{name} is being operated", hint=hint, status=503)
            self._calls += 1
        try:
            self.wait(node, actor, mine.set)
            if self._closed.is_set():
                mine.set()
            mine.wait()
            if self._closed.is_set():
                raise model.refuse("stopping", "the server stops", hint="ask again when it is back", status=503)
            yield
        finally:
            with self._lock:
                self._calls -= 1
            self.release([node], actor)

    @contextlib.contextmanager
    def acting(self, actor: Actor) -> Iterator[None]:
        """Have what this thread does be done by the actor."""
        before = _ACTING.set(actor)
        try:
            yield
        finally:
            _ACTING.reset(before)

    @contextlib.contextmanager
    def operating(self, operation: str) -> Iterator[None]:
        """Know the operation that this thread has done, as long as that takes."""
        actor = acting()
        if actor is None:
            yield
            return
        with self._lock:
            self._operations[operation] = actor
        try:
            yield
        finally:
            with self._lock:
                self._operations.pop(operation, None)

    def around(self, operation: str) -> tuple[str, ...]:
        """Return the actors that wait for whatever a program of this operation asks for."""
        with self._lock:
            actor = self._operations.get(operation)
        return (*actor.within, actor.id) if actor is not None else ()

    def close(self) -> None:
        """End the waiting of users' calls."""
        self._closed.set()
        with self._lock:
            waiting = [one.then for queue in self._waiting.values() for one in queue]
            self._waiting.clear()
        _call(waiting)

    def _has(self, node: Id, actor: Actor) -> bool:
        return any(one.id == actor.id and actor.part in one.parts for one in self._held.get(node, ()))

    def _is_free(self, node: Id, actor: Actor) -> bool:
        held = self._held.get(node)
        return not held or held[-1].id == actor.id or held[-1].id in actor.within

    def _enter(self, node: Id, actor: Actor) -> None:
        held = self._held.setdefault(node, [])
        if held and held[-1].id == actor.id:
            held[-1].parts.add(actor.part)
        else:
            held.append(_Held(actor.id, {actor.part}))

    def _release(self, node: Id, actor: Actor) -> list[Callable[[], None]]:
        """Leave a node; return what those want to do whose it is now."""
        held = self._held.get(node, [])
        for one in [one for one in held if one.id == actor.id]:
            one.parts.discard(actor.part)
            if not one.parts:
                held.remove(one)
        if not held:
            self._held.pop(node, None)
        queue = self._waiting.get(node, [])
        granted = []
        for waiting in list(queue):
            if self._is_free(node, waiting.actor):
                self._enter(node, waiting.actor)
                queue.remove(waiting)
                granted.append(waiting.then)
        if not queue:
            self._waiting.pop(node, None)
        return granted

    def _would_wait_for_itself(self, node: Id, actor: Actor) -> bool:
        """Whether who has the node waits, over however many others, for one that waits for the actor."""
        if self._is_free(node, actor):
            return False
        seen: set[Id] = set()
        pending = [node]
        while pending:
            one = pending.pop()
            if one in seen:
                continue
            seen.add(one)
            for held in self._held.get(one, ()):
                if one != node and held.id in actor.within:
                    return True
                pending += [
                    other
                    for other, queue in self._waiting.items()
                    if any(held.id in waiting.actor.within for waiting in queue)
                ]
        return False


def acting() -> Actor | None:
    """Return who acts in this thread."""
    return _ACTING.get()


def _call(granted: Iterable[Callable[[], None]]) -> None:
    for then in granted:
        then()
