"""What one event handler wants done to the graph, kept until it is committed with the handler's result."""

from collections.abc import Callable, Iterator

from floria import ids
from floria.evaluation import Actions
from floria.events.event import Event
from floria.ids import Id
from floria.values import Value


class Collected(Actions):
    """Writes and events, in order."""

    def __init__(self) -> None:
        self.writes: dict[Id, dict[str, Value]] = {}
        self._emitted: list[tuple[Id, str, Id | None, Value]] = []
        self._after: list[Callable[[], None]] = []

    def emit(self, name: str, source: Id | None = None, data: Value = None) -> Id:
        id = ids.new()
        self._emitted.append((id, name, source, data))
        return id

    def set(self, id: Id, name: str, value: Value) -> None:
        self.writes.setdefault(id, {})[name] = value

    def afterwards(self, what: Callable[[], None]) -> None:
        """Have something done when the handler's result is committed, or could not be."""
        self._after.append(what)

    def end(self) -> None:
        """Do what comes afterwards."""
        while self._after:
            self._after.pop()()

    def clear(self) -> None:
        """Forget everything: the handler failed."""
        self.writes.clear()
        self._emitted.clear()

    def events(self, cause: Event, entity: Id, time: int) -> list[Event]:
        """Return the emitted events, as followers of `cause`."""
        return list(self._followers(cause, entity, time))

    def _followers(self, cause: Event, entity: Id, time: int) -> Iterator[Event]:
        for id, name, source, data in self._emitted:
            yield cause.followed_by(Event(id=id, name=name, source=source or entity, time=time, data=data))
