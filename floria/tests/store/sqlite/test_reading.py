"""What a reader asks of SQLite: counts, which do not depend on how busy a machine is."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from floria import ids
from floria.entities import Edge
from floria.store.interface import Axis, Query, Step
from floria.store.sqlite import SqliteStore, reading, selecting
from floria.testing import samples


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that were run."""
    found: list[str] = []
    run: Callable[..., Any] = reading.SqliteReader._run

    def watched(self: reading.SqliteReader, sql: str, arguments: Any) -> Any:
        found.append(sql)
        return run(self, sql, arguments)

    monkeypatch.setattr(reading.SqliteReader, "_run", watched)
    return found


def test_what_a_reader_has_read_it_knows(tmp_path: Path, statements: list[str]) -> None:
    store = SqliteStore(tmp_path / "store")
    one, other = samples.vertex("a"), samples.vertex("b")
    samples.put(store, one, other)
    with store.read() as reader:
        statements.clear()
        first = reader.get(one.id)
        assert reader.get_many([one.id, one.id]) == [first, first]
        assert len(statements) == 1
        assert len(list(reader.query(Query(name="b")))) == 1
        statements.clear()
        assert reader.get(other.id) is not None
        assert not statements
    store.close()


def test_a_reader_keeps_so_many_entities_and_no_more(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store")
    samples.put(store, *(samples.vertex(f"v{number}") for number in range(reading.KNOWN + 10)))
    with store.read() as reader:
        assert len(list(reader.query(Query()))) == reading.KNOWN + 10
        assert len(reader._known) == reading.KNOWN
    assert not reader._known
    store.close()


def test_at_rest_one_connection_is_kept(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store")
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(store.read())
    assert len(store._pool._idle) == 3
    store.rest()
    assert len(store._pool._idle) == 1
    with store.read() as reader, store.read() as other:
        assert reader.position() == other.position() == 0
    store.rest()
    store.close()
    assert not store._pool._idle


def test_a_step_to_edges_of_a_name_does_not_look_at_all_edges_of_that_name(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store")
    host, *nodes = (samples.vertex(f"v{number}") for number in range(50))
    samples.put(store, host, *nodes)
    samples.put(store, *(Edge(id=ids.new(), name="host", source=node.id, target=host.id) for node in nodes))
    with store.read() as reader:
        (edge,) = reader.get_many(reader.path([nodes[7].id], [Step(axis=Axis.OUT, name="host")]))
        assert isinstance(edge, Edge)
        assert edge.source == nodes[7].id
        statement = selecting.path([nodes[7].id], [Step(axis=Axis.OUT, name="host")], {})
        plan = [row[-1] for row in reader._run(f"EXPLAIN QUERY PLAN {statement.sql}", statement.arguments)]
    assert not any("entity_name" in line for line in plan), plan
    store.close()
