"""Executions: order, parallelism, failure, retry, and going on after a crash (R14, R94)."""

import threading
from collections.abc import Callable, Iterator

import pytest

from floria import ids
from floria.entities import Vertex
from floria.ids import Id
from floria.store.interface import Transaction
from floria.store.memory import MemoryStore
from khutulun import model
from khutulun.conductor import executions, performing, progress, running
from khutulun.conductor.workflow import Step, Workflow
from khutulun.model import StepState

ROOT = Vertex(id=ids.new(), name="s", directory="/s")


class Performer:
    """Does nothing but write down what it was asked for."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.done: list[tuple[Id, str]] = []
        self.operation_ids: list[str] = []
        self.failures: dict[tuple[Id, str], list[performing.OperationFailed]] = {}
        self.before: Callable[[Id, str], None] = lambda node, operation: None

    def __call__(self, step: Vertex, number: int, id: str, record: performing.Record) -> None:
        node, operation = progress.key(step), progress.operations(step)[number]
        with self._lock:
            self.operation_ids.append(id)
            waiting = self.failures.get((node, operation), [])
            failure = waiting.pop(0) if waiting else None
        self.before(node, operation)
        if failure is not None:
            raise failure
        with self._store.write() as tx:
            record(tx)
        with self._lock:
            self.done.append((node, operation))


class Bench:
    """A store, an executor and a way to wait for the end."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        with self.store.write() as tx:
            tx.put(ROOT)
        self.performer = Performer(self.store)
        self.ended: list[bool] = []
        self._finished = threading.Event()
        self.runs = self.executor()

    def executor(self) -> executions.Executions:
        return executions.Executions(self.store, self.performer, self._end, lambda: None)

    def _end(self, tx: Transaction, execution: Vertex, well: bool) -> Callable[[], None]:
        self.ended.append(well)
        return self._finished.set

    def create(self, steps: list[Step]) -> Id:
        with self.store.write() as tx:
            return self.runs.create(tx, ROOT, Workflow.DEPLOY, steps, {step.node: str(step.node) for step in steps})

    def wait(self) -> None:
        assert self._finished.wait(120)
        self._finished.clear()

    def states(self, id: Id) -> dict[str, StepState]:
        with self.store.read() as reader:
            found = reader.get(id)
            assert isinstance(found, Vertex)
            return {step.node: step.state for step in progress.view(reader, found).steps}


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.runs.close()


def chain(count: int) -> list[Step]:
    """Return steps of which each waits for the one before."""
    nodes = [ids.new() for _ in range(count)]
    return [
        Step(node, ("create", "start"), frozenset(nodes[place - 1 : place] if place else ()))
        for place, node in enumerate(nodes)
    ]


def failed(code: str, retryable: bool = False) -> performing.OperationFailed:
    return performing.OperationFailed(model.Problem(code, f"it is {code}", "s/x", "mend it"), retryable)


def test_r14_a_step_begins_when_those_before_it_are_done(bench: Bench) -> None:
    steps = chain(4)
    bench.runs.begin(bench.create(steps))
    bench.wait()
    assert bench.performer.done == [(step.node, name) for step in steps for name in step.operations]
    assert bench.ended == [True]


def test_independent_steps_run_at_the_same_time(bench: Bench) -> None:
    steps = [Step(ids.new(), ("start",), frozenset()) for _ in range(4)]
    together = threading.Barrier(4, timeout=120)

    def meet(node: Id, operation: str) -> None:
        together.wait()

    bench.performer.before = meet
    bench.runs.begin(bench.create(steps))
    bench.wait()
    assert bench.ended == [True]


def test_a_failure_stops_what_depends_on_it_and_nothing_else(bench: Bench) -> None:
    broken = chain(3)
    fine = chain(2)
    bench.performer.failures[(broken[0].node, "start")] = [failed("broken")]
    id = bench.create([*broken, *fine])
    bench.runs.begin(id)
    bench.wait()
    states = bench.states(id)
    assert [states[step.node] for step in broken] == [StepState.FAILED, StepState.SKIPPED, StepState.SKIPPED]
    assert [states[step.node] for step in fine] == [StepState.DONE, StepState.DONE]
    assert bench.ended == [False]
    with bench.store.read() as reader:
        found = reader.get(id)
        assert isinstance(found, Vertex)
        assert [problem.code for problem in progress.view(reader, found).problems] == ["broken"]


def test_a_temporary_failure_is_tried_again_under_another_id(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "FIRST_RETRY", 0.001)
    (step,) = chain(1)
    bench.performer.failures[(step.node, "create")] = [failed("busy", True), failed("busy", True)]
    bench.runs.begin(bench.create([step]))
    bench.wait()
    assert bench.ended == [True]
    assert len(set(bench.performer.operation_ids)) == len(bench.performer.operation_ids) == 4


def test_an_agent_that_was_not_heard_is_asked_for_the_same_operation(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it did it or not, it is done once: in the same execution, and when that is resumed (R14)."""
    monkeypatch.setattr(running, "FIRST_RETRY", 0.001)
    (step,) = chain(1)
    unheard = failed(performing.UNHEARD, True)
    bench.performer.failures[(step.node, "create")] = [unheard] * (running.ATTEMPTS + 1)
    id = bench.create([step])
    bench.runs.begin(id)
    bench.wait()
    with bench.store.write() as tx:
        execution = tx.get(id)
        assert isinstance(execution, Vertex)
        bench.runs.again(tx, execution)
    bench.runs.begin(id)
    bench.wait()
    assert bench.ended == [False, True]
    *creating, starting = bench.performer.operation_ids
    assert len(creating) == running.ATTEMPTS + 2
    assert len(set(creating)) == 1
    assert starting not in creating


def test_failed_steps_are_tried_again_and_the_rest_is_not(bench: Bench) -> None:
    steps = chain(3)
    bench.performer.failures[(steps[1].node, "start")] = [failed("broken")]
    id = bench.create(steps)
    bench.runs.begin(id)
    bench.wait()
    before = list(bench.performer.done)
    with bench.store.write() as tx:
        found = tx.get(id)
        assert isinstance(found, Vertex)
        bench.runs.again(tx, found)
    bench.runs.begin(id)
    bench.wait()
    assert bench.ended == [False, True]
    after = bench.performer.done[len(before) :]
    assert after == [(steps[1].node, "start"), (steps[2].node, "create"), (steps[2].node, "start")]


@pytest.mark.parametrize("stop", range(6))
def test_r94_an_execution_goes_on_where_it_stopped_with_the_same_operation_ids(stop: int) -> None:
    bench = Bench()
    steps = chain(3)
    reached = threading.Event()
    count = 0

    class Died(BaseException):
        """The process is gone: nothing after it happens."""

    def before(node: Id, operation: str) -> None:
        nonlocal count
        count += 1
        if count == stop + 1:
            reached.set()
            raise Died

    bench.performer.before = before
    id = bench.create(steps)
    bench.runs.begin(id)
    assert reached.wait(120)
    interrupted = bench.performer.operation_ids[-1]
    bench.performer.before = lambda node, operation: None
    again = bench.executor()
    again.begin_all()
    bench.wait()
    assert bench.performer.done == [(step.node, name) for step in steps for name in step.operations]
    assert bench.performer.operation_ids.count(interrupted) == 2
    assert len(set(bench.performer.operation_ids)) == 6
    again.close()
    bench.runs.close()


def test_an_empty_execution_ends_at_once(bench: Bench) -> None:
    bench.runs.begin(bench.create([]))
    bench.wait()
    assert bench.ended == [True]


def test_r94_a_step_that_several_failures_lead_to_is_skipped_once(bench: Bench) -> None:
    """After a crash right behind a failure: what depends on it in two ways counts once, and the rest is waited for."""
    broken, first, second, other = (ids.new() for _ in range(4))
    steps = [
        Step(broken, ("start",), frozenset()),
        Step(first, ("start",), frozenset([broken])),
        Step(second, ("start",), frozenset([broken, first])),
        Step(other, ("start",), frozenset()),
    ]
    id = bench.create(steps)
    with bench.store.write() as tx:
        for step in progress.steps(tx, id):
            if progress.key(step) == broken:
                tx.put(progress.change(step, state="failed", problem={"code": "x", "message": "it broke"}))
    ended_before: list[list[bool]] = []
    bench.performer.before = lambda node, operation: ended_before.append(list(bench.ended))
    bench.runs.begin(id)
    bench.wait()
    assert ended_before == [[]]
    assert bench.ended == [False]
    assert bench.states(id) == {
        str(broken): StepState.FAILED,
        str(first): StepState.SKIPPED,
        str(second): StepState.SKIPPED,
        str(other): StepState.DONE,
    }


def test_only_the_last_executions_of_a_service_are_kept(bench: Bench) -> None:
    made = []
    for _ in range(progress.KEPT + 3):
        made.append(bench.create(chain(1)))
        bench.runs.begin(made[-1])
        bench.wait()
    with bench.store.read() as reader:
        kept = [found.id for found in progress.every(reader, "/s")]
        assert sorted(kept) == sorted(made[-progress.KEPT - 1 :])
        assert [len(progress.steps(reader, id)) for id in kept] == [1] * len(kept)
