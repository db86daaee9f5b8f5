"""Finders: which targets are taken, and why others are not (R83)."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floria import ids, instantiation
from floria.entities import Bundle, EdgeTemplate, Finder, Handler, Property, Vertex
from floria.evaluation import Context, Functions
from floria.ids import Id
from floria.instantiation import BEFORE, Hooks, InstantiationError, Plan, Problem
from floria.instantiation.attempt import Attempt
from floria.instantiation.finding import Pool
from floria.store.interface import Store
from floria.store.memory import MemoryStore
from floria.testing.designs import Builder
from floria.values import Call, Value

SOURCE = Call("floria:source")


def made(store: Store, design: Builder | Bundle, name: str = "svc", **options: object) -> Plan:
    bundle = design.bundle() if isinstance(design, Builder) else design
    return instantiation.instantiate(store, bundle, name=name, functions=Functions(), **options)  # type: ignore[arg-type]


def problems(store: Store, design: Builder) -> tuple[Problem, ...]:
    with store.read() as reader:
        before = reader.position()
    with pytest.raises(InstantiationError) as caught:
        made(store, design)
    with store.read() as reader:
        assert reader.position() == before
    return caught.value.problems


def targets(plan: Plan) -> list[tuple[str, str]]:
    by = {one.id: f"{one.name}{one.index or ''}" for one in plan.vertexes}
    return [(by[edge.source], by.get(edge.target, edge.target)) for edge in plan.edges]


def test_r83_an_unsatisfied_requirement_explains_every_candidate(store: Store) -> None:
    design = Builder("shop")
    small = design.vertex("small", "Node", size=1)
    design.vertex("disk", "Storage", parent=small, size=1, left=1)
    big = design.vertex("big", "Node", size=9)
    design.vertex("disk", "Storage", parent=big, size=9, left=0)
    odd = design.vertex("odd", "Node")
    design.vertex("disk", "Storage", parent=odd)
    app = design.vertex("app", "App")
    mine = design.vertex("cache", "Storage", parent=app, size=9, left=9)
    design.edge(
        app,
        "storage",
        origin="shop.yaml:12:7",
        finder=Finder(
            classes=("Storage",),
            predicate=Call("floria:greater", [Call("floria:get", ["size"]), 5]),
            allocation={"left": 1},
        ),
    )
    (problem,) = problems(store, design)
    assert str(problem).splitlines() == [
        "shop.yaml:12:7: svc/app: requirement 'storage' finds 0 of 1 targets",
        "    svc/small/disk: the predicate is not true of it",
        "    svc/big/disk: left: 1 asked, 0 left",
        "    svc/odd/disk: svc/odd/disk has no property 'size'; it has: none",
        "    svc/app/cache: it is part of the source itself",
    ]
    assert (problem.requirement, problem.wanted, problem.found, problem.origin) == ("storage", 1, 0, "shop.yaml:12:7")
    assert len({refusal.candidate for refusal in problem.refusals}) == 4
    assert mine


NONE = "requirement 'to' finds 0 of 1 targets"
MISSES: list[tuple[Finder | None, str | None, list[str]]] = [
    (Finder(classes=("Nope",)), None, [f"{NONE}; there is no Nope in /"]),
    (
        Finder(classes=("Node",), owner_classes=("Rack",)),
        None,
        [NONE, "svc/a: it does not belong to a Rack", "svc/b: it does not belong to a Rack"],
    ),
    (
        Finder(classes=("Nope",), owner=ids.derive("design", "d")),
        None,
        [NONE, "svc/a: it is not a Nope", "svc/b: it is not a Nope"],
    ),
    (
        Finder(classes=("Node",), predicate="too small"),
        None,
        [NONE, "svc/b: too small", "svc/a: it is part of the source itself"],
    ),
    (None, "gone", [NONE, f"{ids.derive('gone')}: it does not exist"]),
]


@pytest.mark.parametrize(("finder", "target", "lines"), MISSES)
def test_r83_the_explanation_fits_the_finder(
    finder: Finder | None, target: str | None, lines: list[str], store: Store
) -> None:
    design = Builder("d")
    a = design.vertex("a", "Node")
    design.vertex("b", "Node")
    design.edge(a, "to", finder=finder, target=None if target is None else ids.derive(target))
    (problem,) = problems(store, design)
    found = [problem.message, *(f"{one.label}: {one.reason}" for one in problem.refusals)]
    assert sorted(found) == sorted(lines)


def test_r83_all_unsatisfied_requirements_are_reported_in_one_run(store: Store) -> None:
    design = Builder()
    a = design.vertex("a", "Node", count=2)
    design.edge(a, "one", finder=Finder(classes=("X",)))
    design.edge(a, "two", finder=Finder(classes=("Y",)), count="no number")
    design.edge(a, "maybe", finder=Finder(classes=("Z",)), optional=True)
    assert [(one.where, one.requirement, one.code) for one in problems(store, design)] == [
        ("svc/a", "one", "floria.unsatisfied"),
        ("svc/a[1]", "one", "floria.unsatisfied"),
        ("svc/a", "two", "floria.bad-count"),
        ("svc/a[1]", "two", "floria.bad-count"),
    ]


def test_an_optional_requirement_takes_what_there_is_and_says_what_is_missing(store: Store) -> None:
    design = Builder()
    a = design.vertex("a")
    design.vertex("x", "X", count=2)
    design.edge(a, "to", finder=Finder(classes=("X",)), count=3, optional=True)
    plan = made(store, design)
    assert targets(plan) == [("a", "x"), ("a", "x1")]
    (note,) = plan.notes
    assert note.message == "requirement 'to' finds 2 of 3 targets; there is no other X in /"


def test_count_gives_different_targets_with_different_indexes(store: Store) -> None:
    design = Builder()
    a = design.vertex("a")
    design.vertex("x", "X", count=3)
    design.edge(a, "to", finder=Finder(classes=("X",)), count=2)
    design.edge(a, "to", finder=Finder(classes=("X",)), count="unbounded")
    design.edge(a, "to", finder=Finder(classes=("X",)))
    plan = made(store, design)
    assert sorted((edge.index, name) for edge, (_, name) in zip(plan.edges, targets(plan), strict=True)) == [
        (0, "x"), (1, "x1"), (2, "x2"), (3, "x2"), (4, "x"), (5, "x1"),
    ]  # fmt: skip
    first = [name for edge, (_, name) in zip(plan.edges, targets(plan), strict=True) if edge.index < 2]
    assert len(set(first)) == 2


def test_a_finder_looks_in_its_own_instance_first_then_at_fewer_edges_then_at_age(store: Store) -> None:
    def design() -> Builder:
        found = Builder()
        a = found.vertex("a", count=4)
        found.vertex("x", "X", count=2)
        found.edge(a, "to", finder=Finder(classes=("X",)))
        return found

    made(store, design(), "older")
    assert targets(made(store, design(), "svc")) == [("a", "x"), ("a1", "x1"), ("a2", "x"), ("a3", "x1")]


def test_targets_in_other_instances_are_found_in_their_scope_only(store: Store) -> None:
    provider = Builder("provider")
    provider.vertex("db", "Database")
    db = made(store, provider, "db", directory="/shared/db").vertexes[1]
    client = Builder("client")
    a = client.vertex("a")
    client.edge(a, "db", finder=Finder(classes=("Database",)))
    with pytest.raises(InstantiationError, match="there is no Database in /apps"):
        made(store, client, directory="/apps")
    near = Builder("client")
    near.edge(near.vertex("a"), "db", finder=Finder(classes=("Database",), scope="/shared"))
    assert made(store, near, directory="/apps").edges[0].target == db.id
    named = Builder("client")
    named.edge(named.vertex("a"), "db", target=db.id)
    assert made(store, named, directory="/else").edges[0].target == db.id


def test_an_owner_is_a_template_of_the_design_or_a_vertex(store: Store) -> None:
    def design(owner: Id | None, index: Value = None) -> Builder:
        found = Builder()
        for name in ("one", "two"):
            node = found.vertex(name, "Node", count=2)
            found.vertex("cap", "Cap", parent=node)
        client = found.vertex("client", count=2)
        wanted = owner or ids.derive(found.root, "two", "Node")
        found.edge(client, "to", finder=Finder(classes=("Cap",), owner=wanted, owner_index=index))
        return found

    plan = made(store, design(None), "a")
    owners = {one.id: one for one in plan.vertexes}
    assert [(owners[p].name, owners[p].index) for e in plan.edges if (p := owners[e.target].parent)] == [
        ("two", 0), ("two", 1),
    ]  # fmt: skip
    by_index = made(store, design(None, Call("floria:index", [SOURCE])), "b")
    owners = {one.id: one for one in by_index.vertexes}
    assert [owners[p].index for e in by_index.edges if (p := owners[e.target].parent)] == [0, 1]
    vertex = plan.vertexes[1]
    elsewhere = made(store, design(vertex.id), "c")
    caps = [one.id for one in plan.vertexes if one.parent == vertex.id]
    assert [edge.target for edge in elsewhere.edges] == caps * 2


def test_allocation_is_atomic_and_ends_with_the_edge(store: Store) -> None:
    design = Builder()
    design.vertex("disk", "Disk", count=2, left=Call("floria:product", [5, 2]))
    app = design.vertex("app", count=3, need=4)
    design.edge(app, "disk", finder=Finder(classes=("Disk",), allocation={"left": Call("floria:get", ["need"])}))
    plan = made(store, design, "one")
    disks = [one for one in plan.vertexes if one.name == "disk"]
    with store.read() as reader:
        assert sorted(reader.allocated(one.id, "left") for one in disks) == [4, 8]
        stored = reader.get(disks[0].id)
    assert isinstance(stored, Vertex)
    assert stored.properties["left"].value == 10
    assert {edge.allocation["left"] for edge in plan.edges} == {4}
    with store.write() as tx:
        tx.delete(plan.edges[0].id)
    with store.read() as reader:
        assert sum(reader.allocated(one.id, "left") for one in disks) == 8


def test_two_plans_cannot_take_the_same_capacity(store: Store) -> None:
    disk = Builder("disk")
    disk.vertex("disk", "Disk", left=5)
    made(store, disk, "disk")
    app = Builder("app")
    app.edge(app.vertex("app"), "disk", finder=Finder(classes=("Disk",), allocation={"left": 3}))
    with store.read() as reader:
        plans = [instantiation.plan(reader, app.bundle(), name=name, functions=Functions()) for name in ("one", "two")]
    with store.write() as tx:
        instantiation.apply(tx, plans[0])
    with pytest.raises(InstantiationError, match="left of disk/disk: 3 asked, 2 left"), store.write() as tx:
        instantiation.apply(tx, plans[1])
    with store.read() as reader:
        assert reader.get(plans[1].root) is None


@pytest.mark.parametrize("backwards", [False, True])
def test_predicates_on_what_is_not_known_yet_are_decided_when_it_is(backwards: bool, store: Store) -> None:
    """Each node goes where its predecessor went, which is known only when that edge is decided."""
    design = Builder()
    design.vertex("host", "Host", count=3)
    order = range(8)
    nodes = [design.vertex(f"n{number}", f"N{number}") for number in order]
    for number in reversed(order) if backwards else order:
        previous = Call("floria:item", [Call("floria:path", [SOURCE, {"axis": "out", "name": "after"}, "target"]), 0])
        there = Call("floria:get_of", [previous, "at"])
        predicate: Value = Call("floria:equal", [Call("floria:index"), 2])
        if number:
            design.edge(nodes[number], "after", target=nodes[number - 1])
            predicate = Call("floria:equal", [Call("floria:self"), there])
        design.edge(nodes[number], "host", finder=Finder(classes=("Host",), predicate=predicate))
    bundle = design.bundle()
    located = {"at": Property(updater=Call("floria:neighbor", ["host"]))}
    vertexes = tuple(
        msgspec.structs.replace(one, properties=located) if one.name.startswith("n") else one for one in bundle.vertexes
    )
    plan = made(store, msgspec.structs.replace(bundle, vertexes=vertexes))
    assert {target for source, target in targets(plan) if target.startswith("host")} == {"host2"}
    assert len(plan.edges) == 15


def test_what_never_gets_known_does_not_stand_in_the_way(store: Store) -> None:
    design = Builder()
    a = design.vertex("a")
    design.vertex("unknown", "X", size=Property())
    design.vertex("known", "X", size=1)
    design.edge(
        a, "to", finder=Finder(classes=("X",), predicate=Call("floria:equal", [Call("floria:get", ["size"]), 1]))
    )
    assert targets(made(store, design)) == [("a", "known")]
    hopeless = Builder()
    hopeless.vertex("unknown", "X", size=Property())
    hopeless.edge(hopeless.vertex("a"), "to", finder=Finder(classes=("X",), predicate=Call("floria:get", ["size"])))
    (problem,) = problems(MemoryStore(), hopeless)
    assert [(one.reason, one.undecided) for one in problem.refusals] == [("svc/unknown.size has no value yet", True)]


class Last(Hooks):
    def select(
        self, template: EdgeTemplate, source: Vertex, accepted: Sequence[Vertex], context: Context
    ) -> Sequence[Id] | None:
        return [one.id for one in reversed(accepted)]


def test_r41_target_selection_has_hooks(store: Store) -> None:
    functions = Functions()
    functions.register("my", {"last": lambda context, arguments: list(reversed(arguments[0]))})  # type: ignore[arg-type]
    design = Builder()
    a = design.vertex("a")
    design.vertex("x", "X", count=3)
    by_call = Finder(classes=("X",), select=Call("my:last"))
    design.edge(a, "to", finder=by_call, count=2)
    plan = instantiation.instantiate(store, design.bundle(), name="one", functions=functions)
    assert targets(plan) == [("a", "x2"), ("a", "x1")]
    plain = Builder()
    b = plain.vertex("a")
    plain.vertex("x", "X", count=3)
    plain.edge(b, "to", finder=Finder(classes=("X",)))
    assert targets(made(store, plain, directory="/two", hooks=Last())) == [("a", "x2")]
    wrong = Builder()
    wrong.vertex("x", "X")
    wrong.edge(wrong.vertex("a"), "to", finder=Finder(classes=("X",), select=Call("floria:join")))
    (problem,) = problems(store, wrong)
    assert problem.code == "floria.bad-hook"


def test_r41_a_hook_of_the_edge_refuses_a_target(store: Store) -> None:
    not_first = Call("floria:equal", [Call("floria:index", [Call("floria:target")]), 1])
    design = Builder()
    a = design.vertex("a")
    design.vertex("x", "X", count=2)
    design.edge(a, "to", finder=Finder(classes=("X",)), handlers=(Handler(BEFORE, not_first),))
    assert targets(made(store, design)) == [("a", "x1")]


@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 20))
def test_edges_spread_evenly(clients: int, providers: int, size: int) -> None:
    design = Builder()
    a = design.vertex("a", count=clients)
    design.vertex("x", "X", count=providers, left=size)
    design.edge(a, "to", finder=Finder(classes=("X",), allocation={"left": 1}))
    if clients > providers * size:
        assert len(problems(MemoryStore(), design)) == clients - providers * size
        return
    found = Counter(target for _, target in targets(made(MemoryStore(), design)))
    loads = [found.get(name, 0) for name in ("x", *(f"x{index}" for index in range(1, providers)))]
    assert max(loads) - min(loads) <= 1


def test_candidates_are_not_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many candidates there are, few are looked at for each edge."""
    drawn = Counter[str]()
    draw = Pool.draw

    def counted(pool: Pool, amounts: Mapping[str, float]) -> Id | None:
        drawn["draws"] += 1
        return draw(pool, amounts)

    monkeypatch.setattr(Pool, "draw", counted)
    design = Builder()
    a = design.vertex("a", count=500)
    node = design.vertex("x", "X", count=500)
    design.vertex("cap", "Cap", parent=node)
    design.edge(a, "by_class", finder=Finder(classes=("Cap",)))
    design.edge(a, "by_owner", finder=Finder(owner=node, owner_index=Call("floria:index", [SOURCE])))
    made(MemoryStore(), design)
    assert drawn["draws"] <= 2 * 1000


def test_r83_what_has_too_little_left_is_not_looked_at_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allocations of different sizes: who is full does not stand in the way of everybody else."""
    looked = Counter[str]()
    capacity = Attempt._capacity

    def counted(attempt: Attempt, id: Id) -> str | None:
        looked["looks"] += 1
        return capacity(attempt, id)

    monkeypatch.setattr(Attempt, "_capacity", counted)
    design = Builder()
    node = design.vertex("x", "X", count=400)
    design.vertex("cap", "Cap", parent=node, left=16)
    large = design.vertex("large", count=200)
    design.edge(large, "to", finder=Finder(classes=("Cap",), allocation={"left": 16}))
    small = design.vertex("small", count=1600)
    design.edge(small, "to", finder=Finder(classes=("Cap",), allocation={"left": 2}))
    plan = made(MemoryStore(), design)
    taken = Counter[Id]()
    for edge in plan.edges:
        taken[edge.target] += int(edge.allocation["left"])
    assert sum(taken.values()) == 200 * 16 + 1600 * 2
    assert max(taken.values()) == 16
    assert looked["looks"] <= 4 * 1800


def test_r83_what_is_known_to_differ_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Counter[str]()
    predicate = Attempt._predicate

    def counted(attempt: Attempt, id: Id) -> str | None:
        looked["looks"] += 1
        return predicate(attempt, id)

    monkeypatch.setattr(Attempt, "_predicate", counted)
    design = Builder()
    for number in range(200):
        design.vertex(f"cap{number}", "Cap", zone=number)
    late = design.vertex("late", "Cap", zone=Call("floria:concat", ["la", "te"]))
    for number in range(200):
        a = design.vertex(f"a{number}")
        same = Call("floria:equal", [Call("floria:get", ["zone"]), 199 - number])
        design.edge(a, "to", finder=Finder(classes=("Cap",), predicate=same, equal={"zone": 199 - number}))
    b = design.vertex("b")
    same = Call("floria:equal", [Call("floria:get", ["zone"]), "late"])
    design.edge(b, "to", finder=Finder(classes=("Cap",), predicate=same, equal={"zone": "late"}))
    plan = made(MemoryStore(), design)
    found = dict(targets(plan))
    assert {name: found[name] for name in ("a0", "a7", "b")} == {"a0": "cap199", "a7": "cap192", "b": "late"}
    assert looked["looks"] <= 2 * 201
    assert late


def test_r83_who_differs_is_named_when_nobody_fits(store: Store) -> None:
    design = Builder()
    design.vertex("cap", "Cap", zone=1)
    a = design.vertex("a")
    same = Call("floria:equal", [Call("floria:get", ["zone"]), 2])
    design.edge(a, "to", finder=Finder(classes=("Cap",), predicate=same, equal={"zone": 2}))
    (problem,) = problems(store, design)
    assert [str(one.reason) for one in problem.refusals] == ["the predicate is not true of it"]
