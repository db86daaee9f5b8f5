"""One actor at a time acts upon a node; whoever else asks waits without a thread, and is decided again (R94, T155)."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from floria import ids
from floria.entities import Handler
from floria.values import Call
from khutulun import model
from khutulun.conductor.emission import WORKERS
from khutulun.conductor.turns import CALLS, Actor, Turns
from khutulun.testing.machine import ME, Machine, bundle, note

A, B = ids.derive("a"), ids.derive("b")
BUILT = ["create", "start"]
HEAL = Handler("broken", Call("tosca:actions", [{"actions": [{"kind": "delegate", "subject": "heal", "inputs": {}}]}]))
SHOUT = Handler("visited", Call("notes:shout", [{"word": "visited"}]))


class Gate:
    """A pipe that an operation waits at, from when it is open for writing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)

    def hook(self, event: str) -> Handler:
        return Handler(event, Call("notes:wait", [{"gate": str(self.path)}]))


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


def handled(machine: Machine, *names: str) -> list[Any]:
    """Return what became of events, when all of them are handled: by their names, then in the order of time."""
    left, found = list(names), list[tuple[str, Any]]()
    feed = machine.running.conductor.events(ME, service="s", after=0, follow=True)
    for event in feed:
        if event.kind == "handling" and event.name in left:
            left.remove(event.name)
            found.append((event.name, event.data))
            if not left:
                break
    feed.close()
    return [data for name in dict.fromkeys(names) for one, data in found if one == name]


def update(machine: Machine, *nodes: Any) -> model.Execution:
    conductor = machine.running.conductor
    return conductor.update(ME, model.DeployRequest("s", conductor.upload(ME, bundle(*nodes))))


def emit(machine: Machine, name: str, node: str = "a") -> None:
    machine.running.conductor.emit(ME, name, service="s", node=node)


def test_a_heal_waits_for_an_update_and_then_has_nothing_to_do(machine: Machine, gate: Gate) -> None:
    """R94, T155: what was replaced meanwhile is not built anew; and no worker waits, as other handlers show."""
    handlers = (HEAL, gate.hook("before-update"), SHOUT)
    machine.deploy("s", note("a", text="1", handlers=handlers), note("b", handlers=(SHOUT,)))
    going = update(machine, note("a", text="2", handlers=handlers), note("b", handlers=(SHOUT,)))
    with gate.path.open("w") as held:  # the hook reads from here on
        for _ in range(WORKERS + 1):
            emit(machine, "broken")
        emit(machine, "visited", "b")
        handled(machine, "visited")
        assert machine.log("s-a-0") == BUILT
        held.write("go\n")
    assert machine.wait(going).state == "done"
    for told in handled(machine, *["broken"] * (WORKERS + 1)):
        assert told["status"] == "done"
        assert told["result"] == ["nothing to do: a was operated after the event, it is started"]
    assert machine.log("s-a-0") == [*BUILT, "update"]


def test_an_undeploy_is_not_undone_by_a_heal_and_ends_after_what_its_node_was_told(
    machine: Machine, gate: Gate
) -> None:
    """R94, T155: neither in its step nor after it; a script for an event that came before its end still runs."""
    machine.deploy("s", note("a", handlers=(HEAL, gate.hook("before-stop"), SHOUT)))
    going = machine.running.conductor.undeploy(ME, "s")
    with gate.path.open("w") as held:
        emit(machine, "broken")
        emit(machine, "visited")
        held.write("go\n")
    healed, visited = handled(machine, "broken", "visited")
    assert (healed["status"], visited["status"]) == ("done", "done")
    assert healed["result"][0].startswith("nothing to do: a was operated after the event")
    assert machine.wait(going).state == "done"
    assert machine.log("s-a-0") == [*BUILT, "stop", "delete", "shout visited"]
    assert machine.running.conductor.services(ME) == []


def test_a_step_waits_for_what_an_event_has_begun_and_others_go_on(machine: Machine, gate: Gate) -> None:
    """R45, R94: the update of the node comes after the handler; that of another node does not wait."""
    handlers = (gate.hook("hold"),)
    machine.deploy("s", note("a", text="1", handlers=handlers), note("b", text="1"))
    emit(machine, "hold")
    with gate.path.open("w") as held:
        going = update(machine, note("a", text="2", handlers=handlers), note("b", text="2"))
        feed = machine.running.conductor.events(ME, service="s", after=0, follow=True)
        next(one for one in feed if (one.kind, one.node, one.name) == ("step", "b", "done") and _of(one, going))
        feed.close()
        assert machine.log("s-a-0") == BUILT
        held.write("go\n")
    assert machine.wait(going).state == "done"
    assert machine.log("s-a-0") == [*BUILT, "update"]


def test_a_call_waits_for_its_turn(machine: Machine, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """R44: the user's call comes after the operation of the workflow that is under way."""
    machine.deploy("s", note("a", handlers=(gate.hook("hold"),)))
    emit(machine, "hold")
    answers: list[Any] = []
    call = machine.running.conductor.call
    caller = threading.Thread(target=lambda: answers.append(call(ME, "s", "a", "lifecycle.shout", {"word": "x"})))
    waits, wait = threading.Event(), machine.running.conductor._turns.wait

    def watched(node: ids.Id, one: Actor, then: Callable[[], None]) -> None:
        wait(node, one, then)
        waits.set()

    monkeypatch.setattr(machine.running.conductor._turns, "wait", watched)
    with gate.path.open("w") as held:
        caller.start()
        assert waits.wait(60)
        assert machine.log("s-a-0") == BUILT
        held.write("go\n")
    caller.join(60)
    assert [one.result for one in answers] == ["X"]
    assert machine.log("s-a-0") == [*BUILT, "shout x"]


def test_what_a_program_of_an_operation_asks_for_is_done_within_it(machine: Machine, gate: Gate) -> None:
    """R44, R94: a call, and an update, of its own node; the operation waits for both, and neither for it."""
    handlers = (gate.hook("hold"),)
    machine.deploy("s", note("a", text="1", handlers=handlers))
    emit(machine, "hold")
    conductor = machine.running.conductor
    with gate.path.open("w") as held:
        (operation,) = conductor._turns._operations
        inside = model.Principal(ME.uid, ME.gid, ME.name, operation)
        assert conductor.call(inside, "s", "a", "lifecycle.shout", {"word": "x"}).result == "X"
        archive = conductor.upload(ME, bundle(note("a", text="2", handlers=handlers)))
        ended = machine.wait(conductor.update(inside, model.DeployRequest("s", archive)))
        assert ended.state == "done"
        assert machine.log("s-a-0") == [*BUILT, "shout x", "update"]
        held.write("go\n")
    assert [one["status"] for one in handled(machine, "hold")] == ["done"]


def test_a_heal_of_what_is_as_broken_as_it_was_is_done_when_it_has_its_turn(machine: Machine, gate: Gate) -> None:
    """T155, T170: what it waited for was no operation that made the workload another one."""
    machine.deploy("s", note("a", handlers=(HEAL, gate.hook("hold"))))
    emit(machine, "hold")
    with gate.path.open("w") as held:
        emit(machine, "broken")
        emit(machine, "broken")
        held.write("go\n")
    first, second = handled(machine, "broken", "broken")
    assert first["result"] == ["heal"]
    assert second["result"] == ["nothing to do: a was operated after the event, it is started"]
    assert machine.log("s-a-0") == [*BUILT, "stop", "delete", *BUILT]


# Turns by themselves


def actor(name: str, *within: str, part: str = "") -> Actor:
    return Actor(name, part, within)


def asked(turns: Turns, node: ids.Id, one: Actor) -> list[bool]:
    """Wait for a node; the list has something in it when it is given."""
    given: list[bool] = []
    turns.wait(node, one, lambda: given.append(True))
    return given


class Watched(Turns):
    """Says when somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = threading.Semaphore(0)

    def wait(self, node: ids.Id, actor: Actor, then: Callable[[], None]) -> None:
        super().wait(node, actor, then)
        self.waits.release()


def test_turns_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    turns = Turns()
    assert turns.take([A, B], actor("x")) is None
    assert turns.take([A], actor("x")) is None, "it has it"
    second, third = asked(turns, A, actor("y")), asked(turns, A, actor("z"))
    assert turns.take([B, A], actor("w")) in (A, B)
    turns.release([B], actor("x"))
    assert turns.take([B, A], actor("w")) == A
    assert turns.take([B], actor("v")) is None, "who could not have all has none"
    assert (second, third) == ([], [])
    turns.release([A], actor("x"))
    assert (second, third) == ([True], [])
    turns.release([A], actor("y"))
    assert third


def test_parts_of_an_actor_act_together_and_what_it_waits_for_acts_within_it() -> None:
    turns = Turns()
    assert turns.take([A], actor("x", part="1")) is None
    assert turns.take([A], actor("x", part="2")) is None
    inside, beside = actor("call", "x"), actor("other", "x")
    assert turns.take([A], inside) is None
    assert turns.take([A], beside) == A, "one after the other, within it too"
    outside, next_one = asked(turns, A, actor("y")), asked(turns, A, beside)
    turns.release([A], inside)
    assert (outside, next_one) == ([], [True])
    turns.release([A], beside)
    turns.release([A], actor("x", part="1"))
    assert not outside
    turns.release([A], actor("x", part="2"))
    assert outside


def test_calls_that_would_wait_for_each_other_are_refused() -> None:
    """R101: programs of two operations, each calling the other's node: the second call is told so."""
    turns = Turns()
    assert turns.take([A], actor("x")) is None
    assert turns.take([B], actor("y")) is None
    waiting = asked(turns, B, actor("first", "x"))
    with pytest.raises(model.Refused) as caught, turns.holding(A, actor("second", "y"), "a"):
        pass
    assert caught.value.problems[0].code == "waits-for-itself"
    assert not waiting


def test_no_more_calls_wait_than_may_and_those_end_with_the_server() -> None:
    turns = Watched()
    assert turns.take([A], actor("x")) is None
    codes: list[str] = []

    def call(name: str) -> None:
        try:
            with turns.holding(A, actor(name), "a"):
                raise AssertionError("it is not free")
        except model.Refused as refused:
            codes.append(refused.problems[0].code)

    callers = [threading.Thread(target=call, args=[f"call {number}"]) for number in range(CALLS)]
    for one in callers:
        one.start()
        assert turns.waits.acquire(timeout=60)
    call("one too many")
    assert codes == ["node-busy"]
    turns.close()
    for one in callers:
        one.join(60)
    assert codes == ["node-busy", *["stopping"] * CALLS]


def _of(event: model.Event, execution: model.Execution) -> bool:
    return isinstance(event.data, dict) and event.data.get("execution") == execution.id
