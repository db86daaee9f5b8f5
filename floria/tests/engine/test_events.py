"""Events: every handler once, in order, durable; chains, limits, storms, and what follows a crash."""

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from floria import events, ids, properties
from floria.entities import Edge, Handler, Property, Vertex
from floria.evaluation import Context, EvaluationError, Functions
from floria.events import (
    Direction,
    Emission,
    Emitter,
    Event,
    Later,
    Outcome,
    Propagation,
    Rate,
    Recorded,
    Status,
    changes,
    journal,
    storms,
)
from floria.events.actions import Collected
from floria.ids import Id
from floria.store.interface import Conflict, NotFound, Reader, Record, Store
from floria.store.memory import MemoryStore
from floria.store.sqlite import SqliteStore
from floria.testing.designs import Clock
from floria.values import Call, Value


def identity(name: str) -> Id:
    return ids.derive(name)


def vertex(
    store: Store, name: str, *handlers: Handler, parent: str = "", classes: tuple[str, ...] = (), **group: Value
) -> Id:
    above = identity(parent) if parent else None
    found = {key: Property(value=value) for key, value in group.items()}
    with store.write() as tx:
        tx.put(Vertex(id=identity(name), name=name, parent=above, classes=classes, handlers=handlers, properties=found))
    return identity(name)


def edge(
    store: Store, source: str, target: str, *handlers: Handler, name: str = "to", classes: tuple[str, ...] = ()
) -> Id:
    id = identity(f"{source}-{target}")
    with store.write() as tx:
        tx.put(
            Edge(id=id, name=name, source=identity(source), target=identity(target), classes=classes, handlers=handlers)
        )
    return id


def note(event: str, text: str, **options: object) -> Handler:
    return Handler(event, Call("test:note", [text]), **options)  # type: ignore[arg-type]


def emits(event: str, next: str) -> Handler:
    return Handler(event, Call("floria:emit", [next]))


class Notes(Functions):
    """Functions with `test:note`, which writes down that it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.register("test", {"note": self._note, "bug": self._bug})

    def _note(self, context: Context, arguments: list[Value]) -> Value:
        self.seen.append(str(arguments[0]))
        return len(self.seen)

    def _bug(self, context: Context, arguments: list[Value]) -> Value:
        raise ZeroDivisionError("nobody foresaw this")


@pytest.fixture
def notes() -> Notes:
    return Notes()


def records(store: Store, topic: str, subject: str | None = None) -> list[Record]:
    with store.read() as reader:
        return reader.journal(topic, subject=subject)


def value(store: Store, name: str, property: str) -> object:
    with store.read() as reader:
        found = reader.get(identity(name))
    assert isinstance(found, Vertex)
    return found.properties[property].value


def test_all_handlers_run_in_declared_order_also_when_one_fails(
    store: Store, notes: Notes, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    a = vertex(
        store,
        "a",
        note("failed", "one"),
        Handler("failed", Call("floria:fail", ["no luck"])),
        note("other", "no"),
        Handler("failed", Call("test:bug")),
        note("failed", "two"),
    )
    with caplog.at_level(logging.ERROR):
        emission = Emitter(store, notes, clock=clock).emit(Event(name="failed", source=a))
    assert notes.seen == ["one", "two"]
    assert [one.status for one in emission.handlings] == [Status.DONE, Status.FAILED, Status.FAILED, Status.DONE]
    assert [one.error.code for one in emission.handlings if one.error] == ["floria.refused", "floria.bug"]
    assert "nobody foresaw this" in caplog.text
    bodies = [one.body for one in records(store, journal.HANDLING, "/a")]
    assert [body["status"] for body in bodies if isinstance(body, dict)] == ["done", "failed", "failed", "done"]
    assert isinstance(bodies[1], dict)
    assert isinstance(bodies[1]["error"], dict)
    assert bodies[1]["error"]["message"] == "no luck"
    assert bodies[1]["error"]["cause"] == emission.event.id


def test_r43_a_chain_of_handlers_finishes_without_a_timer(store: Store, notes: Notes, clock: Clock) -> None:
    a = vertex(store, "a", emits("one", "two"), emits("two", "three"), emits("three", "four"), note("four", "end"))
    emission = Emitter(store, notes, clock=clock, schedule=clock.schedule).emit(Event(name="one", source=a))
    assert notes.seen == ["end"]
    assert clock.waiting == 0
    assert [one.name for one in emission.handlings] == ["one", "two", "three", "four"]
    chain = [one.body for one in records(store, journal.EVENT) if isinstance(one.body, dict)]
    assert [body["hops"] for body in chain] == [0, 1, 2, 3]
    assert [body["cause"] for body in chain] == [None, *(body["id"] for body in chain[:3])]


def test_r40_scripts_are_bound_by_declaration_and_run_by_the_caller(store: Store, notes: Notes) -> None:
    ran: list[tuple[str, object, object]] = []

    def execute(handler: Handler, entity: Vertex | Edge, event: Event, context: Context) -> Value:
        assert context.event is not None
        ran.append((handler.call.function, context.evaluate(handler.call.arguments), context.event["handling"]))
        assert context.actions is not None
        context.actions.set(entity.id, "state", "recovered")
        return {"status": 0}

    script = Handler("failed", Call("my:script", ["notify.sh", Call("floria:event", ["data", "unit"])]))
    a = vertex(store, "a", script, state="failed")
    emitter = Emitter(store, notes, execute)
    emission = emitter.emit(Event(name="failed", source=a, data={"unit": "web.service"}))
    assert ran == [("my:script", ["notify.sh", "web.service"], f"{emission.event.id}/{a}/0")]
    assert emission.handlings[0].result == {"status": 0}
    assert value(store, "a", "state") == "recovered"


def test_an_event_delivered_twice_is_handled_once(store: Store, notes: Notes) -> None:
    a = vertex(store, "a", note("e", "x"))
    event = Event(name="e", source=a, id="from-the-host-17")
    assert Emitter(store, notes).emit(event).outcome is Outcome.HANDLED
    assert Emitter(store, notes).emit(event).outcome is Outcome.DUPLICATE
    assert notes.seen == ["x"]
    assert len(records(store, journal.EVENT)) == 1


def test_many_threads_deliver_one_event_and_it_is_handled_once(store: Store, notes: Notes) -> None:
    a = vertex(store, "a", note("e", "x"))
    emitter = Emitter(store, notes)
    outcomes: list[Outcome] = []

    def deliver() -> None:
        outcomes.append(emitter.emit(Event(name="e", source=a, id="same")).outcome)
        emitter.resume()

    threads = [threading.Thread(target=deliver) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert notes.seen == ["x"]
    assert outcomes.count(Outcome.HANDLED) == 1


def test_what_a_handler_does_is_committed_with_its_result(store: Store, notes: Notes) -> None:
    good = Handler("e", Call("floria:set", ["n", Call("floria:sum", [Call("floria:get", ["n"]), 1])]))
    both = Handler(
        "e", Call("floria:merge", [Call("floria:if", [True, {}]), {"x": Call("floria:set", ["n", 9])}, "bad"])
    )
    nobody = Handler("e", Call("floria:emit", ["x", None, "nobody"]))
    a = vertex(store, "a", good, both, nobody, n=1)
    emission = Emitter(store, notes).emit(Event(name="e", source=a))
    assert [one.status for one in emission.handlings] == [Status.DONE, Status.FAILED, Status.FAILED]
    assert value(store, "a", "n") == 2
    with store.read() as reader:
        found = reader.get(a)
    assert isinstance(found, Vertex)
    assert found.properties["n"].cause == emission.event.id


def test_a_write_that_is_refused_fails_the_handler(store: Store, notes: Notes) -> None:
    with store.write() as tx:
        group = {"n": Property(value=1, read_only=True)}
        tx.put(
            Vertex(id=identity("a"), name="a", handlers=(Handler("e", Call("floria:set", ["n", 2])),), properties=group)
        )
    (handling,) = Emitter(store, notes).emit(Event(name="e", source=identity("a"))).handlings
    assert handling.error is not None
    assert (handling.status, handling.error.code) == (Status.FAILED, "floria.read-only")
    assert records(store, journal.HANDLED)


def test_conditions(store: Store, notes: Notes) -> None:
    bad = Call("floria:equal", [Call("floria:event", ["data", "code"]), 1])
    a = vertex(
        store,
        "a",
        note("e", "met", condition=bad),
        note("e", "not met", condition=Call("floria:not", [bad])),
        note("e", "broken", condition=Call("floria:fail", ["?"])),
    )
    emission = Emitter(store, notes).emit(Event(name="e", source=a, data={"code": 1}))
    assert notes.seen == ["met"]
    assert [one.status for one in emission.handlings] == [Status.DONE, Status.SKIPPED, Status.FAILED]


def test_hops_are_limited(store: Store, notes: Notes) -> None:
    a = vertex(store, "a", emits("again", "again"), note("again", "x"))
    emission = Emitter(store, notes, max_hops=5).emit(Event(name="again", source=a))
    assert len(notes.seen) == 6
    assert emission.outcome is Outcome.HANDLED
    last = records(store, journal.EVENT)[-1].body
    assert isinstance(last, dict)
    assert isinstance(last["refused"], dict)
    assert last["refused"]["code"] == "floria.hop-limit"
    assert Emitter(store, notes).resume() == ()


def test_no_handler_begins_after_the_deadline(store: Store, notes: Notes, clock: Clock) -> None:
    def slow(context: Context, arguments: list[Value]) -> Value:
        clock.advance(2)
        return None

    notes.register("slow", {"work": slow})
    a = vertex(store, "a", Handler("e", Call("slow:work")), note("e", "late"))
    emitter = Emitter(store, notes, clock=clock)
    emission = emitter.emit(Event(name="e", source=a, deadline=clock() + 1_000_000_000))
    assert [one.status for one in emission.handlings] == [Status.DONE, Status.EXPIRED]
    assert notes.seen == []


def tree(store: Store) -> Callable[[Emission], list[str]]:
    """A small graph in which everybody hears `e`; returns who was told, in order."""
    for name, parent, classes in (
        ("root", "", ()),
        ("web", "root", ("Node",)),
        ("port", "web", ("Port",)),
        ("db", "root", ("Node",)),
        ("log", "root", ()),
    ):
        vertex(store, name, note("e", name), parent=parent, classes=classes)
    edge(store, "web", "db", note("e", "web-db"), classes=("Needs",))
    edge(store, "db", "log", note("e", "db-log"))
    edge(store, "log", "db", note("e", "log-db"))
    names = {identity(name): name for name in ("root", "web", "port", "db", "log", "web-db", "db-log", "log-db")}
    return lambda emission: [names[one.entity] for one in emission.handlings]


SPREAD: list[tuple[str, Propagation, list[str]]] = [
    ("web", Propagation(), ["web"]),
    ("port", Propagation((Direction.UP,)), ["port", "web", "root"]),
    ("port", Propagation((Direction.UP,), depth=1), ["port", "web"]),
    ("root", Propagation((Direction.DOWN,), classes=("Port",)), ["root", "port"]),
    ("web", Propagation((Direction.OUT,)), ["web", "web-db", "db", "db-log", "log", "log-db"]),
    ("web", Propagation((Direction.OUT,), depth=1), ["web", "web-db", "db"]),
    ("web", Propagation((Direction.OUT,), through=("Needs",)), ["web", "web-db", "db"]),
    ("db", Propagation((Direction.IN,), depth=1), ["db", "log-db", "web-db", "log", "web"]),
    ("web-db", Propagation((Direction.OUT, Direction.IN), depth=0), ["web-db", "db", "web"]),
    ("web", Propagation((Direction.UP, Direction.DOWN)), ["web", "root", "port"]),
]


@pytest.mark.parametrize(("source", "spread", "told"), SPREAD)
def test_an_event_goes_as_far_as_it_asks(
    source: str, spread: Propagation, told: list[str], store: Store, notes: Notes
) -> None:
    names = tree(store)
    found = names(Emitter(store, notes).emit(Event(name="e", source=identity(source), propagation=spread)))
    assert found[0] == told[0]
    assert sorted(found) == sorted(told)


def test_an_event_of_nobody_is_refused(store: Store, notes: Notes) -> None:
    with pytest.raises(NotFound, match="the source of the event 'e'"):
        Emitter(store, notes).emit(Event(name="e", source=identity("nobody")))
    assert records(store, journal.EVENT) == []


class Crash(BaseException):
    """The process dies."""


def test_r94_after_a_crash_only_what_had_not_finished_runs(store: Store, notes: Notes) -> None:
    def crash(context: Context, arguments: list[Value]) -> Value:
        notes.seen.append("crash")
        if notes.seen.count("crash") == 1:
            raise Crash
        return None

    notes.register("crash", {"once": crash})
    a = vertex(
        store, "a", note("e", "one"), Handler("e", Call("crash:once")), emits("e", "next"), note("next", "followed")
    )
    with pytest.raises(Crash):
        Emitter(store, notes).emit(Event(name="e", source=a))
    assert notes.seen == ["one", "crash"]
    again = Emitter(store, notes)
    assert [one.handler for one in again.resume()] == [1, 2, 3]
    assert notes.seen == ["one", "crash", "crash", "followed"]
    assert again.resume() == ()
    assert Emitter(store, notes).resume() == ()


def test_r94_a_crash_between_a_result_and_the_follower_loses_neither(store: Store, notes: Notes) -> None:
    a = vertex(store, "a", emits("e", "next"), note("next", "followed"))
    emitter = Emitter(store, notes)

    def die(*_: object) -> None:
        raise Crash

    emitter._count = die  # type: ignore[method-assign]
    with pytest.raises(Crash):
        emitter.emit(Event(name="e", source=a))
    assert notes.seen == []
    assert [one.name for one in Emitter(store, notes).resume()] == ["next"]
    assert notes.seen == ["followed"]


KILLED = """
import os, signal, sys
from floria.evaluation import Functions
from floria.events import Emitter, Event
from floria.ids import Id
from floria.store.sqlite import SqliteStore

functions = Functions()
functions.register("test", {"die": lambda context, arguments: os.kill(os.getpid(), signal.SIGKILL)})
Emitter(SqliteStore(sys.argv[1]), functions).emit(Event(name="e", source=Id(sys.argv[2]), id="once"))
"""


def test_r94_a_killed_process_loses_no_event_and_repeats_no_handler(tmp_path: Path, notes: Notes) -> None:
    file = tmp_path / "store.db"
    store = SqliteStore(file)
    counted = Handler("e", Call("floria:set", ["n", Call("floria:sum", [Call("floria:get", ["n"]), 1])]))
    a = vertex(store, "a", counted, Handler("e", Call("test:die")), emits("e", "next"), note("next", "followed"), n=0)
    store.close()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(file), a], check=False)
    assert killed.returncode == -signal.SIGKILL
    store = SqliteStore(file)
    notes.register("test", {"die": lambda context, arguments: "survived"})
    emitter = Emitter(store, notes)
    assert emitter.emit(Event(name="e", source=a, id="once")).outcome is Outcome.DUPLICATE
    assert [(one.name, one.handler) for one in emitter.resume()] == [("e", 1), ("e", 2), ("next", 3)]
    assert value(store, "a", "n") == 1
    assert notes.seen == ["followed"]
    store.close()


def test_a_handler_that_was_removed_meanwhile_fails_visibly_and_for_what_is_gone_nothing_is_to_do(
    store: Store, notes: Notes
) -> None:
    a, b = vertex(store, "a", note("e", "x")), vertex(store, "b", note("e", "y"))
    emitter = Emitter(store, notes)
    with store.write() as tx:
        recorded = [emitter.record(tx, Event(name="e", source=one)) for one in (a, b)]
    with store.write() as tx:
        tx.delete(a)
        tx.put(Vertex(id=b, name="b", revision=1))
    handlings = emitter.handle(*recorded)
    assert [one.error.code for one in handlings if one.error] == ["floria.gone", "floria.gone"]
    assert [one.status for one in handlings] == [Status.SKIPPED, Status.FAILED]
    assert notes.seen == []


def test_an_event_recorded_with_other_changes_is_told_after_the_commit(store: Store, notes: Notes) -> None:
    a = vertex(store, "a", note("e", "x"))
    with pytest.raises(EvaluationError), store.write() as tx:
        events.record(tx, Event(name="e", source=a))
        raise EvaluationError("test", "roll back")
    assert Emitter(store, notes).resume() == ()
    with store.write() as tx:
        events.record(tx, Event(name="e", source=a))
    assert len(events.resume(store, notes)) == 1
    assert notes.seen == ["x"]


@pytest.mark.parametrize("crash", [False, True])
def test_r94_what_cannot_be_run_now_waits_without_a_thread_and_is_looked_at_anew(
    store: Store, notes: Notes, crash: bool
) -> None:
    """Its condition, its entity and the rest of its handlers, once; others go on, and what it holds ends with it."""
    a = vertex(
        store,
        "a",
        emits("first", "e"),
        note("e", "x", condition=Call("floria:equal", [Call("floria:get", ["n"]), 0])),
        note("e", "y"),
        emits("first", "other"),
        note("other", "z"),
        n=0,
    )
    waiting: list[Recorded] = []
    held: list[str] = []
    busy = True

    def execute(handler: Handler, entity: Vertex | Edge, event: Event, context: Context) -> Value:
        if busy and event.name == "e":
            raise Later(waiting.append)
        assert isinstance(context.actions, Collected)
        held.append(event.name)
        context.actions.afterwards(held.clear)
        return context.evaluate(handler.call)

    emitter = Emitter(store, notes, execute)
    done = emitter.emit(Event(name="first", source=a)).handlings
    assert [(one.name, one.handler) for one in done] == [("first", 0), ("first", 3), ("other", 4)]
    assert (notes.seen, held, [one.event.name for one in waiting]) == (["z"], [], ["e"])
    with store.write() as tx:
        properties.write_properties(tx, a, {"n": 1}, functions=notes)
    busy = False
    again = Emitter(store, notes, execute).resume() if crash else emitter.handle(*waiting)
    assert [(one.handler, one.status) for one in again] == [(1, Status.SKIPPED), (2, Status.DONE)]
    assert (notes.seen, held) == (["z", "y"], [])
    assert emitter.handle(*waiting) == ()


def test_resumption_does_not_read_what_is_long_done(
    store: Store, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = vertex(store, "a", note("e", "x"))
    emitter = Emitter(store, notes, rate=Rate(burst=1000))
    for number in range(20):
        emitter.emit(Event(name="e", source=a, id=f"e{number}"))
    emitter.resume()
    read: list[str] = []
    pages = journal.pages

    def watched(reader: Reader, topic: str, after: int) -> Iterator[Record]:
        for one in pages(reader, topic, after):
            read.append(one.key)
            yield one

    monkeypatch.setattr(journal, "pages", watched)
    Emitter(store, notes).resume()
    assert not [key for key in read if key.startswith("e")][3:]


class Storm:
    """An emitter that lets two events at once through, and then one each second."""

    def __init__(self, store: Store, notes: Notes, clock: Clock) -> None:
        self.store, self.notes, self.clock = store, notes, clock
        counted = Handler("e", Call("test:note", [Call("floria:concat", ["x", Call("floria:event", ["count"])])]))
        self.source = vertex(store, "a", counted, counted_next())
        self.emitter = self.make()

    def make(self) -> Emitter:
        return Emitter(
            self.store, Evaluated(self.notes), rate=Rate(1.0, 2), clock=self.clock, schedule=self.clock.schedule
        )

    def emit(self, number: int, source: Id | None = None) -> list[Outcome]:
        return [self.emitter.emit(Event(name="e", source=source or self.source)).outcome for _ in range(number)]


def counted_next() -> Handler:
    return Handler("never", Call("floria:self"))


class Evaluated(Functions):
    """Like `Notes`, with evaluated arguments."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.register("test", {"note": lambda context, given: notes._note(context, [context.evaluate(given[0])])})


def test_a_storm_is_told_as_one_event_with_a_count(store: Store, notes: Notes, clock: Clock) -> None:
    storm = Storm(store, notes, clock)
    assert storm.emit(10) == [Outcome.HANDLED] * 2 + [Outcome.COALESCED] * 8
    assert notes.seen == ["x1", "x1"]
    assert len(records(store, journal.STORM)) == 1
    assert clock.waiting == 1
    clock.advance(1.1)
    assert notes.seen == ["x1", "x1", "x8"]
    assert clock.waiting == 0
    told = records(store, journal.EVENT)[-1]
    assert told.key == records(store, journal.STORM)[0].key
    clock.advance(10)
    assert storm.emit(2) == [Outcome.HANDLED] * 2
    assert storm.emitter.resume() == ()


def test_events_emitted_with_other_changes_make_storms_too(store: Store, notes: Notes, clock: Clock) -> None:
    """Each change is written, whether its event is told at once, held back, or was there already."""
    storm = Storm(store, notes, clock)
    outcomes: list[Outcome] = []
    for number in range(6):
        with storm.emitter.writing() as writing:
            outcomes.append(writing.emit(Event(name="e", source=storm.source, id=f"e{number}")))
            writing.tx.put(Vertex(id=identity(f"change{number}"), name="change"))
        storm.emitter.handle(*writing.recorded)
    assert outcomes == [Outcome.HANDLED] * 2 + [Outcome.COALESCED] * 4
    assert notes.seen == ["x1", "x1"]
    with store.read() as reader:
        assert all(reader.get(identity(f"change{number}")) for number in range(6))
    clock.advance(1.1)
    assert notes.seen == ["x1", "x1", "x4"]
    with storm.emitter.writing() as writing:
        clock.advance(5)
        assert writing.emit(Event(name="e", source=storm.source, id="e0")) is Outcome.DUPLICATE


def test_a_transaction_that_is_rolled_back_holds_nothing_back(store: Store, notes: Notes, clock: Clock) -> None:
    storm = Storm(store, notes, clock)
    storm.emit(2)
    with pytest.raises(Crash), storm.emitter.writing() as writing:
        assert writing.emit(Event(name="e", source=storm.source)) is Outcome.COALESCED
        raise Crash
    assert (clock.waiting, records(store, journal.STORM)) == (0, [])
    clock.advance(5)
    assert storm.emit(1) == [Outcome.HANDLED]


def test_a_storm_of_one_source_is_not_that_of_another(store: Store, notes: Notes, clock: Clock) -> None:
    storm = Storm(store, notes, clock)
    storm.emit(5)
    b = vertex(store, "b", note("e", "b"))
    assert storm.emit(1, b) == [Outcome.HANDLED]


def test_a_lasting_storm_is_told_at_the_rate(store: Store, notes: Notes, clock: Clock) -> None:
    storm = Storm(store, notes, clock)
    for _ in range(50):
        storm.emit(1)
        clock.advance(0.1)
    storm.emitter.flush()
    assert sum(int(seen.removeprefix("x")) for seen in notes.seen) == 50
    assert len(notes.seen) <= 2 + 6


def test_r94_a_storm_survives_a_crash(store: Store, notes: Notes, clock: Clock) -> None:
    storm = Storm(store, notes, clock)
    storm.emit(3)
    notes.seen.clear()
    assert len(storm.make().resume()) == 1
    assert notes.seen == ["x1"]
    assert storm.make().resume() == ()


def test_a_storm_whose_source_is_gone_is_written_down(store: Store, notes: Notes, clock: Clock) -> None:
    storm = Storm(store, notes, clock)
    storm.emit(3)
    with store.write() as tx:
        tx.delete(storm.source)
    clock.advance(2)
    body = records(store, journal.EVENT)[-1].body
    assert isinstance(body, dict)
    assert isinstance(body["refused"], dict)
    assert body["refused"]["code"] == "floria.gone"
    assert storm.make().resume() == ()


def test_storms_of_many_sources_take_bounded_room(notes: Notes, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storms, "MAX_BUCKETS", 20)
    watch = storms.Storms(Rate(1.0, 1), clock)
    held = Event(name="e", source=identity("held"))
    watch.admit(held)
    window = watch.admit(held)
    for number in range(100):
        assert watch.admit(Event(name="e", source=identity(str(number)))) is None
    assert len(watch._buckets) <= 20
    assert watch.windows() == [window]


def test_followers_make_storms_too(store: Store, notes: Notes, clock: Clock) -> None:
    fan = Handler("burst", Call("floria:concat", [[Call("floria:emit", ["e"]) for _ in range(5)]]))
    a = vertex(store, "a", fan, note("e", "x"))
    emitter = Emitter(store, notes, rate=Rate(1.0, 2), clock=clock, schedule=clock.schedule)
    emitter.emit(Event(name="burst", source=a))
    assert notes.seen == ["x", "x"]
    clock.advance(1.1)
    assert notes.seen == ["x", "x", "x"]
    last = records(store, journal.EVENT)[-1].body
    assert isinstance(last, dict)
    assert last["count"] == 3


def test_what_cannot_be_written_down_is_not_held_back(
    notes: Notes, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    storm = Storm(store, notes, clock)
    storm.emit(2)

    def full(*_: object) -> None:
        raise Conflict(storm.source, 1, 2)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "write_storm", full)
        with pytest.raises(Conflict):
            storm.emit(1)
    assert clock.waiting == 0
    assert storm.emit(1) == [Outcome.COALESCED]
    clock.advance(5)
    assert notes.seen == ["x1", "x1", "x1"]


def test_r21_who_wants_to_know_hears_of_changed_properties(store: Store, notes: Notes) -> None:
    told = Handler(changes.CHANGED, Call("test:note", ["told"]))
    a = vertex(store, "a", told, Handler("e", Call("floria:set", ["port", 3])), port=1)
    b = vertex(store, "b", port=1)
    emitter = Emitter(store, notes)
    changes.write(emitter, a, {"port": 2})
    changes.write(emitter, a, {"port": 2})
    changes.write(emitter, b, {"port": 2})
    assert notes.seen == ["told"]
    emission = emitter.emit(Event(name="e", source=a))
    assert [one.name for one in emission.handlings] == ["e", changes.CHANGED]
    with store.write() as tx:
        tx.put(Vertex(id=identity("c"), name="c", handlers=(told,), properties={"n": Property(updater=1)}))
    assert changes.update(emitter, [identity("c")]).changed == ((identity("c"), "n"),)
    assert notes.seen == ["told"] * 3


def test_events_round_trip_through_the_journal() -> None:
    event = Event(
        name="e",
        source=identity("a"),
        time=5,
        cause="c",
        deadline=9,
        hops=2,
        count=7,
        data={"call": Call("floria:self"), "bytes": b"x"},
        propagation=Propagation((Direction.UP,), 3, ("A",), ("B",)),
    )
    assert events.event.from_plain(events.event.to_plain(event)) == event


def test_emit_in_one_call(store: Store, notes: Notes) -> None:
    a = vertex(store, "a", note("e", "x"))
    assert events.emit(store, Event(name="e", source=a), notes).outcome is Outcome.HANDLED
