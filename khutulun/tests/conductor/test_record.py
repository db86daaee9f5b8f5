"""What is deployed is on record: whatever becomes of what it was made from, and of what cannot be evaluated."""

import msgspec
import pytest

from floria.entities import Kind, Plugin, Property, Vertex
from floria.store.interface import Query
from floria.values import Call
from khutulun import model
from khutulun.testing.machine import ME, Machine, bundle, note


def test_r63_r75_the_record_survives_its_templates_and_its_archive(machine: Machine) -> None:
    machine.deploy("s", note("b", after=("a",), text="2"), note("a", text="1"))
    conductor, store = machine.running.conductor, machine.running.store
    shown, history = conductor.service(ME, "s"), conductor.history(ME, "s")
    with store.write() as tx:
        for kind in (Kind.EDGE_TEMPLATE, Kind.VERTEX_TEMPLATE, Kind.CLASS):
            for entity in list(tx.query(Query(kinds=(kind,), directory="/s"))):
                if tx.get(entity.id) is not None:
                    tx.delete(entity.id)
    for digest in list(store.blobs()):
        with store.read() as reader:
            used = {one.digest for one in reader.query(Query(kinds=(Kind.PLUGIN,))) if isinstance(one, Plugin)}
        if digest not in used:
            store.delete_blob(digest)
    assert conductor.service(ME, "s") == shown
    assert conductor.history(ME, "s") == history
    assert conductor.validate(ME, "s") == []
    assert conductor.call(ME, "s", "a", "lifecycle.shout", {"word": "hey"}).result == "HEY"
    with pytest.raises(model.Refused, match="the design of s was deleted"):
        conductor.update(ME, model.DeployRequest("s", None, inputs={}))
    assert machine.wait(conductor.undeploy(ME, "s")).state == "done"
    assert machine.log("s-a-0") == ["create", "start", "shout hey", "stop", "delete"]


def test_r63_a_later_design_changes_the_record_only_where_it_is_deployed(machine: Machine) -> None:
    conductor = machine.running.conductor
    machine.deploy("one", note("a", text="1"))
    machine.deploy("two", note("a", text="1"))
    later = conductor.upload(ME, bundle(note("a", text="2")))
    machine.wait(conductor.update(ME, model.DeployRequest("two", later)))
    texts = [conductor.service(ME, name).nodes[0].properties["text"].value for name in ("one", "two")]
    assert texts == ["1", "2"]


def test_r64_a_failed_evaluation_is_kept_with_its_cause_beside_the_old_value(machine: Machine) -> None:
    vertex, *edges = note("a")
    broken = Property(updater=Call("notes:title", [Call("floria:get", ["nothing"])]))
    vertex = msgspec.structs.replace(vertex, properties={**vertex.properties, "text": broken})
    ended = machine.deploy("s", (vertex, *edges))
    assert ended.state == "failed"
    assert [problem.where for problem in ended.problems] == ["s/a.text"]
    shown = machine.running.conductor.service(ME, "s").nodes[0].properties["text"]
    assert shown.error is not None
    assert "nothing" in shown.error.message
    with machine.running.store.read() as reader:
        node = next(one for one in reader.query(Query(kinds=(Kind.VERTEX,), directory="/s", name="a")))
    assert isinstance(node, Vertex)
    error = node.properties["text"].error
    assert error is not None
    assert error.time > node.created
    assert machine.text("s-a-0") is None, "an operation never sees what could not be evaluated"
