"""Transactions: all or nothing, revisions, what is refused, what is deleted together."""

import threading
from typing import Any

import msgspec
import pytest

from floria import ids
from floria.entities import EdgeTemplate, Handler, Property, Vertex, VertexTemplate
from floria.store.interface import Axis, Conflict, NotFound, Query, Step, Store, StoreError
from floria.testing import samples
from floria.values import Call


def test_what_is_put_is_read_as_it_was(store: Store) -> None:
    vertex = samples.vertex("a", "x", number=1, nested={"list": [b"\x00", None, 1.5, Call("a:b", [1])]})
    (stored,) = samples.put(store, vertex)
    assert stored.revision == 1
    assert stored.created == stored.modified > 0
    assert samples.get(store, vertex) == stored
    assert msgspec.structs.replace(stored, revision=0, created=0, modified=0) == vertex


def test_nobody_changes_what_is_stored_by_changing_what_they_hold(store: Store) -> None:
    values: list[Any] = [1]
    vertex = Vertex(id=ids.new(), properties={"list": Property(value=values)})
    samples.put(store, vertex)
    values.append(2)
    samples.get(store, vertex).properties["list"].value.append(3)
    assert samples.get(store, vertex).properties["list"].value == [1]


def test_a_transaction_sees_its_own_writes_and_others_do_not_before_it_commits(store: Store) -> None:
    vertex = samples.vertex("a", "x")
    with store.read() as before, store.write() as transaction:
        transaction.put(vertex)
        assert transaction.get(vertex.id) is not None
        assert [found.id for found in transaction.query(Query(classes=("x",)))] == [vertex.id]
        assert samples.get(store, vertex) is None
        assert before.get(vertex.id) is None
    assert samples.get(store, vertex) is not None


def test_a_transaction_reads_anew_what_it_has_read_and_changed_since(store: Store) -> None:
    outer = samples.vertex("outer")
    inner = samples.vertex("inner", parent=outer)
    samples.put(store, outer, inner)
    with store.write() as transaction:
        before = transaction.get(outer.id)
        assert isinstance(before, Vertex)
        list(transaction.query(Query(parent=outer.id)))
        stored = transaction.put(msgspec.structs.replace(before, name="other"))
        assert transaction.get(outer.id) == stored
        assert transaction.get_many([outer.id, inner.id])[0] == stored
        transaction.delete(outer.id)
        assert transaction.get_many([outer.id, inner.id]) == [None, None]


def test_a_reader_sees_one_moment_while_others_write(store: Store) -> None:
    first, second = samples.vertex("a"), samples.vertex("b")
    samples.put(store, first)
    with store.read() as reader:
        position = reader.position()
        samples.put(store, second)
        with store.write() as transaction:
            transaction.delete(first.id)
        assert [found.id for found in reader.query(Query())] == [first.id]
        assert reader.get(second.id) is None
        assert reader.position() == position
    with store.read() as reader:
        assert [found.id for found in reader.query(Query())] == [second.id]


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    vertex = samples.vertex("a", capacity=4)
    (stored,) = samples.put(store, vertex)
    with pytest.raises(ZeroDivisionError), store.write() as transaction:
        transaction.put(msgspec.structs.replace(stored, name="b"))
        transaction.allocate(vertex.id, "capacity", 1, ids.new())
        transaction.claim("space", "key", vertex.id)
        transaction.append("topic", "key", 1)
        raise ZeroDivisionError
    with store.read() as reader:
        assert reader.get(vertex.id) == stored
        assert reader.allocated(vertex.id, "capacity") == 0
        assert reader.claims("space") == {}
        assert reader.journal("topic") == []
        assert reader.position() == 1


def test_a_stale_write_is_a_conflict_that_says_what_was_found(store: Store) -> None:
    vertex = samples.vertex("a")
    (stored,) = samples.put(store, vertex)
    samples.put(store, stored)
    with pytest.raises(Conflict, match="is at revision 2, not 1: it was changed or deleted meanwhile") as caught:
        samples.put(store, stored)
    assert (caught.value.id, caught.value.expected, caught.value.found) == (vertex.id, 1, 2)
    assert caught.value.hint


@pytest.mark.parametrize("revision", [0, 5])
def test_a_wrong_idea_of_existence_is_a_conflict(store: Store, revision: int) -> None:
    vertex = samples.vertex("a")
    if revision == 0:
        samples.put(store, vertex)
    with pytest.raises(Conflict):
        samples.put(store, msgspec.structs.replace(vertex, revision=revision))


def test_of_two_threads_that_change_the_same_revision_one_wins(store: Store) -> None:
    (stored,) = samples.put(store, samples.vertex("a"))
    barrier, results = threading.Barrier(8), []

    def change(number: int) -> None:
        barrier.wait()
        try:
            samples.put(store, msgspec.structs.replace(stored, name=str(number)))
            results.append("won")
        except Conflict:
            results.append("conflict")

    threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["conflict"] * 7 + ["won"]


def test_a_second_transaction_in_the_same_thread_is_refused_rather_than_waiting_for_itself(store: Store) -> None:
    with store.write(), pytest.raises(StoreError, match="in a transaction already"), store.write():
        pass
    samples.put(store, samples.vertex("a"))


def test_deleting_takes_children_their_edges_and_their_own_edges(store: Store) -> None:
    outer = samples.vertex("outer")
    inner = samples.vertex("inner", parent=outer)
    other = samples.vertex("other")
    inward, outward = samples.edge("in", other, inner), samples.edge("out", inner, other)
    samples.put(store, outer, inner, other, inward, outward)
    with store.write() as transaction:
        transaction.delete(outer.id, 1)
    with store.read() as reader:
        assert [found.id for found in reader.query(Query())] == [other.id]
        assert reader.path([other.id], [Step(axis=Axis.OUT)]) == []


def test_deleting_what_is_not_there_or_changed_is_refused(store: Store) -> None:
    (stored,) = samples.put(store, samples.vertex("a"))
    with pytest.raises(NotFound, match="there is no entity"), store.write() as transaction:
        transaction.delete(ids.new())
    with pytest.raises(Conflict), store.write() as transaction:
        transaction.delete(stored.id, 7)
    assert samples.get(store, stored) == stored


def test_instances_outlive_their_template(store: Store) -> None:
    """R75: a template may be deleted; what was made of it stays as it is."""
    template = VertexTemplate(id=ids.new(), name="t")
    edge_template = EdgeTemplate(id=ids.new(), name="e", source=template.id)
    made = Vertex(id=ids.new(), name="v", template=template.id, classes=("x",))
    *_, stored = samples.put(store, template, edge_template, made)
    with store.write() as transaction:
        transaction.delete(template.id)
    with store.read() as reader:
        assert reader.get(edge_template.id) is None
        assert reader.get(made.id) == stored
        assert list(reader.query(Query(template=template.id))) == [stored]


@pytest.mark.parametrize(
    ("entity", "problem"),
    [
        (Vertex(id=ids.new(), parent=ids.new()), "its parent .* does not exist"),
        (Vertex(id=ids.Id("no"), name="v"), "v: id: 'no' is not an id"),
        (Vertex(id=ids.new(), name="v", directory="a/b"), "v: directory is 'a/b'; '/' or '/name/name' was expected"),
        (Vertex(id=ids.new(), name="v", directory="/a/../b"), "v: directory is"),
        (Vertex(id=ids.new(), name="v", metadata={"m": Call("a:b")}), "v: metadata holds a call; metadata is literal"),
        (samples.vertex("v", p=2**64), "v: properties.p is 18446744073709551616, which does not fit in 64 bits"),
        (samples.vertex("v", p={"a": [{1}]}), "v: properties.p.a.0. is a set, which is not a value"),  # type: ignore[list-item]
        (samples.vertex("v", p="\ud800"), "v: properties.p holds text that is not Unicode"),
        (samples.vertex("v", p=Call("f")), "v: properties.p calls 'f'; a function is named 'namespace:name'"),
    ],
)
def test_what_is_not_well_formed_is_refused_with_its_place(store: Store, entity: Vertex, problem: str) -> None:
    """R76: metadata holds no call."""
    with pytest.raises(StoreError, match=problem):
        samples.put(store, entity)
    with store.read() as reader:
        assert list(reader.query(Query())) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"properties": {"q": Property(value=2**64)}}, "v: properties.q is .* fit in 64 bits"),
        ({"properties": {"p": Property(value=Call("a:b", [2**64]))}}, "v: properties.p.* fit in 64 bits"),
        ({"handlers": (Handler(event="e", call=Call("f")),)}, "calls 'f'; a function is named"),
        ({"metadata": {"m": Call("a:b")}}, "v: metadata holds a call; metadata is literal"),
    ],
    ids=["another property", "another value", "handler", "metadata"],
)
def test_what_has_changed_is_checked_again(store: Store, changes: dict[str, Any], problem: str) -> None:
    (stored,) = samples.put(store, samples.vertex("v", p=Call("a:b", [1])))
    with pytest.raises(StoreError, match=problem):
        samples.put(store, msgspec.structs.replace(stored, **changes))
    with store.read() as reader:
        assert reader.get(stored.id) == stored


def test_ends_and_parents_must_exist_and_be_of_the_right_kind(store: Store) -> None:
    vertex, template = samples.vertex("v"), VertexTemplate(id=ids.new(), name="t")
    samples.put(store, vertex, template)
    with pytest.raises(StoreError, match=r"edge 'e' .*: its target .* is a vertex-template, not a vertex"):
        samples.put(store, samples.edge("e", vertex, template))  # type: ignore[arg-type]
    with pytest.raises(StoreError, match=r"its source .* does not exist"):
        samples.put(store, samples.edge("e", samples.vertex(), vertex))
    with pytest.raises(StoreError, match="is a vertex and cannot become a vertex-template"):
        samples.put(store, VertexTemplate(id=vertex.id, revision=1))


def test_nothing_contains_itself(store: Store) -> None:
    outer = samples.vertex("outer")
    inner = samples.vertex("inner", parent=outer)
    stored, _ = samples.put(store, outer, inner)
    for parent in (outer.id, inner.id):
        with pytest.raises(StoreError, match="its parent is itself or contained in it"):
            samples.put(store, msgspec.structs.replace(stored, parent=parent))


def test_a_directory_in_use_is_not_deleted(store: Store) -> None:
    """R74: what lies in a directory does not lose the one who decides who may see it."""
    folder, below = samples.directory("/tenant"), samples.vertex("v", directory="/tenant/app")
    samples.put(store, folder, below)
    with pytest.raises(StoreError, match="the directory /tenant is not empty: v is in it"), store.write() as writer:
        writer.delete(folder.id)
    with store.write() as transaction:
        transaction.delete(below.id)
        transaction.delete(folder.id)


def test_a_value_of_ten_megabytes_is_stored_and_read_back(store: Store) -> None:
    """R73."""
    vertex = samples.vertex("big", text="é" * 5_000_000, data=bytes(range(256)) * 40_000)
    (stored,) = samples.put(store, vertex)
    assert samples.get(store, vertex) == stored


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError, match="the store is closed"), store.read():
        pass
    with pytest.raises(StoreError, match="the store is closed"), store.write():
        pass
