"""Journals and the change log of a memory store: lists that only grow at their end, under the writer's lock."""

import bisect
import threading
from collections.abc import Sequence, Set

from floria.store import feeds
from floria.store.interface import Change, Record


class Journals:
    """Committed records. A reader says up to which position it sees."""

    def __init__(self) -> None:
        self._topics: dict[str, list[Record]] = {}
        self._keys: set[tuple[str, str]] = set()

    def has(self, topic: str, key: str) -> bool:
        """Whether a record with `key` is there."""
        return (topic, key) in self._keys

    def extend(self, records: Sequence[Record]) -> None:
        """Append what a transaction wrote."""
        for record in records:
            self._keys.add((record.topic, record.key))
            self._topics.setdefault(record.topic, []).append(record)

    def without(self, gone: Set[int]) -> "Journals":
        """Return a copy that lacks the records at some positions."""
        found = Journals()
        found.extend([record for record in self.all() if record.position not in gone])
        return found

    def topics(self, until: int) -> list[str]:
        """Return the topics that have a record up to a position."""
        return sorted(name for name, records in list(self._topics.items()) if records[0].position <= until)

    def all(self) -> list[Record]:
        """Return every record in order of position."""
        return sorted((record for topic in self._topics.values() for record in topic), key=_position)

    def select(self, topic: str, subject: str | None, after: int, until: int, limit: int, newest: bool) -> list[Record]:
        """Return the first (or the last) `limit` records of a topic between two positions."""
        records = self._topics.get(topic, [])
        first = bisect.bisect_right(records, after, key=_position)
        last = bisect.bisect_right(records, until, key=_position)
        chosen = records[first:last]
        if subject is not None:
            chosen = [record for record in chosen if is_about(record.subject, subject)]
        if newest:
            return chosen[max(len(chosen) - limit, 0) :]
        return chosen[:limit]


class ChangeLog:
    """The newest changes: at least `keep` of them. Thread-safe."""

    def __init__(self, keep: int, position: int = 0) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._changes: list[Change] = []
        self._first = position + 1

    def extend(self, changes: Sequence[Change]) -> None:
        """Append the changes of a transaction."""
        with self._lock:
            self._changes.extend(changes)
            surplus = len(self._changes) - self._keep
            if surplus > self._keep:
                del self._changes[:surplus]
                self._first += surplus

    def check(self, after: int) -> None:
        """Raise `StoreError` unless changes after `after` are kept."""
        with self._lock:
            feeds.check_position(after, self._first, self._first + len(self._changes) - 1)

    def read(self, after: int, limit: int) -> list[Change]:
        """Return the first changes after `after`. Raises `StoreError` when they are no longer kept."""
        with self._lock:
            feeds.check_position(after, self._first, self._first + len(self._changes) - 1)
            start = after + 1 - self._first
            return self._changes[start : start + limit]


def is_about(subject: str, wanted: str) -> bool:
    """Whether `subject` is `wanted` or below it."""
    return subject == wanted or subject.startswith(wanted + "/")


def _position(record: Record) -> int:
    return record.position
