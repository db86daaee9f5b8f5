"""Drafts: a view of the graph as it will be when a plan is applied.

Predicates, counts and updaters are evaluated on a draft while it grows. It notes when an answer depends on edges that
are still to be decided, so that the decision can be put off.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from floria import naming, selection
from floria.entities import Edge, Entity, Vertex
from floria.ids import Id
from floria.store.interface import Allocation, Axis, Extent, Query, Reader, Record, Step


class Draft(Reader):
    """`base` as it will be: with vertices and edges added or replaced, and `hidden` ones gone.

    `provisional` is set when an answer left out edges that are yet to be decided (`expect`).
    """

    def __init__(self, base: Reader, hidden: Iterable[Id] = ()) -> None:
        self.base = base
        self.hidden = set(hidden)
        self.vertexes: dict[Id, Vertex] = {}
        self.edges: dict[Id, Edge] = {}
        self.kept: set[Id] = set()
        self.provisional = False
        self._children: dict[Id, list[Id]] = defaultdict(list)
        self._templates: dict[Id, list[Id]] = defaultdict(list)
        self._classes: dict[str, list[Id]] = defaultdict(list)
        self._out: dict[Id, list[Id]] = defaultdict(list)
        self._in: dict[Id, list[Id]] = defaultdict(list)
        self._taken: dict[tuple[Id, str], int | float] = defaultdict(int)
        self._expected: dict[tuple[Id, str], int] = defaultdict(int)

    def add_vertex(self, vertex: Vertex, kept: bool = False) -> None:
        """Add a vertex, or with `kept` one that stands for the stored one with its id."""
        self.vertexes[vertex.id] = vertex
        if kept:
            self.kept.add(vertex.id)
        if vertex.parent is not None:
            self._children[vertex.parent].append(vertex.id)
        if vertex.template is not None:
            self._templates[vertex.template].append(vertex.id)
        for label in vertex.classes:
            self._classes[label].append(vertex.id)

    def add_edge(self, edge: Edge, kept: bool = False) -> None:
        """Add an edge and take what it allocates; with `kept`, what the stored one has taken is given back first."""
        self.edges[edge.id] = edge
        self._out[edge.source].append(edge.id)
        self._in[edge.target].append(edge.id)
        if kept:
            self.kept.add(edge.id)
            self.give_back(edge.id)
        for name, amount in edge.allocation.items():
            self._taken[edge.target, name] += amount

    def give_back(self, stored: Id) -> None:
        """Count what a stored edge has taken as free."""
        self._count(stored, -1)

    def take_back(self, stored: Id) -> None:
        """Undo `give_back`."""
        self._count(stored, 1)

    def replace(self, made: Vertex | Edge) -> None:
        """Replace one that was added, with the same id, place and classes."""
        if isinstance(made, Vertex):
            self.vertexes[made.id] = made
        else:
            self.edges[made.id] = made

    def expect(self, source: Id, name: str, edges: int = 1) -> None:
        """Note that edges of this name are still to be decided (negative: they are now)."""
        self._expected[source, name] += edges

    def is_new(self, id: Id) -> bool:
        """Whether it is not stored."""
        return (id in self.vertexes or id in self.edges) and id not in self.kept

    def made_from(self, template: Id) -> list[Id]:
        """Return the vertices of this draft made from a template, in order of creation."""
        return self._templates.get(template, [])

    def contained_in(self, vertex: Id) -> list[Id]:
        """Return the vertices of this draft directly contained in `vertex`, in order of creation."""
        return self._children.get(vertex, [])

    def of_class(self, label: str) -> list[Id]:
        """Return the vertices of this draft with a class, in order of creation."""
        return self._classes.get(label, [])

    def get(self, id: Id) -> Entity | None:
        found: Entity | None = self.vertexes.get(id) or self.edges.get(id)
        if found is None and id not in self.hidden:
            found = self.base.get(id)
        return found

    def get_many(self, ids: Sequence[Id]) -> list[Entity | None]:
        return [self.get(id) for id in ids]

    def query(self, query: Query) -> Iterator[Entity]:
        """Yield what fits, in order of id. ``limit`` and ``after`` apply to the whole."""
        unlimited = msgspec.structs.replace(query, limit=None, after=None)
        found: dict[Id, Entity] = {
            one.id: one for one in self.base.query(unlimited) if one.id not in self.hidden and self._is_base(one.id)
        }
        for one in self._possible(query):
            if selection.fits(one, query) and (query.within is None or self._within(one, query.within)):
                found[one.id] = one
        ordered = sorted(id for id in found if query.after is None or id > query.after)
        for id in ordered[: query.limit]:
            yield found[id]

    def path(self, start: Sequence[Id], steps: Sequence[Step]) -> list[Id]:
        reached = {id: None for id in start if self.get(id) is not None}
        for step in steps:
            found: dict[Id, None] = {}
            for id in reached:
                self._note(id, step)
                found.update(dict.fromkeys(one for one in self._along(id, step.axis) if self._fits(one, step)))
            reached = found
        return sorted(reached)

    def allocated(self, target: Id, name: str) -> int | float:
        stored = 0 if self.is_new(target) else self.base.allocated(target, name)
        return stored + self._taken.get((target, name), 0)

    def allocations(self) -> list[Allocation]:
        drafted = [
            Allocation(edge.target, name, edge.id, amount)
            for edge in self.edges.values()
            for name, amount in edge.allocation.items()
        ]
        return [*(one for one in self.base.allocations() if self._is_base(one.holder)), *drafted]

    def claims(self, space: str) -> dict[str, Id]:
        return self.base.claims(space)

    def spaces(self) -> list[str]:
        return self.base.spaces()

    def topics(self) -> list[str]:
        return self.base.topics()

    def subjects(self, topic: str) -> list[str]:
        return self.base.subjects(topic)

    def extent(self, topic: str, *, subject: str | None = None) -> Extent | None:
        return self.base.extent(topic, subject=subject)

    def journal(
        self, topic: str, *, subject: str | None = None, after: int = 0, limit: int = 1000, newest: bool = False
    ) -> list[Record]:
        return self.base.journal(topic, subject=subject, after=after, limit=limit, newest=newest)

    def position(self) -> int:
        return self.base.position()

    def edges_into(self, target: Id, name: str) -> int:
        """Return how many edges of a name end in `target`."""
        return len(self.path([target], [Step(axis=Axis.IN, name=name)]))

    def _count(self, stored: Id, sign: int) -> None:
        found = self.base.get(stored)
        if isinstance(found, Edge):
            for name, amount in found.allocation.items():
                self._taken[found.target, name] += sign * amount

    def _possible(self, query: Query) -> Iterator[Vertex | Edge]:
        if query.parent is not None:
            ids = self.contained_in(query.parent)
        elif query.template is not None and not self.edges:
            ids = self.made_from(query.template)
        elif query.classes and not self._is_of_edges(query):
            ids = min((self.of_class(label) for label in query.classes), key=len)
        else:
            yield from self.vertexes.values()
            yield from self.edges.values()
            return
        yield from (self.vertexes[id] for id in ids)

    def _is_of_edges(self, query: Query) -> bool:
        return not query.kinds or any(kind.value == "edge" for kind in query.kinds)

    def _is_base(self, id: Id) -> bool:
        return id not in self.vertexes and id not in self.edges

    def _within(self, entity: Vertex | Edge, ancestor: Id) -> bool:
        return any(above.id == ancestor for above in naming.lineage(self, entity)[:-1])

    def _note(self, id: Id, step: Step) -> None:
        if step.axis is not Axis.OUT or self.provisional:
            return
        if step.name is not None:
            self.provisional = self._expected.get((id, step.name), 0) > 0
        else:
            self.provisional = any(left > 0 and source == id for (source, _), left in self._expected.items())

    def _along(self, id: Id, axis: Axis) -> Iterable[Id]:
        return _AXES[axis](self, id)

    def _fits(self, id: Id, step: Step) -> bool:
        entity = self.get(id)
        return entity is not None and selection.fits_step(entity, step)

    def _stored(self, id: Id, axis: Axis) -> list[Id]:
        if self.is_new(id):
            return []
        return [one for one in self.base.path([id], [Step(axis=axis)]) if one not in self.hidden and self._is_base(one)]

    def _out_of(self, id: Id) -> list[Id]:
        return [*self._stored(id, Axis.OUT), *self._out.get(id, ())]

    def _into(self, id: Id) -> list[Id]:
        return [*self._stored(id, Axis.IN), *self._in.get(id, ())]

    def _source(self, id: Id) -> list[Id]:
        found = self.get(id)
        return [found.source] if isinstance(found, Edge) else []

    def _target(self, id: Id) -> list[Id]:
        found = self.get(id)
        return [found.target] if isinstance(found, Edge) else []

    def _parent(self, id: Id) -> list[Id]:
        found = self.get(id)
        return [found.parent] if isinstance(found, Vertex) and found.parent is not None else []

    def _content(self, id: Id) -> list[Id]:
        return [*self._stored(id, Axis.CHILDREN), *self.contained_in(id)]

    def _ancestors(self, id: Id) -> list[Id]:
        found = self.get(id)
        return [one.id for one in naming.lineage(self, found)[:-1]] if isinstance(found, Vertex) else []

    def _descendants(self, id: Id) -> list[Id]:
        found: dict[Id, None] = {}
        pending = [id]
        while pending:
            for one in self._content(pending.pop()):
                if one not in found:
                    found[one] = None
                    pending.append(one)
        return list(found)


_AXES: dict[Axis, Callable[[Draft, Id], list[Id]]] = {
    Axis.OUT: Draft._out_of,
    Axis.IN: Draft._into,
    Axis.SOURCE: Draft._source,
    Axis.TARGET: Draft._target,
    Axis.PARENT: Draft._parent,
    Axis.CHILDREN: Draft._content,
    Axis.ANCESTORS: Draft._ancestors,
    Axis.DESCENDANTS: Draft._descendants,
}
