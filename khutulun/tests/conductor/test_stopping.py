"""A server that is stopped, or that dies, at an awkward moment goes on as if nothing had happened (R94)."""

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from floria.entities import Handler, Kind
from floria.ids import Id
from floria.store.interface import Query, StoreError, Transaction
from floria.values import Call
from khutulun import model
from khutulun.conductor.emission import Emission
from khutulun.conductor.operations import Operations
from khutulun.testing.machine import ME, Machine, bundle, note


def begin(machine: Machine, *nodes: object) -> model.Execution:
    conductor = machine.running.conductor
    return conductor.deploy(ME, model.DeployRequest("s", conductor.upload(ME, bundle(*nodes))))


def until(machine: Machine, operation: str) -> None:
    """Return when the service is at an operation."""
    feed = machine.running.conductor.events(ME, service="s", after=0, follow=True)
    next(event for event in feed if isinstance(event.data, dict) and event.data.get("operation") == operation)
    feed.close()


def test_r94_a_wait_for_readiness_ends_with_the_server_and_begins_again_with_the_next(tmp_path: Path) -> None:
    machine, file = Machine(tmp_path), tmp_path / "ready"
    with machine.up():
        waiting = begin(machine, note("a", readiness={"command": ["test", "-e", str(file)], "timeout": 100000}))
        until(machine, "ready")
    with machine.up():
        assert machine.running.conductor.execution(ME, waiting.id).state == "running"
        file.touch()
        assert machine.wait(waiting).state == "done"
    assert machine.log("s-a-0") == ["create", "start"]


def test_r94_an_operation_on_its_way_is_finished_before_the_server_ends(tmp_path: Path) -> None:
    machine, gate = Machine(tmp_path), tmp_path / "gate"
    os.mkfifo(gate)
    wait = Handler("before-start", Call("notes:wait", [{"gate": str(gate)}]))
    with machine.up() as running:
        execution = begin(machine, note("a", handlers=(wait,)), note("b", after=("a",)))
        closing, held = running.conductor._executions._closing, gate.open("w")  # from now on the hook reads

        def let_go() -> None:
            closing.wait()
            held.write("go\n")
            held.close()

        opener = threading.Thread(target=let_go)
        opener.start()
    opener.join()
    with machine.up():
        ended = machine.wait(machine.running.conductor.execution(ME, execution.id))
        assert (ended.state, ended.problems) == ("done", ())
    assert machine.log("s-a-0") == ["create", "start"]


def test_r94_r41_hooks_run_once_when_their_operation_is_done_again(machine: Machine) -> None:
    """A crash before the commit: the second time, everything is answered from the agent's journal."""
    hooks = tuple(Handler(f"{when}-stop", Call("notes:shout", [{"word": when}])) for when in ("before", "after"))
    machine.deploy("s", note("a", handlers=hooks))
    conductor = machine.running.conductor
    with machine.running.store.read() as reader:
        node: Id = next(iter(reader.query(Query(kinds=(Kind.VERTEX,), directory="/s", name="a")))).id

    class Died(BaseException):
        """The process is gone."""

    def die(tx: Transaction) -> None:
        raise Died

    recorded: list[bool] = []
    with pytest.raises(Died):
        conductor._operations.perform(node, "stop", "the-operation", die)
    conductor._operations.perform(node, "stop", "the-operation", lambda tx: recorded.append(True))
    assert machine.log("s-a-0") == ["create", "start", "shout before", "stop", "shout after"]
    assert recorded == [True]


def test_the_hosts_have_forgotten_a_service_before_its_name_is_free(machine: Machine) -> None:
    machine.deploy("s", note("a"))
    conductor, artifacts = machine.running.conductor, machine.running.agent._artifacts
    forgets, may_forget = threading.Event(), threading.Event()
    forget = artifacts.forget

    def slowly(service: str) -> None:
        forgets.set()
        assert may_forget.wait(60)
        forget(service)

    artifacts.forget = slowly  # type: ignore[method-assign]
    execution = conductor.undeploy(ME, "s")
    assert forgets.wait(60)
    assert [one.name for one in conductor.services(ME)] == ["s"]
    with pytest.raises(model.Refused) as caught:
        begin(machine, note("a"))
    assert caught.value.problems[0].code == "service-exists"
    may_forget.set()
    machine.wait(execution)
    assert conductor.services(ME) == []
    assert machine.deploy("s", note("a")).state == "done"


def test_r94_a_handler_that_a_full_disk_interrupts_goes_on_with_the_next_commit(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = Handler("again", Call("notes:shout", [{"word": "hello"}]))
    machine.deploy("s", note("a", handlers=(handler,)))
    running = machine.running
    write, full = running.store.write, threading.Event()

    def refuse() -> AbstractContextManager[Transaction]:
        if full.is_set():
            raise StoreError("the disk is full", "free some space")
        return write()

    done = Operations.handle

    def fill(self: Operations, *arguments: Any) -> Any:
        result = done(self, *arguments)
        full.set()
        return result

    guarded, given_up = Emission._guarded, threading.Event()

    def watch(self: Emission, work: Callable[[], object]) -> None:
        guarded(self, work)
        given_up.set()

    monkeypatch.setattr(Emission, "_guarded", watch)
    monkeypatch.setattr(running.store, "write", refuse)
    monkeypatch.setattr(Operations, "handle", fill)
    running.conductor.emit(ME, "again", service="s", node="a")
    assert given_up.wait(60)
    monkeypatch.setattr(Operations, "handle", done)
    assert machine.log("s-a-0") == ["create", "start", "shout hello"]
    full.clear()
    running.conductor.set_secret(ME, "any", b"thing that commits")
    feed = running.conductor.events(ME, service="s", after=0, follow=True)
    handling = next(one for one in feed if one.kind == "handling" and one.name == "again")
    feed.close()
    assert isinstance(handling.data, dict)
    assert handling.data["status"] == "done"
    assert machine.log("s-a-0") == ["create", "start", "shout hello"], "it does not run twice"
