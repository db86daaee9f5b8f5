"""Designs: the templates of one root, checked and indexed, from a bundle or from a store."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from floria import naming, properties
from floria.entities import Bundle, EdgeTemplate, Kind, VertexTemplate
from floria.evaluation import EvaluationError
from floria.ids import Id
from floria.instantiation.problems import InstantiationError, Problem, origin
from floria.store.interface import Axis, NotFound, Query, Reader, Step

MAX_DEPTH = 100

Made = TypeVar("Made", VertexTemplate, EdgeTemplate)


class Design:
    """Templates by id, by container and by source, in declared order."""

    def __init__(self, root: Id, vertexes: Iterable[VertexTemplate], edges: Iterable[EdgeTemplate]) -> None:
        self.vertexes: dict[Id, VertexTemplate] = {}
        self.edges: dict[Id, EdgeTemplate] = {}
        self.children: dict[Id, list[VertexTemplate]] = {}
        problems: list[Problem] = []
        for vertex in vertexes:
            problems += _twice(vertex, vertex.id in self.vertexes)
            self.vertexes[vertex.id] = vertex
            if vertex.parent is not None and vertex.id != root:
                self.children.setdefault(vertex.parent, []).append(vertex)
        for edge in edges:
            problems += _twice(edge, edge.id in self.edges)
            self.edges[edge.id] = edge
        if root not in self.vertexes:
            raise InstantiationError((Problem("floria.bad-design", f"its root {root} is not in it", "the design"),))
        self.root = self.vertexes[root]
        problems += self._check()
        if problems:
            raise InstantiationError(tuple(problems))

    def _check(self) -> Iterable[Problem]:
        reached = self._reached()
        for vertex in self.vertexes.values():
            if vertex.id not in reached:
                yield _bad(vertex, f"{vertex.name} is not contained in the root, or more than {MAX_DEPTH} deep")
            yield from _metadata(vertex)
        for edge in self.edges.values():
            if edge.source not in self.vertexes:
                yield _bad(edge, f"its source {edge.source} is not in the design")
            if (edge.target is None) == (edge.finder is None):
                yield _bad(edge, "it needs a target or a finder, and not both")
            yield from _metadata(edge)
        if self.root.count != 1:
            yield _bad(self.root, "the root of a design is made once: its count is 1")

    def _reached(self) -> set[Id]:
        reached = {self.root.id}
        level = [self.root.id]
        for _ in range(MAX_DEPTH):
            level = [one.id for id in level for one in self.children.get(id, ()) if one.id not in reached]
            reached.update(level)
        return reached


def of_bundle(bundle: Bundle) -> Design:
    """Return the design in `bundle`. Raises `InstantiationError` when it does not hold together."""
    return Design(bundle.root, bundle.vertexes, bundle.edges)


def of_store(reader: Reader, root: Id) -> Design:
    """Return the design whose root is the stored template `root`. Raises `NotFound`, `InstantiationError`."""
    top = reader.get(root)
    if not isinstance(top, VertexTemplate):
        raise NotFound(f"there is no vertex template {naming.label(reader, root)}")
    inside = reader.query(Query(kinds=(Kind.VERTEX_TEMPLATE,), within=root))
    found = [top, *(one for one in inside if isinstance(one, VertexTemplate) and one.id != root)]
    found.sort(key=_order)
    ids = reader.path([one.id for one in found], [Step(axis=Axis.OUT)])
    edges = [one for one in reader.get_many(ids) if isinstance(one, EdgeTemplate)]
    edges.sort(key=_order)
    return Design(root, map(_unordered, found), map(_unordered, edges))


ORDER = "floria.order"
"""Metadata in which a stored template keeps its place among those of its bundle."""


def _order(template: VertexTemplate | EdgeTemplate) -> tuple[int, str, Id]:
    place = template.metadata.get(ORDER)
    return (place if isinstance(place, int) else 0, template.name, template.id)


def _unordered(template: Made) -> Made:
    metadata = {key: value for key, value in template.metadata.items() if key != ORDER}
    return msgspec.structs.replace(template, metadata=metadata)


def _twice(template: VertexTemplate | EdgeTemplate, seen: bool) -> list[Problem]:
    return [_bad(template, f"there are two templates with the id {template.id}")] if seen else []


def _metadata(template: VertexTemplate | EdgeTemplate) -> Iterable[Problem]:
    try:
        properties.check_metadata(template, template.name)
    except EvaluationError as error:
        yield Problem(error.code, error.message, template.name, template.id, origin(template))


def _bad(template: VertexTemplate | EdgeTemplate, message: str) -> Problem:
    return Problem("floria.bad-design", message, template.name or str(template.id), template.id, origin(template))
