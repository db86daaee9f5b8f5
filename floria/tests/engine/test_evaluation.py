"""Evaluation: the built-in functions as data, laziness, demand, cycles and limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floria import codec, ids, instantiation
from floria.entities import Bundle, Finder, Property, Vertex
from floria.evaluation import Context, EvaluationError, Function, Functions, Run
from floria.ids import Id
from floria.store.interface import Store
from floria.store.memory import MemoryStore
from floria.testing.designs import Builder
from floria.values import Call, Value

FAIL = {"$floria:fail": ["boom"]}

RESULTS: list[tuple[object, object]] = [
    ({"$floria:concat": ["a", 1, True, 2.5]}, "a1true2.5"),
    ({"$floria:concat": [[1], [2, 3]]}, [1, 2, 3]),
    ({"$floria:join": [["a", "b"], ", "]}, "a, b"),
    ({"$floria:split": ["a:b", ":"]}, ["a", "b"]),
    ({"$floria:text": [8080]}, "8080"),
    ({"$floria:length": [{"a": 1, "b": 2}]}, 2),
    ({"$floria:item": [{"a": [10, 20]}, "a", -1]}, 20),
    ({"$floria:keys": [{"a": 1, "b": 2}]}, ["a", "b"]),
    ({"$floria:values": [{"a": 1, "b": 2}]}, [1, 2]),
    ({"$floria:merge": [{"a": 1}, {"a": 2, "b": 3}]}, {"a": 2, "b": 3}),
    ({"$floria:sum": [1, 2, 3]}, 6),
    ({"$floria:difference": [5, 2.5]}, 2.5),
    ({"$floria:product": [2, 3]}, 6),
    ({"$floria:quotient": [6, 3]}, 2),
    ({"$floria:quotient": [7, 2]}, 3.5),
    ({"$floria:minimum": [3, 1, 2]}, 1),
    ({"$floria:maximum": [3, 1, 2]}, 3),
    ({"$floria:equal": [1, 1.0]}, True),
    ({"$floria:equal": [1, True]}, False),
    ({"$floria:not_equal": [{"a": 1}, {"a": 2}]}, True),
    ({"$floria:less": ["a", "b"]}, True),
    ({"$floria:less_or_equal": [2, 2]}, True),
    ({"$floria:greater": [1, 2]}, False),
    ({"$floria:greater_or_equal": [2, 1]}, True),
    ({"$floria:contains": [[1, 2], 2]}, True),
    ({"$floria:contains": ["abc", "b"]}, True),
    ({"$floria:contains": [{"a": 1}, "b"]}, False),
    ({"$floria:starts_with": ["abc", "ab"]}, True),
    ({"$floria:ends_with": ["abc", "ab"]}, False),
    ({"$floria:and": [False, FAIL]}, False),
    ({"$floria:or": [True, FAIL]}, True),
    ({"$floria:not": [False]}, True),
    ({"$floria:if": [True, "yes", FAIL]}, "yes"),
    ({"$floria:if": [False, FAIL]}, None),
    ({"$floria:otherwise": [FAIL, "fallback"]}, "fallback"),
    ([{"$floria:sum": [1, 1]}, {"a": {"$floria:not": [True]}}], [2, {"a": False}]),
]

FAILURES: list[tuple[object, str, str]] = [
    (FAIL, "floria.refused", "boom"),
    ({"$floria:fail": ["no", "my.code"]}, "my.code", "no"),
    ({"$floria:nothing": []}, "floria.no-function", "there is no function 'floria:nothing'; floria has: "),
    ({"$none:f": []}, "floria.no-function", "no functions of 'none' are known"),
    ({"$floria:split": ["a"]}, "floria.bad-argument", "floria:split: 2 arguments were expected, not 1"),
    ({"$floria:join": [["a", {}]]}, "floria.bad-argument", "floria:join: a map has no text form"),
    ({"$floria:sum": [1, True]}, "floria.bad-argument", "a number was expected, not true"),
    ({"$floria:quotient": [1, 0]}, "floria.bad-argument", "division by zero"),
    ({"$floria:less": [1, "a"]}, "floria.bad-argument", "a number was expected, not the text 'a'"),
    ({"$floria:item": [{"a": 1}, "b"]}, "floria.no-item", "a map has no item 'b'"),
    ({"$floria:get": ["nope"]}, "floria.no-property", "a has no property 'nope'; it has: n"),
    ({"$floria:get_of": ["nobody", "n"]}, "floria.not-found", "there is no entity nobody"),
    ({"$floria:ancestor": ["Rack"]}, "floria.not-found", "is in nothing of class the text 'Rack'"),
    ({"$floria:event": []}, "floria.bad-argument", "no event is being handled here"),
    ({"$floria:set": ["n", 1]}, "floria.bad-argument", "only an event handler may do this"),
    ({"$floria:path": ["x", "sideways"]}, "floria.bad-argument", "'sideways' is not an axis; these are: out, in"),
]


def lone(name: str = "a", **properties: Property) -> tuple[MemoryStore, Vertex]:
    store = MemoryStore()
    with store.write() as tx:
        vertex = tx.put(Vertex(id=ids.derive(name), name=name, properties=properties))
    assert isinstance(vertex, Vertex)
    return store, vertex


@pytest.mark.parametrize(("expression", "result"), RESULTS)
def test_function(expression: object, result: object, functions: Functions) -> None:
    store, vertex = lone(n=Property(value=1))
    with store.read() as reader:
        assert Context(reader, functions, entity=vertex).evaluate(codec.from_plain(expression)) == result


@pytest.mark.parametrize(("expression", "code", "message"), FAILURES)
def test_function_that_fails_says_what_and_why(
    expression: object, code: str, message: str, functions: Functions
) -> None:
    store, vertex = lone(n=Property(value=1))
    with store.read() as reader, pytest.raises(EvaluationError) as caught:
        Context(reader, functions, entity=vertex).evaluate(codec.from_plain(expression))
    assert caught.value.code == code
    assert message in caught.value.message


def test_functions_of_the_graph(functions: Functions) -> None:
    """R71: values reach along containment and edges, in both directions."""
    design = Builder(name="svc", title="top")
    web = design.vertex("web", "Web", port=8080)
    design.vertex("endpoint", "Endpoint", parent=web, address="10.0.0.1")
    client = design.vertex("client", "Client", count=2)
    design.edge(client, "server", "Uses", finder=Finder(classes=("Endpoint",)))
    store = MemoryStore()
    plan = instantiation.instantiate(store, design.bundle(), name="svc", functions=functions)
    by = {(one.name, one.index): one for one in plan.vertexes}
    endpoint, one, root = by["endpoint", 0], by["client", 1], by["svc", 0]
    calls: list[tuple[Vertex, Value, Value]] = [
        (one, Call("floria:get_of", [Call("floria:neighbor", ["server"]), "address"]), "10.0.0.1"),
        (one, Call("floria:neighbors", ["server"]), [str(endpoint.id)]),
        (one, Call("floria:get_of", [Call("floria:root"), "title"]), "top"),
        (one, Call("floria:index"), 1),
        (one, Call("floria:name", [Call("floria:target", [Call("floria:edge", ["server"])])]), "endpoint"),
        (one, Call("floria:source", [Call("floria:edge", ["server"])]), one.id),
        (endpoint, Call("floria:ancestor", ["Service"]), root.id),
        (endpoint, Call("floria:name", [Call("floria:parent")]), "web"),
        (root, Call("floria:name", [Call("floria:child", ["client", 1])]), "client"),
        (root, Call("floria:has_class", ["Service"]), True),
        (root, Call("floria:state"), ""),
        (root, Call("floria:self"), root.id),
        (root, Call("floria:find", ["Endpoint"]), [str(endpoint.id)]),
        (
            endpoint,
            Call("floria:path", [Call("floria:self"), {"axis": "in", "name": "server", "classes": ["Uses"]}, "source"]),
            [*sorted((by["client", 0].id, one.id))],
        ),
        (root, Call("floria:quote", [Call("floria:self")]), Call("floria:self")),
    ]
    with store.read() as reader:
        for entity, call, result in calls:
            assert Context(reader, functions, entity=entity).evaluate(call) == result, call


def chain(length: int, last: Property) -> tuple[MemoryStore, list[Id]]:
    store = MemoryStore()
    names = [ids.derive(str(number)) for number in range(length)]
    with store.write() as tx:
        for number, id in enumerate(names):
            more = Call("floria:sum", [1, Call("floria:get_of", [names[(number + 1) % length], "n"])])
            found = last if number == length - 1 else Property(updater=more)
            tx.put(Vertex(id=id, name=f"v{number}", properties={"n": found}))
    return store, names


def test_properties_are_evaluated_on_demand_however_long_the_chain(functions: Functions) -> None:
    store, names = chain(3000, Property(value=0))
    with store.read() as reader:
        assert Context(reader, functions).property(names[0], "n") == 2999


@pytest.mark.parametrize("length", [1, 2, 5, 500])
def test_a_cycle_is_reported_as_the_chain_of_properties(length: int, functions: Functions) -> None:
    store, names = chain(length, Property(updater=Call("floria:get_of", [ids.derive("0"), "n"])))
    with store.read() as reader, pytest.raises(EvaluationError) as caught:
        Context(reader, functions).property(names[0], "n")
    assert caught.value.code == "floria.cycle"
    assert caught.value.message.startswith("these need each other: v0.n -> ")
    assert caught.value.message.endswith(f"v{length - 1}.n -> v0.n")
    assert isinstance(caught.value.detail, list)
    assert len(caught.value.detail) <= 21


def counting(calls: list[str]) -> Function:
    def function(context: Context, arguments: list[Value]) -> Value:
        calls.append(context.label(context.entity or Id("")))
        return len(calls)

    return function


def test_a_property_is_evaluated_once_in_a_run(functions: Functions) -> None:
    calls: list[str] = []
    functions.register("test", {"count": counting(calls)})
    twice = Call("floria:sum", [Call("floria:get", ["n"]), Call("floria:get", ["n"])])
    store, vertex = lone(n=Property(updater=Call("test:count")), m=Property(updater=twice))
    with store.read() as reader:
        assert Context(reader, functions).property(vertex.id, "m") == 2
    assert calls == ["a"]


def test_a_failure_names_the_property_in_which_it_began(functions: Functions) -> None:
    """R64: everything that depends on it fails with that cause."""
    bad = Property(updater=Call("floria:fail", ["no luck"]))
    store, vertex = lone(
        a=bad, b=Property(updater=Call("floria:get", ["a"])), c=Property(updater=Call("floria:get", ["b"]))
    )
    with store.read() as reader, pytest.raises(EvaluationError) as caught:
        Context(reader, functions).property(vertex.id, "c")
    assert caught.value.message == "a.a: no luck"


def test_a_stored_value_is_not_evaluated_again_unless_the_run_is_fresh(functions: Functions) -> None:
    store, vertex = lone(n=Property(value=1, updater=2))
    with store.read() as reader:
        assert Context(reader, functions).property(vertex.id, "n") == 1
        assert Context(reader, functions, run=Run(fresh=True)).property(vertex.id, "n") == 2


def test_plugin_functions_come_from_resolvers_the_latest_first(functions: Functions) -> None:
    def named(result: str) -> Function:
        return lambda context, arguments: result

    functions.resolver("*", lambda context, name: named("any") if name.endswith(":f") else None)
    functions.resolver("mine", lambda context, name: named("first") if name == "mine:f" else None)
    functions.resolver("mine", lambda context, name: named("second") if name == "mine:f" else None)
    functions.register("sure", {"f": named("registered")})
    with MemoryStore().read() as reader:
        context = Context(reader, functions)
        found = [context.evaluate(Call(f"{namespace}:f")) for namespace in ("mine", "other", "sure")]
    assert found == ["second", "any", "registered"]
    with pytest.raises(ValueError, match="registered already"):
        functions.register("sure", {"f": named("again")})


def test_a_long_chain_through_a_plugin_is_never_unwound_through_it(functions: Functions) -> None:
    """A plugin is called once for each evaluation, however deep it is below and above."""
    calls: list[str] = []

    def plugin(context: Context, arguments: list[Value]) -> Value:
        calls.append("called")
        return context.evaluate(arguments[0])

    functions.resolver("plugin", lambda context, name: plugin)
    store, names = chain(300, Property(value=0))
    with store.write() as tx:
        top = Property(updater=Call("plugin:pass", [Call("floria:get_of", [names[0], "n"])]))
        tx.put(Vertex(id=ids.derive("top"), name="top", properties={"n": top}))
    with store.read() as reader:
        assert Context(reader, functions).property(ids.derive("top"), "n") == 299
    assert calls == ["called"]


def test_a_cycle_through_a_plugin_is_reported(functions: Functions) -> None:
    functions.resolver("plugin", lambda context, name: lambda inside, arguments: inside.evaluate(arguments[0]))
    store, vertex = lone(n=Property(updater=Call("plugin:pass", [Call("floria:get", ["n"])])))
    with store.read() as reader, pytest.raises(EvaluationError, match=r"need each other: a\.n -> a\.n"):
        Context(reader, functions).property(vertex.id, "n")


@given(st.integers(min_value=1, max_value=2000))
def test_no_nesting_of_calls_overflows_the_stack(depth: int) -> None:
    value: Value = True
    for _ in range(depth):
        value = Call("floria:not", [value])
    with MemoryStore().read() as reader:
        context = Context(reader, Functions())
        if depth <= context.run.max_depth:
            assert context.evaluate(value) is (depth % 2 == 0)
        else:
            with pytest.raises(EvaluationError, match=r"calls in each other|nested too deep"):
                context.evaluate(value)


def test_no_nesting_of_lists_overflows_the_stack(functions: Functions) -> None:
    value: Value = Call("floria:self")
    for _ in range(5000):
        value = [value]
    with MemoryStore().read() as reader, pytest.raises(EvaluationError, match="nested too deep"):
        Context(reader, functions).evaluate(value)


def test_an_empty_design_is_refused(store: Store, functions: Functions) -> None:
    with pytest.raises(instantiation.InstantiationError, match=r"its root .* is not in it"):
        instantiation.instantiate(store, Bundle(root=ids.derive("x")), name="x", functions=functions)
