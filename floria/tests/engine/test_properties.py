"""Writes, updates and validation of properties."""

import msgspec
import pytest

from floria import ids, properties, updating, validation
from floria.entities import Failure, Handler, Property, Vertex
from floria.evaluation import Context, EvaluationError, Functions
from floria.ids import Id
from floria.store.interface import NotFound, Store
from floria.testing.designs import Clock
from floria.validation import Problem
from floria.values import Call, Value

PORT = Call("floria:check", [Call("floria:less", [Call("floria:value"), 65536]), "a port is below 65536"])
A, B = ids.derive("a"), ids.derive("b")


def put(store: Store, id: Id = A, handlers: tuple[Handler, ...] = (), **group: Property) -> Id:
    with store.write() as tx:
        tx.put(Vertex(id=id, name="a" if id == A else "b", properties=group, handlers=handlers))
    return id


def read(store: Store, name: str, id: Id = A) -> Property:
    with store.read() as reader:
        found = reader.get(id)
    assert isinstance(found, Vertex)
    return found.properties[name]


def write(store: Store, functions: Functions, name: str, value: Value, **options: object) -> None:
    with store.write() as tx:
        properties.write_property(tx, A, name, value, "cause", functions=functions, **options)  # type: ignore[arg-type]


def test_r76_every_write_passes_the_preparer(store: Store, functions: Functions, clock: Clock) -> None:
    put(store, port=Property(value=80, preparer=PORT))
    write(store, functions, "port", 8080, clock=clock)
    found = read(store, "port")
    assert (found.value, found.cause, found.time, found.revision) == (8080, "cause", clock(), 1)
    with pytest.raises(EvaluationError, match=r"a\.port: a port is below 65536"):
        write(store, functions, "port", 70000)
    assert read(store, "port") == found


def test_r76_a_preparer_may_change_what_is_stored(store: Store, functions: Functions) -> None:
    put(store, name=Property(preparer=Call("floria:concat", ["<", Call("floria:value"), ">"])))
    write(store, functions, "name", "x")
    assert read(store, "name").value == "<x>"


def test_r76_read_only_is_set_once(store: Store, functions: Functions) -> None:
    put(store, serial=Property(read_only=True))
    write(store, functions, "serial", "one")
    write(store, functions, "serial", "one")
    with pytest.raises(EvaluationError, match=r"a\.serial is read-only and set already") as caught:
        write(store, functions, "serial", "two")
    assert caught.value.code == "floria.read-only"
    assert read(store, "serial").value == "one"


def test_r76_metadata_holds_no_call() -> None:
    call: Value = {"deep": [Call("floria:self")]}
    entities = [
        Vertex(id=A, metadata={"m": call}),
        Vertex(id=A, properties={"p": Property(metadata={"m": call})}),
        Vertex(id=A, handlers=(Handler("e", Call("floria:self"), metadata={"m": call}),)),
    ]
    for entity in entities:
        with pytest.raises(EvaluationError, match="'m' holds a call; metadata is literal"):
            properties.check_metadata(entity, "a")


def test_a_value_that_is_there_already_is_no_write(store: Store, functions: Functions) -> None:
    put(store, n=Property(value=1.0))
    before = read(store, "n")
    write(store, functions, "n", 1.0)
    assert read(store, "n") == before
    write(store, functions, "n", 1)
    assert read(store, "n").revision == 1


def test_a_write_to_what_is_not_there_is_refused(store: Store, functions: Functions) -> None:
    put(store, n=Property(value=1))
    with pytest.raises(EvaluationError, match="a has no property 'm'; it has: n"):
        write(store, functions, "m", 1)
    with store.write() as tx, pytest.raises(NotFound):
        properties.write_property(tx, B, "n", 1, functions=functions)
    write(store, functions, "m", 1, declare=True)
    assert read(store, "m").value == 1


def test_a_write_that_fails_writes_none_of_the_others(store: Store, functions: Functions) -> None:
    put(store, a=Property(value=1), port=Property(value=80, preparer=PORT))
    with store.write() as tx, pytest.raises(EvaluationError):
        properties.write_properties(tx, A, {"a": 2, "port": 70000}, functions=functions)
    assert read(store, "a").value == 1


def test_update_follows_dependencies_in_any_order(store: Store, functions: Functions, clock: Clock) -> None:
    put(
        store,
        a=Property(value="old", updater=Call("floria:get", ["z"])),
        z=Property(updater=Call("floria:get_of", [B, "n"])),
    )
    put(store, B, n=Property(value=1, updater=7))
    with store.write() as tx:
        updated = updating.update(tx, [A], functions, cause="why", clock=clock)
    assert set(updated.changed) == {(A, "a"), (A, "z"), (B, "n")}
    assert not updated.failed
    assert [read(store, "a").value, read(store, "z").value, read(store, "n", B).value] == [7, 7, 7]
    assert read(store, "a").cause == "why"


def test_update_twice_writes_once(store: Store, functions: Functions) -> None:
    put(store, a=Property(updater=1))
    with store.write() as tx:
        updating.update(tx, [A], functions)
    with store.write() as tx:
        assert updating.update(tx, [A], functions) == updating.Updated()
    assert read(store, "a").revision == 1


def test_r64_a_failed_update_keeps_the_old_value_and_the_failure(
    store: Store, functions: Functions, clock: Clock
) -> None:
    put(
        store,
        a=Property(value="old", updater=Call("floria:fail", ["no luck"])),
        b=Property(updater=Call("floria:get", ["a"])),
    )
    with store.write() as tx:
        updated = updating.update(tx, [A], functions, cause="event-1", clock=clock)
    found = read(store, "a")
    assert found.value == "old"
    assert found.error == Failure("floria.refused", "a.a: no luck", clock(), "event-1")
    assert updated.failed[A, "b"].message == "a.a: no luck"
    assert read(store, "b").value is msgspec.UNSET
    clock.advance(1)
    with store.write() as tx:
        updating.update(tx, [A], functions, clock=clock)
    assert read(store, "a") == found


def test_r64_a_later_success_clears_the_failure(store: Store, functions: Functions) -> None:
    put(store, a=Property(value=1, error=Failure("x", "y"), updater=1))
    with store.write() as tx:
        assert updating.update(tx, [A], functions).changed == ((A, "a"),)
    assert read(store, "a").error is None


def test_r76_an_update_is_prepared_and_respects_read_only(store: Store, functions: Functions) -> None:
    put(
        store,
        port=Property(value=80, updater=70000, preparer=PORT),
        serial=Property(value=1, updater=2, read_only=True),
    )
    with store.write() as tx:
        updated = updating.update(tx, [A], functions)
    assert updated.failed[A, "port"].message == "a.port: a port is below 65536"
    assert read(store, "serial").value == 1


def test_an_update_of_a_cycle_fails_every_member(store: Store, functions: Functions) -> None:
    put(store, a=Property(value=0, updater=Call("floria:get", ["b"])), b=Property(updater=Call("floria:get", ["a"])))
    with store.write() as tx:
        updated = updating.update(tx, [A], functions)
    assert {failure.code for failure in updated.failed.values()} == {"floria.cycle"}
    assert len(updated.failed) == 2
    assert read(store, "a").value == 0


def test_r62_validate_reports_and_changes_nothing(store: Store, functions: Functions) -> None:
    def world(context: Context, arguments: list[Value]) -> Value:
        return {"state": "stopped", "pid": 12, "port": 70000}

    functions.register("test", {"world": world})
    put(
        store,
        handlers=(Handler(validation.INSPECT, Call("test:world")),),
        port=Property(value=70000, preparer=PORT),
        name=Property(value="x", preparer=Call("floria:concat", [Call("floria:value"), "!"])),
        state=Property(value="running"),
        sum=Property(value=1, updater=2),
        new=Property(updater=3),
        bad=Property(value=1, updater=Call("floria:fail", ["no"])),
        old=Property(value=1, error=Failure("x", "it failed before")),
        fine=Property(value=2, updater=2, preparer=Call("floria:value")),
    )
    with store.read() as reader:
        before = reader.position(), list(reader.get_many([A]))
        found = validation.validate(reader, [A], functions)
        assert (reader.position(), list(reader.get_many([A]))) == before
    with store.read() as reader:
        assert reader.position() == before[0]
    assert [(one.property, one.problem, one.expected, one.found) for one in found] == [
        ("port", Problem.INVALID, 70000, None),
        ("name", Problem.UNPREPARED, "x", "x!"),
        ("sum", Problem.OUTDATED, 1, 2),
        ("new", Problem.OUTDATED, None, 3),
        ("bad", Problem.FAILED, 1, None),
        ("old", Problem.FAILED, 1, None),
        ("state", Problem.REALITY, "running", "stopped"),
        ("pid", Problem.REALITY, None, 12),
    ]


def test_r62_a_world_that_cannot_be_asked_is_a_difference(store: Store, functions: Functions) -> None:
    handlers = (
        Handler(validation.INSPECT, Call("floria:fail", ["the host is away"])),
        Handler(validation.INSPECT, Call("floria:concat", ["text"])),
    )
    put(store, handlers=handlers)
    with store.read() as reader:
        found = validation.validate(reader, [A], functions)
    assert [one.problem for one in found] == [Problem.UNKNOWN, Problem.UNKNOWN]
    assert [one.message for one in found] == [
        "the host is away",
        "floria:concat returned the text 'text' instead of a map",
    ]


def test_validate_and_update_of_what_is_not_there(store: Store, functions: Functions) -> None:
    with store.write() as tx:
        with pytest.raises(NotFound):
            updating.update(tx, [A], functions)
        with pytest.raises(NotFound):
            validation.validate(tx, [A], functions)
