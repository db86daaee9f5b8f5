"""What verbs return, and what event sources tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from floria_plugin.context import Json


@dataclass(frozen=True)
class Result:
    """What a verb did: attributes by name (``capability/NAME`` for those of a capability, a map), and the new state.

    What was adopted has other names: `names` are those that differ (``unit``, ``machine``), and `watch` are texts that
    the lines of the driver's sources about it hold, in addition to those that the sources' filters let through.
    """

    attributes: Mapping[str, Json] = field(default_factory=dict)
    state: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    watch: Sequence[str] = ()

    def to_plain(self) -> Json:
        result: dict[str, Json] = {"attributes": dict(self.attributes)}
        if self.state is not None:
            result["state"] = str(self.state)
        if self.names or self.watch:
            result |= {"names": dict(self.names), "watch": list(self.watch)}
        return result


@dataclass(frozen=True)
class Difference:
    """Something that is not as it was deployed."""

    what: str
    expected: Json
    found: Json

    def to_plain(self) -> Json:
        return {"what": self.what, "expected": self.expected, "found": self.found}


@dataclass(frozen=True)
class Inspection:
    """What `inspect` found; nothing was changed."""

    exists: bool
    state: str = ""
    attributes: Mapping[str, Json] = field(default_factory=dict)
    differences: Sequence[Difference] = ()

    def to_plain(self) -> Json:
        differences = [difference.to_plain() for difference in self.differences]
        plain = {"exists": self.exists, "state": str(self.state), "attributes": dict(self.attributes)}
        return plain | {"differences": differences}


@dataclass(frozen=True)
class Event:
    """Something that happened to a workload, found by `unit` or `machine` name.

    A source that says the same thing several times gives it the same `id`, and it is told once; with a `topic`, until
    another event of that topic comes. One that is `unasked` is not told when an operation has asked for what happened:
    what is being stopped has not failed. `time` is when it happened (Unix ns), where the source knows: one that tells
    later what was missed has to say so, because the workload was looked at meanwhile.
    """

    event: str
    unit: str | None = None
    machine: str | None = None
    id: str | None = None
    detail: Mapping[str, Json] = field(default_factory=dict)
    attributes: Mapping[str, Json] = field(default_factory=dict)
    state: str | None = None
    topic: str | None = None
    unasked: bool = False
    time: int | None = None

    def to_plain(self) -> Json:
        plain: dict[str, Json] = {"event": self.event, "unit": self.unit, "machine": self.machine, "id": self.id}
        plain |= {"state": self.state, "topic": self.topic, "time": self.time}
        found = {key: value for key, value in plain.items() if value is not None}
        found |= {"unasked": True} if self.unasked else {}
        return found | {"detail": dict(self.detail), "attributes": dict(self.attributes)}
