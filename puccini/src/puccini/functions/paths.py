"""TOSCA paths (section 10.3): from SELF or a named node, along relationships and capabilities, to where a value is.

The graph is Floria's as `puccini` compiles it: nodes are vertexes in the service, capabilities and artifacts are
vertexes in their node, relationships are edges from a node to a capability. Used by `puccini.functions.graph`.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from floria import naming
from floria.entities import Edge, EdgeTemplate, Entity, Kind, Vertex, VertexTemplate
from floria.evaluation import Context, EvaluationError
from floria.store.interface import Axis, Query, Step
from floria.values import Value
from puccini.functions import arguments as given

SERVICE, NODE, CAPABILITY, RELATIONSHIP = "tosca:service", "tosca:node", "tosca:capability", "tosca:relationship"
SELECTED, STITCH = "tosca:selected", "tosca:stitch"
TEMPLATE = "tosca.template"
"""Metadata of a relationship: the name of the relationship template that it was made from."""

CODE = "tosca.path"
NO_GRAPH = "tosca.no-graph"
_SELF, _SOURCE, _TARGET, _ALL = "SELF", "SOURCE", "TARGET", "ALL"
_CAPABILITY, _RELATIONSHIP = "CAPABILITY", "RELATIONSHIP"


class Prospect(NamedTuple):
    """The relationship there will be if a candidate is accepted: SELF in the node filter of a requirement."""

    source: Vertex
    target: Vertex


Place: TypeAlias = Vertex | Edge | Prospect


class Destination(NamedTuple):
    """Where a path leads. With `many`, there was an ALL in it. `rest` is what follows the path."""

    places: list[Place]
    many: bool
    rest: list[Value]


def walk(context: Context, function: str, tokens: list[Value]) -> Destination:
    """Follow the path that `tokens` begin with. Raises `EvaluationError` ``tosca.path``."""
    return _Walk(context, function, tokens).run()


def service(context: Context, function: str) -> Vertex:
    """Return the service in which a call is evaluated."""
    start = context.source or context.entity
    for above in reversed(_lineage(context, function, start)):
        if SERVICE in above.classes and isinstance(above, Vertex):
            return above
    raise given.error(CODE, function, f"{context.label(_present(function, start))} is not in a service")


def node(context: Context, function: str, entity: Entity | None) -> Vertex | None:
    """Return the node that an entity is, or is in, or, of a relationship, begins in."""
    for above in reversed(_lineage(context, function, entity)):
        if NODE in above.classes and isinstance(above, Vertex):
            return above
    return None


def named(context: Context, function: str, name: str) -> list[Vertex]:
    """Return the nodes that a service calls `name`: its own, and what it has selected under that name."""
    return _named(context, service(context, function), name)


def selected(context: Context, alias: Vertex) -> list[Vertex]:
    """Return the node that was selected under another name, if it is decided."""
    ids = context.reader.path([alias.id], [Step(axis=Axis.OUT), Step(axis=Axis.TARGET)])
    return [one for one in context.reader.get_many(ids) if isinstance(one, Vertex) and NODE in one.classes]


def _named(context: Context, within: Vertex, name: str) -> list[Vertex]:
    query = Query(kinds=(Kind.VERTEX,), parent=within.id, name=name)
    found = [one for one in context.reader.query(query) if isinstance(one, Vertex)]
    nodes = [one for one in found if NODE in one.classes]
    return nodes or [node for one in found if SELECTED in one.classes for node in selected(context, one)]


def _lineage(context: Context, function: str, entity: Entity | None) -> list[Entity]:
    start = _present(function, entity)
    if isinstance(start, Edge):
        start = _present(function, context.reader.get(start.source))
    return naming.lineage(context.reader, start)


def _present(function: str, entity: Entity | None) -> Entity:
    if entity is None:
        raise given.error(NO_GRAPH, function, "needs a service, and there is none here")
    if isinstance(entity, VertexTemplate | EdgeTemplate):
        error = given.error(NO_GRAPH, function, "needs a service, and this is a design")
        error.retryable = True
        raise error
    return entity


class _Walk:
    """One path being followed. All places of a step are of one kind."""

    def __init__(self, context: Context, function: str, tokens: list[Value]) -> None:
        self._context, self._function, self._tokens = context, function, tokens
        self._position = 0
        self._many = False
        self._kind = NODE

    def run(self) -> Destination:
        places = self._start()
        while (following := self._step(places)) is not None:
            places = following
        return Destination(places, self._many, self._tokens[self._position :])

    def _start(self) -> list[Place]:
        name = self._take()
        if name == _SELF:
            return [self._located(self._self())]
        if not isinstance(name, str):
            raise self._error(f"a path begins with SELF or the name of a node, not with {given.kind(name)}")
        within = service(self._context, self._function)
        nodes = _named(self._context, within, name)
        if not nodes and (named := self._relationship_template(within, name)):
            self._kind = RELATIONSHIP
            return [named]
        if not nodes and not self._is_all():
            raise self._error(f"{within.name or 'the service'} has no node {name!r}{self._names(within)}")
        return self._indexed(nodes, lambda one: one.index, f"node {name!r}")

    def _relationship_template(self, within: Vertex, name: str) -> Edge | None:
        """Return the first relationship made from a relationship template of the service."""
        nodes = self._context.reader.query(Query(kinds=(Kind.VERTEX,), classes=(NODE,), parent=within.id))
        ids = self._context.reader.path([one.id for one in nodes], [Step(axis=Axis.OUT)])
        edges = [one for one in self._context.reader.get_many(ids) if isinstance(one, Edge)]
        return min((one for one in edges if one.metadata.get(TEMPLATE) == name), key=self._age, default=None)

    def _self(self) -> Place:
        context = self._context
        source = context.source
        if isinstance(source, Vertex) and isinstance(context.candidate, Vertex):
            selecting = SELECTED in source.classes or SERVICE in source.classes
            return context.candidate if selecting else Prospect(source, context.candidate)
        entity = context.candidate or context.entity
        if isinstance(entity, Edge):
            return entity
        found = node(context, self._function, entity)
        if found is not None:
            return found
        if isinstance(entity, Vertex) and SERVICE not in entity.classes:
            return entity
        raise self._error("SELF is neither a node nor a relationship here; begin with the name of a node")

    def _located(self, place: Place) -> Place:
        if isinstance(place, Edge | Prospect):
            self._kind = RELATIONSHIP
        return place

    def _step(self, places: list[Place]) -> list[Place] | None:
        """Return the next places, or None when the path has ended."""
        if len(self._tokens) - self._position < 2:
            return None
        keyword = self._tokens[self._position]
        if self._kind == RELATIONSHIP:
            return self._from_relationships(places, keyword)
        if self._kind == CAPABILITY:
            return self._from_capabilities(places, keyword)
        return self._from_nodes(places, keyword)

    def _from_relationships(self, places: list[Place], keyword: Value) -> list[Place] | None:
        if keyword not in (_SOURCE, _TARGET, _CAPABILITY):
            return None
        self._position += 1
        self._kind = CAPABILITY if keyword == _CAPABILITY else NODE
        return [self._end(place, str(keyword)) for place in places]

    def _end(self, place: Place, keyword: str) -> Place:
        assert not isinstance(place, Vertex)
        end = place.source if keyword == _SOURCE else place.target
        vertex = end if isinstance(end, Vertex) else self._context.reader.get(end)
        if not isinstance(vertex, Vertex):
            raise self._error(f"the {keyword.lower()} of the relationship is gone")
        if keyword == _CAPABILITY:
            if CAPABILITY not in vertex.classes:
                raise self._error(f"the relationship ends in {self._context.label(vertex)}, which is no capability")
            return vertex
        found = node(self._context, self._function, vertex)
        if found is None:
            raise self._error(f"{self._context.label(vertex)} is in no node")
        return found

    def _from_nodes(self, places: list[Place], keyword: Value) -> list[Place] | None:
        if keyword not in (_RELATIONSHIP, _CAPABILITY):
            return None
        self._position += 1
        name = self._take()
        if not isinstance(name, str):
            raise self._error(f"a name follows {keyword}, not {given.kind(name)}")
        if keyword == _CAPABILITY:
            self._kind = CAPABILITY
            return [self._capability(place, name) for place in places]
        index = self._index()
        self._kind = RELATIONSHIP
        return [found for place in places for found in self._out(place, name, index)]

    def _from_capabilities(self, places: list[Place], keyword: Value) -> list[Place] | None:
        if keyword != _RELATIONSHIP:
            return None
        self._position += 1
        index = self._index()
        self._kind = RELATIONSHIP
        return [found for place in places for found in self._into(place, index)]

    def _capability(self, place: Place, name: str) -> Place:
        assert isinstance(place, Vertex)
        query = Query(kinds=(Kind.VERTEX,), classes=(CAPABILITY,), parent=place.id, name=name)
        found = next((one for one in self._context.reader.query(query) if isinstance(one, Vertex)), None)
        if found is None:
            raise self._error(f"{self._context.label(place)} has no capability {name!r}{self._names(place)}")
        return found

    def _out(self, place: Place, name: str, index: int | None) -> Iterable[Place]:
        """Return the relationships of a requirement: that with the index, or, for 0, the first that is left."""
        edges = sorted(self._edges(place, Step(axis=Axis.OUT, name=name)), key=lambda edge: (edge.index, edge.id))
        if index is None:
            return edges
        found = [edge for edge in edges if edge.index == index] or (edges if index == 0 else [])
        if not found:
            raise self._absent(place, f"{len(edges)} relationships {name!r}", index)
        return found[:1]

    def _into(self, place: Place, index: int | None) -> Iterable[Place]:
        """Return incoming relationships: they count in the order in which they were made, then of their sources."""
        edges = sorted(self._edges(place, Step(axis=Axis.IN)), key=self._age)
        if index is None:
            return edges
        if index >= len(edges):
            raise self._absent(place, f"{len(edges)} incoming relationships", index)
        return edges[index : index + 1]

    def _age(self, edge: Edge) -> tuple[int, str, int, str, int, str]:
        source = self._context.reader.get(edge.source)
        name, index = (source.name, source.index) if isinstance(source, Vertex) else ("", 0)
        return edge.created, name, index, edge.name, edge.index, edge.id

    def _edges(self, place: Place, step: Step) -> list[Edge]:
        assert isinstance(place, Vertex)
        ids = self._context.reader.path([place.id], [step])
        found = [one for one in self._context.reader.get_many(ids) if isinstance(one, Edge)]
        return [one for one in found if STITCH not in one.classes]

    def _absent(self, place: Place, has: str, index: int) -> EvaluationError:
        assert isinstance(place, Vertex)
        return self._error(f"{self._context.label(place)} has {has}, none with index {index}", retryable=True)

    def _indexed(self, nodes: list[Vertex], index_of: Callable[[Vertex], int], name: str) -> list[Place]:
        index = self._index()
        if index is None:
            return [*sorted(nodes, key=index_of)]
        found = [one for one in nodes if index_of(one) == index]
        if not found:
            present = ", ".join(str(index_of(one)) for one in sorted(nodes, key=index_of)[:10])
            raise self._error(f"{name} has no representation {index}; it has {present}")
        return list(found[:1])

    def _index(self) -> int | None:
        """Take the index that may follow: 0 when none does, None for all."""
        if self._is_all():
            self._position += 1
            self._many = True
            return None
        token = self._tokens[self._position] if self._position < len(self._tokens) else None
        if isinstance(token, bool) or not isinstance(token, int):
            return 0
        if token < 0:
            raise self._error(f"{token} is no index")
        self._position += 1
        return token

    def _is_all(self) -> bool:
        """Whether ALL follows, and something of all: of none, too, where the count of a template is 0."""
        return self._tokens[self._position : self._position + 1] == [_ALL] and self._position + 1 < len(self._tokens)

    def _take(self) -> Value:
        if self._position >= len(self._tokens):
            raise self._error("the path ends too early")
        self._position += 1
        return self._tokens[self._position - 1]

    def _names(self, within: Vertex) -> str:
        label = NODE if SERVICE in within.classes else CAPABILITY
        query = Query(kinds=(Kind.VERTEX,), classes=(label,), parent=within.id)
        names = sorted({one.name for one in self._context.reader.query(query)})[:12]
        return f"; it has: {', '.join(names)}" if names else ""

    def _error(self, message: str, retryable: bool = False) -> EvaluationError:
        way = ", ".join(str(token) for token in self._tokens[: self._position])
        error = given.error(CODE, self._function, f"[ {way} ]: {message}")
        error.retryable = retryable
        error.detail = list(self._tokens)
        return error
