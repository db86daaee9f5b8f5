"""What the journals say is still to be done; see `floria.events.emitter.Emitter.resume`."""

import msgspec

from floria.events import event as events
from floria.events import journal
from floria.events.event import Event
from floria.events.journal import Recorded
from floria.store.interface import Reader
from floria.values import Value


class Unfinished(msgspec.Struct, frozen=True):
    """Events whose handlers have not all run, and storms of which nobody was told.

    Up to the position `floor` everything is done with; `known_floor` is how far that was known before.
    """

    events: tuple[Recorded, ...]
    storms: tuple[Event, ...]
    floor: int
    known_floor: int


def find(reader: Reader) -> Unfinished:
    """Read the journals from the last known floor on."""
    known = journal.floor(reader)
    handled = {one.key for one in journal.pages(reader, journal.HANDLED, known)}
    told: set[str] = set()
    left: list[Recorded] = []
    last = known
    for one in journal.pages(reader, journal.EVENT, known):
        told.add(one.key)
        last = one.position
        if one.key not in handled:
            left.append(journal.read_event(one))
    storms = [one for one in journal.pages(reader, journal.STORM, known) if one.key not in told]
    blocking = [one.position for one in left] + [one.position for one in storms]
    floor = min(blocking) - 1 if blocking else last
    return Unfinished(tuple(left), tuple(_storm(one.body, one.key) for one in storms), floor, known)


def done(reader: Reader, recorded: Recorded) -> frozenset[str] | None:
    """Return the keys of the handlings since `recorded`; None when all of its handlers have run."""
    if any(one.key == recorded.event.id for one in journal.pages(reader, journal.HANDLED, recorded.position)):
        return None
    return frozenset(one.key for one in journal.pages(reader, journal.HANDLING, recorded.position))


def _storm(body: Value, id: str) -> Event:
    assert isinstance(body, dict)
    return msgspec.structs.replace(events.from_plain(body), id=id)
