"""Durable executions of workflows: steps in parallel and in dependency order, that go on after a crash.

An execution and its steps are vertexes in the service's directory. Progress is committed together with what an
operation changed, and an operation's id follows from its step and attempt, so that an agent that has done it already
answers from its journal: nothing runs twice and nothing is forgotten.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import msgspec

from floria import ids
from floria.entities import Kind, Property, Vertex
from floria.ids import Id
from floria.store.interface import Query, Reader, Store, Transaction
from floria.values import Value
from khutulun import model
from khutulun.conductor import journals
from khutulun.conductor.workflow import Step, Workflow
from khutulun.model import StepState

EXECUTION = "khutulun:execution"
STEP = "khutulun:step"
WORKERS = 16
ATTEMPTS = 4
FIRST_RETRY = 0.5
"""Seconds before a temporary failure is tried again; doubles each time."""

log = logging.getLogger(__name__)


class OperationFailed(Exception):
    """An operation has failed; `retryable` says that it may succeed later."""

    def __init__(self, problem: model.Problem, retryable: bool = False) -> None:
        super().__init__(problem.message)
        self.problem, self.retryable = problem, retryable


class Perform(Protocol):
    """Runs one operation of a node and applies what it returns."""

    def __call__(self, node: Id, operation: str, id: str, record: Callable[[Transaction], None]) -> None:
        """Do it; call `record` in the transaction that applies the result. Raises `OperationFailed`."""
        ...


Finished = Callable[[Transaction, Vertex, bool], None]
"""Completes an execution that has ended (well, or with failures) in its last transaction."""


class Executions:
    """Creates executions and runs them."""

    def __init__(self, store: Store, perform: Perform, finished: Finished, notify: Callable[[], None]) -> None:
        self._store, self._perform, self._finished, self._notify = store, perform, finished, notify
        self._pool = ThreadPoolExecutor(WORKERS, "step")
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._running: dict[Id, _Run] = {}

    def create(
        self,
        tx: Transaction,
        root: Vertex,
        workflow: Workflow,
        steps: Iterable[Step],
        labels: dict[Id, str],
        before: Value = None,
    ) -> Id:
        """Write an execution of `steps` for a service; `begin` starts it once the transaction is committed.

        `before` is what to go back to when it fails.
        """
        vertex = Vertex(
            id=ids.new(),
            name=workflow.value,
            directory=root.directory,
            classes=(EXECUTION,),
            properties=_literal({"service": root.name, "state": "running", "root": root.id, "before": before}),
        )
        stored = tx.put(vertex)
        assert isinstance(stored, Vertex)
        for step in steps:
            tx.put(_step(vertex, step, labels[step.node]))
        self._tell(tx, stored, "running")
        return vertex.id

    def begin(self, id: Id) -> None:
        """Run an execution from where it is."""
        with self._lock:
            if self._closing.is_set() or id in self._running:
                return
            self._running[id] = run = _Run(self, id)
        run.start()

    def begin_all(self) -> None:
        """Go on with everything that was not finished."""
        with self._store.read() as reader:
            found = list(reader.query(Query(kinds=(Kind.VERTEX,), classes=(EXECUTION,))))
        for vertex in found:
            if isinstance(vertex, Vertex) and value(vertex, "state") == "running":
                self.begin(vertex.id)

    def again(self, tx: Transaction, execution: Vertex) -> None:
        """Set the failed and skipped steps of an execution back, for another attempt."""
        for step in steps(tx, execution.id):
            if value(step, "state") in (StepState.FAILED, StepState.SKIPPED):
                attempt = int(str(value(step, "attempt")))
                tx.put(change(step, state=StepState.PENDING.value, attempt=attempt + 1, problem=None, operation=""))
        stored = tx.put(change(execution, state="running"))
        assert isinstance(stored, Vertex)
        self._tell(tx, stored, "running")

    def is_running(self, reader: Reader, directory: str) -> Vertex | None:
        """Return the unfinished execution of a service."""
        return next((found for found in every(reader, directory) if value(found, "state") == "running"), None)

    def close(self) -> None:
        """Stop beginning operations; those on their way are waited for."""
        self._closing.set()
        with self._lock:
            runs = list(self._running.values())
        for run in runs:
            run.wake()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _tell(self, tx: Transaction, execution: Vertex, state: str, problems: tuple[model.Problem, ...] = ()) -> None:
        body: dict[str, Value] = {
            "kind": "execution",
            "name": f"{execution.name}-{state}",
            "service": value(execution, "service"),
            "execution": execution.id,
            "workflow": execution.name,
            "state": state,
            "started": execution.created,
            "problems": journals.body(problems),
        }
        subject = journals.service(execution.directory, str(value(execution, "service")))
        tx.append(journals.Topic.PROGRESS, f"{execution.id}/{ids.new()}", body, subject=subject)


class _Run:
    """One execution in this process: what waits for what."""

    def __init__(self, executions: Executions, id: Id) -> None:
        self._executions, self._id = executions, id
        self._store = executions._store
        self._lock = threading.Lock()
        self._states: dict[Id, StepState] = {}
        self._steps: dict[Id, Vertex] = {}
        self._waiting: dict[Id, set[Id]] = {}
        self._dependents: dict[Id, list[Id]] = {}
        self._left = 0
        self._pause = threading.Event()

    def start(self) -> None:
        with self._store.read() as reader:
            for step in steps(reader, self._id):
                node = ids.parse(str(value(step, "node")))
                self._steps[node] = step
                self._states[node] = StepState(str(value(step, "state")))
        for node, step in self._steps.items():
            after = value(step, "after")
            assert isinstance(after, list)
            waits_for = {ids.parse(str(item)) for item in after}
            self._waiting[node] = {
                other for other in waits_for if self._states.get(other, StepState.DONE) is not StepState.DONE
            }
            for other in self._waiting[node]:
                self._dependents.setdefault(other, []).append(node)
        unfinished = [node for node, state in self._states.items() if state in (StepState.PENDING, StepState.RUNNING)]
        self._left = len(unfinished)
        if not unfinished:
            self._executions._pool.submit(self._finish)
            return
        blocked = [node for node in unfinished if self._is_blocked(node)]
        free = [node for node in unfinished if not self._waiting[node]]
        for node in blocked:
            self._skip(node)
        for node in free:
            self._submit(node)

    def wake(self) -> None:
        """End all pauses: the process is closing."""
        self._pause.set()

    def _is_blocked(self, node: Id) -> bool:
        return any(self._states[other] in (StepState.FAILED, StepState.SKIPPED) for other in self._waiting[node])

    def _submit(self, node: Id) -> None:
        if not self._executions._closing.is_set():
            self._executions._pool.submit(self._guarded, node)

    def _guarded(self, node: Id) -> None:
        try:
            self._work(node)
        except Exception:
            log.exception("step of %s in execution %s", node, self._id)
            problem = model.Problem("internal", "an internal error; the server's log has the details")
            self._fail(node, self._steps[node], "", problem)

    def _work(self, node: Id) -> None:
        step = self._steps[node]
        names = operations(step)
        done = int(str(value(step, "done")))
        for number in range(done, len(names)):
            if self._executions._closing.is_set():
                return
            operation = names[number]
            step = self._put(step, state=StepState.RUNNING.value, operation=operation)
            try:
                step = self._perform(node, step, operation, number)
            except OperationFailed as failure:
                self._fail(node, step, operation, failure.problem)
                return
            except _Closing:
                return
        step = self._put(step, state=StepState.DONE.value, operation="")
        self._ended(node, step, StepState.DONE)

    def _perform(self, node: Id, step: Vertex, operation: str, number: int) -> Vertex:
        attempt = int(str(value(step, "attempt")))
        for retry in range(ATTEMPTS):
            id = ids.derive("operation", self._id, node, str(number), str(attempt), str(retry))
            recorded: list[Vertex] = []

            def record(tx: Transaction, step: Vertex = step, recorded: list[Vertex] = recorded) -> None:
                stored = tx.put(change(step, done=number + 1))
                assert isinstance(stored, Vertex)
                recorded[:] = [stored]

            try:
                self._executions._perform(node, operation, id, record)
            except OperationFailed as failure:
                if not failure.retryable or retry == ATTEMPTS - 1:
                    raise
                if self._pause.wait(FIRST_RETRY * 2**retry):
                    raise _Closing from None
                continue
            self._steps[node] = recorded[0]
            return recorded[0]
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
                if state is not StepState.DONE and self._states[other] is StepState.PENDING:
                    self._states[other] = StepState.SKIPPED
                    next_ones.append((other, False))
                elif not self._waiting[other] and self._states[other] is StepState.PENDING:
                    next_ones.append((other, True))
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
            body: dict[str, Value] = {
                "kind": "step",
                "name": str(changes["state"]),
                "service": value(stored, "service"),
                "node": stored.name,
                "execution": self._id,
                "operation": value(stored, "operation"),
                "problem": value(stored, "problem"),
            }
            service = journals.service(stored.directory, str(value(stored, "service")))
            subject = f"{service}/{stored.name}"
            tx.append(journals.Topic.PROGRESS, f"{stored.id}/{stored.revision}", body, subject=subject)
        self._steps[ids.parse(str(value(stored, "node")))] = stored
        self._executions._notify()
        return stored

    def _finish(self) -> None:
        executions = self._executions
        with executions._lock:  # from the commit on, it may be begun again
            executions._running.pop(self._id, None)
        try:
            with self._store.write() as tx:
                execution = tx.get(self._id)
                assert isinstance(execution, Vertex)
                found = steps(tx, self._id)
                well = all(value(step, "state") == StepState.DONE for step in found)
                state = "done" if well else "failed"
                stored = tx.put(change(execution, state=state, ended=time.time_ns()))
                assert isinstance(stored, Vertex)
                executions._tell(tx, stored, state, problems(found))
                executions._finished(tx, stored, well)
        except Exception:
            log.exception("completing execution %s", self._id)
        executions._notify()


class _Closing(Exception):
    """The process is closing; the step goes on at the next start."""


def every(reader: Reader, directory: str) -> list[Vertex]:
    """Return the executions of a service, oldest first."""
    query = Query(kinds=(Kind.VERTEX,), classes=(EXECUTION,), directory=directory, recursive=False)
    return [found for found in reader.query(query) if isinstance(found, Vertex)]


def steps(reader: Reader, execution: Id) -> list[Vertex]:
    query = Query(kinds=(Kind.VERTEX,), classes=(STEP,), parent=execution)
    return [found for found in reader.query(query) if isinstance(found, Vertex)]


def view(reader: Reader, execution: Vertex) -> model.Execution:
    """Return an execution as users see it."""
    found = steps(reader, execution.id)
    return model.Execution(
        id=execution.id,
        service=str(value(execution, "service")),
        workflow=execution.name,
        state=str(value(execution, "state")),
        steps=tuple(
            model.Step(
                step.name,
                StepState(str(value(step, "state"))),
                str(value(step, "operation")),
                _problem(step),
            )
            for step in found
        ),
        started=execution.created,
        ended=int(str(value(execution, "ended") or 0)),
        problems=problems(found),
    )


def ended(reader: Reader, id: str) -> model.Execution | None:
    """Return an execution that is no longer in the graph, as the journal tells of it."""
    for record in reversed(reader.journal(journals.Topic.PROGRESS, limit=10_000, newest=True)):
        body = record.body
        if isinstance(body, dict) and body.get("execution") == id and body.get("kind") == "execution":
            return model.Execution(
                id=id,
                service=str(body.get("service")),
                workflow=str(body.get("workflow")),
                state=str(body.get("state")),
                started=int(str(body.get("started"))),
                ended=record.time,
                problems=msgspec.convert(body.get("problems"), tuple[model.Problem, ...]),
            )
    return None


def problems(found: Iterable[Vertex]) -> tuple[model.Problem, ...]:
    return tuple(problem for step in found if (problem := _problem(step)) is not None)


def operations(step: Vertex) -> list[str]:
    """Return the operations of a step, in order."""
    return msgspec.convert(value(step, "operations"), list[str])


def value(vertex: Vertex, name: str) -> Value:
    """Return a property's value, None when it has none."""
    found = vertex.properties.get(name)
    return None if found is None or found.value is msgspec.UNSET else found.value


def change(vertex: Vertex, **changes: Value) -> Vertex:
    """Return `vertex` with these property values."""
    return msgspec.structs.replace(vertex, properties={**vertex.properties, **_literal(changes)})


def _problem(step: Vertex) -> model.Problem | None:
    found = value(step, "problem")
    return msgspec.convert(found, model.Problem) if found is not None else None


def _step(execution: Vertex, step: Step, label: str) -> Vertex:
    return Vertex(
        id=ids.new(),
        name=label,
        directory=execution.directory,
        parent=execution.id,
        classes=(STEP,),
        properties=_literal(
            {
                "service": value(execution, "service"),
                "node": step.node,
                "operations": list(step.operations),
                "after": sorted(step.after),
                "state": StepState.PENDING.value,
                "operation": "",
                "done": 0,
                "attempt": 0,
                "problem": None,
            }
        ),
    )


def _literal(properties: dict[str, Any]) -> dict[str, Property]:
    return {name: Property(value=value) for name, value in properties.items()}
