"""Services from templates to files on this machine and back, with a driver in the sandbox."""

import shutil
import subprocess
from typing import Any

import msgspec
import pytest

from floria.entities import Handler, Property
from floria.store.interface import Query
from floria.values import Call
from khutulun import model
from khutulun.testing.machine import ME, NOTES, Machine, bundle, note


def test_r42_a_service_is_deployed_in_dependency_order_without_user_code(machine: Machine) -> None:
    """T147, T168: the workflow follows from the graph."""
    ended = machine.deploy("s", note("b", after=("a",), text="second"), note("a", text="first"))
    assert ended.state == "done", ended.problems
    assert machine.text("s-a-0") == "first"
    assert machine.text("s-b-0") == "second"
    assert machine.log("s-a-0") == ["create", "start"]
    shown = machine.running.conductor.service(ME, "s")
    assert shown.state is model.ServiceState.RUNNING
    assert {node.name: node.state for node in shown.nodes} == {"a": "started", "b": "started"}
    assert [relation.target for node in shown.nodes for relation in node.relations] == ["a"]


def test_a_failure_stops_dependents_only_and_resume_goes_on(machine: Machine) -> None:
    """T168: what is independent goes on; the rest is done when the cause is gone."""
    ended = machine.deploy("s", note("base", broken=True), note("top", after=("base",)), note("other", text="fine"))
    assert ended.state == "failed"
    assert {step.node: step.state.value for step in ended.steps} == {
        "base": "failed",
        "top": "skipped",
        "other": "done",
    }
    assert [(problem.code, problem.where) for problem in ended.problems] == [("broken", "s/base, operation start")]
    assert machine.running.conductor.service(ME, "s").state is model.ServiceState.FAILED
    again = machine.wait(machine.running.conductor.resume(ME, "s"))
    assert again.state == "failed"
    assert machine.log("s-other-0") == ["create", "start"]


def test_undeploy_is_the_reverse_and_leaves_nothing(machine: Machine) -> None:
    """T147, T168: in the order of the graph, backwards."""
    machine.deploy("s", note("b", after=("a",)), note("a"))
    ended = machine.wait(machine.running.conductor.undeploy(ME, "s"))
    assert ended.state == "done"
    assert machine.text("s-a-0") is None
    assert machine.log("s-b-0") == ["create", "start", "stop", "delete"]
    assert machine.running.conductor.services(ME) == []
    with machine.running.store.read() as reader:
        assert list(reader.query(Query(directory="/s"))) == []
        assert reader.claims("khutulun.names") == {}


def test_r45_an_update_acts_on_the_difference_only(machine: Machine) -> None:
    """T169: inputs and templates that change, change what they are about."""
    machine.deploy("s", note("a", text="1"), note("b", text="1"), note("c", text="1"))
    conductor = machine.running.conductor
    archive = conductor.upload(ME, bundle(note("a", text="1"), note("b", text="2"), note("d", text="1")))
    request = model.DeployRequest("s", archive)
    plan = conductor.plan(ME, request)
    assert {change.node: change.change for change in plan.changes} == {
        "a": "unchanged",
        "b": "modified",
        "c": "obsolete",
        "d": "novel",
    }
    assert machine.log("s-b-0") == ["create", "start"], "a plan changes nothing"
    ended = machine.wait(conductor.update(ME, request))
    assert ended.state == "done", ended.problems
    assert machine.log("s-a-0") == ["create", "start"]
    assert machine.log("s-b-0") == ["create", "start", "update"]
    assert machine.text("s-b-0") == "2"
    assert machine.log("s-c-0") == ["create", "start", "stop", "delete"]
    assert machine.log("s-d-0") == ["create", "start"]
    assert [node.name for node in conductor.service(ME, "s").nodes] == ["a", "b", "d"]
    nothing = conductor.plan(ME, request)
    assert {change.change for change in nothing.changes} == {"unchanged"}
    assert nothing.effects == ()


def test_r53_the_plan_is_what_then_happens_and_history_prints_it_as_a_script(machine: Machine) -> None:
    conductor = machine.running.conductor
    archive = conductor.upload(ME, bundle(note("a", text="it's $HOME")))
    request = model.DeployRequest("s", archive)
    plan = conductor.plan(ME, request)
    assert conductor.services(ME) == []
    assert machine.text("s-a-0") is None
    machine.wait(conductor.deploy(ME, request))
    history = conductor.history(ME, "s")
    assert [effect.request for effect in history] == [effect.request for effect in plan.effects]
    assert conductor.script(ME, "s", "a") == plan.script
    folder = machine.paths.state / "notes"
    shutil.rmtree(folder)
    subprocess.run(["sh"], input=plan.script, text=True, check=True)
    assert machine.text("s-a-0") == "it's $HOME"
    assert machine.log("s-a-0") == ["create", "start"]


def test_r62_validate_reports_differences_and_changes_neither_side(machine: Machine) -> None:
    ended = machine.deploy("s", note("a", text="mine"), note("b", text="gone"))
    assert ended.problems == ()
    conductor = machine.running.conductor
    assert conductor.validate(ME, "s") == []
    folder = machine.paths.state / "notes"
    (folder / "s-a-0").write_text("changed by hand")
    (folder / "s-b-0").unlink()
    found = conductor.validate(ME, "s")
    assert [(one.node, one.what, one.expected, one.found) for one in found] == [
        ("a", "text", "mine", "changed by hand"),
        ("b", "does not exist on its host", "started", None),
    ]
    assert machine.text("s-a-0") == "changed by hand"
    assert machine.text("s-b-0") is None


def test_r44_any_operation_is_called_by_hand(machine: Machine) -> None:
    machine.deploy("s", note("a"))
    conductor = machine.running.conductor
    called = conductor.call(ME, "s", "a", "lifecycle.shout", {"word": "hey"})
    assert called.result == "HEY"
    assert [effect.operation for effect in called.effects] == ["lifecycle.shout"]
    with pytest.raises(model.Refused) as caught:
        conductor.call(ME, "s", "a", "lifecycle.sing", {})
    assert caught.value.problems[0].code == "unknown-operation"
    assert "lifecycle.shout" in caught.value.problems[0].hint


def test_r13_logs_and_exec_are_streams_with_an_exit_code(machine: Machine) -> None:
    machine.deploy("s", note("a"))
    conductor = machine.running.conductor
    logs = conductor.logs(ME, "s", "a")
    assert b"".join(data for _, data in logs.output()) == b"s-a-0 create\ns-a-0 start\n"
    assert logs.wait() == 0
    program = "read line; echo got $line; echo oops >&2; exit 7"
    stream = conductor.execute(ME, model.ExecRequest("s", "a", ("sh", "-c", program), stdin=True))
    stream.write(b"this\n")
    output = list(stream.output())
    assert b"".join(data for name, data in output if name == "stdout") == b"got this\n"
    assert b"".join(data for name, data in output if name == "stderr") == b"oops\n"
    assert stream.wait() == 7


def test_r13_exec_has_a_terminal_with_a_size_and_interrupts(machine: Machine) -> None:
    machine.deploy("s", note("a"))
    request = model.ExecRequest(
        "s", "a", ("sh", "-c", "stty size; exec sleep 1000"), tty=True, stdin=True, rows=33, columns=99
    )
    stream = machine.running.conductor.execute(ME, request)
    output = stream.output()
    assert next(output) == ("stdout", b"33 99\r\n")
    stream.write(b"\x03")
    assert list(output) in ([], [("stdout", b"^C")])
    assert stream.wait() == 130


def test_r43_a_users_event_runs_its_handlers_at_once_and_the_journal_tells(machine: Machine) -> None:
    handler = Handler("alarm", Call("notes:shout", [{"word": "fire"}]))
    machine.deploy("s", note("a", handlers=(handler,)))
    conductor = machine.running.conductor
    feed = conductor.events(ME, service="s", after=0, follow=True)
    told = conductor.emit(ME, "alarm", service="s", node="a", data={"floor": 3})
    handled = next(event for event in feed if event.kind == "handling")
    feed.close()
    assert told.name == "alarm"
    assert (handled.service, handled.node, handled.name) == ("s", "a", "alarm")
    assert isinstance(handled.data, dict)
    assert handled.data["result"] == "FIRE"
    assert machine.log("s-a-0")[-1] == "shout fire"


def test_r41_a_hook_before_an_operation_can_refuse_it(machine: Machine) -> None:
    refuse = Handler("before-start", Call("notes:nothing", [{}]))
    ended = machine.deploy("s", note("a", handlers=(refuse,)))
    assert [problem.code for problem in ended.problems] == ["refused-by-hook"]
    assert machine.log("s-a-0") == ["create"]


@pytest.mark.parametrize("event", ["before-start", "after-create"])
def test_r41_actions_of_a_trigger_are_no_hook_and_the_hint_says_what_is(machine: Machine, event: str) -> None:
    acts = Handler(event, Call("tosca:actions", [{"actions": []}]))
    (problem,) = machine.deploy("s", note("a", handlers=(acts,))).problems
    assert problem.code == "refused-by-hook"
    assert f"a trigger's actions cannot come {event.partition('-')[0]} an operation" in problem.message
    assert "give the policy's trigger another event" in problem.hint


def test_r34_a_plugin_is_replaced_for_one_service_without_a_restart(machine: Machine) -> None:
    machine.deploy("one", note("a"))
    machine.deploy("two", note("a"))
    mine = NOTES.read_text().replace(".upper()", ".title()").encode()
    conductor = machine.running.conductor
    conductor.add_plugin(ME, mine, "python", None, "/two")
    results = [conductor.call(ME, name, "a", "lifecycle.shout", {"word": "hey"}).result for name in ("one", "two")]
    assert results == ["HEY", "Hey"]
    conductor.remove_plugin(ME, "notes", "/two")
    assert conductor.call(ME, "two", "a", "lifecycle.shout", {"word": "hey"}).result == "HEY"


@pytest.mark.parametrize(
    ("name", "code"), [("no/slash", "bad-name"), ("", "bad-name"), ("x" * 64, "bad-name"), ("s", "service-exists")]
)
def test_a_bad_name_is_refused_and_nothing_is_changed(machine: Machine, name: str, code: str) -> None:
    machine.deploy("s", note("a"))
    conductor = machine.running.conductor
    before = conductor.services(ME)
    archive = conductor.upload(ME, bundle(note("a")))
    with pytest.raises(model.Refused) as caught:
        conductor.deploy(ME, model.DeployRequest(name, archive))
    assert caught.value.problems[0].code == code
    assert conductor.services(ME) == before


def test_nodes_that_depend_on_each_other_in_a_circle_are_refused(machine: Machine) -> None:
    conductor = machine.running.conductor
    archive = conductor.upload(ME, bundle(note("a", after=("b",)), note("b", after=("a",))))
    with pytest.raises(model.Refused, match="circle: "):
        conductor.deploy(ME, model.DeployRequest("s", archive))
    assert conductor.services(ME) == []


def test_names_that_would_be_the_same_on_the_machine_are_refused(machine: Machine) -> None:
    machine.deploy("a-b", note("c"))
    conductor = machine.running.conductor
    archive = conductor.upload(ME, bundle(note("b-c")))
    with pytest.raises(model.Refused) as caught:
        conductor.deploy(ME, model.DeployRequest("a", archive))
    assert caught.value.problems[0].code == "name-taken"


def test_r74_what_one_tenant_has_another_does_not_see(machine: Machine) -> None:
    machine.deploy("s", note("a"))
    stranger = model.Principal(54321, 54321, "stranger")
    conductor = machine.running.conductor
    assert conductor.services(stranger) == []
    with pytest.raises(model.Refused) as caught:
        conductor.service(stranger, "s")
    assert (caught.value.status, caught.value.problems[0].code) == (403, "not-permitted")


def test_r41_the_users_code_places_a_node_or_refuses(machine: Machine) -> None:
    here = Handler("place", Call("floria:concat", ["he", "re"]))
    assert machine.deploy("s", note("a", handlers=(here,))).state == "done"
    conductor = machine.running.conductor
    assert [node.host for node in conductor.service(ME, "s").nodes] == ["here"]
    elsewhere = Handler("place", Call("floria:concat", ["else", "where"]))
    archive = conductor.upload(ME, bundle(note("a", handlers=(elsewhere,))))
    with pytest.raises(model.Refused, match="no host is called 'elsewhere'"):
        conductor.deploy(ME, model.DeployRequest("t", archive))
    assert [one.name for one in conductor.services(ME)] == ["s"]


def test_r41_a_plugin_computes_a_property(machine: Machine) -> None:
    title = Property(updater=Call("notes:title", ["hello there"]))
    vertex, *edges = note("a")
    vertex = msgspec.structs.replace(vertex, properties={**vertex.properties, "text": title})
    assert machine.deploy("s", (vertex, *edges)).problems == ()
    assert machine.text("s-a-0") == "Hello There"


def several(text: str, count: int = 3) -> Any:
    """Return a node with representations that break when their text says so."""
    vertex, *edges = note("a", text=text)
    broken = Property(updater=Call("floria:equal", [Call("floria:get", ["text"]), "bad"]))
    properties = {**vertex.properties, "broken": broken}
    return msgspec.structs.replace(vertex, count=count, properties=properties), *edges


def test_r45_representations_are_updated_one_after_the_other(machine: Machine) -> None:
    machine.deploy("s", several("1"))
    conductor = machine.running.conductor
    request = model.DeployRequest("s", conductor.upload(ME, bundle(several("2"))))
    ended = machine.wait(conductor.update(ME, request))
    assert ended.state == "done", ended.problems
    told = [
        (event.node, event.name)
        for event in conductor.events(ME, service="s", after=0)
        if event.kind == "step" and isinstance(event.data, dict) and event.data["execution"] == ended.id
    ]
    assert told == [(f"a-{index}", name) for index in range(3) for name in ("running", "done")]


def test_r45_an_update_that_fails_is_rolled_back(machine: Machine) -> None:
    machine.deploy("s", note("a", text="1"), note("b", after=("a",), text="1"))
    conductor = machine.running.conductor
    bad = bundle(note("a", text="2"), note("b", after=("a",), text="2"), note("c", after=("b",), broken=True))
    ended = machine.wait(conductor.update(ME, model.DeployRequest("s", conductor.upload(ME, bad))))
    assert ended.state == "failed"
    back = next(
        event for event in conductor.events(ME, service="s", after=0, follow=True) if event.name == "rollback-done"
    )
    assert isinstance(back.data, dict)
    assert machine.text("s-a-0") == "1"
    assert machine.text("s-b-0") == "1"
    assert machine.log("s-c-0") == ["create", "stop", "delete"]
    shown = conductor.service(ME, "s")
    assert shown.state is model.ServiceState.RUNNING
    assert [node.name for node in shown.nodes] == ["a", "b"]


def test_an_update_without_rollback_stays_as_it_failed_and_a_better_one_goes_on(machine: Machine) -> None:
    machine.deploy("s", note("a"))
    conductor = machine.running.conductor
    bad = conductor.upload(ME, bundle(note("a"), note("c", broken=True)))
    machine.wait(conductor.update(ME, model.DeployRequest("s", bad, rollback=False)))
    assert conductor.service(ME, "s").state is model.ServiceState.FAILED
    good = conductor.upload(ME, bundle(note("a"), note("c", broken=False)))
    ended = machine.wait(conductor.update(ME, model.DeployRequest("s", good)))
    assert ended.state == "done", ended.problems
    assert {node.name: node.state for node in conductor.service(ME, "s").nodes} == {"a": "started", "c": "started"}


def test_r54_what_exists_is_adopted_as_it_is_and_managed_from_then_on(machine: Machine) -> None:
    notes = machine.paths.state / "notes"
    notes.mkdir()
    (notes / "legacy").write_text("old")
    conductor = machine.running.conductor
    archive = conductor.upload(ME, bundle(note("a", text="old"), note("b", after=("a",), text="new")))
    ended = machine.wait(conductor.deploy(ME, model.DeployRequest("s", archive, adopt={"a": "legacy"})))
    assert ended.state == "done", ended.problems
    assert not (notes / "s-a-0").exists()
    assert conductor.validate(ME, "s") == []
    changed = conductor.upload(ME, bundle(note("a", text="2"), note("b", after=("a",), text="new")))
    machine.wait(conductor.update(ME, model.DeployRequest("s", changed)))
    assert (notes / "legacy").read_text() == "2"
    assert machine.log("legacy") == ["update"]
    assert machine.log("s-b-0") == ["create", "start"]


def test_adopting_what_is_not_there_fails_and_as_an_unknown_node_is_refused(machine: Machine) -> None:
    conductor = machine.running.conductor
    archive = conductor.upload(ME, bundle(note("a")))
    with pytest.raises(model.Refused, match="no node 'x' to adopt as"):
        conductor.deploy(ME, model.DeployRequest("s", archive, adopt={"x": "legacy"}))
    assert conductor.services(ME) == []
    ended = machine.wait(conductor.deploy(ME, model.DeployRequest("s", archive, adopt={"a": "legacy"})))
    assert [problem.code for problem in ended.problems] == ["not-found"]


def test_r21_what_a_change_means_for_those_who_depend_on_it_is_applied_in_the_same_update(machine: Machine) -> None:
    def service(text: str) -> bytes:
        learns = Property(updater=Call("floria:get_of", [Call("floria:neighbor", ["after"]), "told"]))
        vertex, *edges = note("b", after=("a",))
        vertex = msgspec.structs.replace(vertex, properties={**vertex.properties, "text": learns})
        return bundle(note("a", text=text), (vertex, *edges), note("c", after=("b",)))

    conductor = machine.running.conductor
    machine.wait(conductor.deploy(ME, model.DeployRequest("s", conductor.upload(ME, service("1")))))
    assert machine.text("s-b-0") == "1"
    request = model.DeployRequest("s", conductor.upload(ME, service("2")))
    plan = conductor.plan(ME, request)
    assert [effect.node for effect in plan.effects if effect.kind == "files.write"] == ["a", "b"]
    ended = machine.wait(conductor.update(ME, request))
    assert ended.state == "done", ended.problems
    assert machine.text("s-b-0") == "2"
    assert machine.log("s-b-0") == ["create", "start", "update"]
    assert machine.log("s-c-0") == ["create", "start"]


def test_r41_hooks_may_be_expressions(machine: Machine) -> None:
    """Their writes and events are one transaction, once for an operation, and what they raise refuses it."""
    counted = Handler("before-start", Call("floria:set", ["counted", Call("floria:concat", ["x", "y"])]))
    told = Handler("after-start", Call("floria:emit", ["alarm"]))
    alarm = Handler("alarm", Call("notes:shout", [{"word": "up"}]))
    assert machine.deploy("s", note("a", handlers=(counted, told, alarm), counted="")).state == "done"
    conductor = machine.running.conductor
    node = conductor.service(ME, "s").nodes[0]
    assert node.properties["counted"].value == "xy"
    feed = conductor.events(ME, service="s", after=0, follow=True)
    assert next(event for event in feed if event.kind == "handling").name == "alarm"
    feed.close()
    refusing = Handler("before-create", Call("floria:fail", ["not today"]))
    ended = machine.deploy("t", note("b", handlers=(refusing,)))
    assert [(problem.code, problem.message) for problem in ended.problems] == [
        ("refused-by-hook", "before-create: not today")
    ]


def test_r101_a_service_is_what_its_nodes_are(machine: Machine) -> None:
    machine.deploy("s", note("a"), note("b"))
    conductor = machine.running.conductor
    seen = []
    for node, operation in (("a", "stop"), ("b", "stop"), ("a", "start"), ("b", "start")):
        conductor.call(ME, "s", node, f"lifecycle.{operation}", {})
        seen.append(conductor.service(ME, "s").state.value)
        assert conductor.services(ME)[0].state.value == seen[-1]
    assert seen == ["degraded", "stopped", "degraded", "running"]


def test_positions_and_names_that_no_journal_has_are_refused(machine: Machine) -> None:
    conductor = machine.running.conductor
    machine.deploy("s", note("a"))
    with pytest.raises(model.Refused, match="no position of an event"):
        conductor.events(ME, after=10**23)
    assert list(conductor.events(ME, after=0, limit=10**23))
    with pytest.raises(model.Refused, match="no name for an event"):
        conductor.emit(ME, "x" * 201, service="s")
