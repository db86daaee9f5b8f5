"""How nodes, and what is inside of them, are drawn by `khutulun service graph` (T143)."""

from khutulun import model
from khutulun.cli import graph
from khutulun.model import ServiceState


def node(name: str, *needs: str, inside: str = "") -> model.Node:
    relations = tuple(model.Relation("needs", f"{one}.feature") for one in needs)
    return model.Node(name, name, "x::T", "started", relations=relations, inside=inside)


def service(*nodes: model.Node) -> model.Service:
    return model.Service("s", "s", "/", ServiceState.RUNNING, 0, 0, nodes=nodes)


NESTED = service(
    node("door"),
    node("office", "door"),
    node("office.small.clerk", "office.small.desk", inside="office"),
    node("office.small.desk", inside="office"),
    node("office.small.desk.tiny.drawer", inside="office.small.desk"),
    node("visitor", "office"),
)


def test_t143_what_is_inside_is_below_the_node_that_it_stands_for() -> None:
    assert graph.tree(NESTED) == [
        "s (running)",
        "visitor (T) started",
        "└─ needs → office (T) started",
        "   ├─ needs → door (T) started",
        "   └─ inside: office.small.clerk (T) started",
        "      └─ needs → office.small.desk (T) started",
        "         └─ inside: office.small.desk.tiny.drawer (T) started",
    ]


def test_every_node_is_shown_even_in_a_circle() -> None:
    found = service(
        node("a", "b"), node("b", "a"), node("a.x.c", "a.x.d", inside="a"), node("a.x.d", "a.x.c", inside="a")
    )
    shown = "\n".join(graph.tree(found))
    assert all(f"{name} (T)" in shown for name in ("a", "b", "a.x.c", "a.x.d"))


def test_t143_graphviz_puts_what_is_inside_into_a_box() -> None:
    lines = list(graph.dot(NESTED))
    assert '  subgraph "cluster office" {' in lines
    assert '    subgraph "cluster office.small.desk" {' in lines
    assert [line.count("{") for line in lines].count(1) == [line.strip() for line in lines].count("}")
    assert sum("[label=" in line and "->" not in line for line in lines) == len(NESTED.nodes)
