"""The memory store and its transactions."""

import hashlib
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from floria import codec
from floria.entities import Directory, Entity
from floria.ids import Id
from floria.store import rules
from floria.store.feeds import Bell, Feed
from floria.store.interface import (
    CapacityExceeded,
    Change,
    ChangeType,
    Claimed,
    Conflict,
    Record,
    StoreError,
    Trimmed,
)
from floria.store.listeners import Listener, Listeners
from floria.store.memory import backups
from floria.store.memory.journals import ChangeLog, Journals
from floria.store.memory.reading import StateReader
from floria.store.memory.state import Row, State
from floria.values import Value


class StateTransaction(StateReader):
    """A `Transaction`: works on its own state, which replaces the store's when it commits."""

    def __init__(self, state: State, journals: Journals, now: int) -> None:
        super().__init__(state, journals)
        self.state = state
        self.changes: list[Change] = []
        self.records: list[Record] = []
        self.kept_journals: Journals | None = None
        self._keys: set[tuple[str, str]] = set()
        self._now = now

    def put(self, entity: Entity) -> Entity:
        old = self.state.rows.get(entity.id)
        rules.check(entity, old.entity if old is not None else None)
        found = old.entity.revision if old is not None else None
        if entity.revision != (found or 0):
            raise Conflict(entity.id, entity.revision, found)
        if old is not None:
            rules.check_kind(entity, old.kind)
        for reference in rules.references(entity):
            rules.check_reference(entity, reference, self.state.kind(reference.id))
        self._check_cycle(entity)
        created = old.entity.created if old is not None else self._now
        stored = msgspec.structs.replace(entity, revision=entity.revision + 1, created=created, modified=self._now)
        row = _row(stored)
        self.state.put(row)
        self._changed(ChangeType.PUT, row)
        return stored

    def delete(self, id: Id, revision: int | None = None) -> None:
        row = self.state.rows.get(id)
        if row is None:
            raise rules.missing(id) if revision is None else Conflict(id, revision, None)
        if revision is not None and revision != row.entity.revision:
            raise Conflict(id, revision, row.entity.revision)
        if isinstance(row.entity, Directory):
            self._check_empty(row.entity)
        for owned in self.state.owned(id):
            self._changed(ChangeType.DELETE, self.state.remove(owned))

    def allocate(self, target: Id, name: str, amount: int | float, holder: Id) -> int | float:
        rules.check_amount(amount)
        row = self.state.rows.get(target)
        if row is None:
            raise rules.missing(target)
        left = rules.capacity(row.entity, name) - self.state.allocated(target, name)
        if amount > left:
            raise CapacityExceeded(target, name, amount, left)
        self.state.allocate(target, name, amount, holder)
        return left - amount

    def release(self, holder: Id) -> None:
        self.state.release(holder)

    def claim(self, space: str, key: str, holder: Id) -> None:
        holds = self.claims(space).get(key)
        if holds not in (None, holder):
            raise Claimed(space, key, holds)
        self.state.claim(space, key, holder)

    def unclaim(self, space: str, key: str, holder: Id) -> None:
        if self.claims(space).get(key) == holder:
            self.state.unclaim(space, key, holder)

    def topics(self) -> list[str]:
        return sorted({*super().topics(), *(record.topic for record in self.records)})

    def append(self, topic: str, key: str, body: Value, *, subject: str = "", time: int | None = None) -> Record | None:
        rules.check_body(body)
        if (topic, key) in self._keys or self._journals.has(topic, key):
            return None
        self.state.recorded += 1
        kept = codec.messagepack.unpack_value(codec.pack(body))
        record = Record(self.state.recorded, topic, key, self._now if time is None else time, kept, subject)
        self._keys.add((topic, key))
        self.records.append(record)
        return record

    def trim(
        self,
        topic: str,
        *,
        subject: str | None = None,
        until: int | None = None,
        before: int | None = None,
        keep: int = 0,
        limit: int = 10_000,
    ) -> Trimmed:
        chosen = [
            record.position
            for record in self._all(topic, subject)
            if (until is None or record.position <= until) and (before is None or record.time < before)
        ]
        chosen = chosen[: max(len(chosen) - keep, 0)][:limit]
        gone = {position for position in chosen if position < self.state.recorded}
        self.records = [record for record in self.records if record.position not in gone]
        self._keys = {(record.topic, record.key) for record in self.records}
        self._journals = self.kept_journals = self._journals.without(gone)
        return Trimmed(len(gone), max(gone, default=0))

    def journal(
        self, topic: str, *, subject: str | None = None, after: int = 0, limit: int = 1000, newest: bool = False
    ) -> list[Record]:
        own = Journals()
        own.extend(self._journals.select(topic, subject, after, self.state.recorded, limit, newest))
        own.extend([record for record in self.records if record.topic == topic])
        return own.select(topic, subject, after, self.state.recorded, limit, newest)

    def _changed(self, type: ChangeType, row: Row) -> None:
        self.state.position += 1
        entity = row.entity
        change = Change(self.state.position, type, entity.id, row.kind, entity.revision, entity.directory)
        self.changes.append(change)

    def _check_cycle(self, entity: Entity) -> None:
        ancestor = getattr(entity, "parent", None)
        while ancestor is not None:
            if ancestor == entity.id:
                raise rules.cycle(entity)
            ancestor = getattr(self.state.rows[ancestor].entity, "parent", None)

    def _check_empty(self, directory: Directory) -> None:
        for inside in self.state.in_directory(rules.path_of(directory)):
            raise rules.not_empty(directory, inside.name or inside.id)


class MemoryStore:
    """A `Store` without a disk. `clock` gives Unix nanoseconds, `keep_changes` is what feeds can go back."""

    def __init__(self, *, clock: Callable[[], int] = time.time_ns, keep_changes: int = 100_000) -> None:
        self._clock = clock
        self._state = State()
        self._journals = Journals()
        self._log = ChangeLog(keep_changes)
        self._blobs: dict[str, bytes] = {}
        self._writing = threading.Lock()
        self._writer: int | None = None
        self._bell = Bell(0)
        self._listeners = Listeners()
        self._closed = False

    @contextmanager
    def read(self) -> Iterator[StateReader]:
        self._check_open()
        yield StateReader(self._state, self._journals)

    @contextmanager
    def write(self) -> Iterator[StateTransaction]:
        self._check_open()
        if self._writer == threading.get_ident():
            raise StoreError("this thread is in a transaction already", "use that one")
        with self._writing:
            self._writer = threading.get_ident()
            try:
                transaction = StateTransaction(self._state.copy(), self._journals, self._clock())
                yield transaction
                self._check_open()
                self._commit(transaction)
            finally:
                self._writer = None
        if transaction.changes:
            self._bell.ring(transaction.state.position)
        self._listeners.call(transaction.changes)

    def watch(self, after: int | None = None) -> Feed:
        self._check_open()
        position = self._bell.position if after is None else after
        self._log.check(position)
        return Feed(self._bell, self._log.read, position)

    def on_commit(self, listener: Listener) -> Callable[[], None]:
        return self._listeners.add(listener)

    def put_blob(self, content: BinaryIO | bytes) -> str:
        self._check_open()
        data = content if isinstance(content, bytes) else b"".join(iter(lambda: content.read(1 << 20), b""))
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self._blobs[digest] = data
        return digest

    def open_blob(self, digest: str) -> BinaryIO:
        self._check_open()
        if digest not in self._blobs:
            raise rules.missing_blob(digest)
        return io.BytesIO(self._blobs[digest])

    def delete_blob(self, digest: str) -> None:
        self._check_open()
        if self._blobs.pop(digest, None) is None:
            raise rules.missing_blob(digest)

    def blobs(self) -> list[str]:
        self._check_open()
        return sorted(self._blobs)

    def backup(self, file: Path) -> None:
        self._check_open()
        with self._writing:
            content = backups.take(self._state, self._journals.all(), dict(self._blobs))
        backups.write(file, content)

    @classmethod
    def restored(cls, file: Path) -> "MemoryStore":
        """Return a store with what `backup` wrote. Raises `StoreError`."""
        content = backups.read(file)
        store = cls()
        store._state = content.state()
        store._journals.extend(content.records)
        store._blobs = dict(content.blobs)
        store._log = ChangeLog(100_000, content.position)
        store._bell = Bell(content.position)
        return store

    def rest(self) -> None:
        """There is nothing to free."""

    def close(self) -> None:
        self._closed = True
        self._bell.close()

    def _commit(self, transaction: StateTransaction) -> None:
        if transaction.kept_journals is not None:  # readers go on with what they see
            self._journals = transaction.kept_journals
        self._journals.extend(transaction.records)
        self._log.extend(transaction.changes)
        self._state = transaction.state

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")


def _row(entity: Entity) -> Row:
    try:
        return Row(entity)
    except (TypeError, ValueError, OverflowError) as error:
        raise StoreError(f"{entity.name or entity.id}: {error}") from None
