"""Relationships act when the nodes at their ends are operated (R86: what `Configure` of TOSCA 1.x is for)."""

import msgspec

from floria.entities import Handler
from floria.values import Call
from khutulun import model
from khutulun.testing.machine import ME, Machine, bundle, note

EVENTS = (
    "source.before-configure",
    "source.after-configure",
    "target.before-configure",
    "target.after-configure",
    "source.after-start",
    "source.after-start:target",
    "source.before-stop",
    "source.before-stop:target",
    "target.after-stop",
)


def test_r86_handlers_of_a_relationship_run_at_their_end_and_time(machine: Machine) -> None:
    vertex, edge = note("client", after=("server",))
    handlers = tuple(Handler(event, Call("notes:shout", [{"word": event}]), name=event) for event in EVENTS)
    service = (note("server"), (vertex, msgspec.structs.replace(edge, handlers=handlers)), note("other"))
    conductor = machine.running.conductor
    request = model.DeployRequest("s", conductor.upload(ME, bundle(*service)), inputs={})
    planned = conductor.plan(ME, request)
    operations = dict.fromkeys((effect.node, effect.operation) for effect in planned.effects)
    assert [operation for node, operation in operations if node == "server"] == [
        "create",
        "target.before-configure",
        "target.after-configure",
        "start",
        "source.after-start:target",
    ]
    ended = machine.deploy("s", *service)
    assert ended.state == "done", ended.problems
    assert machine.log("s-server-0") == [
        "create",
        "shout target.before-configure",
        "shout target.after-configure",
        "start",
        "shout source.after-start:target",
    ]
    assert machine.log("s-client-0") == [
        "create",
        "shout source.before-configure",
        "shout source.after-configure",
        "start",
        "shout source.after-start",
    ]
    assert machine.log("s-other-0") == ["create", "start"]
    assert machine.wait(conductor.undeploy(ME, "s")).state == "done"
    assert machine.log("s-server-0")[5:] == [
        "shout source.before-stop:target",
        "stop",
        "shout target.after-stop",
        "delete",
    ]
    assert machine.log("s-client-0")[5:] == ["shout source.before-stop", "stop", "delete"]


def test_r86_what_a_relationship_refuses_is_not_done(machine: Machine) -> None:
    vertex, edge = note("client", after=("server",))
    refusing = Handler("source.before-configure", Call("floria:fail", ["nobody may connect"]))
    ended = machine.deploy("s", note("server"), (vertex, msgspec.structs.replace(edge, handlers=(refusing,))))
    assert ended.state == "failed"
    assert "nobody may connect" in ended.problems[0].message
    assert machine.log("s-client-0") == ["create"]


def test_r86_an_operation_is_called_by_its_own_name_too(machine: Machine) -> None:
    """A handler's event may have another name than INTERFACE.OPERATION."""
    told = Handler("busy", Call("notes:shout", [{"word": "told"}]), name="Standard.tell")
    assert machine.deploy("s", note("a", handlers=(told,))).state == "done"
    conductor = machine.running.conductor
    assert conductor.call(ME, "s", "a", "Standard.tell", {}).result == "TOLD"
