"""Designs in a few lines, and time and ids that a test controls."""

from collections.abc import Sequence
from typing import TypeAlias

from floria import ids
from floria.entities import Bundle, EdgeTemplate, Finder, Handler, Property, VertexTemplate
from floria.ids import Id
from floria.values import Call, Value

Given: TypeAlias = Value | Property


class Builder:
    """Builds a bundle. A property given as a `Call` is an updater, any other value a literal."""

    def __init__(self, name: str = "service", *, handlers: Sequence[Handler] = (), **properties: Given) -> None:
        self.root = ids.derive("design", name)
        top = VertexTemplate(
            id=self.root, name=name, classes=("Service",), properties=_group(properties), handlers=tuple(handlers)
        )
        self._vertexes = [top]
        self._edges: list[EdgeTemplate] = []

    def vertex(
        self,
        name: str,
        *classes: str,
        parent: Id | None = None,
        count: Value = 1,
        handlers: Sequence[Handler] = (),
        **properties: Given,
    ) -> Id:
        """Add a vertex template; without `parent`, to the root."""
        above = parent or self.root
        template = VertexTemplate(
            id=ids.derive(above, name, *classes[-1:]),
            name=name,
            classes=classes,
            parent=above,
            count=count,
            handlers=tuple(handlers),
            properties=_group(properties),
        )
        self._vertexes.append(template)
        return template.id

    def edge(
        self,
        source: Id,
        name: str,
        *classes: str,
        target: Id | None = None,
        finder: Finder | None = None,
        count: Value = 1,
        optional: bool = False,
        handlers: Sequence[Handler] = (),
        origin: str = "",
        **properties: Given,
    ) -> Id:
        """Add an edge template."""
        template = EdgeTemplate(
            id=ids.derive(source, "edge", name, str(len(self._edges))),
            name=name,
            source=source,
            classes=classes,
            target=target,
            finder=finder,
            count=count,
            optional=optional,
            handlers=tuple(handlers),
            properties=_group(properties),
            metadata={"tosca.origin": origin} if origin else {},
        )
        self._edges.append(template)
        return template.id

    def bundle(self) -> Bundle:
        """Return what was built."""
        return Bundle(root=self.root, vertexes=tuple(self._vertexes), edges=tuple(self._edges))


class Clock:
    """Time that goes on when a test says so, in nanoseconds; also a schedule whose calls wait for it."""

    def __init__(self, now: int = 1_000_000_000_000) -> None:
        self.now = now
        self._waiting: list[tuple[int, int, object]] = []
        self._number = 0

    def __call__(self) -> int:
        return self.now

    def schedule(self, seconds: float, callback: object) -> None:
        """Call `callback` when that much time has gone on."""
        self._number += 1
        self._waiting.append((self.now + int(seconds * 1e9) + 1, self._number, callback))

    def advance(self, seconds: float) -> None:
        """Let time go on, and run what was scheduled meanwhile, in order."""
        until = self.now + int(seconds * 1e9)
        while due := sorted((one for one in self._waiting if one[0] <= until), key=lambda one: one[:2])[:1]:
            self._waiting.remove(due[0])
            self.now = max(self.now, due[0][0])
            callback = due[0][2]
            assert callable(callback)
            callback()
        self.now = until

    @property
    def waiting(self) -> int:
        """How many calls are scheduled."""
        return len(self._waiting)


class Numbered:
    """Ids that are the same in every run."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix, self._number = prefix, 0

    def __call__(self) -> Id:
        self._number += 1
        return ids.derive("numbered", self._prefix, str(self._number))


def _group(given: dict[str, Given]) -> dict[str, Property]:
    return {name: _property(one) for name, one in given.items()}


def _property(given: Given) -> Property:
    if isinstance(given, Property):
        return given
    return Property(updater=given) if isinstance(given, Call) else Property(value=given)
