"""What comes before a node when its host starts again, as drivers are told it (R51, R52)."""

from typing import Any

import msgspec

from floria import ids
from floria.entities import Edge, Kind, Property, Vertex
from floria.store.interface import Query, Transaction
from khutulun import model
from khutulun.conductor import sequence, topology
from khutulun.testing.machine import ME, Machine, bundle, note


def node(reader: Any, name: str, service: str) -> Vertex:
    query = Query(kinds=(Kind.VERTEX,), directory=f"/{service}", name=name)
    return next(one for one in reader.query(query) if isinstance(one, Vertex) and topology.is_node(one))


def before(machine: Machine, name: str, service: str = "s") -> list[str]:
    with machine.running.store.read() as reader:
        return sequence.before(reader, node(reader, name, service))


def told(machine: Machine, name: str, service: str = "s") -> list[str]:
    with machine.running.store.read() as reader:
        return sequence.told(node(reader, name, service))


def lead(tx: Transaction, source: Vertex, target: Vertex) -> None:
    made = Edge(id=ids.new(), name="after", directory=source.directory, source=source.id, target=target.id)
    tx.put(made)


def test_r52_the_workloads_that_are_required_come_first(machine: Machine) -> None:
    machine.deploy(
        "s",
        note("base", unit="base.service"),
        note("store", after=("base",), unit="store.service"),
        note("port"),
        note("web", after=("store", "port"), unit="web.service"),
        note("run", unit="run.service", transient=True),
        note("last", after=("web", "run", "base"), unit="last.service"),
    )
    assert before(machine, "base") == []
    assert before(machine, "web") == told(machine, "web") == ["store.service"], "what has no unit has no start"
    assert before(machine, "last") == ["base.service", "web.service"], "what is transient does not come back"


def test_r52_a_job_stands_for_what_it_requires(machine: Machine) -> None:
    machine.deploy(
        "s",
        note("base", unit="base.service"),
        note("fill", after=("base",), unit="fill.service"),
        note("web", after=("fill",), unit="web.service"),
    )
    assert before(machine, "web") == ["fill.service"]
    with machine.running.store.write() as tx:
        fill = node(tx, "fill", "s")
        tx.put(msgspec.structs.replace(fill, classes=("x::Job",)))
    assert before(machine, "web") == ["base.service"]


def test_r21_r52_what_follows_is_applied_when_what_it_requires_has_another_unit(machine: Machine) -> None:
    base, web = note("base", unit="one.service"), note("web", after=("base",), unit="web.service")
    machine.deploy("s", base, web)
    assert told(machine, "web") == ["one.service"]
    conductor = machine.running.conductor
    other = conductor.upload(ME, bundle(note("base", unit="two.service"), web))
    assert machine.wait(conductor.update(ME, model.DeployRequest("s", other))).state == "done"
    assert told(machine, "web") == ["two.service"]
    assert machine.log("s-web-0")[-1] == "update"
    alone = conductor.upload(ME, bundle(note("base", unit="two.service"), note("web", unit="web.service")))
    assert machine.wait(conductor.update(ME, model.DeployRequest("s", alone))).state == "done"
    assert told(machine, "web") == []


def test_r52_the_youngest_relationship_of_a_circle_of_services_has_no_say(machine: Machine) -> None:
    for service in ("a", "b"):
        machine.deploy(
            service, note("low", unit=f"{service}-low"), note("high", after=("low",), unit=f"{service}-high")
        )
    with machine.running.store.write() as tx:
        lead(tx, node(tx, "low", "b"), node(tx, "high", "a"))
    assert before(machine, "low", "b") == ["a-high"]
    with machine.running.store.write() as tx:
        lead(tx, node(tx, "low", "a"), node(tx, "high", "b"))
    assert before(machine, "low", "b") == ["a-high"], "what was there before goes on to count"
    assert before(machine, "low", "a") == []
    assert before(machine, "high", "a") == ["a-low"]


def test_what_runs_on_another_host_has_its_own_start(machine: Machine) -> None:
    machine.deploy("s", note("base", unit="base"), note("web", after=("base",), unit="web"))
    with machine.running.store.write() as tx:
        other = Vertex(id=ids.new(), name="other", classes=("khutulun:host",), properties={"facts": Property(value={})})
        tx.put(other)
        (edge,) = [
            one
            for one in tx.query(Query(kinds=(Kind.EDGE,), directory="/s", name=topology.HOST_EDGE))
            if isinstance(one, Edge) and one.source == node(tx, "base", "s").id
        ]
        tx.put(msgspec.structs.replace(edge, target=other.id))
    assert before(machine, "web") == []
