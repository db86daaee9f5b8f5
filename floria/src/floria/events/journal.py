"""How events and what came of them are kept: four topics of the store's journal.

``event``: every event, with the handlers it is for. ``handling``: what each handler did. ``handled``: events that are
done with. ``storm``: events that were held back to be told as one.
"""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from floria import codec, naming
from floria.entities import Edge, Entity, Failure, Vertex
from floria.events import event as events
from floria.events import recipients
from floria.events.event import Event
from floria.ids import Id
from floria.store.interface import NotFound, Reader, Record, Transaction
from floria.values import Value

EVENT = "event"
HANDLING = "handling"
HANDLED = "handled"
STORM = "storm"
FLOOR = "event-floor"

_PAGE = 1000


class Status(StrEnum):
    """What came of a handler."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # its condition is not true, or whom it is for is gone
    EXPIRED = "expired"  # the deadline had passed


class Delivery(msgspec.Struct, frozen=True):
    """One handler of one entity, by its place in the entity. `snapshot` holds an entity that is about to be deleted."""

    entity: Id
    handler: int
    snapshot: bytes | None = None

    def key(self, event: Event) -> str:
        """Return what makes this handling unique."""
        return f"{event.id}/{self.entity}/{self.handler}"

    def subject(self, reader: Reader) -> Vertex | Edge | None:
        """Return the entity as it is, or as it was when it was deleted."""
        found: Entity | None = reader.get(self.entity)
        if found is None and self.snapshot is not None:
            found = codec.unpack(self.snapshot)
        return found if isinstance(found, Vertex | Edge) else None


class Handling(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one handler did for one event."""

    event: str
    name: str
    entity: Id
    handler: int
    status: Status
    result: Value = None
    error: Failure | None = None
    time: int = 0


class Recorded(msgspec.Struct, frozen=True):
    """An event that is in the journal, and what it is for."""

    event: Event
    position: int
    deliveries: tuple[Delivery, ...] = ()
    refused: Failure | None = None


def record(
    tx: Transaction, event: Event, *, departing: tuple[Vertex | Edge, ...] = (), max_hops: int = 16
) -> Recorded | None:
    """Write `event` durably, with the handlers it is for; None when it was seen before.

    `departing` are entities that are deleted in this transaction and hear of it. An event with more than `max_hops`
    before it is written as refused. Raises `NotFound` when its source does not exist.
    """
    leaving = {one.id: one for one in departing}
    source = leaving.get(event.source) or tx.get(event.source)
    if source is None:
        raise NotFound(f"the source of the event {event.name!r}, {event.source}, does not exist")
    refused, deliveries = _deliveries(tx, event, source, leaving, max_hops)
    body: dict[str, Value] = {
        **events.to_plain(event),
        "deliveries": [[one.entity, one.handler, one.snapshot] for one in deliveries],
    }
    if refused is not None:
        body["refused"] = failure_to_plain(refused)
    written = tx.append(EVENT, event.id, body, subject=naming.subject(tx, source))
    if written is None:
        return None
    if not deliveries:
        finish(tx, event)
    return Recorded(event, written.position, deliveries, refused)


def record_lost(tx: Transaction, event: Event) -> None:
    """Write down an event that nobody can be told, because its source is gone."""
    failure = Failure("floria.gone", f"{event.source} was deleted before the event was told", event.time, event.cause)
    body: dict[str, Value] = {**events.to_plain(event), "deliveries": [], "refused": failure_to_plain(failure)}
    tx.append(EVENT, event.id, body, subject=f"/{event.source}")
    finish(tx, event)


def write_storm(tx: Transaction, id: str, first: Event) -> None:
    """Write that events like `first` are held back, to be told as the event `id`."""
    tx.append(STORM, id, events.to_plain(first), subject=naming.subject(tx, first.source))


def finish(tx: Transaction, event: Event) -> None:
    """Write that all handlers of `event` are done with."""
    tx.append(HANDLED, event.id, None)


def write_handling(tx: Transaction, handling: Handling, delivery: Delivery, event: Event) -> None:
    """Write what a handler did."""
    body: dict[str, Value] = {
        "event": handling.event,
        "name": handling.name,
        "entity": handling.entity,
        "handler": handling.handler,
        "status": str(handling.status.value),
        "result": handling.result,
        "error": None if handling.error is None else failure_to_plain(handling.error),
    }
    subject = delivery.subject(tx)
    where = naming.subject(tx, subject) if subject is not None else f"/{delivery.entity}"
    tx.append(HANDLING, delivery.key(event), body, subject=where)


def read_event(written: Record) -> Recorded:
    """Return the event that a record of the topic ``event`` holds."""
    body = written.body
    assert isinstance(body, dict)
    deliveries = body.get("deliveries")
    assert isinstance(deliveries, list)
    plain = {name: value for name, value in body.items() if name not in ("deliveries", "refused")}
    found = tuple(msgspec.convert(one, _DELIVERY) for one in deliveries)
    return Recorded(events.from_plain(plain), written.position, tuple(Delivery(*one) for one in found))


def floor(reader: Reader) -> int:
    """Return the position up to which all events are done with, as far as that was written down."""
    newest = reader.journal(FLOOR, limit=1, newest=True)
    found = newest[0].body if newest else 0
    assert isinstance(found, int)
    return found


def pages(reader: Reader, topic: str, after: int) -> Iterator[Record]:
    """Yield all records of a topic after a position."""
    while page := reader.journal(topic, after=after, limit=_PAGE):
        yield from page
        after = page[-1].position


def failure_to_plain(failure: Failure) -> dict[str, Value]:
    """Return a failure as a map."""
    return {
        "code": failure.code,
        "message": failure.message,
        "time": failure.time,
        "cause": failure.cause,
        "retryable": failure.retryable,
        "detail": failure.detail,
    }


_DELIVERY = tuple[Id, int, bytes | None]


def _deliveries(
    tx: Transaction, event: Event, source: Entity, leaving: dict[Id, Vertex | Edge], max_hops: int
) -> tuple[Failure | None, tuple[Delivery, ...]]:
    if event.hops > max_hops:
        message = f"{event.name} is event number {event.hops} of a chain; {max_hops} may follow the first"
        return Failure("floria.hop-limit", message, event.time, event.cause), ()
    try:
        reached = list(recipients.of(tx, event, source))
    except recipients.TooMany as error:
        return Failure("floria.too-many-recipients", str(error), event.time, event.cause), ()
    return None, tuple(
        Delivery(one.id, place, codec.pack(one) if one.id in leaving else None)
        for one in reached
        for place, handler in enumerate(one.handlers)
        if handler.event == event.name
    )
