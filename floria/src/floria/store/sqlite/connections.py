"""Connections to the database file, and the pool that readers take theirs from."""

import contextlib
import os
from collections import deque
from pathlib import Path

import apsw

from floria.store.interface import StoreError
from floria.store.sqlite import schema

OLDEST_SQLITE = (3, 51, 3)
IDLE_READERS = 4
BUSY_MILLISECONDS = 10_000
PRIVATE = 0o600


def connect(path: Path, *, writable: bool, create: bool = False) -> apsw.Connection:
    """Open a connection. One that is not writable may still keep the shared memory of the log beside the file.

    A file that is made is its user's alone, and so are the log and the shared memory, which SQLite makes alike: what
    a store holds is told by the roles of directories, not by the file system.
    """
    _check_library()
    if create:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE))
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, statementcachesize=200)
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    connection.pragma("cache_size", -8192 if writable else -4096)
    if not writable:
        connection.pragma("query_only", 1)
    return connection


def connect_for_writing(path: Path) -> apsw.Connection:
    """Open the one connection that writes, and bring the schema up to date.

    It leaves the sync of commits to `floria.store.sqlite.durability`. A file of others is not touched.
    """
    connection = connect(path, writable=True, create=True)
    try:
        schema.check(connection, path)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "normal")
        connection.pragma("journal_size_limit", 64 << 20)
        schema.migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


class Pool:
    """Idle connections for reading: each is used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[apsw.Connection] = deque()
        self._closed = False

    def take(self) -> apsw.Connection:
        """Return a connection that nobody else uses."""
        try:
            return self._idle.pop()
        except IndexError:
            return connect(self._path, writable=False)

    def give(self, connection: apsw.Connection) -> None:
        """Give a connection back."""
        if self._closed or len(self._idle) >= IDLE_READERS:
            connection.close()
        else:
            self._idle.append(connection)

    def rest(self) -> None:
        """Close the idle connections but one, which frees what it caches: each keeps its statements prepared."""
        idle: list[apsw.Connection] = []
        with contextlib.suppress(IndexError):
            while True:
                idle.append(self._idle.popleft())
        for connection in idle[:-1]:
            connection.close()
        for connection in idle[-1:]:
            connection.release_memory()
            self.give(connection)

    def close(self) -> None:
        """Close what is idle now, and the others when they are given back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()


def _check_library() -> None:
    found = tuple(map(int, apsw.sqlite_lib_version().split(".")))
    if found < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise StoreError(
            f"SQLite {apsw.sqlite_lib_version()} has defects that lose data; {wanted} or newer is needed",
            f"install a newer apsw: pip install 'apsw>={wanted}'",
        )
