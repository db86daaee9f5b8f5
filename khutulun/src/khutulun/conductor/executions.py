"""Durable executions of workflows: steps in parallel and in dependency order, that go on after a crash.

An execution and its steps are vertexes in the service's directory. Progress is committed together with what an
operation changed, and an operation's id follows from its step and attempt, so that an agent that has done it already
answers from its journal: nothing runs twice and nothing is forgotten.

A step begins when all steps that lead to it have ended: those of `after` well, or one of `otherwise` badly. What a step
consists of is up to who performs it (`khutulun.conductor.workflow`, `khutulun.conductor.imperative`).
"""

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from floria import ids
from floria.entities import Kind, Vertex
from floria.ids import Id
from floria.store.interface import Query, Reader, Store, Transaction
from floria.values import Value
from khutulun.conductor import progress
from khutulun.conductor.performing import UNHEARD, Ending, Finished, Perform
from khutulun.conductor.progress import EXECUTION, WAITING, change, every, value
from khutulun.conductor.running import Run
from khutulun.conductor.turns import Turns
from khutulun.conductor.workflow import Step
from khutulun.model import StepState

WORKERS = 16


class Executions:
    """Creates executions and runs them."""

    def __init__(
        self,
        store: Store,
        perform: Perform,
        finished: Finished,
        notify: Callable[[], None],
        ending: Ending = lambda execution, well: None,
        turns: Turns | None = None,
    ) -> None:
        self.store, self.perform, self.finished, self.notify = store, perform, finished, notify
        self.ending = ending
        self.turns = turns or Turns()
        self._pool = ThreadPoolExecutor(WORKERS, "step")
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._running: dict[Id, Run] = {}

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
            progress.drop_old(tx, root.directory)
        properties = {"service": root.name, "state": state, "root": root.id, "before": before, **(data or {})}
        vertex = Vertex(
            id=id or ids.new(),
            name=workflow,
            directory=root.directory,
            parent=within.id if within is not None else None,
            classes=classes,
            properties=progress.literal(properties),
        )
        stored = tx.put(vertex)
        assert isinstance(stored, Vertex)
        for step in steps:
            tx.put(progress.step_vertex(vertex, step, labels[step.key or step.node]))
        progress.tell(tx, stored, state)
        return vertex.id

    def begin(self, id: Id) -> None:
        """Run an execution from where it is."""
        with self._lock:
            if self._closing.is_set() or id in self._running:
                return
            self._running[id] = run = Run(self, id)
        run.load()
        run.start()

    def begin_all(self, before: Callable[[], None] = lambda: None) -> None:
        """Go on with everything that was not finished; `before` is called when what was under way has its turns."""
        with self.store.read() as reader:
            found = list(reader.query(Query(kinds=(Kind.VERTEX,), classes=(EXECUTION,))))
        running = [one.id for one in found if isinstance(one, Vertex) and value(one, "state") == "running"]
        with self._lock:
            runs = [Run(self, id) for id in running if id not in self._running and not self._closing.is_set()]
            self._running.update((run.id, run) for run in runs)
        for run in runs:
            run.load()
        before()
        for run in runs:
            run.start()

    def proceed(self, execution: Id, step: Id) -> None:
        """Go on with a step of which an operation went on elsewhere."""
        with self._lock:
            run = self._running.get(execution)
        if run is not None:
            run.proceed(step)

    def again(self, tx: Transaction, execution: Vertex) -> None:
        """Set the failed and skipped steps of an execution back, for another attempt.

        A failure that led to other steps was dealt with, and stays. Operations of which the agent was not heard are
        the same ones again.
        """
        for step in progress.steps(tx, execution.id):
            if value(step, "state") == StepState.SKIPPED or progress.has_failed(step):
                told = progress.problem(step)
                attempt = int(str(value(step, "attempt"))) + (told is None or told.code != UNHEARD)
                tx.put(change(step, state=StepState.PENDING.value, attempt=attempt, problem=None, operation=""))
        stored = tx.put(change(execution, state="running"))
        assert isinstance(stored, Vertex)
        progress.tell(tx, stored, "running")

    def is_running(self, reader: Reader, directory: str) -> Vertex | None:
        """Return the execution of a service that is going on."""
        return next((found for found in every(reader, directory) if value(found, "state") == "running"), None)

    def next(self, tx: Transaction, ended: Vertex) -> Id | None:
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
        progress.tell(tx, stored, "running")
        return stored.id

    def ended(self, id: Id) -> None:
        """Know that an execution has ended here."""
        with self._lock:
            self._running.pop(id, None)

    @property
    def is_closing(self) -> bool:
        """Whether no operation begins any more."""
        return self._closing.is_set()

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

    def submit(self, work: Callable[..., None], *arguments: Id) -> None:
        """Have a worker do it, unless the process is closing: then it is done at the next start."""
        if not self._closing.is_set():
            with contextlib.suppress(RuntimeError):  # it closes just now
                self._pool.submit(work, *arguments)
