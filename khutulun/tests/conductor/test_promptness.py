"""Which handlers run in the thread that brings an event (R43)."""

import pytest

from floria import ids
from floria.entities import Handler, Vertex
from floria.events import Event, changes, record
from floria.store.memory import MemoryStore
from floria.values import Call
from khutulun.conductor import promptness

WANTS = Handler(changes.CHANGED, Call("notes:shout", [{}]))


def _is_prompt(*handlers: Handler) -> bool:
    vertex = Vertex(id=ids.new(), name="a", handlers=handlers)
    store = MemoryStore()
    with store.write() as tx:
        tx.put(vertex)
        recorded = record(tx, Event(id=ids.new(), name="failed", source=vertex.id, time=1))
        assert recorded is not None
        found = promptness.is_prompt(tx, recorded)
    store.close()
    return found


@pytest.mark.parametrize(
    "call",
    [
        Call("floria:set", ["count", Call("floria:concat", ["x", {"a": [Call("floria:get", ["b"])]}])]),
        Call("tosca:concat", [["x", "y"]]),
    ],
)
def test_r43_expressions_are_run_at_once(call: Call) -> None:
    assert _is_prompt(Handler("failed", call))


@pytest.mark.parametrize(
    "call",
    [
        Call("notes:shout", [{}]),
        Call("tosca:operation", [{}]),
        Call("tosca:actions", [{}]),
        Call("floria:emit", ["alarm"]),
        Call("floria:set", ["count", Call("mine:count", [])]),
        Call("floria:set", ["count", 1, "00000000000000000000000001"]),
        Call("floria:concat", [{"a": [Call("tosca:call", ["mine"])]}]),
    ],
)
def test_what_asks_a_plugin_or_leads_to_more_holds_nothing_up(call: Call) -> None:
    assert not _is_prompt(Handler("failed", call))
    assert not _is_prompt(Handler("failed", Call("floria:concat", ["x"])), Handler("failed", call))


def test_a_write_that_somebody_wants_to_know_of_may_lead_to_more() -> None:
    assert not _is_prompt(Handler("failed", Call("floria:set", ["count", 1])), WANTS)


def test_an_event_without_handlers_needs_no_other_thread() -> None:
    assert _is_prompt()
