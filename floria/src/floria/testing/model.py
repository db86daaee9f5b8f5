"""A store that is too simple to be wrong, and a machine that compares a real one with it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from floria import entities, ids
from floria.entities import Edge, Entity, Kind, Property, Vertex
from floria.ids import Id
from floria.store.interface import (
    Axis,
    CapacityExceeded,
    Claimed,
    Conflict,
    NotFound,
    Operator,
    Predicate,
    Query,
    Step,
    Store,
    StoreError,
)

NAMES = ("", "a", "b")
CLASSES = ("x", "y", "z")
DIRECTORIES = ("/", "/t", "/t/u", "/tt")
CAPACITY = 5

names = st.sampled_from(NAMES)
class_lists = st.lists(st.sampled_from(CLASSES), unique=True, max_size=3).map(tuple)
directories = st.sampled_from(DIRECTORIES)
amounts = st.integers(0, 6) | st.sampled_from([0.5, 2.5])
predicates = st.lists(
    st.builds(Predicate, st.just("p"), st.sampled_from(Operator), st.integers(0, 3) | st.just("text")), max_size=1
).map(tuple)
steps = st.lists(
    st.builds(
        Step,
        axis=st.sampled_from(Axis),
        name=st.none() | names,
        classes=st.lists(st.sampled_from(CLASSES), max_size=1).map(tuple),
        where=predicates,
    ),
    max_size=4,
)


class Model:
    """The truth, as plain dictionaries."""

    def __init__(self) -> None:
        self.entities: dict[Id, Any] = {}
        self.allocations: dict[tuple[Id, Id], int | float] = {}
        self.claims: dict[str, Id] = {}
        self.journal: dict[str, int] = {}
        self.last_key = ""
        self.changes: list[tuple[str, Id]] = []

    def owned(self, id: Id) -> set[Id]:
        """Return what is deleted with `id`."""
        found = {id}
        while True:
            more = {
                other.id
                for other in self.entities.values()
                if {getattr(other, name, None) for name in ("parent", "source", "target")} & found
            }
            if more <= found:
                return found
            found |= more

    def delete(self, id: Id) -> None:
        """Delete an entity and what it owns."""
        for owned in self.owned(id):
            del self.entities[owned]
            self.changes.append(("delete", owned))
            self.release(owned)
            self.allocations = {key: amount for key, amount in self.allocations.items() if key[0] != owned}

    def release(self, holder: Id) -> None:
        """Forget what `holder` holds."""
        self.allocations = {key: amount for key, amount in self.allocations.items() if key[1] != holder}
        self.claims = {key: other for key, other in self.claims.items() if other != holder}

    def allocated(self, target: Id) -> int | float:
        """Return what is taken of a target."""
        return sum(amount for (of, _), amount in self.allocations.items() if of == target)

    def query(self, query: Query) -> list[Entity]:
        """Return what a query selects."""
        chosen = [
            entity
            for id, entity in sorted(self.entities.items())
            if (not query.kinds or entities.kind_of(entity) in query.kinds)
            and set(query.classes) <= set(entity.classes)
            and (query.name is None or entity.name == query.name)
            and (query.directory is None or _inside(entity.directory, query.directory, query.recursive))
            and (query.parent is None or getattr(entity, "parent", None) == query.parent)
            and (query.within is None or query.within in self.follow(Axis.ANCESTORS, {id}))
            and (query.after is None or id > query.after)
            and _fits(entity, query.where)
        ]
        return chosen[: query.limit]

    def path(self, start: Iterable[Id], path: Sequence[Step]) -> list[Id]:
        """Return where a path leads."""
        reached = {id for id in start if id in self.entities}
        for step in path:
            reached = {
                id
                for id in self.follow(step.axis, reached)
                if (step.name is None or self.entities[id].name == step.name)
                and set(step.classes) <= set(self.entities[id].classes)
                and _fits(self.entities[id], step.where)
            }
        return sorted(reached)

    def follow(self, axis: Axis, starts: set[Id]) -> set[Id]:
        """Return where an axis leads."""
        everything = self.entities.values()
        match axis:
            case Axis.OUT:
                return {other.id for other in everything if getattr(other, "source", None) in starts}
            case Axis.IN:
                return {other.id for other in everything if getattr(other, "target", None) in starts}
            case Axis.SOURCE | Axis.TARGET | Axis.PARENT:
                ends = {getattr(self.entities[start], axis.value, None) for start in starts}
                return {end for end in ends if end is not None}
            case Axis.CHILDREN:
                return {other.id for other in everything if getattr(other, "parent", None) in starts}
            case Axis.ANCESTORS:
                return self._closure(Axis.PARENT, starts)
            case Axis.DESCENDANTS:
                return self._closure(Axis.CHILDREN, starts)

    def _closure(self, axis: Axis, starts: set[Id]) -> set[Id]:
        found: set[Id] = set()
        while not (starts := self.follow(axis, starts)) <= found:
            found |= starts
        return found


picks = st.integers(0, 99)


class StoreMachine(RuleBasedStateMachine):
    """Does the same to a store and to the model, and looks for a difference. `make` gives an empty store.

    Rules name entities by number, deleted ones included.
    """

    make: Callable[[], Store]

    @initialize()
    def begin(self) -> None:
        self.store = type(self).make()
        self.model = Model()
        self.vertexes: list[Id] = []
        self.edges: list[Id] = []
        for _ in range(2):
            self.create("", (), "/", None, None)
        self.connect("", (), 0, 1)

    def vertex(self, pick: int) -> Id:
        """Return the id of a vertex."""
        return self.vertexes[pick % len(self.vertexes)]

    def any(self, pick: int) -> Id:
        """Return the id of a vertex or of an edge."""
        both = self.vertexes + self.edges
        return both[pick % len(both)]

    def teardown(self) -> None:
        self.store.close()

    @rule(
        name=names,
        classes=class_lists,
        directory=directories,
        parent=st.none() | picks,
        value=st.none() | st.integers(0, 3),
    )
    def create(
        self, name: str, classes: tuple[str, ...], directory: str, parent: int | None, value: int | None
    ) -> None:
        held = {"capacity": Property(value=CAPACITY)} | ({} if value is None else {"p": Property(value=value)})
        vertex = Vertex(
            id=ids.new(),
            name=name,
            classes=classes,
            directory=directory,
            parent=None if parent is None else self.vertex(parent),
            properties=held,
        )
        if vertex.parent is None or vertex.parent in self.model.entities:
            self._put(vertex)
            self.vertexes.append(vertex.id)
        else:
            self._refused(StoreError, lambda transaction: transaction.put(vertex))

    @rule(name=names, classes=class_lists, source=picks, end=picks)
    def connect(self, name: str, classes: tuple[str, ...], source: int, end: int) -> None:
        ends = self.vertex(source), self.vertex(end)
        edge = Edge(id=ids.new(), name=name, classes=classes, source=ends[0], target=ends[1])
        if set(ends) <= self.model.entities.keys():
            self._put(edge)
            self.edges.append(edge.id)
        else:
            self._refused(StoreError, lambda transaction: transaction.put(edge))

    @rule(pick=picks, name=names, classes=class_lists, directory=directories)
    def change(self, pick: int, name: str, classes: tuple[str, ...], directory: str) -> None:
        if (old := self.model.entities.get(self.any(pick))) is None:
            return
        new = msgspec.structs.replace(old, name=name, classes=classes, directory=directory)
        stale = msgspec.structs.replace(new, revision=old.revision - 1)
        self._refused(Conflict, lambda transaction: transaction.put(stale))
        self._put(new)

    @rule(pick=picks, parent_pick=st.none() | picks)
    def move(self, pick: int, parent_pick: int | None) -> None:
        id, parent = self.vertex(pick), None if parent_pick is None else self.vertex(parent_pick)
        if (old := self.model.entities.get(id)) is None:
            return
        new = msgspec.structs.replace(old, parent=parent)
        missing = parent is not None and parent not in self.model.entities
        if missing or parent in {id} | self.model.follow(Axis.DESCENDANTS, {id}):
            self._refused(StoreError, lambda transaction: transaction.put(new))
        else:
            self._put(new)

    @rule(pick=picks)
    def delete(self, pick: int) -> None:
        id = self.any(pick)
        if id not in self.model.entities:
            self._refused(NotFound, lambda transaction: transaction.delete(id))
            return
        with self.store.write() as transaction:
            transaction.delete(id)
        self.model.delete(id)

    @rule(pick=picks, holder_pick=picks, amount=amounts)
    def allocate(self, pick: int, holder_pick: int, amount: int | float) -> None:
        target_id, holder = self.vertex(pick), self.any(holder_pick)
        if target_id not in self.model.entities or holder not in self.model.entities:
            return
        left = CAPACITY - self.model.allocated(target_id)
        if amount > left:
            self._refused(
                CapacityExceeded, lambda transaction: transaction.allocate(target_id, "capacity", amount, holder)
            )
            return
        with self.store.write() as transaction:
            assert transaction.allocate(target_id, "capacity", amount, holder) == left - amount
        taken = self.model.allocations.get((target_id, holder), 0)
        self.model.allocations[target_id, holder] = taken + amount

    @rule(key=st.sampled_from(["80", "81"]), holder_pick=picks)
    def claim(self, key: str, holder_pick: int) -> None:
        holder = self.any(holder_pick)
        if holder not in self.model.entities:
            return
        if self.model.claims.get(key, holder) != holder:
            self._refused(Claimed, lambda transaction: transaction.claim("port", key, holder))
            return
        with self.store.write() as transaction:
            transaction.claim("port", key, holder)
        self.model.claims[key] = holder

    @rule(key=st.sampled_from(["80", "81"]), holder_pick=picks)
    def unclaim(self, key: str, holder_pick: int) -> None:
        holder = self.any(holder_pick)
        with self.store.write() as transaction:
            transaction.unclaim("port", key, holder)
        if self.model.claims.get(key) == holder:
            del self.model.claims[key]

    @rule(holder_pick=picks)
    def release(self, holder_pick: int) -> None:
        holder = self.any(holder_pick)
        with self.store.write() as transaction:
            transaction.release(holder)
        self.model.release(holder)

    @rule(key=st.sampled_from(["k1", "k2", "k3"]), body=st.integers(0, 9))
    def record(self, key: str, body: int) -> None:
        with self.store.write() as transaction:
            added = transaction.append("topic", key, body, subject=f"s/{key}")
        assert (added is None) == (key in self.model.journal)
        if added is not None:
            self.model.journal[key] = body
            self.model.last_key = key

    @rule(keep=st.integers(0, 2), key=st.none() | st.sampled_from(["k1", "k2"]))
    def forget(self, keep: int, key: str | None) -> None:
        chosen = [one for one in self.model.journal if key in (None, one)]
        gone = [one for one in chosen[: max(len(chosen) - keep, 0)] if one != self.model.last_key]
        with self.store.write() as transaction:
            trimmed = transaction.trim("topic", subject=None if key is None else f"s/{key}", keep=keep)
        assert trimmed.count == len(gone)
        for one in gone:
            del self.model.journal[one]

    @rule(pick=picks, name=names)
    def give_up(self, pick: int, name: str) -> None:
        """A transaction that fails leaves nothing."""
        id = self.vertex(pick)
        if (old := self.model.entities.get(id)) is None:
            return
        try:
            with self.store.write() as transaction:
                transaction.put(msgspec.structs.replace(old, name=name, classes=("gone",)))
                transaction.append("topic", "k1", 1)
                transaction.append("topic", "k0", 1)
                transaction.claim("port", "82", id)
                transaction.delete(id)
                raise KeyError
        except KeyError:
            pass

    @rule(
        kinds=st.sampled_from([(), (Kind.VERTEX,), (Kind.EDGE,), (Kind.VERTEX, Kind.EDGE)]),
        classes=st.lists(st.sampled_from([*CLASSES, "gone"]), max_size=2).map(tuple),
        directory=st.none() | directories,
        recursive=st.booleans(),
        name=st.none() | names,
        parent=st.none() | picks,
        within=st.none() | picks,
        after=st.none() | picks,
        where=predicates,
        limit=st.none() | st.integers(0, 3),
    )
    def query(self, **conditions: Any) -> None:
        picked = {
            key: None if conditions[key] is None else self.vertex(conditions[key])
            for key in ("parent", "within", "after")
        }
        query = Query(**conditions | picked)
        with self.store.read() as reader:
            assert [item.id for item in reader.query(query)] == [item.id for item in self.model.query(query)]

    @rule(start_picks=st.lists(picks, max_size=3), path=steps)
    def follow(self, start_picks: list[int], path: list[Step]) -> None:
        start = [self.any(pick) for pick in start_picks]
        with self.store.read() as reader:
            assert reader.path(start, path) == self.model.path(start, path)

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "store"):
            return
        with self.store.read() as reader:
            assert list(reader.query(Query())) == [item for _, item in sorted(self.model.entities.items())]
            assert reader.claims("port") == self.model.claims
            assert {record.key: record.body for record in reader.journal("topic")} == self.model.journal
            for id in self.model.entities:
                assert reader.allocated(id, "capacity") == self.model.allocated(id)
            assert reader.position() == len(self.model.changes)

    def _put(self, entity: Any) -> None:
        with self.store.write() as transaction:
            stored = transaction.put(entity)
        assert stored.revision == entity.revision + 1
        self.model.entities[entity.id] = stored
        self.model.changes.append(("put", entity.id))

    def _refused(self, error: type[StoreError], write: Callable[[Any], object]) -> None:
        try:
            with self.store.write() as transaction:
                write(transaction)
        except error:
            return
        raise AssertionError(f"{error.__name__} was expected")


def _inside(path: str, directory: str, recursive: bool) -> bool:
    return path == directory or (recursive and (path + "/").startswith(directory.rstrip("/") + "/"))


def _fits(entity: Any, where: Sequence[Predicate]) -> bool:
    for predicate in where:
        property = getattr(entity, "properties", {}).get(predicate.name)
        if property is None or not _compare(property.value, predicate.operator, predicate.value):
            return False
    return True


def _compare(left: Any, operator: Operator, right: Any) -> bool:
    """Compare small integers with integers or text."""
    if operator is Operator.EXISTS:
        return True
    if operator is Operator.NOT_EQUAL:
        return bool(left != right)
    if isinstance(right, str) or operator is Operator.CONTAINS:
        return False
    results: dict[Operator, bool] = {
        Operator.EQUAL: left == right,
        Operator.LESS: left < right,
        Operator.LESS_OR_EQUAL: left <= right,
        Operator.GREATER: left > right,
        Operator.GREATER_OR_EQUAL: left >= right,
    }
    return results[operator]
