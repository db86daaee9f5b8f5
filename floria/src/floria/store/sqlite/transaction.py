"""Writing a SQLite store: one transaction at a time, on the one connection that writes."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec

from floria import codec, entities, ids
from floria.entities import Directory, Edge, EdgeTemplate, Entity, Kind
from floria.ids import Id
from floria.store import rules
from floria.store.interface import (
    CapacityExceeded,
    Change,
    ChangeType,
    Claimed,
    Conflict,
    Query,
    Record,
    StoreError,
    Trimmed,
)
from floria.store.sqlite.reading import SqliteReader, about
from floria.values import Value


class SqliteTransaction(SqliteReader):
    """A `Transaction`. `finish` writes what is kept back until the end."""

    def __init__(self, connection: apsw.Connection, path: Path, now: int) -> None:
        super().__init__(connection, path)
        self._now = now
        self._next = self.position() + 1
        self._names: dict[tuple[str, str], int] = {}
        self._members: Counter[tuple[str, int]] = Counter()
        self.changes: list[Change] = []

    def query(self, query: Query) -> Iterator[Entity]:
        self._count_members()
        return iter(list(super().query(query)))

    def put(self, entity: Entity) -> Entity:
        old = self._row(entity.id) if ids.is_id(entity.id) else None
        rules.check(entity, old[1] if old is not None else None)
        found = old[1].revision if old is not None else None
        if entity.revision != (found or 0):
            raise Conflict(entity.id, entity.revision, found)
        owners = self._check_references(entity)
        if old is None:
            stored = msgspec.structs.replace(
                entity, revision=entity.revision + 1, created=self._now, modified=self._now
            )
            self._insert(stored, owners)
        else:
            key, before = old
            rules.check_kind(entity, entities.kind_of(before))
            if getattr(entity, "parent", None) != getattr(before, "parent", None):
                self._check_cycle(entity, key, owners)
            stored = msgspec.structs.replace(
                entity, revision=entity.revision + 1, created=before.created, modified=self._now
            )
            self._update(key, before, stored, owners)
        self._changed(ChangeType.PUT, stored)
        return stored

    def delete(self, id: Id, revision: int | None = None) -> None:
        old = self._row(id)
        if old is None:
            raise rules.missing(id) if revision is None else Conflict(id, revision, None)
        key, entity = old
        if revision is not None and revision != entity.revision:
            raise Conflict(id, revision, entity.revision)
        if isinstance(entity, Directory):
            self._check_empty(entity)
        for owned, body in self._run(_OWNED, (key,)).fetchall():
            self._remove(owned, codec.unpack(body))

    def allocate(self, target: Id, name: str, amount: int | float, holder: Id) -> int | float:
        rules.check_amount(amount)
        row = self._row(target)
        if row is None:
            raise rules.missing(target)
        key, entity = row
        left = rules.capacity(entity, name) - self.allocated(target, name)
        if amount > left:
            raise CapacityExceeded(target, name, amount, left)
        self._run(
            "INSERT INTO allocation (target, name, holder, amount) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
            (key, name, holder, amount),
        )
        return left - amount

    def release(self, holder: Id) -> None:
        self._run("DELETE FROM allocation WHERE holder = ?", (holder,))
        self._run("DELETE FROM claim WHERE holder = ?", (holder,))

    def claim(self, space: str, key: str, holder: Id) -> None:
        holds = self._one("SELECT holder FROM claim WHERE space = ? AND key = ?", (space, key))
        if holds is None:
            self._run("INSERT INTO claim (space, key, holder) VALUES (?, ?, ?)", (space, key, holder))
        elif holds != holder:
            raise Claimed(space, key, holds)

    def unclaim(self, space: str, key: str, holder: Id) -> None:
        self._run("DELETE FROM claim WHERE space = ? AND key = ? AND holder = ?", (space, key, holder))

    def append(self, topic: str, key: str, body: Value, *, subject: str = "", time: int | None = None) -> Record | None:
        rules.check_body(body)
        at = self._now if time is None else time
        added = self._one(
            "INSERT INTO journal (topic, key, time, subject, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING RETURNING position",
            (topic, key, at, subject, codec.pack(body)),
        )
        return None if added is None else Record(added, topic, key, at, body, subject)

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
        conditions, arguments = about(topic, subject)
        for condition, argument in (("position <= ?", until), ("time < ?", before)):
            if argument is not None:
                conditions, arguments = f"{conditions} AND {condition}", [*arguments, argument]
        if keep:
            sql = f"SELECT position FROM journal WHERE {conditions} ORDER BY position DESC LIMIT 1 OFFSET ?"
            if (last := self._one(sql, (*arguments, keep))) is None:
                return Trimmed(0)
            conditions, arguments = f"{conditions} AND position <= ?", [*arguments, last]
        chosen = f"SELECT position FROM journal WHERE {conditions} ORDER BY position LIMIT ?"
        sql = (
            f"DELETE FROM journal WHERE position IN ({chosen})"
            " AND position < (SELECT max(position) FROM journal) RETURNING position"
        )
        gone = [position for (position,) in self._run(sql, (*arguments, limit)).fetchall()]
        return Trimmed(len(gone), max(gone, default=0))

    def finish(self) -> None:
        """Write how many members classes and directories have; then the transaction can be committed, not used."""
        self._count_members()
        self.end()

    def _insert(self, entity: Entity, owners: dict[str, int]) -> None:
        self._run(
            "INSERT INTO entity (id, kind, directory, name, parent, template, revision, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (entity.id, entities.kind_of(entity).value, *self._columns(entity, owners)),
        )
        key = self._connection.last_insert_rowid()
        if isinstance(entity, Edge | EdgeTemplate):
            self._run("INSERT INTO edge VALUES (?, ?, ?)", (key, owners["source"], owners.get("target")))
        self._members["directory", self._key("directory", "path", entity.directory)] += 1
        self._add_classes(key, entity.id, set(entity.classes))

    def _update(self, key: int, before: Entity, entity: Entity, owners: dict[str, int]) -> None:
        self._run(
            "UPDATE entity SET directory = ?, name = ?, parent = ?, template = ?, revision = ?, body = ? WHERE k = ?",
            (*self._columns(entity, owners), key),
        )
        if isinstance(entity, Edge | EdgeTemplate):
            ends = (owners["source"], owners.get("target"), key)
            self._run("UPDATE edge SET source = ?, target = ? WHERE k = ?", ends)
        if before.directory != entity.directory:
            self._members["directory", self._key("directory", "path", before.directory)] -= 1
            self._members["directory", self._key("directory", "path", entity.directory)] += 1
        if before.classes != entity.classes:
            self._remove_classes(entity.id, set(before.classes) - set(entity.classes))
            self._add_classes(key, entity.id, set(entity.classes) - set(before.classes))

    def _remove(self, key: int, entity: Entity) -> None:
        self._remove_classes(entity.id, set(entity.classes))
        self._members["directory", self._key("directory", "path", entity.directory)] -= 1
        if isinstance(entity, Edge | EdgeTemplate):
            self._run("DELETE FROM edge WHERE k = ?", (key,))
        self._run("DELETE FROM allocation WHERE target = ?", (key,))
        self.release(entity.id)
        self._run("DELETE FROM entity WHERE k = ?", (key,))
        self._changed(ChangeType.DELETE, entity)

    def _columns(self, entity: Entity, owners: dict[str, int]) -> tuple[Any, ...]:
        return (
            self._key("directory", "path", entity.directory),
            entity.name,
            owners.get("parent"),
            getattr(entity, "template", None),
            entity.revision,
            _packed(entity),
        )

    def _add_classes(self, key: int, id: Id, names: set[str]) -> None:
        for name in names:
            class_key = self._key("class", "name", name)
            self._run("INSERT INTO entity_class (class, id, entity) VALUES (?, ?, ?)", (class_key, id, key))
            self._members["class", class_key] += 1

    def _remove_classes(self, id: Id, names: set[str]) -> None:
        for name in names:
            class_key = self._key("class", "name", name)
            self._run("DELETE FROM entity_class WHERE class = ? AND id = ?", (class_key, id))
            self._members["class", class_key] -= 1

    def _count_members(self) -> None:
        for (table, key), difference in self._members.items():
            self._run(f"UPDATE {table} SET members = members + ? WHERE k = ?", (difference, key))
        self._members.clear()

    def _changed(self, type: ChangeType, entity: Entity) -> None:
        self._known.pop(entity.id, None)
        change = Change(self._next, type, entity.id, entities.kind_of(entity), entity.revision, entity.directory)
        self._run(
            "INSERT INTO change (position, type, id, kind, revision, directory) VALUES (?, ?, ?, ?, ?, ?)",
            (change.position, type.value, change.id, change.kind.value, change.revision, change.directory),
        )
        self._next += 1
        self.changes.append(change)

    def _row(self, id: Id) -> tuple[int, Entity] | None:
        if (known := self._known.get(id)) is not None:
            return self._one("SELECT k FROM entity WHERE id = ?", (id,)), known
        row = self._run("SELECT k, body FROM entity WHERE id = ?", (id,)).fetchone()
        return None if row is None else (row[0], codec.unpack(row[1]))

    def _key(self, table: str, column: str, name: str) -> int:
        """Return the key of an interned name, which is written when it is new."""
        key = self._names.get((table, name))
        if key is None:
            key = self._one(f"SELECT k FROM {table} WHERE {column} = ?", (name,))
            if key is None:
                self._run(f"INSERT INTO {table} ({column}) VALUES (?)", (name,))
                key = self._connection.last_insert_rowid()
            self._names[table, name] = key
        return key

    def _check_references(self, entity: Entity) -> dict[str, int]:
        owners: dict[str, int] = {}
        for reference in rules.references(entity):
            row: Any = self._run("SELECT k, kind FROM entity WHERE id = ?", (reference.id,)).fetchone()
            rules.check_reference(entity, reference, None if row is None else Kind(row[1]))
            owners[reference.role] = row[0]
        return owners

    def _check_cycle(self, entity: Entity, key: int, owners: dict[str, int]) -> None:
        if "parent" in owners and self._one(_CONTAINED, (owners["parent"], key)) is not None:
            raise rules.cycle(entity)

    def _check_empty(self, directory: Directory) -> None:
        path = rules.path_of(directory)
        row: Any = self._run(_INSIDE, (path, path + "/", path + "0")).fetchone()
        if row is not None:
            raise rules.not_empty(directory, row[0] or row[1])


def _packed(entity: Entity) -> bytes:
    try:
        return codec.pack(entity)
    except (TypeError, ValueError, OverflowError) as error:
        raise StoreError(f"{entity.name or entity.id}: {error}") from None


_OWNED = """
WITH RECURSIVE owned(k) AS (
    SELECT ?
    UNION SELECT e.k FROM owned o CROSS JOIN entity e ON e.parent = o.k
    UNION SELECT edge.k FROM owned o CROSS JOIN edge ON edge.source = o.k
    UNION SELECT edge.k FROM owned o CROSS JOIN edge ON edge.target = o.k
)
SELECT k, body FROM owned JOIN entity USING (k) ORDER BY k DESC
"""
_CONTAINED = """
WITH RECURSIVE up(k) AS (SELECT ? UNION SELECT e.parent FROM up CROSS JOIN entity e ON e.k = up.k)
SELECT 1 FROM up WHERE k = ?
"""
_INSIDE = """
SELECT e.name, e.id FROM directory d JOIN entity e ON e.directory = d.k
WHERE d.path = ? OR (d.path > ? AND d.path < ?) LIMIT 1
"""
