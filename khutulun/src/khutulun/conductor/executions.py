"""Durable executions of workflows: steps in parallel and in dependency order, that go on after a crash.

An execution and its steps are vertexes in the service's directory. Progress is committed together with what an
operation changed, and an operation's id follows from its step and attempt, so that an agent that has done it already
answers from its journal: nothing runs twice and nothing is forgotten.

A step begins when all steps that lead to it have ended: those of `after` well, or one of `otherwise` badly. What a step
consists of is up to who performs it (`khutulun.conductor.workflow`, `khutulun.conductor.imperative`).
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import msgspec

from floria import ids
from floria.entities import Kind, Property, Vertex
from floria.ids import Id
from floria.store.interface import Query, Reader, Store, StoreError, Transaction
from floria.values import Value
from khutulun import model
from khutulun.conductor import journals, patience
from khutulun.conductor.workflow import Step, Workflow
from khutulun.model import StepState

EXECUTION = "khutulun:execution"
STEP = "khutulun:step"
IMPERATIVE = "khutulun:imperative"
"""Class of an execution of a workflow that its service's design brings."""

WAITING = "waiting"
"""State of an execution that begins when those before it in its service have ended."""

WORKERS = 16
KEPT = 20
"""Executions that have ended, of each service."""

ATTEMPTS = 4
FIRST_RETRY = 0.5
"""Seconds before a temporary failure is tried again; doubles each time."""

log = logging.getLogger(__name__)


class OperationFailed(Exception):
    """An operation has failed; `retryable` says that it may succeed later."""

    def __init__(self, problem: model.Problem, retryable: bool = False) -> None:
        super().__init__(problem.message)
        self.problem, self.retryable = problem, retryable


class Deferred(Exception):
    """An operation goes on elsewhere; `Executions.proceed` with its step when it has ended."""


class Record(Protocol):
    """Writes down that an operation is done, in the transaction that applies its result."""

    def __call__(self, tx: Transaction, /, **changes: Value) -> None:
        """Write it; `changes` are further properties of the step."""
        ...


class Perform(Protocol):
    """Runs one operation of a step and applies what it returns."""

    def __call__(self, step: Vertex, number: int, id: str, record: Record) -> None:
        """Do the step's operation `number`; call `record` in the transaction that applies the result.

        Raises `OperationFailed`, `Deferred`.
        """
        ...


After = Callable[[], None]
Finished = Callable[[Transaction, Vertex, bool], After]
"""Completes an execution that has ended (well, or with failures) in its last transaction.

Returns what to do after the commit.
"""

Ending = Callable[[Vertex, bool], None]
"""Does what comes before the last transaction of an execution, and may be done twice."""


class Executions:
    """Creates executions and runs them."""

    def __init__(
        self,
        store: Store,
        perform: Perform,
        finished: Finished,
        notify: Callable[[], None],
        ending: Ending = lambda execution, well: None,
    ) -> None:
        self._store, self._perform, self._finished, self._notify = store, perform, finished, notify
        self._ending = ending
        self._pool = ThreadPoolExecutor(WORKERS, "step")
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._running: dict[Id, _Run] = {}

    def create(
        self,
        tx: Transaction,
        root: Vertex,
        workflow: str,
        steps: Iterable[Step],
        labels: Mapping[Id, str],
        before: Value = None,
        *,
        id: Id | None = None,
        within: Vertex | None = None,
        classes: tuple[str, ...] = (EXECUTION,),
        state: str = "running",
        data: Mapping[str, Value] | None = None,
    ) -> Id:
        """Write an execution of `steps` for a service; `begin` starts it once the transaction is committed.

        `before` is what to go back to when it fails. An execution `within` a step is a part of that step. `labels` are
        the names of steps, `data` further properties of the execution. Only the last ones of a service are kept; the
        journal tells of the others.
        """
        if within is None:
            _drop_old(tx, root.directory)
        properties = {"service": root.name, "state": state, "root": root.id, "before": before, **(data or {})}
        vertex = Vertex(
            id=id or ids.new(),
            name=workflow,
            directory=root.directory,
            parent=within.id if within is not None else None,
            classes=classes,
            properties=_literal(properties),
        )
        stored = tx.put(vertex)
        assert isinstance(stored, Vertex)
        for step in steps:
            tx.put(_step(vertex, step, labels[step.key or step.node]))
        self._tell(tx, stored, state)
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

    def proceed(self, execution: Id, step: Id) -> None:
        """Go on with a step of which an operation went on elsewhere."""
        with self._lock:
            run = self._running.get(execution)
        if run is not None:
            run.proceed(step)

    def again(self, tx: Transaction, execution: Vertex) -> None:
        """Set the failed and skipped steps of an execution back, for another attempt.

        A failure that led to other steps was dealt with, and stays.
        """
        for step in steps(tx, execution.id):
            if value(step, "state") == StepState.SKIPPED or _has_failed(step):
                attempt = int(str(value(step, "attempt")))
                tx.put(change(step, state=StepState.PENDING.value, attempt=attempt + 1, problem=None, operation=""))
        stored = tx.put(change(execution, state="running"))
        assert isinstance(stored, Vertex)
        self._tell(tx, stored, "running")

    def is_running(self, reader: Reader, directory: str) -> Vertex | None:
        """Return the execution of a service that is going on."""
        return next((found for found in every(reader, directory) if value(found, "state") == "running"), None)

    def _next(self, tx: Transaction, ended: Vertex) -> Id | None:
        """Have the next execution that waits go on, unless the one that has `ended` is to be undone first."""
        if value(ended, "state") == "failed" and value(ended, "before") is not None:
            return None
        if self.is_running(tx, ended.directory) is not None:
            return None
        waiting = [one for one in every(tx, ended.directory) if value(one, "state") == WAITING]
        if not waiting:
            return None
        stored = tx.put(change(min(waiting, key=lambda one: one.created), state="running"))
        assert isinstance(stored, Vertex)
        self._tell(tx, stored, "running")
        return stored.id

    def halt(self) -> None:
        """Begin no operation any more, and end all pauses."""
        self._closing.set()
        with self._lock:
            runs = list(self._running.values())
        for run in runs:
            run.wake()

    def close(self) -> None:
        """Stop; operations on their way are waited for."""
        self.halt()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, work: Callable[..., None], *arguments: Id) -> None:
        """Have a worker do it, unless the process is closing: then it is done at the next start."""
        if not self._closing.is_set():
            with contextlib.suppress(RuntimeError):  # it closes just now
                self._pool.submit(work, *arguments)

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
    """One execution in this process: what waits for what. Steps go by their keys."""

    def __init__(self, executions: Executions, id: Id) -> None:
        self._executions, self._id = executions, id
        self._store = executions._store
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

    def start(self) -> None:
        with self._store.read() as reader:
            for step in steps(reader, self._id):
                self._steps[key(step)] = step
                self._states[key(step)] = StepState(str(value(step, "state")))
        for node, step in self._steps.items():
            after, otherwise = (_keys(step, name) & self._steps.keys() for name in ("after", "otherwise"))
            self._before[node] = after, otherwise
            self._waiting[node] = {other for other in after | otherwise if self._is_open(other)}
            for other in self._waiting[node]:
                self._dependents.setdefault(other, []).append(node)
        unfinished = [node for node in self._states if self._is_open(node)]
        self._left = len(unfinished)
        if not unfinished:
            self._executions._submit(self._finish)
            return
        verdicts = [(node, self._verdict(node)) for node in unfinished]
        for node, go in verdicts:
            if go is False and self._is_to_skip(node):
                self._skip(node)
        for node, go in verdicts:
            if go:
                self._submit(node)

    def proceed(self, step: Id) -> None:
        """Go on with the step that has this id as a vertex."""
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
        self._executions._submit(self._guarded, node)

    def _guarded(self, node: Id) -> None:
        """Work on a step; only one thread does, and once more when it was to go on meanwhile."""
        with self._lock:
            if node in self._working:
                self._once_more.add(node)
                return
            self._working.add(node)
        try:
            patience.patiently(lambda: self._work(node), self._pause, f"execution {self._id}")
        except Exception:
            log.exception("step of %s in execution %s", node, self._id)
            problem = model.Problem("internal", "an internal error; the server's log has the details")
            self._fail(node, self._steps[node], "", problem)
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
        names = operations(step)
        while (number := _done(step)) < len(names):
            if self._executions._closing.is_set():
                return
            step = self._put(step, state=StepState.RUNNING.value, operation=names[number])
            try:
                step = self._perform(node, step, number)
            except OperationFailed as failure:
                self._fail(node, step, names[number], failure.problem)
                return
            except (Deferred, _Closing):
                return
        step = self._put(step, state=StepState.DONE.value, operation="")
        self._ended(node, step, StepState.DONE)

    def _current(self, node: Id) -> Vertex:
        with self._store.read() as reader:
            found = reader.get(self._steps[node].id)
        assert isinstance(found, Vertex)
        return found

    def _perform(self, node: Id, step: Vertex, number: int) -> Vertex:
        attempt = int(str(value(step, "attempt")))
        for retry in range(ATTEMPTS):
            id = ids.derive("operation", self._id, node, str(number), str(attempt), str(retry))
            record = _Recorder(step, number)
            try:
                self._executions._perform(step, number, id, record)
            except OperationFailed as failure:
                if failure.retryable and self._pause.is_set():
                    raise _Closing from None
                if not failure.retryable or retry == ATTEMPTS - 1:
                    raise
                if self._pause.wait(FIRST_RETRY * 2**retry):
                    raise _Closing from None
                continue
            self._steps[node] = record.step
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
            node = str(value(stored, "label") or stored.name)
            body: dict[str, Value] = {
                "kind": "step",
                "name": str(changes["state"]),
                "service": value(stored, "service"),
                "node": node,
                "step": stored.name if stored.name != node else None,
                "execution": self._id,
                "operation": value(stored, "operation"),
                "problem": value(stored, "problem"),
            }
            service = journals.service(stored.directory, str(value(stored, "service")))
            subject = f"{service}/{node}"
            tx.append(journals.Topic.PROGRESS, f"{stored.id}/{stored.revision}", body, subject=subject)
        self._steps[key(stored)] = stored
        self._executions._notify()
        return stored

    def _finish(self) -> None:
        executions = self._executions
        with executions._lock:  # from the commit on, it may be begun again
            executions._running.pop(self._id, None)
        patience.patiently(self._complete, self._pause, f"execution {self._id}")

    def _complete(self) -> None:
        executions = self._executions
        try:
            with self._store.read() as reader:
                execution = reader.get(self._id)
                assert isinstance(execution, Vertex)
                well = not any(_has_failed(step) for step in steps(reader, self._id))
            executions._ending(execution, well)
            with self._store.write() as tx:
                execution = tx.get(self._id)
                assert isinstance(execution, Vertex)
                found = steps(tx, self._id)
                well = not any(_has_failed(step) for step in found)
                state = "done" if well else "failed"
                stored = tx.put(change(execution, state=state, ended=time.time_ns()))
                assert isinstance(stored, Vertex)
                executions._tell(tx, stored, state, problems(found))
                after = executions._finished(tx, stored, well)
                part_of = tx.get(stored.parent) if stored.parent is not None else None
                following = executions._next(tx, stored) if part_of is None else None
        except StoreError:
            raise
        except Exception:
            log.exception("completing execution %s", self._id)
        else:
            after()
            if isinstance(part_of, Vertex) and part_of.parent is not None:
                executions.proceed(part_of.parent, part_of.id)
            if following is not None:
                executions.begin(following)
        executions._notify()


class _Recorder:
    """Writes down that an operation of a step is done; `step` is what was written last."""

    def __init__(self, step: Vertex, number: int) -> None:
        self.step, self._number = step, number

    def __call__(self, tx: Transaction, /, **changes: Value) -> None:
        stored = tx.put(change(self.step, done=self._number + 1, **changes))
        assert isinstance(stored, Vertex)
        self.step = stored


class _Closing(Exception):
    """The process is closing; the step goes on at the next start."""


def every(reader: Reader, directory: str) -> list[Vertex]:
    """Return the executions of a service that are no part of another one."""
    query = Query(kinds=(Kind.VERTEX,), classes=(EXECUTION,), directory=directory, recursive=False)
    return [found for found in reader.query(query) if isinstance(found, Vertex) and found.parent is None]


def _drop_old(tx: Transaction, directory: str) -> None:
    """Delete all but the last executions of a service that have ended, with their steps."""
    ended = [one for one in every(tx, directory) if value(one, "state") in ("done", "failed")]
    for one in sorted(ended, key=_age)[:-KEPT]:
        tx.delete(one.id)


def last(reader: Reader, directory: str, *, declarative: bool = False) -> Vertex | None:
    """Return the newest execution of a service that has begun; with `declarative` of those that change the service."""
    found = [one for one in every(reader, directory) if value(one, "state") != WAITING]
    return max((one for one in found if not (declarative and is_imperative(one))), key=_age, default=None)


def is_imperative(execution: Vertex) -> bool:
    """Whether an execution is of a workflow that its service's design brings."""
    return IMPERATIVE in execution.classes


def is_of(execution: Vertex, workflow: Workflow) -> bool:
    """Whether an execution is of a declarative workflow."""
    return execution.name == workflow and not is_imperative(execution)


def steps(reader: Reader, execution: Id) -> list[Vertex]:
    query = Query(kinds=(Kind.VERTEX,), classes=(STEP,), parent=execution)
    return [found for found in reader.query(query) if isinstance(found, Vertex)]


def view(reader: Reader, execution: Vertex) -> model.Execution:
    """Return an execution as users see it."""
    query = Query(kinds=(Kind.VERTEX,), classes=(STEP,), within=execution.id)
    found = [one for one in reader.query(query) if isinstance(one, Vertex)]
    outputs = value(execution, "outputs")
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
        outputs=outputs if isinstance(outputs, dict) else {},
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


def key(step: Vertex) -> Id:
    """Return what other steps of the execution call a step: its key or, where it is a node's only one, the node."""
    return ids.parse(str(value(step, "key") or value(step, "node")))


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


def _step(execution: Vertex, step: Step, name: str) -> Vertex:
    return Vertex(
        id=ids.new(),
        name=name,
        directory=execution.directory,
        parent=execution.id,
        classes=(STEP,),
        properties=_literal(
            {
                "service": value(execution, "service"),
                "node": step.node,
                "key": step.key or step.node,
                "operations": list(step.operations),
                "after": sorted(step.after),
                "otherwise": sorted(step.otherwise),
                "handled": step.handled,
                "state": StepState.PENDING.value,
                "operation": "",
                "done": 0,
                "attempt": 0,
                "problem": None,
                **step.data,
            }
        ),
    )


def _has_failed(step: Vertex) -> bool:
    """Whether a step has failed, and no other step deals with that."""
    return value(step, "state") == StepState.FAILED and not value(step, "handled")


def _keys(step: Vertex, name: str) -> frozenset[Id]:
    found = value(step, name) or []
    assert isinstance(found, list)
    return frozenset(ids.parse(str(item)) for item in found)


def _done(step: Vertex) -> int:
    return int(str(value(step, "done")))


def _age(execution: Vertex) -> int:
    return execution.created


def _literal(properties: Mapping[str, Any]) -> dict[str, Property]:
    return {name: Property(value=value) for name, value in properties.items()}
