"""The tables of a SQLite store and how older ones become newer ones.

`MIGRATIONS` holds one script per version: to change the schema, append one. A file carries its version in
``user_version`` and says what it is in ``application_id``.
"""

from collections.abc import Sequence
from pathlib import Path

import apsw

from floria.store.interface import StoreError

APPLICATION = 0x464C5241  # "FLRA"

_FIRST = """
-- members: how many entities there are, so that a query begins with the smallest set
CREATE TABLE directory (k INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, members INTEGER NOT NULL DEFAULT 0);
CREATE TABLE class (k INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, members INTEGER NOT NULL DEFAULT 0);

-- parent: the k of what contains it; body: the entity as MessagePack
CREATE TABLE entity (
    k INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    directory INTEGER NOT NULL REFERENCES directory,
    name TEXT NOT NULL,
    parent INTEGER REFERENCES entity,
    template TEXT,
    revision INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX entity_kind ON entity (kind, id);
CREATE INDEX entity_directory ON entity (directory, id);
CREATE INDEX entity_name ON entity (name, id);
CREATE INDEX entity_parent ON entity (parent, id) WHERE parent IS NOT NULL;
CREATE INDEX entity_template ON entity (template, id) WHERE template IS NOT NULL;

-- edges, and edge templates with their source
CREATE TABLE edge (k INTEGER PRIMARY KEY REFERENCES entity, source INTEGER NOT NULL, target INTEGER);
CREATE INDEX edge_source ON edge (source, target);
CREATE INDEX edge_target ON edge (target, source) WHERE target IS NOT NULL;

-- a row for every class that an entity carries, ancestors included
CREATE TABLE entity_class (
    class INTEGER NOT NULL REFERENCES class,
    id TEXT NOT NULL,
    entity INTEGER NOT NULL REFERENCES entity,
    PRIMARY KEY (class, id)
) WITHOUT ROWID;

-- amount has no type, so that integers and floats stay what they are
CREATE TABLE allocation (
    target INTEGER NOT NULL REFERENCES entity,
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    amount NOT NULL,
    PRIMARY KEY (target, name, holder)
) WITHOUT ROWID;
CREATE INDEX allocation_holder ON allocation (holder);

CREATE TABLE claim (
    space TEXT NOT NULL,
    key TEXT NOT NULL,
    holder TEXT NOT NULL,
    PRIMARY KEY (space, key)
) WITHOUT ROWID;
CREATE INDEX claim_holder ON claim (holder);

CREATE TABLE journal (
    position INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    time INTEGER NOT NULL,
    subject TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX journal_key ON journal (topic, key);
CREATE INDEX journal_topic ON journal (topic);
CREATE INDEX journal_subject ON journal (topic, subject);

-- written in the transaction that it tells of; the resume token of feeds
CREATE TABLE change (
    position INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    revision INTEGER NOT NULL,
    directory TEXT NOT NULL
);
"""

MIGRATIONS: tuple[str, ...] = (_FIRST,)


def version(connection: apsw.Connection, path: Path) -> int:
    """Return the schema version of a file, 0 when it is new. Raises `StoreError` when it is no Floria store."""
    found = connection.pragma("user_version")
    application = connection.pragma("application_id")
    if application != APPLICATION and (application or found or connection.pragma("schema_version")):
        raise StoreError(f"{path}: it is not a Floria store", "give another path, or move the file away")
    return int(found)


def check(connection: apsw.Connection, path: Path, steps: Sequence[str] = MIGRATIONS) -> int:
    """Return the schema version of a file. Raises `StoreError` when it is newer than this program."""
    found = version(connection, path)
    if found > len(steps):
        raise StoreError(
            f"{path}: it was written by a newer version of Floria (schema {found}; this one knows up to {len(steps)})",
            "upgrade this program, or restore a backup that was made by this version",
        )
    return found


def migrate(connection: apsw.Connection, path: Path, steps: Sequence[str] = MIGRATIONS) -> None:
    """Bring a file to the newest schema, in one transaction. Raises `StoreError`."""
    if check(connection, path, steps) == len(steps):
        return
    connection.execute("BEGIN EXCLUSIVE")
    try:
        for number in range(version(connection, path), len(steps)):
            connection.execute(steps[number])
        connection.pragma("application_id", APPLICATION)
        connection.pragma("user_version", len(steps))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
