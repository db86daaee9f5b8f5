"""Targets for one edge template in a running graph; see `floria.connections`."""

from collections.abc import Callable, Collection

import msgspec

from floria import graph, naming
from floria.entities import Edge, EdgeTemplate, Property, Vertex
from floria.evaluation import Clock, Context, Library, Run
from floria.ids import Id
from floria.instantiation.attempt import Demand
from floria.instantiation.demands import Demands
from floria.instantiation.draft import Draft
from floria.instantiation.finding import Candidates
from floria.instantiation.hooks import Hooks
from floria.instantiation.problems import InstantiationError, Refusal
from floria.store.interface import Axis, Reader, Step


def edges(
    reader: Reader,
    template: EdgeTemplate,
    source: Vertex,
    functions: Library,
    *,
    hooks: Hooks | None,
    clock: Clock,
    new_id: Callable[[], Id],
) -> list[Edge]:
    """Return the edges to form, besides those there are. Raises `InstantiationError`."""
    draft, demands = _prepare(reader, template, source, functions, hooks or Hooks(), clock, new_id)
    demands.settle()
    if demands.problems:
        raise InstantiationError(tuple(demands.problems))
    return [edge for edge in draft.edges.values() if edge.id not in draft.kept]


def candidates(
    reader: Reader, template: EdgeTemplate, source: Vertex, functions: Library, *, clock: Clock
) -> tuple[list[Id], list[Refusal]]:
    """Return who could be the target, the best first, and why others could not."""
    unlimited = msgspec.structs.replace(template, count="unbounded", optional=True)
    _, demands = _prepare(reader, unlimited, source, functions, Hooks(), clock, lambda: Id(""), fresh=True)
    attempt = demands.attempt(Demand(unlimited, source.id, []), force=True)
    return [edge.target for edge in attempt.edges], list(attempt.explained())


def _prepare(
    reader: Reader,
    template: EdgeTemplate,
    source: Vertex,
    functions: Library,
    hooks: Hooks,
    clock: Clock,
    new_id: Callable[[], Id],
    fresh: bool = False,
) -> tuple[Draft, Demands]:
    root = naming.lineage(reader, source)[0].id
    running = graph.load(reader, root)
    existing = [] if fresh else _existing(reader, template, source)
    draft = Draft(reader, (edge.id for edge in existing))
    for vertex in running.vertexes.values():
        draft.add_vertex(vertex, kept=True)
    templates: Collection[Id] = {one.template for one in running.vertexes.values() if one.template is not None}

    def form(wanted: EdgeTemplate, start: Id, target: Id, index: int, old: Edge | None) -> Edge:
        return old if old is not None else _edge(draft, wanted, source, target, index, functions, clock, new_id)

    demands = Demands(draft, Candidates(draft, templates, source.directory), hooks, functions, clock, form)
    demands.add(template, source.id, existing)
    return draft, demands


def _existing(reader: Reader, template: EdgeTemplate, source: Vertex) -> list[Edge]:
    found = reader.get_many(reader.path([source.id], [Step(axis=Axis.OUT, name=template.name)]))
    return sorted((one for one in found if isinstance(one, Edge)), key=lambda one: one.index)


def _edge(
    draft: Draft,
    template: EdgeTemplate,
    source: Vertex,
    target: Id,
    index: int,
    functions: Library,
    clock: Clock,
    new_id: Callable[[], Id],
) -> Edge:
    context = Context(draft, functions, entity=template, run=Run(clock=clock))
    group: dict[str, Property] = {}
    for name, found in template.properties.items():
        if found.value is msgspec.UNSET:
            group[name] = found
            continue
        value = context.prepare(template, name, found.value)
        group[name] = msgspec.structs.replace(found, value=value, revision=1, time=clock())
    return Edge(
        id=new_id(),
        name=template.name,
        directory=source.directory,
        classes=template.classes,
        metadata=template.metadata,
        properties=group,
        handlers=template.handlers,
        source=source.id,
        target=target,
        template=template.id,
        index=index,
    )
