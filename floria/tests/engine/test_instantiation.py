"""Instantiate: what a design becomes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floria import bundles, classes, graph, ids, instantiation, properties
from floria.entities import Bundle, Edge, Finder, Handler, Kind, Property, Vertex, VertexTemplate
from floria.evaluation import Context, EvaluationError, Functions
from floria.events import Emitter, Event
from floria.ids import Id
from floria.instantiation import AFTER, BEFORE, Hooks, InstantiationError, Plan
from floria.store.interface import NotFound, Query, Store
from floria.store.memory import MemoryStore
from floria.testing.designs import Builder, Clock, Numbered
from floria.values import Call, Value

PORT = Call("floria:check", [Call("floria:less", [Call("floria:value"), 65536]), "a port is below 65536"])


def hello() -> Bundle:
    design = Builder(
        "hello", port=Property(value=8080, preparer=PORT), size=2, url=Property(classes=(properties.OUTPUT,))
    )
    web = design.vertex("web", "Web", "Node", count=Call("floria:get", ["size"]), image="w")
    design.vertex("http", "Endpoint", parent=web, port=Call("floria:get_of", [Call("floria:root"), "port"]))
    client = design.vertex("client", "Node")
    design.edge(client, "server", "Uses", finder=Finder(classes=("Endpoint",), owner=web), timeout=3)
    return design.bundle()


def made(store: Store, functions: Functions, bundle: Bundle, name: str = "hello", **options: object) -> Plan:
    return instantiation.instantiate(store, bundle, name=name, functions=functions, **options)  # type: ignore[arg-type]


def names(plan: Plan) -> list[tuple[str, int]]:
    return [(one.name, one.index) for one in plan.vertexes]


def refused(store: Store, functions: Functions, bundle: Bundle, **options: object) -> list[tuple[str, str]]:
    with store.read() as reader:
        before = reader.position()
    with pytest.raises(InstantiationError) as caught:
        made(store, functions, bundle, **options)  # type: ignore[arg-type]
    with store.read() as reader:
        assert reader.position() == before
    return [(problem.code, str(problem)) for problem in caught.value.problems]


def test_vertices_and_edges_come_from_templates(store: Store, functions: Functions) -> None:
    plan = made(store, functions, hello(), directory="/prod")
    assert names(plan) == [("hello", 0), ("web", 0), ("http", 0), ("web", 1), ("http", 0), ("client", 0)]
    with store.read() as reader:
        stored = graph.load(reader, plan.root)
        assert {one.directory for one in stored.vertexes.values()} == {"/prod"}
        http = next(one for one in stored.vertexes.values() if one.name == "http")
        assert Context(reader, functions).property(http.id, "port") == 8080
    assert stored.identities().keys() == plan.graph().identities().keys()
    (edge,) = stored.edges.values()
    assert (edge.name, edge.classes, edge.properties["timeout"].value) == ("server", ("Uses",), 3)


def test_a_plan_changes_nothing_and_has_the_ids_that_things_will_get(store: Store, functions: Functions) -> None:
    with store.read() as reader:
        plan = instantiation.plan(reader, hello(), name="hello", functions=functions)
    with store.read() as reader:
        assert list(reader.query(Query())) == []
    with store.write() as tx:
        assert instantiation.apply(tx, plan) == plan.root
    with store.read() as reader:
        found = {one.id for one in reader.query(Query(kinds=(Kind.VERTEX, Kind.EDGE)))}
    assert found == {one.id for one in plan.vertexes} | {one.id for one in plan.edges}


def test_the_same_ids_and_time_give_the_same_plan(functions: Functions, clock: Clock) -> None:
    def once() -> Plan:
        with MemoryStore().read() as reader:
            return instantiation.plan(
                reader, hello(), name="hello", functions=functions, clock=clock, new_id=Numbered()
            )

    assert once() == once()


def test_inputs_are_prepared_and_counted_with(store: Store, functions: Functions) -> None:
    plan = made(store, functions, hello(), inputs={"port": 9000, "size": 3})
    assert sum(name == "web" for name, _ in names(plan)) == 3
    assert plan.vertexes[0].properties["port"].value == 9000


def test_r81_all_that_is_wrong_is_reported_in_one_run(store: Store, functions: Functions) -> None:
    design = Builder("bad", port=Property(value=1, preparer=PORT), needed=Property(classes=(properties.REQUIRED,)))
    a = design.vertex("a", "A", p=Property(value=70000, preparer=PORT), count="many")
    design.edge(a, "e", finder=Finder(classes=("B",)))
    problems = refused(store, functions, design.bundle(), inputs={"port": 99999, "nope": 1, "x": Call("floria:self")})
    assert [code for code, _ in problems] == [
        "floria.unknown-input",
        "floria.unknown-input",
        "floria.invalid-value",
        "floria.missing",
        "floria.bad-count",
    ]
    assert problems[0][1] == "hello: no input 'nope'; inputs are: needed, port"


def test_a_call_is_no_input_and_an_output_neither(store: Store, functions: Functions) -> None:
    problems = refused(store, functions, hello(), inputs={"port": Call("floria:self"), "url": "x"})
    assert [code for code, _ in problems] == ["floria.bad-input", "floria.unknown-input"]


def test_a_literal_that_its_preparer_refuses_is_a_problem_of_its_template(store: Store, functions: Functions) -> None:
    design = Builder()
    design.vertex("a", p=Property(value=70000, preparer=PORT))
    assert refused(store, functions, design.bundle()) == [("floria.invalid-value", "a.p: a port is below 65536")]


def at_least(context: Context, arguments: list[Value]) -> Value:
    """A preparer that needs another property of its vertex, which a design cannot give it."""
    if not isinstance(context.entity, Vertex):
        raise EvaluationError("test.early", "there is no vertex yet", retryable=True)
    least = context.property(context.entity.id, "least")
    assert isinstance(least, int)
    assert isinstance(context.value, int)
    if context.value < least:
        raise EvaluationError("test.small", f"{context.value} is less than {least}")
    return context.value


def test_a_literal_that_only_the_graph_can_tell_of_is_pulled_there(store: Store, functions: Functions) -> None:
    functions.register("test", {"at_least": at_least})
    design = Builder("limits", low=1)
    checked = Property(value=3, preparer=Call("test:at_least", []))
    design.vertex("a", least=Call("floria:get_of", [Call("floria:root"), "low"]), p=checked)
    plan = made(store, functions, design.bundle())
    found = plan.vertexes[1].properties["p"]
    assert found.value is msgspec.UNSET
    assert found.updater == 3
    assert refused(store, functions, design.bundle(), name="other", inputs={"low": 5}) == [
        ("test.small", "other/a.p: 3 is less than 5")
    ]


def test_a_name_is_taken_once_in_a_directory(store: Store, functions: Functions) -> None:
    plan = made(store, functions, hello())
    ((code, message),) = refused(store, functions, hello())
    assert code == "floria.name-taken"
    assert message == (
        f"hello: there is an instance 'hello' in / already ({plan.root}); choose another name, or update it"
    )
    made(store, functions, hello(), directory="/other")
    with store.write() as tx:
        tx.delete(plan.root)
    made(store, functions, hello())


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"name": ""}, "floria.bad-name"),
        ({"name": "a/b"}, "floria.bad-name"),
        ({"directory": "relative"}, "floria.bad-directory"),
        ({"directory": "/a/../b"}, "floria.bad-directory"),
    ],
)
def test_a_name_and_a_directory_have_a_form(
    options: dict[str, str], code: str, store: Store, functions: Functions
) -> None:
    assert [one for one, _ in refused(store, functions, hello(), **options)] == [code]


def test_two_plans_of_one_name_cannot_both_be_applied(store: Store, functions: Functions) -> None:
    with store.read() as reader:
        first, second = (instantiation.plan(reader, hello(), name="hello", functions=functions) for _ in range(2))
    with store.write() as tx:
        instantiation.apply(tx, first)
    with pytest.raises(InstantiationError, match="since this was planned"), store.write() as tx:
        instantiation.apply(tx, second)
    with store.read() as reader:
        assert reader.get(second.root) is None


def test_r75_instances_survive_their_templates_and_classes(store: Store, functions: Functions) -> None:
    with store.write() as tx:
        label = classes.define(tx, "Web", directory="/d")
        design = Builder("svc")
        handler = Handler("ping", Call("floria:set", ["n", 5]))
        design.vertex("web", "Web", handlers=(handler,), n=Property(value=1, preparer=PORT))
        stored = bundles.store_bundle(tx, design.bundle(), "/d")
    plan = made(store, functions, stored, directory="/d")
    with store.write() as tx:
        tx.delete(stored.root)
        tx.delete(label.id)
        assert tx.get(stored.root) is None
    web = plan.vertexes[1]
    assert Emitter(store, functions).emit(Event(name="ping", source=web.id)).handlings[0].error is None
    with store.write() as tx, pytest.raises(EvaluationError, match="below 65536"):
        properties.write_property(tx, web.id, "n", 70000, functions=functions)
    with store.read() as reader:
        found = list(reader.query(Query(classes=("Web",), kinds=(Kind.VERTEX,))))
        assert [one.id for one in found] == [web.id]
        assert isinstance(found[0], Vertex)
        assert found[0].properties["n"].value == 5


def test_a_stored_bundle_is_instantiated_like_the_one_in_hand(store: Store, functions: Functions) -> None:
    with store.write() as tx:
        stored = bundles.store_bundle(tx, hello(), "/prod")
    by_root = instantiation.instantiate(store, stored.root, name="a", functions=functions, directory="/prod")
    by_bundle = made(store, functions, hello(), name="b", directory="/prod")
    assert names(by_root)[1:] == names(by_bundle)[1:]
    assert [one.metadata for one in by_root.vertexes[1:]] == [one.metadata for one in by_bundle.vertexes[1:]]


def test_r74_a_bundle_in_two_directories_is_two_designs(store: Store, functions: Functions) -> None:
    with store.write() as tx:
        one = bundles.store_bundle(tx, hello(), "/one")
        two = bundles.store_bundle(tx, hello(), "/two")
        tx.delete(one.root)
        assert isinstance(tx.get(two.root), VertexTemplate)


def test_a_bundle_stored_again_replaces_the_former(store: Store, functions: Functions) -> None:
    smaller = Builder("hello", port=1)
    smaller.vertex("web", "Web", "Node", image="other")
    with store.write() as tx:
        first = bundles.store_bundle(tx, hello(), "/")
        assert bundles.store_bundle(tx, hello(), "/") == first
        second = bundles.store_bundle(tx, smaller.bundle(), "/")
        assert second.root == first.root
        found = {one.name for one in tx.query(Query(kinds=(Kind.VERTEX_TEMPLATE, Kind.EDGE_TEMPLATE)))}
    assert found == {"hello", "web"}


def test_a_design_that_does_not_hold_together_is_refused(store: Store, functions: Functions) -> None:
    design = Builder("d")
    a = design.vertex("a")
    bundle = design.bundle()
    top, one = bundle.vertexes
    lost = msgspec.structs.replace(one, id=ids.derive("lost"), name="lost", parent=ids.derive("nowhere"))
    design.edge(a, "none")
    design.edge(ids.derive("nobody"), "from-nobody", target=a)
    counted = msgspec.structs.replace(top, count=2)
    bundle = msgspec.structs.replace(design.bundle(), vertexes=(counted, one, one, lost))
    assert [message for _, message in refused(store, functions, bundle)] == [
        f"a: there are two templates with the id {a}",
        "lost: lost is not contained in the root, or more than 100 deep",
        "none: it needs a target or a finder, and not both",
        f"from-nobody: its source {ids.derive('nobody')} is not in the design",
        "d: the root of a design is made once: its count is 1",
    ]
    with store.write() as tx, pytest.raises(InstantiationError):
        bundles.store_bundle(tx, bundle, "/")
    with store.read() as reader, pytest.raises(NotFound):
        instantiation.plan(reader, ids.derive("nowhere"), name="x", functions=functions)


def test_r76_an_ancestor_selects_descendants(store: Store, functions: Functions) -> None:
    with store.write() as tx:
        classes.define(tx, "Node", directory="/a")
        classes.define(tx, "Web", ["Node"], directory="/a/b")
        closure = classes.closure(tx, ["Web"], "/a/b/c")
        with pytest.raises(NotFound, match="there is no class 'Web' in /a or above it"):
            classes.find(tx, "Web", "/a")
    assert closure == ("Web", "Node")
    design = Builder("svc")
    design.vertex("web", *closure)
    plan = made(store, functions, design.bundle(), directory="/a/b")
    with store.read() as reader:
        assert [one.id for one in reader.query(Query(classes=("Node",), kinds=(Kind.VERTEX,)))] == [plan.vertexes[1].id]


def hooked(event: str, result: Value) -> Bundle:
    design = Builder("svc")
    a = design.vertex("a", "A", handlers=(Handler(event, Call("floria:quote", [result])),), n=1)
    design.vertex("inner", parent=a)
    b = design.vertex("b", "B")
    design.edge(b, "to", target=a, optional=True)
    return design.bundle()


def test_r41_a_handler_changes_what_is_created(store: Store, functions: Functions) -> None:
    changed: Value = {"properties": {"n": 2, "m": 3}, "metadata": {"k": "v"}, "state": "new"}
    for event in (BEFORE, AFTER):
        plan = made(store, functions, hooked(event, changed), name=event)
        a = plan.vertexes[1]
        assert (a.properties["n"].value, a.properties["m"].value, a.metadata, a.state) == (2, 3, {"k": "v"}, "new")
        with store.read() as reader:
            assert reader.get(a.id) is not None


def test_r41_a_handler_leaves_a_vertex_out_with_its_content_and_edges(store: Store, functions: Functions) -> None:
    plan = made(store, functions, hooked(BEFORE, False))
    assert names(plan) == [("hello", 0), ("b", 0)]
    assert plan.edges == ()


def test_r41_a_handler_refuses(store: Store, functions: Functions) -> None:
    assert [code for code, _ in refused(store, functions, hooked(AFTER, False))] == ["floria.refused"]
    assert [code for code, _ in refused(store, functions, hooked(BEFORE, "nonsense"))] == ["floria.bad-hook"]
    design = Builder("svc", handlers=(Handler(BEFORE, Call("floria:fail", ["not on a Friday"])),))
    assert refused(store, functions, design.bundle()) == [("floria.refused", "hello: not on a Friday")]


def test_r41_a_condition_decides_about_a_hook(store: Store, functions: Functions) -> None:
    handler = Handler(BEFORE, Call("floria:fail", ["no"]), condition=Call("floria:equal", [Call("floria:index"), 1]))
    design = Builder("svc")
    design.vertex("a", count=1, handlers=(handler,))
    made(store, functions, design.bundle(), name="one")
    design.vertex("b", count=2, handlers=(handler,))
    assert refused(store, functions, design.bundle()) == [("floria.refused", "hello/b[1]: no")]


class Watching(Hooks):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def before_vertex(self, vertex: Vertex, context: Context) -> Vertex | None:
        self.seen.append(f"before {vertex.name}")
        return None if vertex.name == "client" else msgspec.structs.replace(vertex, state="hooked")

    def before_edge(self, edge: Edge, context: Context) -> Edge | None:
        raise AssertionError("the client was left out, so nobody has an edge")

    def after_vertex(self, vertex: Vertex, context: Context) -> Vertex:
        self.seen.append(f"after {vertex.name}")
        if vertex.name == "http" and vertex.state != "hooked":
            raise EvaluationError("test", "it was not hooked")
        return vertex


def test_r41_hooks_in_python(store: Store, functions: Functions) -> None:
    watching = Watching()
    plan = made(store, functions, hello(), inputs={"size": 1}, hooks=watching)
    assert watching.seen == [
        "before hello", "before web", "before http", "before client", "after hello", "after web", "after http",
    ]  # fmt: skip
    assert {one.state for one in plan.vertexes} == {"hooked"}


def test_r76_metadata_from_a_hook_holds_no_call_either(store: Store, functions: Functions) -> None:
    inner = Call("floria:quote", [{"metadata": {"k": Call("floria:self")}}])
    design = Builder("svc")
    design.vertex("a", handlers=(Handler(AFTER, inner),))
    assert [code for code, _ in refused(store, functions, design.bundle())] == ["floria.metadata-call"]


@st.composite
def trees(draw: st.DrawFn) -> Bundle:
    design = Builder("tree")
    parents: list[Id] = [design.root]
    for number in range(draw(st.integers(0, 8))):
        parent = draw(st.sampled_from(parents))
        parents.append(design.vertex(f"v{number}", "Node", parent=parent, count=draw(st.integers(0, 3))))
    return design.bundle()


def expected(bundle: Bundle, template: VertexTemplate) -> int:
    if template.parent is None:
        return 1
    parent = next(one for one in bundle.vertexes if one.id == template.parent)
    assert isinstance(template.count, int)
    return template.count * expected(bundle, parent)


@given(trees())
def test_containment_multiplies_counts(bundle: Bundle) -> None:
    store = MemoryStore()
    plan = made(store, Functions(), bundle)
    for template in bundle.vertexes:
        representations = [one for one in plan.vertexes if one.template == template.id]
        assert len(representations) == expected(bundle, template)
    with store.read() as reader:
        assert list(graph.load(reader, plan.root).vertexes) == [one.id for one in plan.vertexes] or len(
            graph.load(reader, plan.root).vertexes
        ) == len(plan.vertexes)
