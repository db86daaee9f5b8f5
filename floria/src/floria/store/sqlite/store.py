"""The SQLite store: one file (and its blobs beside it), durable, for one process that writes and any that read."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import apsw

from floria.codec import messagepack
from floria.entities import Kind
from floria.ids import Id
from floria.store import feeds
from floria.store.feeds import Bell, Feed
from floria.store.interface import Change, ChangeType, StoreError
from floria.store.listeners import Listener, Listeners
from floria.store.sqlite import backups, connections, failures, schema
from floria.store.sqlite.blobs import BlobFolder
from floria.store.sqlite.durability import Durability, Log
from floria.store.sqlite.ownership import Ownership
from floria.store.sqlite.reading import SqliteReader
from floria.store.sqlite.transaction import SqliteTransaction


class _Reading:
    """A snapshot for the length of a ``with`` block."""

    __slots__ = ("_connection", "_path", "_pool", "_reader")

    def __init__(self, pool: connections.Pool, path: Path) -> None:
        self._pool = pool
        self._path = path

    def __enter__(self) -> SqliteReader:
        try:
            self._connection = self._pool.take()
            self._connection.execute("BEGIN")
        except apsw.Error as error:
            raise failures.explain(error, self._path) from error
        self._reader = SqliteReader(self._connection, self._path)
        return self._reader

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._reader.end()
        try:
            self._connection.execute("COMMIT")
        except apsw.Error as failed:
            self._connection.close()
            raise failures.explain(failed, self._path) from failed
        self._pool.give(self._connection)


class SqliteStore:
    """A `Store` in the file `path`, which is made when it is not there.

    `clock` gives Unix nanoseconds. Feeds can go back `keep_changes` changes. With `read_only`, another process may own
    the store; nothing can be written or watched. `statistics` says how commits shared syncs.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        clock: Callable[[], int] = time.time_ns,
        keep_changes: int = 200_000,
        read_only: bool = False,
    ) -> None:
        self.path = Path(path).absolute()
        self._clock = clock
        self._keep = keep_changes
        self._blobs = BlobFolder(self.path)
        self._pool = connections.Pool(self.path)
        self._listeners = Listeners()
        self._writing = threading.Lock()
        self._thread: int | None = None
        self._closed = False
        self._owned: _Owned | None = None
        with failures.explained(self.path):
            if read_only:
                self._open_for_reading()
            else:
                self._owned = _Owned(self.path)
        try:
            if not read_only:
                self._blobs.clean()
            with self.read() as reader:
                self._bell = Bell(reader.position())
        except BaseException:
            self._release()
            raise

    @property
    def statistics(self) -> dict[str, int]:
        """How many transactions were committed, and how many syncs of the log they took."""
        durability = self._owner().durability
        return {"commits": durability.commits, "syncs": durability.syncs}

    def read(self) -> _Reading:
        self._check_open()
        return _Reading(self._pool, self.path)

    @contextmanager
    def write(self) -> Iterator[SqliteTransaction]:
        owned = self._owner()
        if self._thread == threading.get_ident():
            raise StoreError("this thread is in a transaction already", "use that one")
        with self._writing:
            self._check_open()
            owned.durability.check()
            self._thread = threading.get_ident()
            try:
                with self._transaction(owned.connection) as transaction:
                    yield transaction
                ticket = owned.durability.committed()
            finally:
                self._thread = None
        owned.durability.wait(ticket)
        if transaction.changes:
            self._bell.ring(transaction.changes[-1].position)
        self._listeners.call(transaction.changes)

    def watch(self, after: int | None = None) -> Feed:
        self._owner()
        position = self._bell.position if after is None else after
        self._changes(position, 0)
        return Feed(self._bell, self._changes, position)

    def on_commit(self, listener: Listener) -> Callable[[], None]:
        return self._listeners.add(listener)

    def put_blob(self, content: BinaryIO | bytes) -> str:
        self._owner()
        return self._blobs.put(content)

    def open_blob(self, digest: str) -> BinaryIO:
        self._check_open()
        return self._blobs.open(digest)

    def delete_blob(self, digest: str) -> None:
        self._owner()
        self._blobs.delete(digest)

    def blobs(self) -> list[str]:
        self._check_open()
        return self._blobs.digests()

    def backup(self, file: Path) -> None:
        self._check_open()
        backups.write(self.path, self._blobs, Path(file).absolute())

    def rest(self) -> None:
        messagepack.forget()
        if not self._writing.acquire(blocking=False):
            return
        try:
            if not self._closed:
                self._pool.rest()
                if self._owned is not None:
                    self._owned.connection.release_memory()
        finally:
            self._writing.release()

    def close(self) -> None:
        with self._writing:
            if self._closed:
                return
            self._closed = True
            self._bell.close()
            self._release()

    def _release(self) -> None:
        self._pool.close()
        if self._owned is not None:
            self._owned.close()

    def _open_for_reading(self) -> None:
        if not self.path.exists():
            raise StoreError(f"{self.path}: there is no store", "check the path")
        connection = connections.connect(self.path, writable=False)
        found = schema.check(connection, self.path)
        if found < len(schema.MIGRATIONS):
            connection.close()
            raise StoreError(
                f"{self.path}: it was written by an older version (schema {found})",
                "open it once for writing, which brings it up to date",
            )
        self._pool.give(connection)

    @contextmanager
    def _transaction(self, connection: apsw.Connection) -> Iterator[SqliteTransaction]:
        with failures.explained(self.path):
            connection.execute("BEGIN IMMEDIATE")
        try:
            transaction = SqliteTransaction(connection, self.path, self._clock())
            yield transaction
            transaction.finish()
            with failures.explained(self.path):
                self._trim(connection, transaction.changes)
                connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _trim(self, connection: apsw.Connection, changes: Sequence[Change]) -> None:
        """Forget the oldest changes, now and then."""
        step = max(self._keep // 16, 1)
        if changes and changes[0].position // step != (changes[-1].position + 1) // step:
            connection.execute("DELETE FROM change WHERE position <= ?", (changes[-1].position - self._keep,))

    def _changes(self, after: int, limit: int) -> list[Change]:
        with self.read() as reader:
            bounds: Any = reader._run("SELECT coalesce(min(position), 1), coalesce(max(position), 0) FROM change", ())
            feeds.check_position(after, *bounds.fetchone())
            rows: Any = reader._run(
                "SELECT position, type, id, kind, revision, directory FROM change"
                " WHERE position > ? ORDER BY position LIMIT ?",
                (after, limit),
            )
            return [
                Change(position, ChangeType(type), Id(id), Kind(kind), revision, directory)
                for position, type, id, kind, revision, directory in rows
            ]

    def _owner(self) -> "_Owned":
        self._check_open()
        if self._owned is None:
            raise StoreError(f"{self.path}: it is open for reading only", "open it for writing")
        return self._owned

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")


class _Owned:
    """What only the process has that writes: the lock, the connection, the log."""

    def __init__(self, path: Path) -> None:
        self._ownership = Ownership(path)
        try:
            self.connection = connections.connect_for_writing(path)
            self._log = Log(path)
        except BaseException:
            self._ownership.release()
            raise
        self.durability = Durability(self._log.sync, path)

    def close(self) -> None:
        """Close the connection, which moves the log into the database, and let others own it."""
        try:
            self.durability.wait(self.durability.commits)
        finally:
            self.connection.close()
            self._log.close()
            self._ownership.release()
