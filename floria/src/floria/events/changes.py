"""Telling entities that their properties have other values now: the event ``floria.property-changed`` (R21, R41).

Only entities with a handler for it are told. `write` and `update` do, in one go, what `floria.properties` and
`floria.updating` do, and tell; event handlers' own writes are told as well.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from floria import ids, properties, updating
from floria.entities import Edge, Vertex
from floria.evaluation import Key, properties_of
from floria.events.event import Event
from floria.ids import Id
from floria.properties import Holder
from floria.store.interface import Reader
from floria.updating import Updated
from floria.values import Value

if TYPE_CHECKING:
    from floria.events.emitter import Emitter

CHANGED = "floria.property-changed"


def write(
    emitter: "Emitter", id: Id, changes: Mapping[str, Value], cause: str | None = None, *, declare: bool = False
) -> Holder:
    """Write properties, then run the handlers that want to know. Raises as `properties.write_properties` does."""
    with emitter.store.write() as tx:
        before = properties.current(tx, id)
        after = properties.write_properties(
            tx, before, changes, cause, functions=emitter.functions, clock=emitter.clock, declare=declare
        )
        recorded = [emitter.record(tx, event) for event in of(tx, differing(before, after), cause)]
    emitter.handle(*recorded)
    return after


def update(emitter: "Emitter", wanted: Iterable[Id], cause: str | None = None, *, extra: Any = None) -> Updated:
    """Update, then run the handlers that want to know. Raises as `updating.update` does."""
    with emitter.store.write() as tx:
        updated = updating.update(tx, wanted, emitter.functions, cause=cause, clock=emitter.clock, extra=extra)
        recorded = [emitter.record(tx, event) for event in of(tx, updated.changed, cause)]
    emitter.handle(*recorded)
    return updated


def of(reader: Reader, keys: Iterable[Key], cause: str | None = None) -> list[Event]:
    """Return one event for each entity that wants to know that some of its properties changed."""
    names: dict[Id, list[Value]] = {}
    for id, name in keys:
        names.setdefault(id, []).append(name)
    return [
        Event(id=ids.new(), name=CHANGED, source=id, cause=cause, data={"properties": changed})
        for id, changed in names.items()
        if wants_to_know(reader.get(id))
    ]


def differing(before: Holder, after: Holder) -> list[Key]:
    """Return the properties written between two states of one entity."""
    old = properties_of(before)
    return [
        (after.id, name)
        for name, found in properties_of(after).items()
        if name not in old or old[name].revision != found.revision
    ]


def wants_to_know(entity: object) -> bool:
    """Whether the entity has a handler for changes of its properties."""
    return isinstance(entity, Vertex | Edge) and any(handler.event == CHANGED for handler in entity.handlers)
