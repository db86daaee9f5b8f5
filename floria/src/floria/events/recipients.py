"""Recipients: which entities an event is delivered to, in what order."""

from collections.abc import Iterator

from floria import selection
from floria.entities import Edge, Entity, Vertex
from floria.events.event import Direction, Event
from floria.ids import Id
from floria.store.interface import Axis, Reader, Step

MAX_RECIPIENTS = 100_000

_STEPS: dict[Direction, tuple[Axis, ...]] = {
    Direction.UP: (Axis.PARENT,),
    Direction.DOWN: (Axis.CHILDREN,),
    Direction.OUT: (Axis.OUT, Axis.TARGET),
    Direction.IN: (Axis.IN, Axis.SOURCE),
}


class TooMany(Exception):
    """The event would reach more than `MAX_RECIPIENTS` entities."""


def of(reader: Reader, event: Event, source: Entity) -> Iterator[Vertex | Edge]:
    """Yield the source, then who is reached in each direction, the nearest first, each once."""
    seen = {source.id}
    if isinstance(source, Vertex | Edge):
        yield source
    for direction in event.propagation.directions:
        for id in _along(reader, event, source, direction):
            if id in seen:
                continue
            seen.add(id)
            if len(seen) > MAX_RECIPIENTS:
                raise TooMany(
                    f"{event.name} would reach more than {MAX_RECIPIENTS} entities; limit its depth or classes"
                )
            entity = reader.get(id)
            if isinstance(entity, Vertex | Edge) and selection.carries(entity, event.propagation.classes):
                yield entity


def _along(reader: Reader, event: Event, source: Entity, direction: Direction) -> Iterator[Id]:
    first, *second = _STEPS[direction]
    passed = {source.id}
    level = [source.id]
    if isinstance(source, Edge):
        if direction in (Direction.UP, Direction.DOWN):
            return
        level = [source.target if direction is Direction.OUT else source.source]
        yield from level
    depth = 0
    while level and (event.propagation.depth is None or depth < event.propagation.depth):
        depth += 1
        reached = reader.path(level, [Step(axis=first, classes=event.propagation.through if second else ())])
        if second:
            yield from reached
            reached = reader.path(reached, [Step(axis=second[0])])
        level = [id for id in reached if id not in passed]
        passed.update(level)
        yield from level
