"""Plan: everything that instantiating a design would create, with the ids it will get. Changes nothing.

`apply` makes it so in one transaction. Changes of a running instance are planned here too, with the instance given:
what is the same keeps its id and what was written to it (see `floria.difference`).
"""

import time as clocks
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import msgspec

from floria import entities, graph, ids, properties
from floria.entities import Bundle, Edge, EdgeTemplate, Property, Vertex, VertexTemplate
from floria.evaluation import Clock, Context, EvaluationError, Library, Run
from floria.garbage import uncollected
from floria.graph import Graph, Identity
from floria.ids import Id
from floria.instantiation import design as designs
from floria.instantiation import merging
from floria.instantiation.attempt import count
from floria.instantiation.demands import Demands
from floria.instantiation.design import Design
from floria.instantiation.draft import Draft
from floria.instantiation.finding import Candidates
from floria.instantiation.hooks import AFTER, BEFORE, Hooks, declared
from floria.instantiation.preparation import Preparation
from floria.instantiation.problems import InstantiationError, Problem, origin
from floria.properties import Holder
from floria.store.interface import Allocation, Reader
from floria.values import InvalidValue, Value

INPUTS = "floria.inputs"
"""Metadata of a root vertex: the inputs that were given."""

MAX_VERTEXES = 2_000_000

Source: TypeAlias = Bundle | Id | VertexTemplate
"""A design: in hand, or the root of a stored one."""


class Plan(msgspec.Struct, frozen=True):
    """What will be: vertices, containers first, edges, and what they allocate.

    `notes` explain optional requirements that are not satisfied. `kept` are those that exist already.
    """

    root: Id
    name: str
    directory: str
    vertexes: tuple[Vertex, ...]
    edges: tuple[Edge, ...]
    allocations: tuple[Allocation, ...]
    notes: tuple[Problem, ...] = ()
    kept: frozenset[Id] = frozenset()

    def graph(self) -> Graph:
        """Return the vertices and edges."""
        return Graph(self.root, {one.id: one for one in self.vertexes}, {one.id: one for one in self.edges})


def plan(
    reader: Reader,
    source: Source,
    *,
    name: str,
    functions: Library,
    directory: str = "/",
    inputs: Mapping[str, Value] | None = None,
    hooks: Hooks | None = None,
    clock: Clock = clocks.time_ns,
    new_id: Callable[[], Id] = ids.new,
) -> Plan:
    """Plan an instance of `source` called `name`. Raises `InstantiationError` with everything that is wrong."""
    problems = _taken(reader, directory, name)
    planner = Planner(reader, of(reader, source), name, directory, dict(inputs or {}), functions, hooks, clock, new_id)
    planner.problems += problems
    with uncollected():
        return planner.plan()


def of(reader: Reader, source: Source) -> Design:
    """Return the design that `source` stands for. Raises `InstantiationError`, `NotFound`."""
    if isinstance(source, Bundle):
        return designs.of_bundle(source)
    return designs.of_store(reader, source.id if isinstance(source, VertexTemplate) else source)


def space(directory: str) -> str:
    """Return the claim space in which the names of instances in `directory` are unique."""
    return f"floria.name:{directory}"


class Planner:
    """Makes one plan. With `running`, the plan keeps what is the same in that graph."""

    def __init__(
        self,
        reader: Reader,
        design: Design,
        name: str,
        directory: str,
        inputs: dict[str, Value],
        functions: Library,
        hooks: Hooks | None = None,
        clock: Clock = clocks.time_ns,
        new_id: Callable[[], Id] = ids.new,
        running: Graph | None = None,
    ) -> None:
        self._design, self._name, self._directory, self._inputs = design, name, directory, inputs
        self._functions, self._hooks, self._clock, self._new_id = functions, hooks or Hooks(), clock, new_id
        self._running = {} if running is None else running.identities()
        self._old_edges = _by_source(running)
        self._running_ids = frozenset(() if running is None else running.vertexes)
        self._draft = Draft(reader, () if running is None else running.edges)
        self._identities: dict[Id, Identity] = {}
        self.problems: list[Problem] = []
        self._preparation = Preparation(self._context, self._problem, clock)

    def plan(self) -> Plan:
        """Return the plan, or raise `InstantiationError`."""
        root = self._make_root()
        if root is not None:
            self._make_content(root)
            self._draft.hidden |= self._running_ids - self._draft.vertexes.keys()
        if root is None or self.problems:
            raise InstantiationError(tuple(self.problems))
        demands = self._demands()
        demands.settle()
        self.problems += demands.problems
        if not self.problems:
            self._check_postponed()
        if not self.problems:
            self._after()
        if self.problems:
            raise InstantiationError(tuple(self.problems))
        vertexes, edges = tuple(self._draft.vertexes.values()), tuple(self._draft.edges.values())
        allocations = tuple(
            Allocation(edge.target, name, edge.id, amount) for edge in edges for name, amount in edge.allocation.items()
        )
        kept = frozenset(self._draft.kept)
        return Plan(root.id, self._name, self._directory, vertexes, edges, allocations, tuple(demands.notes), kept)

    @property
    def draft(self) -> Draft:
        """The view of the graph with the plan applied."""
        return self._draft

    def _make_root(self) -> Vertex | None:
        template = self._design.root
        metadata: dict[str, Value] = {**template.metadata, INPUTS: self._inputs}
        self._identities[template.id] = graph.ROOT
        root = self._vertex(
            template,
            None,
            0,
            graph.ROOT,
            self._name,
            self._preparation.of_root(template, self._name, self._inputs),
            metadata,
        )
        if root is None and not self.problems:
            self._problem(template, self._name, "floria.refused", "a hook leaves out the root")
        return root

    def _make_content(self, root: Vertex) -> None:
        """Make what is contained in `root`, each vertex right before its own content.

        How many there are of a template is asked when those declared before it, with their content, are there.
        """
        identities: dict[Id, Identity] = {root.id: graph.ROOT}
        pending: list[tuple[VertexTemplate, Vertex, int | None]] = []
        self._push(pending, root)
        while pending:
            template, parent, index = pending.pop()
            if index is None:
                pending.extend((template, parent, number) for number in reversed(range(self._count(template, parent))))
                continue
            label = template.classes[-1] if template.classes else ""
            identity: Identity = (identities[parent.id], template.name, label, index)
            vertex = self._vertex(template, parent, index, identity)
            if vertex is not None:
                identities[vertex.id] = identity
                self._push(pending, vertex)
            if len(self._draft.vertexes) + len(pending) > MAX_VERTEXES:
                self._problem(template, template.name, "floria.too-large", f"more than {MAX_VERTEXES} vertices")
                return

    def _push(self, pending: list[tuple[VertexTemplate, Vertex, int | None]], parent: Vertex) -> None:
        assert parent.template is not None
        content = self._design.children.get(parent.template, ())
        pending.extend((template, parent, 0 if _is_one(template) else None) for template in reversed(content))

    def _count(self, template: VertexTemplate, parent: Vertex) -> int:
        """Return how many there are to be; in a running instance, by what its properties are going to be."""
        try:
            context = self._context(parent).with_(run=Run(fresh=bool(self._running), clock=self._clock))
            return count(context, template.count) or 0
        except EvaluationError as error:
            self._problem(template, template.name, error.code, f"its count: {error.message}")
            return 0

    def _vertex(
        self,
        template: VertexTemplate,
        parent: Vertex | None,
        index: int,
        identity: Identity,
        name: str = "",
        group: dict[str, Property] | None = None,
        metadata: dict[str, Value] | None = None,
    ) -> Vertex | None:
        old = self._running.get(identity)
        vertex = Vertex(
            id=old.id if old is not None else self._new_id(),
            name=name or template.name,
            directory=self._directory,
            classes=template.classes,
            metadata=template.metadata if metadata is None else metadata,
            properties=self._preparation.of(template) if group is None else group,
            handlers=template.handlers,
            parent=parent.id if parent is not None else None,
            template=template.id,
            index=index,
        )
        if isinstance(old, Vertex):
            vertex = self._merged(template, old, vertex)
        made = self._before(template, vertex)
        if made is not None:
            self._draft.add_vertex(made, kept=old is not None)
        return made

    def _before(self, template: VertexTemplate, vertex: Vertex) -> Vertex | None:
        if not vertex.handlers and self._hooks.__class__.before_vertex is Hooks.before_vertex:
            return vertex
        context = self._context(vertex)
        try:
            changed = declared(context, vertex, BEFORE)
            made = None if changed is None else self._hooks.before_vertex(changed, context)
            if made is not None:
                properties.check_metadata(made, context.label(made))
            return made
        except EvaluationError as error:
            self._problem(template, context.label(vertex), error.code, error.message)
            return None

    def _demands(self) -> Demands:
        candidates = Candidates(self._draft, self._design.vertexes, self._directory)
        fresh = bool(self._running)
        demands = Demands(self._draft, candidates, self._hooks, self._functions, self._clock, self._edge, fresh=fresh)
        for template in self._design.edges.values():
            for source in self._draft.made_from(template.source):
                demands.add(template, source, self._old_edges.get((source, template.name), ()))
        return demands

    def _edge(self, template: EdgeTemplate, source: Id, target: Id, index: int, old: Edge | None) -> Edge:
        edge = Edge(
            id=old.id if old is not None else self._new_id(),
            name=template.name,
            directory=self._directory,
            classes=template.classes,
            metadata=template.metadata,
            properties=self._preparation.of(template),
            handlers=template.handlers,
            source=source,
            target=target,
            template=template.id,
            index=index,
        )
        return edge if old is None else self._merged(template, old, edge)

    def _merged(self, template: VertexTemplate | EdgeTemplate, old: merging.Made, new: merging.Made) -> merging.Made:
        try:
            return merging.merge(old, new)
        except EvaluationError as error:
            self._problem(template, self._draft_label(old), error.code, error.message)
            return new

    def _draft_label(self, made: Vertex | Edge) -> str:
        return self._context(made).label(made)

    def _check_postponed(self) -> None:
        """Refuse literals that turn out to be wrong now that the graph is there; what still cannot be told waits."""
        postponed = self._preparation.postponed
        if not postponed:
            return
        made: list[Vertex | Edge] = [*self._draft.vertexes.values(), *self._draft.edges.values()]
        for entity in made:
            if entity.template is not None:
                self._check(entity, entity.template, postponed.get(entity.template, ()))

    def _check(self, made: Vertex | Edge, template: Id, names: Iterable[str]) -> None:
        context = self._context(made)
        for name in names:
            pulled = made.properties[name].updater
            if pulled is msgspec.UNSET:
                continue
            try:
                context.prepare(made, name, pulled)
            except EvaluationError as error:
                if not error.retryable:
                    design = self._design.vertexes.get(template) or self._design.edges[template]
                    self._problem(design, f"{context.label(made)}.{name}", error.code, error.message)

    def _after(self) -> None:
        hooks = self._hooks.__class__
        everything: list[Vertex | Edge] = [*self._draft.vertexes.values(), *self._draft.edges.values()]
        for made in everything:
            handled = any(handler.event == AFTER for handler in made.handlers)
            if handled or hooks.after_vertex is not Hooks.after_vertex or hooks.after_edge is not Hooks.after_edge:
                self._finish(made)

    def _finish(self, made: Vertex | Edge) -> None:
        context = self._context(made)
        template = self._design.vertexes.get(made.template or made.id) or self._design.edges[made.template or made.id]
        try:
            changed = self._finished(made, context)
            properties.check_metadata(changed, context.label(changed))
            self._draft.replace(changed)
        except EvaluationError as error:
            self._problem(template, context.label(made), error.code, error.message)

    def _finished(self, made: Vertex | Edge, context: Context) -> Vertex | Edge:
        if isinstance(made, Vertex):
            if (vertex := declared(context, made, AFTER)) is not None:
                return self._hooks.after_vertex(vertex, context)
        elif (edge := declared(context, made, AFTER)) is not None:
            return self._hooks.after_edge(edge, context)
        raise EvaluationError("floria.refused", f"a handler of {AFTER} refuses it")

    def _context(self, entity: Holder) -> Context:
        return Context(self._draft, self._functions, entity=entity, run=Run(clock=self._clock))

    def _problem(self, template: VertexTemplate | EdgeTemplate, where: str, code: str, message: str) -> None:
        self.problems.append(Problem(code, message, where, template.id, origin(template)))


def _is_one(template: VertexTemplate) -> bool:
    return template.count.__class__ is int and template.count == 1


def _by_source(running: Graph | None) -> dict[tuple[Id, str], list[Edge]]:
    found: dict[tuple[Id, str], list[Edge]] = {}
    for edge in sorted(running.edges.values(), key=lambda one: one.index) if running is not None else ():
        found.setdefault((edge.source, edge.name), []).append(edge)
    return found


def _taken(reader: Reader, directory: str, name: str) -> list[Problem]:
    if not name or "/" in name:
        return [Problem("floria.bad-name", f"{name!r} is no name of an instance: it is empty or has a '/'", directory)]
    try:
        entities.check_directory(directory)
    except InvalidValue as error:
        return [Problem("floria.bad-directory", str(error), name)]
    holder = reader.claims(space(directory)).get(name)
    if holder is None:
        return []
    message = f"there is an instance {name!r} in {directory} already ({holder}); choose another name, or update it"
    return [Problem("floria.name-taken", message, name)]
