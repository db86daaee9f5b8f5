"""The agent's own memory: what it was asked to do, every effect, the workloads it knows, what it has yet to tell.

It survives ``kill -9`` of the agent (SQLite in WAL mode; a loss of power may lose the last moments, in which case the
operations are asked for again and drivers' verbs are idempotent).
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import msgspec

from floria.store.sqlite import failures
from khutulun.agent import messages

SCHEMA_VERSION = 1
KEEP_OPERATIONS = 2000
FORGET_AT_ONCE = 50
"""Operations that are forgotten together: to find the oldest ones costs as much for one as for many."""

_SCHEMA = f"""
CREATE TABLE operation (id TEXT PRIMARY KEY, answer BLOB, started INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX operation_started ON operation (started) WHERE answer IS NOT NULL;
CREATE TABLE effect (id TEXT PRIMARY KEY, operation TEXT NOT NULL, number INTEGER NOT NULL, intent BLOB NOT NULL,
                     outcome BLOB);
CREATE INDEX effect_operation ON effect (operation, number);
CREATE TABLE workload (entity TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE outbox (number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, body BLOB NOT NULL);
PRAGMA user_version = {SCHEMA_VERSION};
"""

_TABLES = {"operation", "effect", "workload", "outbox"}

_FULL = ("the disk is full", "free some space")
_REASONS = (
    (apsw.FullError, *_FULL),
    (apsw.ReadOnlyError, "it cannot be written", "check the permissions of the file and its folder"),
    (apsw.CantOpenError, "it cannot be opened", "check the permissions of the file and its folder"),
    (apsw.BusyError, "another process holds it locked", "end that process"),
)
_OTHERS = "restore it from a backup, or move it away: workloads go on, but what happened to them meanwhile is not told"


class BadState(Exception):
    """The file of the journal cannot be used; `hint` says what to do."""

    def __init__(self, file: Path, why: str, hint: str = _OTHERS) -> None:
        super().__init__(f"{file}: {why}")
        self.hint = hint


class Journal:
    """Thread-safe; every method is one transaction. Each raises `BadState` when the file cannot be used."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._ended = 0
        try:
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = apsw.Connection(str(file))
        except (OSError, apsw.Error) as error:
            raise _bad(file, error) from None
        try:
            self._prepare(file)
        except BadState:
            self._connection.close()
            raise

    def _prepare(self, file: Path) -> None:
        """Check whose file it is before anything is written. Raises `BadState`."""
        with self._told():
            self._connection.set_busy_timeout(10_000)
        version = self._execute("PRAGMA user_version")[0][0]
        if version > SCHEMA_VERSION:
            why = f"it has format {version}, and this version of Khutulun knows formats up to {SCHEMA_VERSION}"
            raise BadState(file, why, "upgrade Khutulun, or start the version that wrote it")
        tables = {row[0] for row in self._execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if tables and (version == 0 or not tables >= _TABLES):
            raise BadState(file, "it is not an agent's memory")
        if (damage := self._execute("PRAGMA quick_check(1)")[0][0]) != "ok":
            raise BadState(file, f"it is damaged ({damage})")
        self._execute("PRAGMA journal_mode = WAL")
        self._execute("PRAGMA synchronous = NORMAL")
        if version == 0:
            self._execute(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT")

    def begin(self, operation: str) -> messages.Operated | None:
        """Note that an operation starts, or return its answer when it has ended before."""
        insert = "INSERT INTO operation (id, started) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id"
        if self._execute(insert, operation, time.time_ns()):
            return None
        answer = self._execute("SELECT answer FROM operation WHERE id = ?", operation)[0][0]
        return msgspec.msgpack.decode(answer, type=messages.Operated) if answer is not None else None

    def end(self, operation: str, answer: messages.Operated) -> None:
        """Record an operation's answer; its effects are in it, so their own rows go."""
        with self._lock, self._told(), self._connection:
            self._connection.execute(
                "UPDATE operation SET answer = ? WHERE id = ?", (msgspec.msgpack.encode(answer), operation)
            )
            self._connection.execute("DELETE FROM effect WHERE operation = ?", (operation,))
            if self._ended % FORGET_AT_ONCE == 0:
                self._connection.execute(
                    "DELETE FROM operation WHERE id IN (SELECT id FROM operation WHERE answer IS NOT NULL"
                    " ORDER BY started DESC LIMIT -1 OFFSET ?)",
                    (KEEP_OPERATIONS,),
                )
            self._ended += 1

    def intend(
        self, effect: str, operation: str, intent: bytes, looked: Sequence[tuple[str, bytes, bytes]] = ()
    ) -> None:
        """Record that an effect is about to happen, and first what was looked at before: (id, intent, outcome)."""
        with self._lock, self._told(), self._connection:
            rows = [*looked, (effect, intent, None)]
            last = self._connection.execute("SELECT count(*) FROM effect WHERE operation = ?", (operation,)).get
            self._connection.executemany(
                "INSERT OR IGNORE INTO effect (id, operation, number, intent, outcome) VALUES (?, ?, ?, ?, ?)",
                [(id, operation, last + number, before, after) for number, (id, before, after) in enumerate(rows)],
            )

    def outcome(self, effect: str, outcome: bytes) -> None:
        """Record what an effect came to."""
        self._execute("UPDATE effect SET outcome = ? WHERE id = ?", outcome, effect)

    def effects(self, operation: str) -> list[tuple[str, bytes, bytes | None]]:
        """Return (id, intent, outcome or None) of an operation's effects, in order."""
        rows = self._execute("SELECT id, intent, outcome FROM effect WHERE operation = ? ORDER BY number", operation)
        return [(row[0], row[1], row[2]) for row in rows]

    def attend(self, attend: messages.Attend) -> None:
        self._execute(
            "INSERT OR REPLACE INTO workload VALUES (?, ?)", attend.workload.entity, msgspec.msgpack.encode(attend)
        )

    def forget(self, entity: str) -> None:
        self._execute("DELETE FROM workload WHERE entity = ?", entity)

    def workloads(self) -> list[messages.Attend]:
        return [
            msgspec.msgpack.decode(row[0], type=messages.Attend) for row in self._execute("SELECT body FROM workload")
        ]

    def post(self, happened: messages.Happened) -> bool:
        """Keep an event until it is told; False when it was kept before."""
        body = msgspec.msgpack.encode(happened)
        return bool(
            self._execute("INSERT OR IGNORE INTO outbox (id, body) VALUES (?, ?) RETURNING number", happened.id, body)
        )

    def told(self, id: str) -> None:
        self._execute("DELETE FROM outbox WHERE id = ?", id)

    def untold(self) -> list[messages.Happened]:
        """Return the events that the conductor does not have yet, oldest first."""
        return [
            msgspec.msgpack.decode(row[0], type=messages.Happened)
            for row in self._execute("SELECT body FROM outbox ORDER BY number LIMIT 10000")
        ]

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _execute(self, statement: str, *bindings: Any) -> list[tuple[Any, ...]]:
        """Raises `BadState`."""
        with self._lock, self._told():
            return list(self._connection.execute(statement, bindings or None))

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            raise _bad(self._file, error) from None


def _bad(file: Path, error: apsw.Error | OSError) -> BadState:
    if isinstance(error, OSError | apsw.IOError) and failures.is_full(file.parent):
        return BadState(file, *_FULL)
    if isinstance(error, OSError):
        return BadState(file, error.strerror or str(error), "check the permissions of the file and its folder")
    for kind, why, hint in _REASONS:
        if isinstance(error, kind):
            return BadState(file, why, hint)
    return BadState(file, f"it cannot be used ({error})")
