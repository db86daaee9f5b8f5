"""What happened, as users see it: journals of events, handlings and progress, merged and pushed."""

import threading
from collections.abc import Callable, Iterator

from floria.store.interface import Reader, Record, Store
from floria.values import Value
from khutulun import model
from khutulun.conductor import journals, retention
from khutulun.conductor.journals import Topic

TOPICS = (Topic.EVENT, Topic.HANDLING, Topic.PROGRESS, Topic.AUDIT)
PAGE = 500


class Bell:
    """Wakes the feeds when something was committed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rung = 0

    def ring(self) -> None:
        with self._changed:
            self._rung += 1
            self._changed.notify_all()

    def count(self) -> int:
        with self._changed:
            return self._rung

    def wait(self, seen: int, over: Callable[[], bool]) -> int:
        """Return the count once it is another one than `seen`, or when it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._rung != seen or over())
            return self._rung


class Feed:
    """Events after a position, in order; with `follow`, those to come too."""

    def __init__(self, store: Store, bell: Bell, subject: str, after: int | None, follow: bool, limit: int) -> None:
        self._store, self._bell, self._subject = store, bell, subject
        self._after, self._follow, self._limit = after, follow, limit
        self._closed = False

    def __iter__(self) -> Iterator[model.Event]:
        seen = self._bell.count()
        page = self._first()
        while True:
            for event in page:
                if self._closed:
                    return
                yield event
            if len(page) < PAGE:
                if not self._follow or self._closed:
                    return
                seen = self._bell.wait(seen, lambda: self._closed)
            page = self._next()

    def close(self) -> None:
        self._closed = True
        self._bell.ring()

    def _first(self) -> list[model.Event]:
        if self._after is not None:
            return self._next()
        with self._store.read() as reader:
            found = read(reader, self._subject, 0, self._limit, newest=True)
            self._after = found[-1].position if found else 0
        return [view(record) for record in found]

    def _next(self) -> list[model.Event]:
        with self._store.read() as reader:
            retention.check(reader, self._subject, self._after or 0)
            found = read(reader, self._subject, self._after or 0, PAGE)
        if found:
            self._after = found[-1].position
        return [view(record) for record in found]


def read(reader: Reader, subject: str, after: int, limit: int, *, newest: bool = False) -> list[Record]:
    """Return records of all topics, in order of position."""
    selected = subject or None
    found = [
        record
        for topic in TOPICS
        for record in reader.journal(topic, subject=selected, after=after, limit=limit, newest=newest)
    ]
    found.sort(key=lambda record: record.position)
    return found[-limit:] if newest else found[:limit]


def view(record: Record) -> model.Event:
    """Return a record as users see it."""
    body = record.body if isinstance(record.body, dict) else {}
    service, node = journals.split(record.subject)
    return model.Event(
        position=record.position,
        id=record.key,
        kind=str(body.get("kind") or record.topic),
        name=str(body.get("name") or ""),
        time=record.time,
        service=str(body.get("service") or service),
        node=str(body.get("node") or node),
        cause=str(body.get("cause") or ""),
        data=_data(record, body),
    )


def _data(record: Record, body: dict[str, Value]) -> Value:
    """Return what is particular to a record, without what the engine keeps for itself."""
    if record.topic == Topic.EVENT:
        shown: dict[str, Value] = {"data": body.get("data"), "refused": body.get("refused")}
        if body.get("count") != 1:
            shown["count"] = body.get("count")
        inner = shown.pop("data")
        found = {**inner, **shown} if isinstance(inner, dict) else {"data": inner, **shown}
    elif record.topic == Topic.HANDLING:
        found = {name: body.get(name) for name in ("status", "result", "error", "event")}
    else:
        found = {name: value for name, value in body.items() if name not in ("kind", "name", "service", "node", "uid")}
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}
