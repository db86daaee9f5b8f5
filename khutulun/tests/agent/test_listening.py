"""What happens to workloads is heard at the right moment, once, and of no workload that is gone (R43, R61)."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from floria.entities import Handler, Property
from floria.values import Call
from khutulun import model
from khutulun.agent import messages, readiness
from khutulun.agent.failures import Failures
from khutulun.agent.journal import Journal
from khutulun.agent.workloads import Workloads
from khutulun.testing.machine import ME, Machine, bundle, note

FICKLE = Path(__file__).parents[2] / "src/khutulun/testing/fickle.py"
VERBS = ("create", "start", "stop", "delete", "exec", "logs", "inspect")


class Pipe:
    """What workloads say."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.events, self.gate = machine.paths.state / "events", machine.paths.state / "gate"
        os.mkfifo(self.events)
        self._descriptor = os.open(self.events, os.O_RDWR)

    def say(self, line: str) -> None:
        os.write(self._descriptor, f"{line}\n".encode())

    def close(self) -> None:
        os.close(self._descriptor)

    def archive(self, *names: str, readiness: object = None) -> str:
        nodes = []
        for name in names:
            vertex, *edges = note(name)
            handlers = tuple(Handler(f"lifecycle.{verb}", Call(f"fickle:{verb}", [{}])) for verb in VERBS)
            properties = {} if readiness is None else {"readiness": Property(value=readiness)}  # type: ignore[arg-type]
            nodes.append((msgspec.structs.replace(vertex, handlers=handlers, properties=properties), *edges))
        return self.machine.running.conductor.upload(ME, bundle(*nodes))

    def deploy(self, service: str, *names: str, readiness: object = None) -> model.Execution:
        archive = self.archive(*names, readiness=readiness)
        return self.machine.running.conductor.deploy(ME, model.DeployRequest(service, archive))

    def until(self, name: str, service: str = "s") -> model.Event:
        feed = self.machine.running.conductor.events(ME, service=service, after=0, follow=True)
        found = next(event for event in feed if event.name == name)
        feed.close()
        return found


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    machine = Machine(tmp_path)
    with machine.up():
        machine.running.conductor.add_plugin(ME, FICKLE.read_bytes(), "python", None)
        with contextlib.closing(Pipe(machine)) as made:
            yield made


@pytest.mark.parametrize("probe", [None, {"command": ["false"], "timeout": 250}, {"log": "never", "timeout": 250}])
def test_r14_a_failure_while_it_is_started_is_not_forgotten(pipe: Pipe, probe: object) -> None:
    """The event comes before the answer of `start`: nobody waits for readiness then, and the state stays."""
    os.mkfifo(pipe.gate)
    execution = pipe.deploy("s", "a", readiness=probe)
    with pipe.gate.open("w") as gate:  # it is being started
        pipe.say("s-a-0 failed failed")
        pipe.until("failed")
        gate.write("go\n")
    ended = pipe.machine.wait(execution)
    assert [problem.code for problem in ended.problems] == ([] if probe is None else ["not-ready"])
    assert [node.state for node in pipe.machine.running.conductor.service(ME, "s").nodes] in (["failed"], ["error"])


def test_r43_two_versions_of_a_plugin_do_not_tell_the_same_twice(pipe: Pipe) -> None:
    conductor = pipe.machine.running.conductor
    pipe.machine.wait(pipe.deploy("s", "a"))
    conductor.add_plugin(ME, FICKLE.read_bytes() + b"\n# mine\n", "python", None, "/t")
    pipe.machine.wait(pipe.deploy("t", "a"))
    for _ in range(2):  # each version reads some of the lines: whoever does, its own workload hears of it
        pipe.say("s-a-0 noticed -")
        pipe.say("t-a-0 noticed -")
    pipe.machine.wait(conductor.undeploy(ME, "t"))
    pipe.say("s-a-0 last -")
    pipe.until("last")
    assert [event.service for event in conductor.events(ME, after=0) if event.name == "noticed"].count("s") <= 2


def test_r60_nobody_listens_when_no_workload_is_left(pipe: Pipe) -> None:
    pipe.machine.wait(pipe.deploy("s", "a", "b"))
    listener = pipe.machine.running.agent._listener
    assert len(listener._sources) == 1
    pipe.machine.wait(pipe.machine.running.conductor.undeploy(ME, "s"))
    listener._stopping.submit(lambda: None).result(60)
    assert listener._sources == {}
    assert listener._told == {}


def test_r61_validation_asks_for_what_was_intended_and_not_for_what_was_told_since(pipe: Pipe) -> None:
    conductor = pipe.machine.running.conductor
    pipe.machine.wait(pipe.deploy("s", "a"))
    pipe.say("s-a-0 stopped stopped")
    pipe.until("stopped")
    assert [node.state for node in conductor.service(ME, "s").nodes] == ["stopped"]
    found = [(one.what, one.expected, one.found) for one in conductor.validate(ME, "s")]
    assert found == [("asked as", "", "started")]


def test_r30_what_was_missed_is_told_once_although_it_is_seen_and_said(pipe: Pipe) -> None:
    """A stream of events is cut; the workload is looked at, and then the source tells what it had not told."""
    pipe.machine.wait(pipe.deploy("s", "a"))
    looked = pipe.machine.paths.state / "looked"
    began = time.time_ns()
    looked.write_text("failed")
    listener = pipe.machine.running.agent._listener
    (reference,) = {one.plugin.digest: one.plugin for one in listener._workloads}.values()
    listener._catch_up(reference)
    pipe.until("failed")
    for at in (began, began - 1):
        pipe.say(f"s-a-0 failed failed {at}")  # it was seen already
        pipe.say(f"s-a-0 ready started {at}")  # what went before was another state
    pipe.say(f"s-a-0 noticed - {began}")  # nobody could see that
    pipe.until("noticed")
    assert [node.state for node in pipe.machine.running.conductor.service(ME, "s").nodes] == ["failed"]
    pipe.say(f"s-a-0 ready started {time.time_ns()}")
    pipe.say(f"s-a-0 failed failed {time.time_ns()}")  # once more, since
    pipe.say("s-a-0 last -")
    pipe.until("last")
    told = [event.name for event in pipe.machine.running.conductor.events(ME, service="s", after=0)]
    names = [name for name in told if name in ("failed", "ready", "noticed", "last")]
    assert names == ["failed", "noticed", "ready", "failed", "last"]


def test_a_forgotten_workload_does_not_come_back_with_a_late_event(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "agent.sqlite")
    known = Workloads(journal)
    workload = messages.Workload("e", "s", "a", 0, "/s", {"unit": "u"})
    reference = messages.PluginReference("p", "sha256:0", "python", {})
    known.attend(messages.Attend(workload=workload, plugin=reference, site={}, state="started"))
    assert known.reached("e", "failed", before="started")
    assert not known.reached("e", "stopped", before="started"), "something else was told meanwhile"
    assert [one.state for one in journal.workloads()] == ["failed"]
    known.forget("e")
    assert not known.reached("e", "stopped")
    assert journal.workloads() == []
    journal.close()


def test_r14_who_waits_hears_of_every_failure_and_of_the_end() -> None:
    failures = Failures()
    failures.tell("e", "it broke")
    with failures.watching("e") as watch, pytest.raises(readiness.NotReady, match="it broke"):
        watch.check()
    failures.clear("e")
    with failures.watching("e") as first, failures.watching("e") as second:
        first.check()
        failures.tell("e", "again")
        for watch in (first, second):
            with pytest.raises(readiness.NotReady, match="again"):
                watch.check()
    failures.close()
    with failures.watching("other") as watch, pytest.raises(readiness.Interrupted):
        watch.check()
