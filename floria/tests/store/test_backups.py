"""Backup while running, and restore (R78)."""

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from floria.entities import Kind
from floria.store.interface import Query, Store, StoreError
from floria.testing import samples


def content(store: Store, digest: str) -> bytes:
    with store.open_blob(digest) as opened:
        return opened.read()


def everything(store: Store) -> Any:
    with store.read() as reader:
        return (
            list(reader.query(Query())),
            reader.claims("space"),
            reader.journal("topic"),
            [reader.allocated(item.id, "room") for item in reader.query(Query(kinds=(Kind.VERTEX,)))],
            reader.position(),
            {digest: content(store, digest) for digest in store.blobs()},
        )


def fill(store: Store) -> None:
    outer = samples.vertex("outer", "x", room=5)
    inner = samples.vertex("inner", "y", parent=outer)
    samples.put(store, outer, inner, samples.edge("e", inner, outer, "z"))
    with store.write() as transaction:
        transaction.allocate(outer.id, "room", 2, inner.id)
        transaction.claim("space", "key", inner.id)
        transaction.append("topic", "key", {"data": b"\x00"}, subject="s")
    store.put_blob(b"small")
    store.put_blob(b"large" * 1_000_000)


def test_a_restored_store_is_the_one_that_was_backed_up_and_goes_on(store: Store, harness: Any, tmp_path: Path) -> None:
    """R78."""
    fill(store)
    before = everything(store)
    store.backup(tmp_path / "backup")
    samples.put(store, samples.vertex("later"))
    restored: Store = harness.restored(tmp_path / "backup")
    assert everything(restored) == before
    (change,) = _changes_of(restored, samples.vertex("after"))
    assert change.position == before[4] + 1
    restored.close()


def test_a_backup_is_one_moment_though_others_write(store: Store, harness: Any, tmp_path: Path) -> None:
    """R78: while running; every transaction writes a pair, and no backup splits one."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            samples.put(store, samples.vertex("left"), samples.vertex("right"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with closing(store.watch(0)) as feed:
            next(iter(feed))
        store.backup(tmp_path / "backup")
    finally:
        stop.set()
        writer.join()
    restored: Store = harness.restored(tmp_path / "backup")
    with restored.read() as reader:
        sides = [entity.name for entity in reader.query(Query())]
    assert sides.count("left") == sides.count("right") > 0
    restored.close()


def test_a_backup_that_cannot_be_written_says_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        store.backup(tmp_path / "missing" / "backup")
    assert list(tmp_path.glob("**/*backup*")) == []


def test_what_is_no_backup_is_refused(harness: Any, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello " * 500)
    for name in ("text", "missing"):
        with pytest.raises(StoreError, match=name):
            harness.restored(tmp_path / name)


def _changes_of(store: Store, entity: Any) -> list[Any]:
    feed = store.watch()
    samples.put(store, entity)
    return [next(iter(feed))]
