"""Differences between designs, and changes of what runs: only what is different is touched."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floria import connections, deletion, difference, graph, ids, instantiation, properties
from floria.difference import Change, Comparison
from floria.entities import Bundle, Edge, Finder, Handler, Property, Vertex
from floria.evaluation import EvaluationError, Functions
from floria.graph import Graph
from floria.ids import Id
from floria.instantiation import Hooks, InstantiationError
from floria.store.interface import Store
from floria.store.memory import MemoryStore
from floria.testing.designs import Builder
from floria.values import Call, Value

FUNCTIONS = Functions()


def shop(
    *, size: int = 2, image: str = "v1", port: int = 8080, extra: bool = False, cache: bool = True, handler: str = "h1"
) -> Bundle:
    design = Builder("shop", port=port)
    web = design.vertex(
        "web",
        "Web",
        "Node",
        count=size,
        image=image,
        state=Property(),
        handlers=(Handler("failed", Call("my:script", [handler])),),
    )
    design.vertex("http", "Endpoint", parent=web, port=Call("floria:get_of", [Call("floria:root"), "port"]))
    db = design.vertex("db", "Node", left=10)
    if cache:
        design.vertex("cache", "Node", left=10)
    client = design.vertex("client", "Node", url=Call("floria:get_of", [Call("floria:neighbor", ["server"]), "port"]))
    design.edge(client, "server", finder=Finder(classes=("Endpoint",), owner=web))
    design.edge(web, "storage", finder=Finder(classes=("Node",), owner=design.root, allocation={"left": 1}), weight=1)
    if extra:
        added = design.vertex("extra", "Node")
        design.edge(added, "storage", target=db)
    return design.bundle()


def run(store: Store, bundle: Bundle, inputs: dict[str, Value] | None = None) -> Id:
    plan = instantiation.instantiate(store, bundle, name="shop", functions=FUNCTIONS, inputs=inputs)
    return plan.root


def planned(store: Store, root: Id, bundle: Bundle, inputs: dict[str, Value] | None = None) -> Change:
    with store.read() as reader:
        return difference.plan_change(reader, root, bundle, inputs, functions=FUNCTIONS)


def carry_out(store: Store, change: Change) -> None:
    with store.write() as tx:
        difference.apply_change(tx, change, cause="update")
    for id in change.difference.obsolete:
        with store.write() as tx:
            if tx.get(id) is not None:
                tx.delete(id)


def loaded(store: Store, root: Id) -> Graph:
    with store.read() as reader:
        return graph.load(reader, root)


def find(store: Store, root: Id, name: str, index: int = 0) -> Vertex:
    return next(one for one in loaded(store, root).vertexes.values() if (one.name, one.index) == (name, index))


def names(store: Store, root: Id, ids: tuple[Id, ...]) -> list[str]:
    found = loaded(store, root)
    everything: dict[Id, Vertex | Edge] = {**found.vertexes, **found.edges}
    return sorted(f"{everything[id].name}{everything[id].index or ''}" for id in ids)


def modified(change: Change) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    return {one.name: [(p.name, p.what) for p in one.properties] for one in change.difference.modified}


def test_r45_the_same_design_is_nothing_to_do(store: Store) -> None:
    root = run(store, shop())
    with store.read() as reader:
        before = reader.position()
    change = planned(store, root, shop())
    assert not change
    with store.write() as tx:
        difference.apply_change(tx, change)
    with store.read() as reader:
        assert reader.position() == before


def test_r45_an_input_touches_only_what_depends_on_it(store: Store) -> None:
    root = run(store, shop())
    change = planned(store, root, shop(), {"port": 9000})
    assert modified(change) == {
        "shop": [("port", ("value",))],
        "http": [("port", ("evaluated",))],
        "client": [("url", ("evaluated",))],
    }
    assert change.difference.obsolete == change.difference.novel == ()
    carry_out(store, change)
    assert find(store, root, "shop").properties["port"].value == 9000
    assert not planned(store, root, shop())


def test_r45_inputs_that_are_not_given_stay_as_they_were_given(store: Store) -> None:
    root = run(store, shop(), {"port": 9000})
    assert not planned(store, root, shop(port=8081))
    defaulted = run_as(store, shop(), "other")
    assert modified(planned(store, defaulted, shop(port=8081)))["other"] == [("port", ("value",))]


def run_as(store: Store, bundle: Bundle, name: str) -> Id:
    return instantiation.instantiate(store, bundle, name=name, functions=FUNCTIONS).root


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({"image": "v2"}, [("image", ("value",))]),
        ({"handler": "h2"}, []),
    ],
)
def test_r45_the_template_of_a_node_modifies_that_node(
    options: dict[str, str], changes: list[tuple[str, tuple[str, ...]]], store: Store
) -> None:
    root = run(store, shop())
    change = planned(store, root, shop(**options))  # type: ignore[arg-type]
    assert modified(change) == {"web": changes}
    assert len(change.difference.modified) == 2
    assert {one.fields for one in change.difference.modified} == ({("handlers",)} if not changes else {()})
    carry_out(store, change)
    assert not planned(store, root, shop(**options))  # type: ignore[arg-type]


def test_r46_scaling_changes_only_the_instances_concerned(store: Store) -> None:
    root = run(store, shop(size=2))
    before = loaded(store, root)
    up = planned(store, root, shop(size=4))
    assert (up.difference.modified, up.difference.obsolete) == ((), ())
    carry_out(store, up)
    assert names(store, root, up.difference.novel) == ["http", "http", "storage", "storage", "web2", "web3"]
    down = planned(store, root, shop(size=1))
    assert (down.difference.modified, down.difference.novel) == ((), ())
    assert names(store, root, down.difference.obsolete) == ["http"] * 3 + ["storage"] * 3 + ["web1", "web2", "web3"]
    carry_out(store, down)
    after = loaded(store, root)
    assert after.vertexes.keys() < before.vertexes.keys()
    assert not planned(store, root, shop(size=1))


def test_obsolete_things_come_in_the_order_of_their_deletion(store: Store) -> None:
    root = run(store, shop(extra=True))
    change = planned(store, root, shop(cache=False))
    assert names(store, root, change.difference.obsolete)
    with store.write() as tx:
        difference.apply_change(tx, change)
        for id in change.difference.obsolete:
            assert tx.get(id) is not None
            tx.delete(id)
    assert not planned(store, root, shop(cache=False))


def test_an_edge_whose_target_goes_is_formed_anew(store: Store) -> None:
    design = Builder("shop")
    a = design.vertex("a")
    design.vertex("x", "X")
    design.edge(a, "to", finder=Finder(classes=("X",)))
    other = Builder("shop")
    a = other.vertex("a")
    other.vertex("y", "X")
    other.edge(a, "to", finder=Finder(classes=("X",)))
    root = run(store, design.bundle())
    change = planned(store, root, other.bundle())
    assert names(store, root, change.difference.obsolete) == ["to", "x"]
    with store.write() as tx:
        recorded = difference.apply_change(tx, change)
    assert [one.event.name for one in recorded] == ["floria.edge-formed"]
    assert names(store, root, change.difference.novel) == ["to", "y"]


def test_r63_what_was_written_at_run_time_stays(store: Store) -> None:
    root = run(store, shop())
    web = find(store, root, "web")
    with store.write() as tx:
        properties.write_properties(tx, web.id, {"state": "running", "image": "patched"}, functions=FUNCTIONS)
        properties.write_property(tx, web.id, "pid", 12, functions=FUNCTIONS, declare=True)
        stored = tx.get(web.id)
        assert isinstance(stored, Vertex)
        tx.put(msgspec.structs.replace(stored, state="started"))
    assert not planned(store, root, shop())
    carry_out(store, planned(store, root, shop(handler="h2", size=3)))
    found = find(store, root, "web")
    assert {name: one.value for name, one in found.properties.items()} == {
        "state": "running",
        "image": "patched",
        "pid": 12,
    }
    assert (found.state, found.id) == ("started", web.id)
    carry_out(store, planned(store, root, shop(image="v2")))
    assert find(store, root, "web").properties["image"].value == "v2"


def test_r63_what_was_written_while_the_change_was_planned_stays(store: Store) -> None:
    root = run(store, shop())
    change = planned(store, root, shop(image="v2", handler="h2"))
    web = find(store, root, "web")
    with store.write() as tx:
        properties.write_property(tx, web.id, "state", "running", functions=FUNCTIONS)
    carry_out(store, change)
    found = find(store, root, "web").properties
    assert (found["state"].value, found["image"].value) == ("running", "v2")


def test_r70_what_was_added_at_run_time_is_not_obsolete(store: Store) -> None:
    root = run(store, shop())
    web, db = find(store, root, "web"), find(store, root, "db")
    with store.write() as tx:
        made = connections.connect(tx, web.id, db.id, "logs_to", functions=FUNCTIONS)
        note = tx.put(Vertex(id=ids.derive("note"), name="note", parent=web.id))
        tx.put(Vertex(id=ids.derive("inner"), name="inner", parent=note.id))
    assert not planned(store, root, shop())
    change = planned(store, root, shop(image="v2", size=3, cache=False))
    carry_out(store, change)
    assert made.edge.id in loaded(store, root).edges
    assert note.id in loaded(store, root).vertexes


def test_a_change_of_what_is_gone_is_refused(store: Store) -> None:
    root = run(store, shop())
    change = planned(store, root, shop(image="v2"))
    with store.write() as tx:
        tx.delete(find(store, root, "web").id)
    with pytest.raises(InstantiationError, match="it was deleted since the change was planned"), store.write() as tx:
        difference.apply_change(tx, change)


def test_r76_a_read_only_property_cannot_be_changed_by_a_design(store: Store) -> None:
    def fixed(value: int) -> Bundle:
        design = Builder("shop")
        design.vertex("a", serial=Property(value=value, read_only=True))
        return design.bundle()

    root = run(store, fixed(1))
    assert not planned(store, root, fixed(1))
    with pytest.raises(InstantiationError, match="serial is read-only and set; replace the node to change it"):
        planned(store, root, fixed(2))


def test_allocations_of_what_stays_are_kept_or_adjusted(store: Store) -> None:
    def sized(amount: int, capacity: int = 10) -> Bundle:
        design = Builder("shop")
        design.vertex("disk", "Disk", left=capacity)
        app = design.vertex("app")
        design.edge(app, "disk", finder=Finder(classes=("Disk",), allocation={"left": amount}))
        return design.bundle()

    root = run(store, sized(6))
    disk, edge = find(store, root, "disk"), next(iter(loaded(store, root).edges))
    for amount in (9, 3):
        change = planned(store, root, sized(amount))
        assert [(one.id, one.fields) for one in change.difference.modified] == [(edge, ("allocation",))]
        carry_out(store, change)
        with store.read() as reader:
            assert reader.allocated(disk.id, "left") == amount
    with pytest.raises(InstantiationError, match="left: 11 asked, 10 left"):
        planned(store, root, sized(11))


def test_deletion_order_and_hooks_of_a_change(store: Store) -> None:
    class Refuses(Hooks):
        def before_vertex(self, vertex: Vertex, context: object) -> Vertex | None:
            return None if vertex.name == "extra" else vertex

    root = run(store, shop())
    with store.read() as reader:
        hooks = Refuses()
        change = difference.plan_change(reader, root, shop(extra=True), functions=FUNCTIONS, hooks=hooks)
    assert not change


def test_r41_a_deletion_can_be_refused_and_the_ends_of_edges_hear_of_it(store: Store) -> None:
    design = Builder("shop")
    a = design.vertex("a")
    b = design.vertex("b", handlers=(Handler(deletion.BEFORE, Call("floria:get", ["free"])),), free=False)
    design.edge(a, "to", target=b)
    root = run(store, design.bundle())
    victim = find(store, root, "b")
    with pytest.raises(EvaluationError, match=r"shop/b: a handler of .* refuses its deletion"), store.write() as tx:
        deletion.delete(tx, victim.id, functions=FUNCTIONS)
    with store.write() as tx:
        properties.write_property(tx, victim.id, "free", True, functions=FUNCTIONS)
        recorded = deletion.delete(tx, victim.id, functions=FUNCTIONS)
        assert tx.get(victim.id) is None
    assert [one.event.name for one in recorded] == ["floria.edge-dissolved"]


def test_designs_are_compared_without_anything_running() -> None:
    old, new = shop(), shop(size=3, image="v2", extra=True, cache=False)
    result = difference.compare_bundles(old, new)
    everything = {one.id: one.name for one in (*old.vertexes, *old.edges, *new.vertexes, *new.edges)}
    assert [(one.name, [p.name for p in one.properties], one.fields) for one in result.modified] == [
        ("web", ["image"], ("count",))
    ]
    assert [everything[id] for id in result.obsolete] == ["cache"]
    assert [everything[id] for id in result.novel] == ["extra", "storage"]
    assert not difference.compare_bundles(old, old)


def test_where_a_template_is_written_makes_no_difference(store: Store) -> None:
    def at(line: int) -> Bundle:
        design = Builder("shop")
        a = design.vertex("a", "X", n=Property(value=1, metadata={"tosca.origin": f"x.yaml:{line}:1"}))
        design.edge(a, "to", target=design.vertex("b"), origin=f"x.yaml:{line}:5")
        return design.bundle()

    assert not difference.compare_bundles(at(1), at(2))
    assert not planned(store, run(store, at(1)), at(2))


@st.composite
def designs(draw: st.DrawFn) -> Bundle:
    design = Builder("any", size=draw(st.integers(0, 2)))
    nodes: list[Id] = []
    for name in draw(st.lists(st.sampled_from("abcde"), unique=True, max_size=5)):
        count = draw(st.one_of(st.integers(0, 3), st.just(Call("floria:get_of", [Call("floria:root"), "size"]))))
        parent = draw(st.sampled_from([design.root, *nodes]))
        image = draw(st.sampled_from(["v1", "v2"]))
        node = design.vertex(name, "Node", parent=parent, count=count, image=image, up=Call("floria:parent"))
        nodes.append(node)
    for _ in range(draw(st.integers(0, 4))) if nodes else ():
        source = draw(st.sampled_from(nodes))
        label = draw(st.sampled_from(["x", "y"]))
        numbers: list[Value] = [1, 2, "unbounded"]
        number = draw(st.sampled_from(numbers))
        design.edge(source, label, finder=Finder(classes=("Node",)), count=number, optional=True, weight=1)
    return design.bundle()


@settings(max_examples=60, deadline=None)
@given(designs(), designs(), designs())
def test_r45_any_change_ends_in_what_the_design_says(first: Bundle, second: Bundle, third: Bundle) -> None:
    store = MemoryStore()
    root = run(store, first)
    for bundle in (second, third, first):
        before = loaded(store, root).identities()
        change = planned(store, root, bundle)
        carry_out(store, change)
        after = loaded(store, root)
        fresh = instantiation.instantiate(MemoryStore(), bundle, name="shop", functions=FUNCTIONS).graph()
        vertexes = {key for key in after.identities() if key[0] != "edge"}
        assert vertexes == {key for key in fresh.identities() if key[0] != "edge"}
        for key in vertexes & before.keys():
            assert after.identities()[key].id == before[key].id
        for key in vertexes:
            assert values(after.identities()[key]) == values(fresh.identities()[key])
        assert not planned(store, root, bundle)


def values(one: Vertex | Edge) -> dict[str, object]:
    return {name: found.value for name, found in one.properties.items()}


@given(designs(), designs())
def test_a_comparison_is_the_mirror_of_its_reverse(first: Bundle, second: Bundle) -> None:
    there, back = difference.compare_bundles(first, second), difference.compare_bundles(second, first)
    assert set(there.obsolete) == set(back.novel)
    assert set(there.novel) == set(back.obsolete)
    assert {one.id for one in there.modified} == {one.other for one in back.modified}
    assert difference.compare_bundles(first, first) == Comparison(
        unchanged=tuple(one.id for one in (*first.vertexes, *first.edges))
    )
