"""Emit: write an event down, run all its handlers once, and those of the events they emit, without a timer (R43).

An event is durable before its first handler runs. What a handler did to the graph, the events it emitted and its
result are committed together. After a crash, `Emitter.resume` runs what had not finished, and nothing that had.
"""

import collections
import logging
import threading
import time as clocks
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from floria import properties
from floria.entities import Edge, Failure, Vertex
from floria.evaluation import Clock, EvaluationError, Library
from floria.events import changes, journal, unfinished
from floria.events.actions import Collected
from floria.events.event import Event
from floria.events.handling import Execute, Later, Runner
from floria.events.journal import Delivery, Handling, Recorded
from floria.events.storms import Rate, Schedule, Storms, Window, schedule
from floria.events.writing import Held, Outcome, Writing
from floria.store.interface import NotFound, Store, StoreError, Transaction

_log = logging.getLogger(__name__)

MAX_HOPS = 16
ADVANCE_EVERY = 1000


class Emission(msgspec.Struct, frozen=True):
    """The outcome for one event, and what handlers did, also those of the events that followed from it."""

    event: Event
    outcome: Outcome
    handlings: tuple[Handling, ...] = ()
    refused: Failure | None = None


class Emitter:
    """Emits into one store. Thread-safe: handlers run in the thread that emits."""

    def __init__(
        self,
        store: Store,
        functions: Library,
        execute: Execute | None = None,
        *,
        clock: Clock = clocks.time_ns,
        rate: Rate = Rate(),  # noqa: B008 - frozen
        schedule: Schedule = schedule,
        max_hops: int = MAX_HOPS,
        extra: Any = None,
    ) -> None:
        self.store, self.functions, self.clock = store, functions, clock
        self._schedule, self._max_hops = schedule, max_hops
        self._runner = Runner(store, functions, execute, clock, extra)
        self._storms = Storms(rate, clock)
        self._lock = threading.Lock()
        self._active: set[str] = set()
        self._handled = 0

    def emit(self, event: Event) -> Emission:
        """Emit `event`; return when its handlers, and those of the events they emit, have run.

        Raises `NotFound` when the source does not exist. A failing handler is no exception: it is in the journal.
        """
        event = self._timed(event)
        window = self._storms.admit(event)
        if window is None:
            return self._tell(event)
        if not window.durable:
            self._hold(window, event)
        return Emission(event, Outcome.COALESCED)

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Open a transaction in which events are emitted together with other changes.

        Give `Writing.recorded` to `handle` after it; what a storm holds back is taken care of.
        """
        held: Held = []
        try:
            with self.store.write() as tx:
                yield Writing(tx, self.clock, self._follow, held)
        except BaseException:
            for window, one in held:
                self._storms.retract(window, one)
            raise
        self._begin([window for window, _ in held])

    def record(self, tx: Transaction, event: Event, departing: tuple[Vertex | Edge, ...] = ()) -> Recorded | None:
        """Write `event` in a transaction of the caller, who gives the result to `handle` after the commit.

        Storms are not looked at; `writing` does. None: it was seen before.
        """
        return journal.record(tx, self._timed(event), departing=departing, max_hops=self._max_hops)

    def handle(self, *recorded: Recorded | None) -> tuple[Handling, ...]:
        """Run the handlers of events that were recorded, and of those that follow from them."""
        handlings: list[Handling] = []
        for one in recorded:
            if one is not None and self._claim([one.event.id]):
                handlings += self._continue(one)
        return tuple(handlings)

    def settle(self) -> None:
        """Write up to where everything is done with: the next start need not look further back."""
        with self.store.read() as reader:
            state = unfinished.find(reader)
        if state.floor > state.known_floor:
            with self.store.write() as tx:
                tx.append(journal.FLOOR, str(state.floor), state.floor)

    def resume(self) -> tuple[Handling, ...]:
        """Run what was recorded and has not finished: after a crash, or after others recorded events."""
        with self.store.read() as reader:
            left = unfinished.find(reader)
        handlings = list(self.handle(*left.events))
        held = {window.id for window in self._storms.windows()}
        for event in left.storms:
            if event.id not in held:
                handlings += self._tell_late(event)
        self.settle()
        return tuple(handlings)

    def flush(self) -> tuple[Handling, ...]:
        """Tell now what storms hold back."""
        return tuple(handling for window in self._storms.windows() for handling in self._close(window))

    def _timed(self, event: Event) -> Event:
        return event if event.time else msgspec.structs.replace(event, time=self.clock())

    def _tell(self, event: Event) -> Emission:
        if not self._claim([event.id]):
            return Emission(event, Outcome.DUPLICATE)
        try:
            with self.store.write() as tx:
                recorded = journal.record(tx, event, max_hops=self._max_hops)
        except BaseException:
            self._release([event.id])
            raise
        if recorded is None or recorded.refused is not None:
            self._release([event.id])
            if recorded is None:
                return Emission(event, Outcome.DUPLICATE)
            return Emission(event, Outcome.REFUSED, (), recorded.refused)
        return Emission(event, Outcome.HANDLED, tuple(self._run([recorded], frozenset())))

    def _tell_late(self, event: Event) -> tuple[Handling, ...]:
        """Tell an event whose source may be gone by now."""
        try:
            return self._tell(event).handlings
        except NotFound:
            with self.store.write() as tx:
                journal.record_lost(tx, event)
            return ()

    def _hold(self, window: Window, event: Event) -> None:
        try:
            with self.store.write() as tx:
                journal.write_storm(tx, window.id, window.first)
        except BaseException:
            self._storms.retract(window, event)
            raise
        self._begin([window])

    def _begin(self, windows: Sequence[Window]) -> None:
        for window in windows:
            if self._storms.begin(window):
                self._schedule(self._storms.wait(window.first), lambda held=window: self._close_late(held))  # type: ignore[misc]

    def _close_late(self, window: Window) -> None:
        try:
            self._close(window)
        except StoreError:
            _log.exception("a storm of %s could not be told; it will be at the next start", window.first.name)

    def _close(self, window: Window) -> tuple[Handling, ...]:
        summary = self._storms.close(window)
        return () if summary is None else self._tell_late(summary)

    def _claim(self, events: Sequence[str]) -> bool:
        """Make this thread the one that runs the handlers of `events`, unless another one is."""
        with self._lock:
            free = self._active.isdisjoint(events)
            if free:
                self._active.update(events)
            return free

    def _release(self, events: Sequence[str]) -> None:
        with self._lock:
            self._active.difference_update(events)

    def _continue(self, recorded: Recorded) -> list[Handling]:
        """Run what is left of a claimed event."""
        try:
            with self.store.read() as reader:
                done = unfinished.done(reader, recorded)
        except BaseException:
            self._release([recorded.event.id])
            raise
        if done is None or not recorded.deliveries:
            self._release([recorded.event.id])
            return []
        return self._run([recorded], done)

    def _run(self, recorded: Sequence[Recorded], done: frozenset[str]) -> list[Handling]:
        """Run claimed events and their followers, and release them."""
        pending = collections.deque(recorded)
        handlings: list[Handling] = []
        try:
            while pending:
                put_off = self._run_one(pending[0], done, pending, handlings)
                ended = pending.popleft()
                self._release([ended.event.id])
                if put_off is not None:
                    put_off(ended)
                self._count()
        finally:
            self._release([one.event.id for one in pending])
        return handlings

    def _run_one(
        self,
        recorded: Recorded,
        done: frozenset[str],
        pending: collections.deque[Recorded],
        handlings: list[Handling],
    ) -> Callable[[Recorded], None] | None:
        """Run what is left of an event; return to whom it is given when one of its handlers cannot be run now."""
        left = [one for one in recorded.deliveries if one.key(recorded.event) not in done]
        for delivery in left:
            try:
                handling, followers = self._deliver(recorded, delivery, delivery is left[-1])
            except Later as later:
                return later.put_off
            handlings.append(handling)
            pending.extend(followers)
        return None

    def _deliver(self, recorded: Recorded, delivery: Delivery, last: bool) -> tuple[Handling, list[Recorded]]:
        event, actions = recorded.event, Collected()
        try:
            handling = self._runner.run(recorded, delivery, actions)
            try:
                return handling, self._commit(event, delivery, handling, actions, last)
            except (EvaluationError, StoreError) as error:
                handling = self._runner.failed(event, delivery, error)
                return handling, self._commit(event, delivery, handling, Collected(), last)
        finally:
            actions.end()

    def _commit(
        self, event: Event, delivery: Delivery, handling: Handling, actions: Collected, last: bool
    ) -> list[Recorded]:
        """Write the result together with everything the handler did to the graph; return the events to run next."""
        emitted = actions.events(event, delivery.entity, self.clock())
        self._claim([one.id for one in emitted])
        held: Held = []
        followers: list[Recorded] = []
        try:
            with self.store.write() as tx:
                emitted += self._write(tx, event, actions)
                for one in emitted:
                    self._follow(tx, one, followers, held)
                journal.write_handling(tx, handling, delivery, event)
                if last:
                    journal.finish(tx, event)
        except BaseException:
            self._release([one.id for one in emitted])
            for window, one in held:
                self._storms.retract(window, one)
            raise
        self._release([one.id for _, one in held])
        self._begin([window for window, _ in held])
        return followers

    def _write(self, tx: Transaction, event: Event, actions: Collected) -> list[Event]:
        """Write properties; return the events for those who want to know, claimed."""
        told: list[Event] = []
        for id, wanted in actions.writes.items():
            before = properties.current(tx, id)
            after = properties.write_properties(tx, id, wanted, event.id, functions=self.functions, clock=self.clock)
            told += changes.of(tx, changes.differing(before, after))
        self._claim([one.id for one in told])
        return [event.followed_by(one) for one in told]

    def _follow(self, tx: Transaction, event: Event, followers: list[Recorded], held: Held) -> None:
        if tx.get(event.source) is None:
            raise NotFound(f"the source of the event {event.name!r}, {event.source}, does not exist")
        window = self._storms.admit(event)
        if window is not None:
            held.append((window, event))
            journal.write_storm(tx, window.id, window.first)
        elif (recorded := journal.record(tx, event, max_hops=self._max_hops)) is not None:
            followers.append(recorded)

    def _count(self) -> None:
        with self._lock:
            self._handled += 1
            due = self._handled % ADVANCE_EVERY == 0
        if due:
            self.settle()


def emit(store: Store, event: Event, functions: Library, execute: Execute | None = None) -> Emission:
    """Emit one event; for more than one, keep an `Emitter`, which sees storms."""
    return Emitter(store, functions, execute).emit(event)


def resume(store: Store, functions: Library, execute: Execute | None = None) -> tuple[Handling, ...]:
    """Run what was recorded and has not finished; see `Emitter.resume`."""
    return Emitter(store, functions, execute).resume()
