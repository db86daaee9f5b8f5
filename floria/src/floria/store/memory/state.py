"""What a memory store holds at one moment: persistent maps, so that a snapshot is a reference."""

import copy
from collections.abc import Iterable, Iterator
from typing import TypeAlias, TypeVar

from immutables import Map

from floria import codec, entities
from floria.entities import Edge, EdgeTemplate, Entity, Kind, Vertex, VertexTemplate
from floria.ids import Id
from floria.store import rules
from floria.store.interface import Axis

Key = TypeVar("Key")
Ids: TypeAlias = Map[Id, None]
Holding: TypeAlias = tuple[str, str, str]
_NONE: Ids = Map()


class Row:
    """An entity: as it goes out (`body`, decoded anew for each reader) and for looking at (`entity`)."""

    __slots__ = ("body", "entity", "kind")

    def __init__(self, entity: Entity) -> None:
        self.body = codec.pack(entity)
        self.entity = codec.unpack(self.body)
        self.kind = entities.kind_of(entity)


class State:
    """The rows and their indexes. Copies share everything; a change of one is not seen by the other."""

    def __init__(self) -> None:
        self.rows: Map[Id, Row] = Map()
        self.classes: Map[str, Ids] = Map()
        self.children: Map[Id, Ids] = Map()
        self.outgoing: Map[Id, Ids] = Map()
        self.incoming: Map[Id, Ids] = Map()
        self.allocations: Map[tuple[Id, str], Map[Id, int | float]] = Map()
        self.claims: Map[str, Map[str, Id]] = Map()
        self.holdings: Map[Id, Map[Holding, None]] = Map()
        self.position = 0
        self.recorded = 0

    def copy(self) -> "State":
        """Return an independent state with the same content."""
        return copy.copy(self)

    def put(self, row: Row) -> None:
        """Write a row in place of the one with its id."""
        entity = row.entity
        if (old := self.rows.get(entity.id)) is not None:
            self._unlink(old.entity)
        self.rows = self.rows.set(entity.id, row)
        for name in entity.classes:
            self.classes = _with(self.classes, name, entity.id)
        match entity:
            case Vertex(parent=parent) | VertexTemplate(parent=parent) if parent is not None:
                self.children = _with(self.children, parent, entity.id)
            case EdgeTemplate():
                self.outgoing = _with(self.outgoing, entity.source, entity.id)
            case Edge():
                self.outgoing = _with(self.outgoing, entity.source, entity.id)
                self.incoming = _with(self.incoming, entity.target, entity.id)
            case _:
                pass

    def remove(self, id: Id) -> Row:
        """Remove one row, with what was allocated of it and what it holds."""
        row = self.rows[id]
        self._unlink(row.entity)
        self.rows = self.rows.delete(id)
        self.release(id)
        for name in getattr(row.entity, "properties", {}):
            for holder in self.allocations.get((id, name), Map()):
                self._drop(holder, ("allocation", id, name))
        return row

    def owned(self, id: Id) -> list[Id]:
        """Return `id` and all that is deleted with it, owners last."""
        found: dict[Id, None] = {id: None}
        waiting = [id]
        while waiting:
            at = waiting.pop()
            for index in (self.children, self.outgoing, self.incoming):
                for other in index.get(at, _NONE):
                    if other not in found:
                        found[other] = None
                        waiting.append(other)
        return list(reversed(found))

    def allocate(self, target: Id, name: str, amount: int | float, holder: Id) -> None:
        """Add to what `holder` has of a capacity."""
        taken = self.allocations.get((target, name), Map())
        self.allocations = self.allocations.set((target, name), taken.set(holder, taken.get(holder, 0) + amount))
        self._hold(holder, ("allocation", target, name))

    def claim(self, space: str, key: str, holder: Id) -> None:
        """Write down who holds a claim."""
        self.claims = self.claims.set(space, self.claims.get(space, Map()).set(key, holder))
        self._hold(holder, ("claim", space, key))

    def unclaim(self, space: str, key: str, holder: Id) -> None:
        """Forget a claim that `holder` has."""
        self._drop(holder, ("claim", space, key))

    def release(self, holder: Id) -> None:
        """Forget all that `holder` holds."""
        for holding in self.holdings.get(holder, Map()):
            self._drop(holder, holding)

    def allocated(self, target: Id, name: str) -> int | float:
        """Return the sum of what was taken of a capacity."""
        return sum(self.allocations.get((target, name), Map()).values())

    def kind(self, id: Id) -> Kind | None:
        """Return what `id` is, None when it does not exist."""
        row = self.rows.get(id)
        return row.kind if row is not None else None

    def in_directory(self, path: str) -> Iterator[Entity]:
        """Yield the entities that lie in `path` or below."""
        return (row.entity for row in self.rows.values() if rules.lies_in(row.entity.directory, path))

    def step(self, axis: Axis, starts: Iterable[Id]) -> set[Id]:
        """Return where `axis` leads from all of `starts`."""
        follow = getattr(self, f"_{axis.value}")
        return {reached for start in starts if start in self.rows for reached in follow(start)}

    def _out(self, id: Id) -> Iterable[Id]:
        return self.outgoing.get(id, _NONE)

    def _in(self, id: Id) -> Iterable[Id]:
        return self.incoming.get(id, _NONE)

    def _source(self, id: Id) -> Iterable[Id]:
        entity = self.rows[id].entity
        return (entity.source,) if isinstance(entity, Edge | EdgeTemplate) else ()

    def _target(self, id: Id) -> Iterable[Id]:
        entity = self.rows[id].entity
        return (entity.target,) if isinstance(entity, Edge) else ()

    def _parent(self, id: Id) -> Iterable[Id]:
        parent = getattr(self.rows[id].entity, "parent", None)
        return () if parent is None else (parent,)

    def _children(self, id: Id) -> Iterable[Id]:
        return self.children.get(id, _NONE)

    def _ancestors(self, id: Id) -> Iterable[Id]:
        parent = getattr(self.rows[id].entity, "parent", None)
        while parent is not None:
            yield parent
            parent = getattr(self.rows[parent].entity, "parent", None)

    def _descendants(self, id: Id) -> Iterable[Id]:
        waiting = list(self._children(id))
        while waiting:
            at = waiting.pop()
            yield at
            waiting.extend(self._children(at))

    def _unlink(self, entity: Entity) -> None:
        for name in entity.classes:
            self.classes = _without(self.classes, name, entity.id)
        match entity:
            case Vertex(parent=parent) | VertexTemplate(parent=parent) if parent is not None:
                self.children = _without(self.children, parent, entity.id)
            case EdgeTemplate():
                self.outgoing = _without(self.outgoing, entity.source, entity.id)
            case Edge():
                self.outgoing = _without(self.outgoing, entity.source, entity.id)
                self.incoming = _without(self.incoming, entity.target, entity.id)
            case _:
                pass

    def _hold(self, holder: Id, holding: Holding) -> None:
        self.holdings = self.holdings.set(holder, self.holdings.get(holder, Map()).set(holding, None))

    def _drop(self, holder: Id, holding: Holding) -> None:
        held = self.holdings[holder].delete(holding)
        self.holdings = self.holdings.set(holder, held) if held else self.holdings.delete(holder)
        what, first, second = holding
        if what == "allocation":
            target = (Id(first), second)
            taken = self.allocations[target].delete(holder)
            self.allocations = self.allocations.set(target, taken) if taken else self.allocations.delete(target)
        else:
            keys = self.claims[first].delete(second)
            self.claims = self.claims.set(first, keys) if keys else self.claims.delete(first)


def _with(index: "Map[Key, Ids]", key: Key, id: Id) -> "Map[Key, Ids]":
    return index.set(key, index.get(key, _NONE).set(id, None))


def _without(index: "Map[Key, Ids]", key: Key, id: Id) -> "Map[Key, Ids]":
    left = index[key]
    left = left.delete(id) if id in left else left  # a class may be listed twice
    return index.set(key, left) if left else index.delete(key)
