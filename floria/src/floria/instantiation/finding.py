"""Finding targets: which vertices an edge template may lead to, in what order, and why others may not (R83).

Instantiation and changes of running instances draw candidates from here. Candidates are looked up by owner and class,
never scanned for, and kept in heaps, so that a large design costs little more per edge than a small one.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

import msgspec

from floria import naming, selection
from floria.entities import EdgeTemplate, Finder, Kind, Vertex
from floria.ids import Id
from floria.instantiation.draft import Draft
from floria.instantiation.problems import Refusal
from floria.store.interface import Query


class Wanted(NamedTuple):
    """What a finder looks for, with everything evaluated that depends on the source."""

    classes: tuple[str, ...]
    owner_classes: tuple[str, ...]
    owner: Id | None
    owner_index: int | None
    target: Id | None
    scope: str | None


Entry: TypeAlias = tuple[int, int, int, Id]
"""A candidate in a heap: tier (own or not), edges, place, id."""


MAX_UNKNOWN: Final = 100
"""How many candidates whose property is not known yet are looked at beside those that have the right one."""

Scalar: TypeAlias = str | int | float
Equal: TypeAlias = tuple[tuple[str, Scalar], ...]
"""Names of properties and what they have to be."""


class Pool:
    """Candidates, the best first: those of the same instantiation, then with fewer edges of the name, then the older.

    What was drawn is not drawn again before `restore`. Candidates that were found to have too little left of something
    are kept apart by how much that is, so that demands for more do not look at them again.
    """

    def __init__(self, own: Iterable[Id], others: Callable[[], Iterable[Id]], name: str, edges: "Counts") -> None:
        self._name, self._edges = name, edges
        self._others: Callable[[], Iterable[Id]] | None = others
        self._heap: list[Entry] = [(0, edges.of(id, name), place, id) for place, id in enumerate(own)]
        self._scarce: dict[tuple[str, float], list[Entry]] = {}
        self._drawn: list[tuple[list[Entry], Entry]] = []
        heapq.heapify(self._heap)

    def draw(self, amounts: Mapping[str, float]) -> Id | None:
        """Return the best candidate that is left and, as far as is known, has these amounts left."""
        while True:
            heap = self._best(amounts)
            if heap is None:
                if not self._look_further():
                    return None
                continue
            tier, known, place, id = heapq.heappop(heap)
            now = self._edges.of(id, self._name)
            if now != known:
                heapq.heappush(heap, (tier, now, place, id))
                continue
            self._drawn.append((heap, (tier, now, place, id)))
            return id

    def scarce(self, name: str, left: float) -> None:
        """Note that what was drawn last has only so much left of something, of which there will never be more."""
        _, entry = self._drawn.pop()
        self._drawn.append((self._scarce.setdefault((name, _at_most(left)), []), entry))

    def took(self) -> None:
        """Note that what was drawn last is taken, so that what it has left is not known any more."""
        _, entry = self._drawn.pop()
        self._drawn.append((self._heap, entry))

    def restore(self) -> None:
        """Put back everything that was drawn."""
        for heap, entry in self._drawn:
            heapq.heappush(heap, entry)
        self._drawn.clear()

    def _best(self, amounts: Mapping[str, float]) -> list[Entry] | None:
        """Return the heap with the best candidate at its top, among those that may have enough left."""
        best = self._heap
        for (name, left), heap in self._scarce.items():
            if heap and amounts.get(name, 0) <= left and (not best or heap[0] < best[0]):
                best = heap
        return best or None

    def _look_further(self) -> bool:
        """Add the candidates of other instances, which nobody needs while there are own ones."""
        others, self._others = self._others, None
        for place, id in enumerate(others() if others is not None else ()):
            heapq.heappush(self._heap, (1, self._edges.of(id, self._name), place, id))
        return bool(self._heap)


def _at_most(amount: float) -> float:
    """Return a number that is not less than `amount`, and the same for amounts that are nearly the same."""
    if amount <= 0:
        return 0.0
    fraction, exponent = math.frexp(amount)
    return math.ldexp(math.ceil(fraction * 64) / 64, exponent)


class Counts:
    """How many edges of a name end in a vertex of the draft."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._known: dict[tuple[Id, str], int] = {}

    def of(self, target: Id, name: str) -> int:
        """Return the number, counted once."""
        found = self._known.get((target, name))
        if found is None:
            found = self._known[target, name] = self._draft.edges_into(target, name)
        return found

    def added(self, target: Id, name: str) -> None:
        """Count one more; call it before the edge is added to the draft."""
        self._known[target, name] = self.of(target, name) + 1


class Candidates:
    """The pools of one instantiation in `directory`, of a design with the vertex templates `templates`."""

    def __init__(self, draft: Draft, templates: Collection[Id], directory: str) -> None:
        self._draft, self._templates, self._directory = draft, templates, directory
        self.counts = Counts(draft)
        self._pools: dict[tuple[Wanted, str, Equal], Pool] = {}
        self._groups: dict[tuple[Wanted, str], dict[Scalar | None, list[tuple[int, Id]]]] = {}
        self._indexes: dict[Id, dict[int, list[Id]]] = {}

    def wanted(self, template: EdgeTemplate, owner_index: int | None) -> Wanted:
        """Return what `template` looks for."""
        finder = template.finder or Finder()
        bound = finder.owner is not None or template.target is not None
        scope = finder.scope if finder.scope is not None or bound else self._directory
        return Wanted(finder.classes, finder.owner_classes, finder.owner, owner_index, template.target, scope)

    def pool(self, wanted: Wanted, name: str, equal: Equal = ()) -> Pool:
        """Return the candidates for edges called `name`, without those that are known to differ from `equal`."""
        own: Iterable[Id] | None = self._equal(wanted, *equal[0]) if equal else None
        key = (wanted, name, equal if own is not None else ())
        found = self._pools.get(key)
        if found is None:
            own = self._fitting(self._own(wanted), wanted) if own is None else own
            found = Pool(own, lambda: self._fitting(self._others(wanted), wanted), name, self.counts)
            self._pools[key] = found
        return found

    def _equal(self, wanted: Wanted, name: str, value: Scalar) -> Iterator[Id] | None:
        """Return the own candidates whose property is `value`, or not known yet; None when of too many it is not."""
        groups = self._groups.get((wanted, name))
        if groups is None:
            groups = self._groups[wanted, name] = defaultdict(list)
            for place, id in enumerate(self._fitting(self._own(wanted), wanted)):
                groups[_known(self._draft.get(id), name)].append((place, id))
        unknown = groups.get(None, [])
        if len(unknown) > MAX_UNKNOWN:
            return None
        return (id for _, id in sorted([*groups.get(value, ()), *unknown]))

    def misfit(self, id: Id, wanted: Wanted) -> str | None:
        """Return why `id` is no candidate at all, or None when it is one."""
        vertex = self._draft.get(id)
        if not isinstance(vertex, Vertex):
            return "it does not exist"
        if missing := [label for label in wanted.classes if label not in vertex.classes]:
            return f"it is not a {', '.join(missing)}"
        if wanted.scope is not None and not selection.lies_in(vertex.directory, wanted.scope):
            return f"it is not in {wanted.scope}"
        owner = self._draft.get(vertex.parent) if vertex.parent is not None else None
        classes = owner.classes if owner is not None else ()
        if missing := [label for label in wanted.owner_classes if label not in classes]:
            return f"it does not belong to a {', '.join(missing)}"
        return None

    def near_misses(self, wanted: Wanted) -> Iterator[Refusal]:
        """Yield what comes closest to being a candidate, with the reasons why it is none."""
        loose = wanted._replace(classes=wanted.classes if wanted.owner is None else (), owner_classes=())
        for id in (*self._own(loose), *self._others(loose)):
            if (reason := self.misfit(id, wanted)) is not None:
                yield Refusal(id, self.label(id), reason)

    def is_candidate(self, id: Id, wanted: Wanted) -> bool:
        """Whether `id` would be in the pool."""
        if self.misfit(id, wanted) is not None:
            return False
        if wanted.target is not None:
            return id in self._targets(wanted.target)
        vertex = self._draft.get(id)
        assert isinstance(vertex, Vertex)
        return wanted.owner is None or vertex.parent in self._owners(wanted.owner, wanted.owner_index)

    def label(self, id: Id) -> str:
        """Return the name of a candidate for messages."""
        return naming.label(self._draft, id)

    def owner_label(self, owner: Id, index: int | None) -> str:
        """Return the name of an owner, which may be a template of the design, for messages."""
        made = next((self._draft.vertexes[id].name for id in self._draft.made_from(owner)), None)
        designed = self._templates.get(owner) if isinstance(self._templates, Mapping) else None
        name = made or (designed.name if designed is not None else self.label(owner))
        return name if index is None else f"{name}[{index}]"

    def _fitting(self, ids: Iterable[Id], wanted: Wanted) -> Iterator[Id]:
        return (id for id in ids if self.misfit(id, wanted) is None)

    def _own(self, wanted: Wanted) -> list[Id]:
        """Return the candidates of this instantiation, or all when there is an owner or a target."""
        if wanted.target is not None:
            return self._targets(wanted.target)
        if wanted.owner is not None:
            owners = self._owners(wanted.owner, wanted.owner_index)
            return [id for owner in owners for id in self._content(owner)]
        if wanted.classes:
            return min((self._draft.of_class(label) for label in wanted.classes), key=len)
        return list(self._draft.vertexes)

    def _others(self, wanted: Wanted) -> list[Id]:
        """Return the candidates of other instances."""
        if wanted.target is not None or wanted.owner is not None:
            return []
        return self._stored(Query(kinds=(Kind.VERTEX,), classes=wanted.classes, directory=wanted.scope))

    def _targets(self, target: Id) -> list[Id]:
        return self._draft.made_from(target) if target in self._templates else [target]

    def _owners(self, owner: Id, index: int | None) -> list[Id]:
        if owner in self._templates:
            if index is None:
                return self._draft.made_from(owner)
            return self._by_index(owner).get(index, [])
        if isinstance(self._draft.get(owner), Vertex):
            found = [owner]
        else:
            found = self._stored(Query(kinds=(Kind.VERTEX,), template=owner))
        return [id for id in found if index is None or getattr(self._draft.get(id), "index", 0) == index]

    def _by_index(self, owner: Id) -> dict[int, list[Id]]:
        if owner not in self._indexes:
            grouped: dict[int, list[Id]] = defaultdict(list)
            for id in self._draft.made_from(owner):
                grouped[self._draft.vertexes[id].index].append(id)
            self._indexes[owner] = grouped
        return self._indexes[owner]

    def _content(self, owner: Id) -> list[Id]:
        if self._draft.is_new(owner):
            return self._draft.contained_in(owner)
        return [*self._draft.contained_in(owner), *self._stored(Query(kinds=(Kind.VERTEX,), parent=owner))]

    def _stored(self, query: Query) -> list[Id]:
        found = [
            one
            for one in self._draft.base.query(query)
            if one.id not in self._draft.hidden and one.id not in self._draft.vertexes
        ]
        return [one.id for one in sorted(found, key=lambda one: (one.created, one.id))]


def _known(entity: object, name: str) -> Scalar | None:
    """Return the value of a property that is written there, None where it is not or is no scalar."""
    found = getattr(entity, "properties", {}).get(name)
    value = found.value if found is not None and found.updater is msgspec.UNSET else None
    return value if isinstance(value, str | int | float) else None
