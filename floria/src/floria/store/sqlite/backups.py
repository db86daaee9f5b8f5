"""One file that holds all of a store: a SQLite database with the blobs in a table of its own."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

import apsw

from floria.store.interface import StoreError
from floria.store.sqlite import connections, failures, schema
from floria.store.sqlite.blobs import CHUNK, BlobFolder
from floria.store.sqlite.ownership import Ownership

_BLOBS = """
CREATE TABLE blob (digest TEXT, part INTEGER, content BLOB NOT NULL, PRIMARY KEY (digest, part)) WITHOUT ROWID
"""


def write(database: Path, blobs: BlobFolder, file: Path) -> None:
    """Write a consistent copy of `database` and its blobs to `file`, atomically, while both are in use."""
    with (
        failures.explained(file),
        _partial(file) as partial,
        blobs.kept(),
        closing(connections.connect(partial, writable=True, create=True)) as target,
    ):
        with closing(connections.connect(database, writable=False)) as source, _copy(target, source) as copy:
            copy.step()
        target.pragma("journal_mode", "delete")
        target.execute("BEGIN")
        target.execute(_BLOBS)
        for digest in blobs.digests():
            for part, content in enumerate(_chunks(blobs, digest)):
                target.execute("INSERT INTO blob VALUES (?, ?, ?)", (digest, part, content))
        target.execute("COMMIT")


def restore(file: Path, database: Path, *, replace: bool) -> None:
    """Make the store at `database` from a backup. Nothing is changed unless all of it can be. Raises `StoreError`."""
    if not file.exists():
        raise StoreError(f"{file}: there is no such backup", "check the path")
    if database.exists() and not replace:
        raise StoreError(f"{database}: a store is there already", "use --replace to put the backup in its place")
    owner = Ownership(database)
    try:
        with failures.explained(file), _partial(database) as partial:
            _copy_file(file, partial)
            with closing(connections.connect(partial, writable=True)) as connection:
                _check(connection, file)
                kept = _extract(connection, BlobFolder(database))
                connection.execute("DROP TABLE blob")
                connection.execute("VACUUM")
            _retire(database)
        _prune(BlobFolder(database), kept)
    finally:
        owner.release()


@contextmanager
def _partial(file: Path) -> Iterator[Path]:
    """Give a path to write to; what was written there becomes `file` when nothing failed."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        yield partial
        _sync(partial)
        partial.replace(file)
        _sync(file.parent)
    finally:
        for leftover in (partial, partial.with_name(partial.name + "-journal")):
            with suppress(FileNotFoundError):
                leftover.unlink()


def _copy(target: apsw.Connection, source: apsw.Connection) -> apsw.Backup:
    return target.backup("main", source, "main")


def _chunks(blobs: BlobFolder, digest: str) -> Iterator[bytes]:
    with blobs.open(digest) as content:
        yield content.read(CHUNK)
        while chunk := content.read(CHUNK):
            yield chunk


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := reading.read(CHUNK):
            writing.write(chunk)


def _check(connection: apsw.Connection, file: Path) -> None:
    if schema.check(connection, file) == 0 or not connection.table_exists("main", "blob"):
        raise StoreError(f"{file}: it is not a backup of a Floria store", "give a file that floria backup wrote")
    problem: Any = connection.execute("PRAGMA quick_check(1)").get
    if problem != "ok":
        raise StoreError(f"{file}: it is damaged ({problem})", "restore another backup")


def _extract(connection: apsw.Connection, blobs: BlobFolder) -> set[str]:
    """Write the blobs of a backup; when one is damaged, take them all away again. Return their digests."""
    before = set(blobs.digests())
    wanted: set[str] = {str(digest) for (digest,) in connection.execute("SELECT DISTINCT digest FROM blob")}
    try:
        for digest in sorted(wanted):
            found = blobs.put(cast("BinaryIO", _BlobRows(connection, digest)))
            if found != digest:
                raise StoreError(f"the blob {digest} in the backup is damaged", "restore another backup")
    except BaseException:
        _prune(blobs, before)
        raise
    return wanted


class _BlobRows:
    """Reads the parts of one blob in a backup, one at a time."""

    def __init__(self, connection: apsw.Connection, digest: str) -> None:
        self._rows: Any = connection.execute("SELECT content FROM blob WHERE digest = ? ORDER BY part", (digest,))

    def read(self, size: int = -1) -> bytes:
        """Return the next part, empty at the end; parts are no larger than `CHUNK`."""
        row = self._rows.fetchone()
        return b"" if row is None else cast("bytes", row[0])


def _retire(database: Path) -> None:
    """Make the store that is replaced one file, so that no log of it is taken for the new one's."""
    if not database.exists():
        return
    with suppress(apsw.Error), closing(connections.connect(database, writable=True)) as old:
        old.pragma("wal_checkpoint(truncate)")
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def _prune(blobs: BlobFolder, kept: set[str]) -> None:
    for digest in blobs.digests():
        if digest not in kept:
            blobs.delete(digest)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
