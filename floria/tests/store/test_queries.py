"""Queries and paths, on cases worth naming (the model test has the rest) (T166)."""

import itertools

import pytest

from floria import ids
from floria.entities import Class, Kind, Plugin
from floria.store.interface import Axis, Operator, Predicate, Query, Step, Store
from floria.store.predicates import hold
from floria.testing import samples
from floria.values import Call, Value


def names(store: Store, **conditions: object) -> list[str]:
    with store.read() as reader:
        return sorted(entity.name for entity in reader.query(Query(**conditions)))  # type: ignore[arg-type]


def test_an_ancestors_class_selects_descendants(store: Store) -> None:
    """R76: entities carry all ancestor classes."""
    samples.put(store, samples.vertex("web", "Nginx", "Web", "Node"), samples.vertex("db", "Postgres", "Node"))
    assert names(store, classes=("Node",)) == ["db", "web"]
    assert names(store, classes=("Node", "Web")) == ["web"]
    assert names(store, classes=("Web", "Postgres")) == []
    assert names(store, classes=("Unknown",)) == []


def test_directories_bound_what_is_seen(store: Store) -> None:
    """R74: a name that begins alike is another directory."""
    paths = ["/", "/a", "/a/b", "/a/b/c", "/ab", "/a-b"]
    samples.put(store, *(samples.vertex(path, directory=path) for path in paths))
    assert names(store, directory="/a") == ["/a", "/a/b", "/a/b/c"]
    assert names(store, directory="/a", recursive=False) == ["/a"]
    assert names(store, directory="/") == sorted(paths)
    assert names(store, directory="/", recursive=False) == ["/"]
    assert names(store, directory="/nowhere") == []


def test_pages_follow_each_other(store: Store) -> None:
    everything = sorted(vertex.id for vertex in samples.put(store, *(samples.vertex("v", "x") for _ in range(25))))
    for conditions in ({"classes": ("x",)}, {"kinds": (Kind.VERTEX,)}, {"name": "v"}, {"directory": "/"}):
        seen: list[ids.Id] = []
        while True:
            query = Query(**conditions, after=seen[-1] if seen else None, limit=10)
            with store.read() as reader:
                page = [entity.id for entity in reader.query(query)]
            seen += page
            if len(page) < 10:
                break
        assert seen == everything


def test_every_kind_is_found_by_its_kind(store: Store) -> None:
    plugin = Plugin(id=ids.new(), name="p", digest="sha256:0", carrier="wasm")
    samples.put(store, samples.vertex("v"), Class(id=ids.new(), name="c", parents=("d",)), plugin)
    assert names(store, kinds=(Kind.PLUGIN,)) == ["p"]
    assert names(store, kinds=(Kind.PLUGIN, Kind.CLASS)) == ["c", "p"]
    assert names(store, kinds=(Kind.PLUGIN,), where=(Predicate("x", Operator.EXISTS),)) == []


def test_a_path_leads_over_several_hops_both_ways(store: Store) -> None:
    """R71."""
    client, server, host = samples.vertex("client"), samples.vertex("server", "Web"), samples.vertex("host", cores=8)
    port = samples.vertex("port", parent=server, number=80)
    uses = samples.edge("uses", client, port, "Uses", weight=3)
    on, on_too = samples.edge("host", server, host), samples.edge("host", client, host)
    samples.put(store, client, server, host, port, uses, on, on_too)
    there = [
        Step(axis=Axis.OUT, name="uses", classes=("Uses",), where=(Predicate("weight", Operator.GREATER, 2),)),
        Step(axis=Axis.TARGET, where=(Predicate("number", Operator.EQUAL, 80),)),
        Step(axis=Axis.PARENT, classes=("Web",)),
        Step(axis=Axis.OUT, name="host"),
        Step(axis=Axis.TARGET, where=(Predicate("cores", Operator.LESS_OR_EQUAL, 8.0),)),
    ]
    back = [
        Step(axis=Axis.IN, name="host"),
        Step(axis=Axis.SOURCE, classes=("Web",)),
        Step(axis=Axis.DESCENDANTS),
        Step(axis=Axis.IN),
        Step(axis=Axis.SOURCE),
    ]
    with store.read() as reader:
        assert reader.path([client.id], there) == [host.id]
        assert reader.path([host.id], back) == [client.id]
        assert reader.path([client.id, ids.new()], []) == [client.id]
        assert reader.path([], back) == []


def test_a_long_path_and_many_starts(store: Store) -> None:
    """R71: further than one statement of a database would go."""
    chain = [samples.vertex(str(number)) for number in range(60)]
    edges = [samples.edge("next", left, right) for left, right in itertools.pairwise(chain)]
    samples.put(store, *chain, *edges)
    hop = [Step(axis=Axis.OUT), Step(axis=Axis.TARGET)]
    with store.read() as reader:
        assert reader.path([chain[0].id], hop * 59) == [chain[59].id]
        assert reader.path([vertex.id for vertex in chain], hop) == sorted(vertex.id for vertex in chain[1:])


@pytest.mark.parametrize(
    ("stored", "operator", "value", "expected"),
    [
        (1, "=", 1.0, True),
        (1, "=", True, False),
        (True, "=", True, True),
        ("1", "=", 1, False),
        (None, "=", None, True),
        (None, "exists", None, True),
        ([1, {"a": 2}], "=", [1.0, {"a": 2}], True),
        ([1, {"a": 2}], "=", [True, {"a": 2}], False),
        (Call("a:b", [1]), "=", Call("a:b", [1]), True),
        (b"x", "=", "x", False),
        (2**63 - 1, "=", float(2**63), False),
        (float("nan"), "=", float("nan"), False),
        (float("nan"), "!=", float("nan"), True),
        ("1", "!=", 1, True),
        (1, "<", 1.5, True),
        (1, "<", "2", False),
        (True, "<", 2, False),
        ("a", "<", "é", True),
        (b"a", ">=", b"a", True),
        ([1], "<", [2], False),
        ("hello", "contains", "ell", True),
        ("hello", "contains", 1, False),
        ([1, 2.0], "contains", 2, True),
        ([1], "contains", True, False),
        ({"k": 1}, "contains", "k", True),
        (b"abc", "contains", b"b", True),
        (7, "contains", 7, False),
    ],
)
def test_predicates_compare_by_type(store: Store, stored: Value, operator: str, value: Value, expected: bool) -> None:
    predicate = Predicate("p", Operator(operator), value)
    samples.put(store, samples.vertex("hit", p=stored), samples.vertex("unset"))
    assert names(store, where=(predicate,)) == (["hit"] if expected else [])
    assert hold((predicate,), samples.properties(p=stored)) is expected
