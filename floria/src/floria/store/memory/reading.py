"""Reading one state of a memory store."""

import sys
from collections.abc import Iterable, Iterator, Sequence

from floria import codec
from floria.entities import Entity
from floria.ids import Id
from floria.store import predicates, rules
from floria.store.interface import Allocation, Axis, Extent, Query, Record, Step
from floria.store.memory.journals import Journals
from floria.store.memory.state import State


class StateReader:
    """The `Reader` of a state. Entities are decoded for each caller, so that nobody can change what is stored."""

    def __init__(self, state: State, journals: Journals) -> None:
        self._state = state
        self._journals = journals

    def get(self, id: Id) -> Entity | None:
        row = self._state.rows.get(id)
        return codec.unpack(row.body) if row is not None else None

    def get_many(self, ids: Sequence[Id]) -> list[Entity | None]:
        return [self.get(id) for id in ids]

    def query(self, query: Query) -> Iterator[Entity]:
        state = self._state
        left = -1 if query.limit is None else query.limit
        for id in sorted(_candidates(state, query)):
            if left == 0:
                return
            if (query.after is None or id > query.after) and _fits(state, id, query):
                left -= 1
                yield codec.unpack(state.rows[id].body)

    def path(self, start: Sequence[Id], steps: Sequence[Step]) -> list[Id]:
        reached = {id for id in start if id in self._state.rows}
        for step in steps:
            reached = {id for id in self._state.step(step.axis, reached) if _fits_step(self._state, id, step)}
        return sorted(reached)

    def allocated(self, target: Id, name: str) -> int | float:
        return self._state.allocated(target, name)

    def allocations(self) -> list[Allocation]:
        return sorted(
            (
                Allocation(target, name, holder, amount)
                for (target, name), taken in self._state.allocations.items()
                for holder, amount in taken.items()
            ),
            key=lambda allocation: (allocation.target, allocation.name, allocation.holder),
        )

    def spaces(self) -> list[str]:
        return sorted(self._state.claims)

    def topics(self) -> list[str]:
        return self._journals.topics(self._state.recorded)

    def subjects(self, topic: str) -> list[str]:
        return sorted({record.subject for record in self._all(topic, None)})

    def extent(self, topic: str, *, subject: str | None = None) -> Extent | None:
        found = self._all(topic, subject)
        return Extent(len(found), found[0].time) if found else None

    def claims(self, space: str) -> dict[str, Id]:
        held = self._state.claims.get(space)
        return dict(sorted(held.items())) if held is not None else {}

    def journal(
        self, topic: str, *, subject: str | None = None, after: int = 0, limit: int = 1000, newest: bool = False
    ) -> list[Record]:
        return self._journals.select(topic, subject, after, self._state.recorded, limit, newest)

    def _all(self, topic: str, subject: str | None) -> list[Record]:
        return self.journal(topic, subject=subject, limit=sys.maxsize)

    def position(self) -> int:
        return self._state.position


def _candidates(state: State, query: Query) -> Iterable[Id]:
    sets: list[Iterable[Id] | None] = [state.classes.get(name) for name in query.classes]
    if query.parent is not None:
        sets.append(state.children.get(query.parent))
    if any(found is None for found in sets):
        return ()
    if query.within is not None:
        sets.append(state.step(Axis.DESCENDANTS, (query.within,)))
    known = [found for found in sets if found is not None]
    return min(known, key=len, default=state.rows)  # type: ignore[arg-type]


def _fits(state: State, id: Id, query: Query) -> bool:
    row = state.rows[id]
    entity = row.entity
    if query.kinds and row.kind not in query.kinds:
        return False
    if query.name is not None and entity.name != query.name:
        return False
    if query.directory is not None and not _in_directory(entity.directory, query):
        return False
    if query.template is not None and getattr(entity, "template", None) != query.template:
        return False
    if query.parent is not None and getattr(entity, "parent", None) != query.parent:
        return False
    if query.within is not None and query.within not in state.step(Axis.ANCESTORS, (id,)):
        return False
    return _fits_classes(entity, query.classes) and predicates.hold(query.where, getattr(entity, "properties", {}))


def _fits_step(state: State, id: Id, step: Step) -> bool:
    entity = state.rows[id].entity
    return (
        (step.name is None or entity.name == step.name)
        and _fits_classes(entity, step.classes)
        and predicates.hold(step.where, getattr(entity, "properties", {}))
    )


def _fits_classes(entity: Entity, classes: Sequence[str]) -> bool:
    return all(name in entity.classes for name in classes)


def _in_directory(path: str, query: Query) -> bool:
    directory = query.directory or "/"
    return rules.lies_in(path, directory) if query.recursive else path == directory
