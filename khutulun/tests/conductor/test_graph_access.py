"""What plugins ask of the graph in the name of their workload (R20)."""

from floria.entities import Kind, Vertex
from floria.store.interface import Query
from khutulun.agent import messages
from khutulun.conductor.graphaccess import GraphAccess
from khutulun.testing.machine import Machine, note


def ask(machine: Machine, function: str, *arguments: object) -> messages.GraphAnswer:
    with machine.running.store.read() as reader:
        node = next(iter(reader.query(Query(kinds=(Kind.VERTEX,), directory="/s", name="a"))))
    assert isinstance(node, Vertex)
    workload = messages.Workload(node.id, "s", "a", 0, "/s", {})
    access = GraphAccess(machine.running.store, None, lambda *_: None)  # type: ignore[arg-type]
    return access.answer(messages.Graph(workload=workload, function=function, arguments=list(arguments)))


def test_r20_giving_one_port_back_keeps_the_others(machine: Machine) -> None:
    machine.deploy("s", note("a"))
    for number in ("8080", "8081"):
        assert ask(machine, "claim", "tcp", number, f"effect-{number}").result is True
    ask(machine, "release", "tcp", "8080", "effect")
    assert ask(machine, "claims", "tcp").result == ["8081"]
    ask(machine, "release", "tcp", "8080", "effect")
    assert ask(machine, "claims", "tcp").result == ["8081"]


def test_what_is_no_function_of_the_graph_is_refused(machine: Machine) -> None:
    machine.deploy("s", note("a"))
    for function in ("once", "space", "sing"):
        answer = ask(machine, function, "tcp", "1")
        assert answer.problem is not None
        assert answer.problem.code == "unknown-function"
