"""A reader that looks at the store anew for every question, so that long handlers hold no old view open."""

from collections.abc import Iterator, Sequence

from floria.entities import Entity
from floria.ids import Id
from floria.store.interface import Allocation, Extent, Query, Reader, Record, Step, Store


class LiveReader(Reader):
    """Answers from what is committed at the moment of each call."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, id: Id) -> Entity | None:
        with self._store.read() as reader:
            return reader.get(id)

    def get_many(self, ids: Sequence[Id]) -> list[Entity | None]:
        with self._store.read() as reader:
            return reader.get_many(ids)

    def query(self, query: Query) -> Iterator[Entity]:
        with self._store.read() as reader:
            found = list(reader.query(query))
        return iter(found)

    def path(self, start: Sequence[Id], steps: Sequence[Step]) -> list[Id]:
        with self._store.read() as reader:
            return reader.path(start, steps)

    def allocated(self, target: Id, name: str) -> int | float:
        with self._store.read() as reader:
            return reader.allocated(target, name)

    def allocations(self) -> list[Allocation]:
        with self._store.read() as reader:
            return reader.allocations()

    def spaces(self) -> list[str]:
        with self._store.read() as reader:
            return reader.spaces()

    def topics(self) -> list[str]:
        with self._store.read() as reader:
            return reader.topics()

    def subjects(self, topic: str) -> list[str]:
        with self._store.read() as reader:
            return reader.subjects(topic)

    def extent(self, topic: str, *, subject: str | None = None) -> Extent | None:
        with self._store.read() as reader:
            return reader.extent(topic, subject=subject)

    def claims(self, space: str) -> dict[str, Id]:
        with self._store.read() as reader:
            return reader.claims(space)

    def journal(
        self, topic: str, *, subject: str | None = None, after: int = 0, limit: int = 1000, newest: bool = False
    ) -> list[Record]:
        with self._store.read() as reader:
            return reader.journal(topic, subject=subject, after=after, limit=limit, newest=newest)

    def position(self) -> int:
        with self._store.read() as reader:
            return reader.position()
