"""One execution while it runs in this process: what waits for what, and who works on it."""

import logging
import threading
import time
from typing import TYPE_CHECKING

import msgspec

from floria import ids
from floria.entities import Vertex
from floria.ids import Id
from floria.store.interface import StoreError, Transaction
from floria.values import Value
from khutulun import model
from khutulun.conductor import journals, patience, progress
from khutulun.conductor.performing import UNHEARD, Deferred, OperationFailed
from khutulun.conductor.progress import change, value
from khutulun.conductor.turns import Actor, Turns
from khutulun.conductor.workflow import Workflow
from khutulun.model import StepState

if TYPE_CHECKING:
    from khutulun.conductor.executions import Executions

ATTEMPTS = 4
FIRST_RETRY = 0.5
"""Seconds before a temporary failure is tried again; doubles each time."""

log = logging.getLogger(__name__)


class Run:
    """Works on an execution. Steps go by their keys."""

    def __init__(self, executions: "Executions", id: Id) -> None:
        self._executions, self.id = executions, id
        self._store = executions.store
        self._lock = threading.Lock()
        self._states: dict[Id, StepState] = {}
        self._steps: dict[Id, Vertex] = {}
        self._before: dict[Id, tuple[frozenset[Id], frozenset[Id]]] = {}
        self._waiting: dict[Id, set[Id]] = {}
        self._dependents: dict[Id, list[Id]] = {}
        self._left = 0
        self._working: set[Id] = set()
        self._once_more: set[Id] = set()
        self._pause = threading.Event()
        self._begun = False
        self._has: dict[Id, Id] = {}
        self._actor = Actor(id)

    def load(self) -> None:
        """Find out how far it is; steps that are under way have their turns from here on."""
        with self._store.read() as reader:
            self._actor = progress.actor(reader, self.id)
            for step in progress.steps(reader, self.id):
                self._steps[progress.key(step)] = step
                self._states[progress.key(step)] = StepState(str(value(step, "state")))
        for node, step in self._steps.items():
            after, otherwise = (progress.keys(step, name) & self._steps.keys() for name in ("after", "otherwise"))
            self._before[node] = after, otherwise
            self._waiting[node] = {other for other in after | otherwise if self._is_open(other)}
            for other in self._waiting[node]:
                self._dependents.setdefault(other, []).append(node)
            if self._states[node] is StepState.RUNNING and progress.done(step) < len(progress.operations(step)):
                self._turns.take([progress.acts_on(step, progress.done(step))], self._acting(step))

    def start(self) -> None:
        """Begin, or go on."""
        unfinished = [node for node in self._states if self._is_open(node)]
        self._left = len(unfinished)
        if not unfinished:
            self._executions.submit(self._finish)
            return
        verdicts = [(node, self._verdict(node)) for node in unfinished]
        self._begun = True
        for node, go in verdicts:
            if go is False and self._is_to_skip(node):
                self._skip(node)
        for node, go in verdicts:
            if go:
                self._submit(node)

    def proceed(self, step: Id) -> None:
        """Go on with the step that has this id as a vertex; before it has begun nothing is missed, it looks then."""
        if not self._begun:
            return
        node = next((node for node, found in self._steps.items() if found.id == step), None)
        if node is not None:
            self._submit(node)

    def _is_to_skip(self, node: Id) -> bool:
        """Whether a step was not skipped yet, as it is when one before it was."""
        with self._lock:
            if self._states[node] is StepState.SKIPPED:
                return False
            self._states[node] = StepState.SKIPPED
            return True

    def wake(self) -> None:
        """End all pauses: the process is closing."""
        self._pause.set()

    def _is_open(self, node: Id) -> bool:
        return self._states[node] in (StepState.PENDING, StepState.RUNNING)

    def _verdict(self, node: Id) -> bool | None:
        """Say whether a step begins, now that others have ended; None: not yet known."""
        if self._states[node] is StepState.RUNNING:
            return True
        after, otherwise = self._before[node]
        if not otherwise and any(self._states[one] in (StepState.FAILED, StepState.SKIPPED) for one in after):
            return False
        if self._waiting[node]:
            return None
        if any(self._states[one] is StepState.FAILED for one in otherwise):
            return True
        return (bool(after) or not otherwise) and all(self._states[one] is StepState.DONE for one in after)

    def _submit(self, node: Id) -> None:
        self._executions.submit(self._guarded, node)

    def _guarded(self, node: Id) -> None:
        """Work on a step; only one thread does, and once more when it was to go on meanwhile."""
        with self._lock:
            if node in self._working:
                self._once_more.add(node)
                return
            self._working.add(node)
        try:
            patience.patiently(lambda: self._work(node), self._pause, f"execution {self.id}")
        except Exception:
            log.exception("step of %s in execution %s", node, self.id)
            problem = model.Problem("internal", "an internal error; the server's log has the details")
            self._fail(node, self._steps[node], "", problem)
        finally:
            self._leave(node)
        with self._lock:
            self._working.discard(node)
            once_more = node in self._once_more
            self._once_more.discard(node)
        if once_more:
            self._submit(node)

    def _work(self, node: Id) -> None:
        step = self._steps[node] = self._current(node)
        if value(step, "state") not in (StepState.PENDING, StepState.RUNNING):
            return
        names = progress.operations(step)
        while (number := progress.done(step)) < len(names):
            if self._executions.is_closing or not self._may_act(node, step, number):
                return
            if (value(step, "state"), value(step, "operation")) != (StepState.RUNNING, names[number]):
                step = self._put(step, **_doing(names, number))
            try:
                step = self._perform(node, step, number)
            except OperationFailed as failure:
                self._fail(node, step, names[number], failure.problem)
                return
            except (Deferred, _Closing):
                return
        if value(step, "state") != StepState.DONE:
            step = self._put(step, **_doing(names, len(names)))
        self._ended(node, step, StepState.DONE)

    def _may_act(self, node: Id, step: Vertex, number: int) -> bool:
        """Have the turn that the next operation of a step needs; or have the step go on when it has it."""
        wanted, actor = progress.acts_on(step, number), self._acting(step)
        if self._has.get(node) == wanted:
            return True
        self._leave(node)
        if self._turns.take([wanted], actor) is None:
            self._has[node] = wanted
            return True
        self._turns.wait(wanted, actor, lambda: self._submit(node))
        return False

    def _leave(self, node: Id) -> None:
        """Give up the turn of a step."""
        held = self._has.pop(node, None)
        if held is not None:
            self._turns.release([held], self._acting(self._steps[node]))

    def _acting(self, step: Vertex) -> Actor:
        return msgspec.structs.replace(self._actor, part=step.id)

    @property
    def _turns(self) -> Turns:
        return self._executions.turns

    def _current(self, node: Id) -> Vertex:
        with self._store.read() as reader:
            found = reader.get(self._steps[node].id)
        assert isinstance(found, Vertex)
        return found

    def _perform(self, node: Id, step: Vertex, number: int) -> Vertex:
        attempt, answered = int(str(value(step, "attempt"))), 0
        for retry in range(ATTEMPTS):
            id = ids.derive("operation", self.id, node, str(number), str(attempt), str(answered))
            record = _Recorder(step, number)
            try:
                with self._turns.acting(self._acting(step)):
                    self._executions.perform(step, number, id, record)
            except OperationFailed as failure:
                if failure.retryable and self._pause.is_set():
                    raise _Closing from None
                if not failure.retryable or retry == ATTEMPTS - 1:
                    raise
                if self._pause.wait(FIRST_RETRY * 2**retry):
                    raise _Closing from None
                answered += failure.problem.code != UNHEARD
                continue
            self._steps[node] = record.step
            self._executions.notify()
            return record.step
        raise AssertionError("unreachable")

    def _fail(self, node: Id, step: Vertex, operation: str, problem: model.Problem) -> None:
        step = self._put(step, state=StepState.FAILED.value, operation=operation, problem=journals.body(problem))
        self._ended(node, step, StepState.FAILED)

    def _skip(self, node: Id) -> None:
        step = self._put(self._steps[node], state=StepState.SKIPPED.value)
        self._ended(node, step, StepState.SKIPPED)

    def _ended(self, node: Id, step: Vertex, state: StepState) -> None:
        with self._lock:
            self._steps[node] = step
            self._states[node] = state
            self._left -= 1
            last = self._left == 0
            next_ones = []
            for other in self._dependents.get(node, []):
                self._waiting[other].discard(node)
                if self._states[other] is not StepState.PENDING:
                    continue
                go = self._verdict(other)
                if go is False:
                    self._states[other] = StepState.SKIPPED
                if go is not None:
                    next_ones.append((other, go))
        for other, go in next_ones:
            if go:
                self._submit(other)
            else:
                self._skip(other)
        if last:
            self._finish()

    def _put(self, step: Vertex, **changes: Value) -> Vertex:
        """Write a step's new state, and tell it."""
        with self._store.write() as tx:
            current = tx.get(step.id)
            assert isinstance(current, Vertex)
            stored = tx.put(change(current, **changes))
            assert isinstance(stored, Vertex)
            progress.tell_step(tx, stored)
        self._steps[progress.key(stored)] = stored
        self._executions.notify()
        return stored

    def _finish(self) -> None:
        """Complete the execution, once nobody acts upon what goes with it."""
        leaving, actor = self._leaving(), msgspec.structs.replace(self._actor, id=ids.derive("end", self.id))
        if (busy := self._turns.take(leaving, actor)) is not None:
            self._turns.release(leaving, actor)
            self._turns.wait(busy, actor, lambda: self._executions.submit(self._finish))
            return
        self._executions.ended(self.id)  # from the commit on, it may be begun again
        try:
            patience.patiently(self._complete, self._pause, f"execution {self.id}")
        finally:
            self._turns.release(leaving, actor)

    def _leaving(self) -> list[Id]:
        """Return the nodes that are gone when the execution is completed."""
        with self._store.read() as reader:
            execution = reader.get(self.id)
            assert isinstance(execution, Vertex)
            found = progress.steps(reader, self.id)
        if not progress.is_of(execution, Workflow.UNDEPLOY) or any(map(progress.has_failed, found)):
            return []
        return [ids.parse(str(value(step, "node"))) for step in found]

    def _complete(self) -> None:
        executions = self._executions
        try:
            with self._store.read() as reader:
                execution = reader.get(self.id)
                assert isinstance(execution, Vertex)
                well = not any(progress.has_failed(step) for step in progress.steps(reader, self.id))
            executions.ending(execution, well)
            with self._store.write() as tx:
                execution = tx.get(self.id)
                assert isinstance(execution, Vertex)
                found = progress.steps(tx, self.id)
                well = not any(progress.has_failed(step) for step in found)
                state = "done" if well else "failed"
                stored = tx.put(change(execution, state=state, ended=time.time_ns()))
                assert isinstance(stored, Vertex)
                progress.tell(tx, stored, state, progress.problems(found))
                after = executions.finished(tx, stored, well)
                part_of = tx.get(stored.parent) if stored.parent is not None else None
                following = executions.next(tx, stored) if part_of is None else None
        except StoreError:
            raise
        except Exception:
            log.exception("completing execution %s", self.id)
        else:
            after()
            if isinstance(part_of, Vertex) and part_of.parent is not None:
                executions.proceed(part_of.parent, part_of.id)
            if following is not None:
                executions.begin(following)
        executions.notify()


class _Recorder:
    """Writes down that an operation of a step is done, and what is done next; `step` is what was written last."""

    def __init__(self, step: Vertex, number: int) -> None:
        self.step, self._number = step, number

    def __call__(self, tx: Transaction, /, **changes: Value) -> None:
        done = self._number + 1
        now = _doing(progress.operations(self.step), done)
        stored = tx.put(change(self.step, done=done, **now, **changes))
        assert isinstance(stored, Vertex)
        progress.tell_step(tx, stored)
        self.step = stored


def _doing(names: list[str], number: int) -> dict[str, Value]:
    """Return the state of a step whose operation `number` is next."""
    if number < len(names):
        return {"state": StepState.RUNNING.value, "operation": names[number]}
    return {"state": StepState.DONE.value, "operation": ""}


class _Closing(Exception):
    """The process is closing; the step goes on at the next start."""
