"""The store interface: what every backend provides and the conformance suite checks.

Synchronous and thread-safe. A transaction sees its own writes; nothing of it is visible to others before it commits.
When ``commit`` returns, the transaction survives ``kill -9`` and loss of power.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path as FilePath
from typing import BinaryIO, Protocol

import msgspec

from floria.entities import Entity, Kind
from floria.ids import Id
from floria.values import Value


class StoreError(Exception):
    """A store refuses or fails; the message says what, the hint what to do."""

    hint: str = ""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        if hint:
            self.hint = hint


class Conflict(StoreError):
    """An entity has another revision than the one the write was based on."""

    hint = "read it again and repeat the change"

    def __init__(self, id: Id, expected: int, found: int | None) -> None:
        super().__init__(f"{id} is at revision {found}, not {expected}: it was changed or deleted meanwhile")
        self.id, self.expected, self.found = id, expected, found


class NotFound(StoreError):
    """There is no such entity or blob."""


class CapacityExceeded(StoreError):
    """An allocation asks for more than is left."""

    hint = "free some of the capacity, add more, or ask for less"

    def __init__(self, target: Id, name: str, asked: int | float, left: int | float) -> None:
        super().__init__(f"{name} of {target}: {asked} asked, {left} left")
        self.target, self.name, self.asked, self.left = target, name, asked, left


class Claimed(StoreError):
    """Somebody else holds the claim."""

    hint = "choose another, or release it at its holder"

    def __init__(self, space: str, key: str, holder: Id) -> None:
        super().__init__(f"{key} in {space} is held by {holder}")
        self.space, self.key, self.holder = space, key, holder


class Operator(StrEnum):
    """How a predicate compares a property's value with a literal."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    EXISTS = "exists"
    CONTAINS = "contains"


class Predicate(msgspec.Struct, frozen=True):
    """True of entities whose property `name` compares so; false where it is unset. ``EXISTS`` ignores `value`.

    Values of different types are unequal and have no order; integers and floats compare as numbers.
    """

    name: str
    operator: Operator
    value: Value = None


class Query(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Selects entities; all given conditions hold. Results are in order of id.

    `directory` with `recursive` includes everything below it. `within` is any ancestor by containment.
    `after` is the last id of the page before.
    """

    kinds: tuple[Kind, ...] = ()
    classes: tuple[str, ...] = ()
    directory: str | None = None
    recursive: bool = True
    name: str | None = None
    parent: Id | None = None
    within: Id | None = None
    template: Id | None = None
    where: tuple[Predicate, ...] = ()
    after: Id | None = None
    limit: int | None = None


class Axis(StrEnum):
    """Where a step of a path leads from an entity."""

    OUT = "out"  # vertex -> its edges, as source
    IN = "in"  # vertex -> its edges, as target
    SOURCE = "source"  # edge -> vertex
    TARGET = "target"  # edge -> vertex
    PARENT = "parent"
    CHILDREN = "children"
    ANCESTORS = "ancestors"
    DESCENDANTS = "descendants"


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a path expression: along `axis` to the entities that fit."""

    axis: Axis
    name: str | None = None
    classes: tuple[str, ...] = ()
    where: tuple[Predicate, ...] = ()


class Record(msgspec.Struct, frozen=True):
    """An entry of a durable journal. `position` grows within the store, `key` is unique within the topic."""

    position: int
    topic: str
    key: str
    time: int
    body: Value
    subject: str = ""


class Extent(msgspec.Struct, frozen=True):
    """What a journal holds of a subject: how many records, and the time of the first one."""

    count: int
    oldest: int


class Trimmed(msgspec.Struct, frozen=True):
    """What was forgotten: how many records, and the last one's position (0: none)."""

    count: int
    position: int = 0


class Allocation(msgspec.Struct, frozen=True):
    """What a holder has of a capacity."""

    target: Id
    name: str
    holder: Id
    amount: int | float


class ChangeType(StrEnum):
    """What happened to an entity."""

    PUT = "put"
    DELETE = "delete"


class Change(msgspec.Struct, frozen=True):
    """A committed change; `position` is the token to resume from."""

    position: int
    type: ChangeType
    id: Id
    kind: Kind
    revision: int
    directory: str = "/"


class Reader(Protocol):
    """A consistent view."""

    def get(self, id: Id) -> Entity | None: ...
    def get_many(self, ids: Sequence[Id]) -> list[Entity | None]: ...
    def query(self, query: Query) -> Iterator[Entity]:
        """Yield the selected entities, as they are asked for: use it up inside the ``with`` block."""
        ...

    def path(self, start: Sequence[Id], steps: Sequence[Step]) -> list[Id]:
        """Return the ids reached from `start`, each once, in order of id."""
        ...

    def allocated(self, target: Id, name: str) -> int | float:
        """Return the sum that edges have taken of a capacity."""
        ...

    def allocations(self) -> list[Allocation]:
        """Return everything that is allocated."""
        ...

    def claims(self, space: str) -> dict[str, Id]:
        """Return key to holder of every claim in `space`."""
        ...

    def spaces(self) -> list[str]:
        """Return the spaces that hold claims, in order."""
        ...

    def journal(
        self, topic: str, *, subject: str | None = None, after: int = 0, limit: int = 1000, newest: bool = False
    ) -> list[Record]:
        """Return records in order of position; `subject` selects it and everything below it (``a`` and ``a/…``).

        With `newest`, the last `limit` records, still in order of position.
        """
        ...

    def topics(self) -> list[str]:
        """Return the topics of the journals, in order."""
        ...

    def subjects(self, topic: str) -> list[str]:
        """Return the subjects of a topic, in order."""
        ...

    def extent(self, topic: str, *, subject: str | None = None) -> Extent | None:
        """Return what is kept of a topic and subject (and everything below it); None when that is nothing."""
        ...

    def position(self) -> int:
        """Return the position of the last change seen in this view."""
        ...


class Transaction(Reader, Protocol):
    """Reads and writes. Leaving the ``with`` block commits, an exception rolls back."""

    def put(self, entity: Entity) -> Entity:
        """Write `entity`, whose revision is the one it was read at (0: it is new). Return it as stored.

        The stored revision is one more; `created` and `modified` are set by the store. Raises `Conflict`, and
        `StoreError` when it is not well formed, when its parent or an end of it does not exist (write those first),
        or when it would contain itself.
        """
        ...

    def delete(self, id: Id, revision: int | None = None) -> None:
        """Delete an entity, with its children, their edges and its own edges; releases claims and allocations.

        Raises `NotFound`, `Conflict`, and `StoreError` for a directory that is not empty.
        """
        ...

    def allocate(self, target: Id, name: str, amount: int | float, holder: Id) -> int | float:
        """Take `amount` of the capacity in property `name` of `target` for `holder`; return what is left.

        Released when the holder is deleted. Raises `CapacityExceeded`.
        """
        ...

    def release(self, holder: Id) -> None:
        """Give back all allocations and claims of `holder`."""
        ...

    def claim(self, space: str, key: str, holder: Id) -> None:
        """Take what only one can have (a port of a host, a name). Claiming one's own again is no error.

        Raises `Claimed`.
        """
        ...

    def unclaim(self, space: str, key: str, holder: Id) -> None:
        """Give one claim back. What somebody else has, or nobody, stays as it is."""
        ...

    def append(self, topic: str, key: str, body: Value, *, subject: str = "", time: int | None = None) -> Record | None:
        """Write to a journal. None when `key` is there already: the thing was seen before.

        `time` is Unix nanoseconds; without it, now.
        """
        ...

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
        """Forget the oldest records of a topic, at most `limit`; call it again while it forgets as many.

        Of those that `subject` selects, up to the position `until` and from before the time `before`, the newest `keep`
        stay. The last record of a store always stays, so that no position comes twice.
        """
        ...


class Feed(Protocol):
    """Pushed changes, in order, beginning after the position it was opened at."""

    def __iter__(self) -> Iterator[Change]: ...
    def close(self) -> None:
        """End the iteration, from any thread."""
        ...


class Store(Protocol):
    """A backend."""

    def read(self) -> AbstractContextManager[Reader]: ...
    def write(self) -> AbstractContextManager[Transaction]: ...
    def watch(self, after: int | None = None) -> Feed:
        """Open a feed from `after`, or from now. Raises `StoreError` when the position is no longer kept."""
        ...

    def on_commit(self, listener: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        """Call `listener` after every commit of this process, from the committing thread; returns the removal.

        The commit is durable then; the changes are empty when only journals, claims or allocations were written.
        Commits of several threads may be told in any order; a feed is in order. What a listener raises is logged.
        """
        ...

    def put_blob(self, content: BinaryIO | bytes) -> str:
        """Store content once; return its digest, ``sha256:`` and 64 hexadecimal digits."""
        ...

    def open_blob(self, digest: str) -> BinaryIO: ...
    def delete_blob(self, digest: str) -> None: ...
    def blobs(self) -> Iterable[str]: ...
    def backup(self, file: FilePath) -> None:
        """Write a complete, consistent copy (entities, journals, blobs) while the store is in use.

        The file is replaced when all is written, and not touched when anything fails.
        """
        ...

    def rest(self) -> None:
        """Free the memory that only makes the next use faster: for whoever knows that there is none for a while.

        Never waits; in the midst of a write nothing is freed.
        """
        ...

    def close(self) -> None: ...
