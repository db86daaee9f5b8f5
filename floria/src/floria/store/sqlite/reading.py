"""Reading a SQLite store through one connection, which holds a snapshot or a transaction."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import apsw

from floria import codec
from floria.codec import messagepack
from floria.entities import Entity
from floria.ids import Id
from floria.store import predicates
from floria.store.interface import Allocation, Extent, Query, Record, Step, StoreError
from floria.store.sqlite import failures, selecting

KNOWN = 128
"""Entities that a reader keeps as it has read them first: they are as they were, as long as it is there."""


class SqliteReader:
    """The `Reader` of a connection."""

    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._cursors: set[apsw.Cursor] = set()
        self._known: dict[Id, Entity] = {}
        self._ended = False

    def get(self, id: Id) -> Entity | None:
        if (known := self._known.get(id)) is not None:
            return known
        for row in self._run("SELECT body FROM entity WHERE id = ?", (id,)):
            return self._decoded(row[0])
        return None

    def get_many(self, ids: Sequence[Id]) -> list[Entity | None]:
        return [self.get(id) for id in ids]

    def query(self, query: Query) -> Iterator[Entity]:
        classes = self._class_sizes(query.classes)
        if len(classes) < len(set(query.classes)) or query.limit == 0:
            return iter(())
        statement = selecting.query(query, classes, self._directory_size(query))
        found = self._stream(*statement)
        if query.where:
            found = (entity for entity in found if predicates.hold(query.where, getattr(entity, "properties", {})))
            return islice(found, query.limit)
        return found

    def path(self, start: Sequence[Id], steps: Sequence[Step]) -> list[Id]:
        names = sorted({name for step in steps for name in step.classes})
        classes = self._classes(names)
        reached = list(start)
        for part in _parts(steps):
            rows = self._run(*selecting.path(reached, part, classes)).fetchall()
            where = part[-1].where if part else ()
            reached = [Id(id) for id, body in rows if not where or _holds(where, body)]
        return reached

    def allocated(self, target: Id, name: str) -> int | float:
        sql = (
            "SELECT coalesce(sum(amount), 0) FROM allocation"
            " WHERE target = (SELECT k FROM entity WHERE id = ?) AND name = ?"
        )
        total: int | float = self._one(sql, (target, name))
        return total

    def allocations(self) -> list[Allocation]:
        sql = (
            "SELECT e.id, a.name, a.holder, a.amount FROM allocation a JOIN entity e ON e.k = a.target"
            " ORDER BY e.id, a.name, a.holder"
        )
        return [Allocation(*row) for row in self._run(sql, ()).fetchall()]

    def spaces(self) -> list[str]:
        return [space for (space,) in self._run("SELECT DISTINCT space FROM claim ORDER BY space", ()).fetchall()]

    def topics(self) -> list[str]:
        return [topic for (topic,) in self._run("SELECT DISTINCT topic FROM journal ORDER BY topic", ()).fetchall()]

    def subjects(self, topic: str) -> list[str]:
        rows = self._run("SELECT DISTINCT subject FROM journal WHERE topic = ? ORDER BY subject", (topic,))
        return [subject for (subject,) in rows.fetchall()]

    def extent(self, topic: str, *, subject: str | None = None) -> Extent | None:
        conditions, arguments = about(topic, subject)
        sql = f"SELECT count(*), min(position) FROM journal WHERE {conditions}"
        count, first = self._run(sql, arguments).fetchone()
        return Extent(count, self._one("SELECT time FROM journal WHERE position = ?", (first,))) if count else None

    def claims(self, space: str) -> dict[str, Id]:
        return dict(self._run("SELECT key, holder FROM claim WHERE space = ? ORDER BY key", (space,)).fetchall())

    def journal(
        self, topic: str, *, subject: str | None = None, after: int = 0, limit: int = 1000, newest: bool = False
    ) -> list[Record]:
        conditions, arguments = about(topic, subject)
        direction = "DESC" if newest else "ASC"
        sql = (
            "SELECT position, topic, key, time, body, subject FROM journal"
            f" WHERE {conditions} AND position > ? ORDER BY position {direction} LIMIT ?"
        )
        rows = self._run(sql, (*arguments, after, limit)).fetchall()
        return [_record(row) for row in (reversed(rows) if newest else rows)]

    def position(self) -> int:
        position: int = self._one("SELECT coalesce(max(position), 0) FROM change", ())
        return position

    def end(self) -> None:
        """Close what is still being read; the reader cannot be used any more."""
        self._ended = True
        for cursor in self._cursors:
            cursor.close(True)
        self._cursors.clear()
        self._known.clear()

    def _decoded(self, body: bytes) -> Entity:
        entity = codec.unpack(body)
        if len(self._known) < KNOWN:
            self._known[entity.id] = entity
        return entity

    def _run(self, sql: str, arguments: Sequence[object]) -> Any:
        if self._ended:
            raise StoreError("the reader was used after its end", "use it inside its with block")
        try:
            return self._connection.execute(sql, arguments)
        except apsw.Error as error:
            raise failures.explain(error, self._path) from error

    def _one(self, sql: str, arguments: Sequence[object]) -> Any:
        row = self._run(sql, arguments).fetchone()
        return None if row is None else row[0]

    def _stream(self, sql: str, arguments: Sequence[object]) -> Iterator[Entity]:
        cursor = self._run(sql, arguments)
        self._cursors.add(cursor)
        return self._entities(cursor)

    def _entities(self, cursor: Any) -> Iterator[Entity]:
        while True:
            if self._ended:
                raise StoreError("the reader was used after its end", "use it inside its with block")
            try:
                row = cursor.fetchone()
            except apsw.Error as error:
                raise failures.explain(error, self._path) from error
            if row is None:
                self._cursors.discard(cursor)
                return
            yield self._decoded(row[0])

    def _class_sizes(self, names: Sequence[str]) -> list[tuple[int, int]]:
        """Return the number of members and the key of classes, smallest first; unknown ones are left out."""
        return sorted(
            row
            for name in dict.fromkeys(names)
            for row in self._run("SELECT members, k FROM class WHERE name = ?", (name,)).fetchall()
        )

    def _directory_size(self, query: Query) -> int | None:
        """Return how many entities are in the directory of a query, None when it does not begin there."""
        if query.directory is None or (query.recursive and query.directory == "/") or selecting.is_near(query):
            return None
        conditions, arguments = selecting.directory(query.directory, query.recursive)
        size: int = self._one(f"SELECT coalesce(sum(members), 0) FROM directory d WHERE {conditions}", arguments)
        return size

    def _classes(self, names: Sequence[str]) -> dict[str, int]:
        keys = {name: self._one("SELECT k FROM class WHERE name = ?", (name,)) for name in names}
        return {name: key for name, key in keys.items() if key is not None}


def about(topic: str, subject: str | None) -> tuple[str, list[Any]]:
    """Return the condition, and its arguments, of records of a topic that are about a subject or what is below it."""
    if subject is None:
        return "topic = ?", [topic]
    return "topic = ? AND (subject = ? OR (subject >= ? AND subject < ?))", [
        topic,
        subject,
        subject + "/",
        subject + "0",
    ]


def _parts(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """Cut a path into what one statement can follow: up to a step that looks at properties."""
    part: list[Step] = []
    for step in steps:
        part.append(step)
        if step.where or len(part) == selecting.STEPS_AT_ONCE:
            yield part
            part = []
    if part or not steps:
        yield part


def _holds(where: Sequence[Any], body: bytes) -> bool:
    return predicates.hold(where, getattr(codec.unpack(body), "properties", {}))


def _record(row: Sequence[Any]) -> Record:
    position, topic, key, time, body, subject = row
    return Record(position, topic, key, time, messagepack.unpack_value(body), subject)
