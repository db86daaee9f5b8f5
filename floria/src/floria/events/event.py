"""Events: what happened to an entity, and how far it is told."""

from enum import StrEnum

import msgspec

from floria import ids
from floria.ids import Id
from floria.values import Value


class Direction(StrEnum):
    """Where an event goes from an entity that it reached."""

    UP = "up"  # to what contains it
    DOWN = "down"  # to what it contains
    OUT = "out"  # to its edges and their targets; from an edge, to its target
    IN = "in"  # to the edges that lead to it and their sources; from an edge, to its source


class Propagation(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whom an event is told besides its source.

    It goes on in each of `directions` for `depth` steps (None: as far as there is something), along edges that carry
    all of `through`, and is delivered to what carries all of `classes`. Directions do not mix: what is above is not
    searched for neighbours.
    """

    directions: tuple[Direction, ...] = ()
    depth: int | None = None
    classes: tuple[str, ...] = ()
    through: tuple[str, ...] = ()


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event.

    `id` is what makes it the same event when it is delivered again. `time` and `deadline` are Unix nanoseconds (`time`
    0: when it is emitted); no handler is begun after the deadline. `cause` is the id of the event or operation that
    led to it, `hops` the number of events before it in that chain, `count` how many events it stands for.
    """

    name: str
    source: Id
    id: str = msgspec.field(default_factory=ids.new)
    time: int = 0
    cause: str | None = None
    deadline: int | None = None
    hops: int = 0
    count: int = 1
    data: Value = None
    propagation: Propagation = Propagation()

    def followed_by(self, follower: "Event") -> "Event":
        """Return `follower` as the next in the chain of this one."""
        return msgspec.structs.replace(
            follower, time=follower.time or self.time, cause=self.id, deadline=self.deadline, hops=self.hops + 1
        )


def to_plain(event: Event) -> dict[str, Value]:
    """Return the event as a map, as journals hold it and the function ``floria:event`` sees it."""
    spread = event.propagation
    return {
        "name": event.name,
        "source": event.source,
        "id": event.id,
        "time": event.time,
        "cause": event.cause,
        "deadline": event.deadline,
        "hops": event.hops,
        "count": event.count,
        "data": event.data,
        "propagation": {
            "directions": [str(direction.value) for direction in spread.directions],
            "depth": spread.depth,
            "classes": list(spread.classes),
            "through": list(spread.through),
        },
    }


def from_plain(plain: dict[str, Value]) -> Event:
    """Return the event that `to_plain` gave. Raises `msgspec.ValidationError`."""
    event = msgspec.convert({**plain, "data": None}, Event)
    return msgspec.structs.replace(event, data=plain.get("data"))
