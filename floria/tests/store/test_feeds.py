"""The change feed: pushed, in order, resumable."""

import itertools
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from floria.entities import Kind
from floria.store.interface import Change, ChangeType, Feed, Store, StoreError
from floria.testing import samples


def take(feed: Feed, count: int) -> list[Change]:
    return list(itertools.islice(feed, count))


def test_a_feed_resumes_from_a_position(store: Store) -> None:
    vertex, other = samples.vertex("a", directory="/d"), samples.vertex("b")
    samples.put(store, vertex, other)
    with store.write() as transaction:
        transaction.delete(vertex.id)
    changes = take(store.watch(0), 3)
    assert [(change.position, change.type, change.id) for change in changes] == [
        (1, ChangeType.PUT, vertex.id),
        (2, ChangeType.PUT, other.id),
        (3, ChangeType.DELETE, vertex.id),
    ]
    assert (changes[0].kind, changes[0].revision, changes[0].directory) == (Kind.VERTEX, 1, "/d")
    assert take(store.watch(1), 2) == changes[1:]


def test_a_feed_wakes_when_something_is_committed_and_only_then(store: Store) -> None:
    samples.put(store, samples.vertex("before"))
    feed = store.watch()
    seen: list[Change] = []
    reader = threading.Thread(target=lambda: seen.extend(take(feed, 2)))
    reader.start()
    with pytest.raises(KeyError), store.write() as transaction:
        transaction.put(samples.vertex("never"))
        raise KeyError
    expected = samples.put(store, samples.vertex("one")) + samples.put(store, samples.vertex("two"))
    reader.join()
    assert [change.id for change in seen] == [entity.id for entity in expected]


def test_an_idle_store_has_no_thread_that_could_wake_up(harness: Any) -> None:
    """R60: whoever waits for changes waits in their own thread, without a timeout."""
    before = set(threading.enumerate())
    store: Store = harness.make()
    samples.put(store, samples.vertex())
    feed = store.watch()
    assert set(threading.enumerate()) <= before
    feed.close()
    store.close()


def test_a_feed_is_closed_from_another_thread_and_with_its_store(store: Store) -> None:
    feeds = [store.watch(), store.watch()]
    threads = [threading.Thread(target=lambda feed=feed: list(feed)) for feed in feeds]
    for thread in threads:
        thread.start()
    feeds[0].close()
    threads[0].join()
    assert threads[1].is_alive()
    store.close()
    threads[1].join()


def test_a_slow_reader_gets_everything_in_order_though_nothing_waits_for_it(store: Store) -> None:
    feed = iter(store.watch())
    expected: list[Any] = []
    for _ in range(4):
        expected += samples.put(store, *(samples.vertex() for _ in range(400)))
    assert [next(feed).id for _ in expected] == [entity.id for entity in expected]


def test_a_position_that_is_no_longer_kept_is_refused(harness: Any) -> None:
    store: Store = harness.make(keep_changes=16)
    lagging = iter(store.watch(0))
    for _ in range(100):
        samples.put(store, samples.vertex())
    with pytest.raises(StoreError, match="changes after 0 are no longer kept; the oldest is ") as caught:
        store.watch(0)
    assert caught.value.hint == "read the current state again and watch from there"
    with pytest.raises(StoreError, match="no longer kept"):
        next(lagging)
    assert [change.position for change in take(store.watch(90), 10)] == list(range(91, 101))
    with pytest.raises(StoreError, match="the store has not reached position 500; it is at 100"):
        store.watch(500)
    store.close()


def test_listeners_are_called_in_the_committing_thread_after_the_commit(store: Store) -> None:
    calls: list[tuple[int, Sequence[Change], bool]] = []
    vertex = samples.vertex("a")

    def listen(changes: Sequence[Change]) -> None:
        calls.append((threading.get_ident(), changes, samples.get(store, vertex) is not None))

    remove = store.on_commit(listen)
    samples.put(store, vertex)
    with store.write() as transaction:
        transaction.append("topic", "key", None)
    remove()
    samples.put(store, samples.vertex("b"))
    (thread, (change,), visible), (_, nothing, _) = calls
    assert (thread, change.id, visible, list(nothing)) == (threading.get_ident(), vertex.id, True, [])


def test_a_listener_may_write_and_one_that_fails_is_logged(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def fail(changes: Sequence[Change]) -> None:
        raise ValueError("the listener's own problem")

    def write(changes: Sequence[Change]) -> None:
        remove()
        samples.put(store, samples.vertex("by the listener"))

    store.on_commit(fail)
    remove = store.on_commit(write)
    samples.put(store, samples.vertex("a"))
    with store.read() as reader:
        assert reader.position() == 2
    assert "the listener's own problem" in caplog.text
