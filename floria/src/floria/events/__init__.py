"""Events: emitted to an entity, told along containment and edges, handled once, kept in a journal.

emitter = Emitter(store, functions)
emitter.resume()
emitter.emit(Event(name="failed", source=vertex.id, data={"status": 1}))
"""

from floria.events.emitter import Emission, Emitter, emit, resume
from floria.events.event import Direction, Event, Propagation
from floria.events.handling import Execute, Later
from floria.events.journal import Delivery, Handling, Recorded, Status, record
from floria.events.storms import Rate, Schedule
from floria.events.writing import Outcome, Writing

__all__ = [
    "Delivery",
    "Direction",
    "Emission",
    "Emitter",
    "Event",
    "Execute",
    "Handling",
    "Later",
    "Outcome",
    "Propagation",
    "Rate",
    "Recorded",
    "Schedule",
    "Status",
    "Writing",
    "emit",
    "record",
    "resume",
]
