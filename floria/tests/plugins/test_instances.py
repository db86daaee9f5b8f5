"""R30: which calls of a plugin are served by the same instance, and for how long."""

import threading
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from floria.plugins import Budget, Carrier, Effects, Fault, MemoryJournal, Plugin, PluginHost, grants, instances

Dispatch = Callable[..., object]


@pytest.fixture(params=[Carrier.WASM, Carrier.PYTHON], ids=str)
def plugin(request: pytest.FixtureRequest, host: PluginHost, probes: dict[Carrier, Plugin]) -> Iterator[Plugin]:
    yield probes[request.param]
    host.trim()


@pytest.fixture
def dispatch(host: PluginHost, plugin: Plugin) -> Dispatch:
    def call(scope: Hashable, function: str, *arguments: object, **more: object) -> object:
        effects = Effects(MemoryJournal(), secrets={"token": "a-secret-value"}.__getitem__)
        allowed = grants.parse({"secrets": ["token"]})
        return host.dispatch(plugin, function, {}, arguments, grants=allowed, effects=effects, scope=scope, **more)  # type: ignore[arg-type]

    return call


def test_calls_of_one_scope_have_one_instance(dispatch: Dispatch) -> None:
    assert [dispatch("a", "count") for _ in range(3)] == [1, 2, 3]


def test_no_scope_knows_of_another_or_of_calls_without_one(dispatch: Dispatch) -> None:
    scopes = ["a", None, "b", ("a",), None, "a"]
    assert [dispatch(scope, "count") for scope in scopes] == [1, 1, 1, 1, 1, 2]


def test_no_plugin_knows_of_another(host: PluginHost, probes: dict[Carrier, Plugin]) -> None:
    kinds = [Carrier.WASM, Carrier.PYTHON] * 2
    effects = Effects(MemoryJournal())
    assert [host.dispatch(probes[kind], "count", {}, [], effects=effects, scope="a") for kind in kinds] == [1, 1, 2, 2]
    host.trim()


@pytest.mark.parametrize("fails", ["temporary", "permanent", "bug", "die", "spin"])
def test_an_instance_whose_call_failed_serves_no_other(dispatch: Dispatch, fails: str) -> None:
    assert dispatch("a", "count") == 1
    with pytest.raises(Fault):
        dispatch("a", fails, budget=Budget(cpu=0.1))
    assert dispatch("a", "count") == 1


def test_an_instance_that_was_handed_a_secret_serves_no_other(dispatch: Dispatch) -> None:
    """R105: what is known by its value could not be told from other text in a call that was not handed it."""
    assert dispatch("a", "count") == 1
    dispatch("a", "secret", "token")
    assert dispatch("a", "count") == 1


def test_an_instance_serves_a_bounded_number_of_calls(dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "CALLS", 3)
    assert [dispatch("a", "count") for _ in range(7)] == [1, 2, 3, 1, 2, 3, 1]


def test_an_instance_that_has_used_much_memory_serves_no_other(dispatch: Dispatch) -> None:
    assert dispatch("a", "count") == 1
    dispatch("a", "echo", "x" * (4 << 20), budget=Budget(output=8 << 20))
    assert dispatch("a", "count") == 1


def test_few_instances_wait(host: PluginHost, dispatch: Dispatch) -> None:
    for number in range(instances.MOST + 4):
        assert dispatch(number, "count") == 1
    assert len(host._components._served) == instances.MOST
    assert dispatch(instances.MOST + 3, "count") == 2
    assert dispatch(0, "count") == 1


def test_rest_drops_what_waits(host: PluginHost, dispatch: Dispatch) -> None:
    assert dispatch("a", "count") == 1
    host.trim()
    assert len(host._components._served) == 0
    assert dispatch("a", "count") == 1


def test_what_is_let_go_is_dropped(host: PluginHost, plugin: Plugin, dispatch: Dispatch) -> None:
    assert dispatch("a", "count") == 1
    host.keep(plugin, 0)
    assert dispatch("a", "count") == 1


def test_calls_at_once_have_different_instances(host: PluginHost, plugin: Plugin) -> None:
    """None waits for another one: each of these ends when all have begun."""
    together = threading.Barrier(4)
    allowed = grants.parse({"evaluate": True})

    def work(number: int) -> object:
        effects = Effects(MemoryJournal(), evaluate=lambda expression: together.wait(60) < 4)
        return host.dispatch(plugin, "evaluate", {}, [number], grants=allowed, effects=effects, scope="a")

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert len(host._components._served) == 4


def test_an_instance_made_ahead_goes_on_to_serve_a_scope(host: PluginHost, plugin: Plugin, dispatch: Dispatch) -> None:
    host.keep(plugin, 1)
    try:
        assert [dispatch("a", "count") for _ in range(3)] == [1, 2, 3]
        assert dispatch("b", "count") == 1
    finally:
        host.keep(plugin, 0)
