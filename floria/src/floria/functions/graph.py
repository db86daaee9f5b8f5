"""Built-in functions that read the graph, and those with which event handlers act on it.

Entities are passed as ids.
"""

from collections.abc import Mapping

from floria import entities, naming
from floria.entities import Kind
from floria.evaluation.context import Actions, Context, Function
from floria.failing import EvaluationError
from floria.functions import arguments as given
from floria.functions import text
from floria.ids import Id
from floria.store.interface import Axis, Query, Step
from floria.values import Value


def get(context: Context, arguments: list[Value]) -> Value:
    """`get(property, key…)`: of the entity that holds the call; keys lead into maps and lists."""
    name, *keys = given.evaluated(context, "get", arguments, 1)
    return text.inside("get", context.property(given.own(context, "get").id, given.text("get", name)), keys)


def get_of(context: Context, arguments: list[Value]) -> Value:
    """`get_of(id, property, key…)`: of another entity."""
    id, name, *keys = given.evaluated(context, "get_of", arguments, 2)
    found = context.property(Id(given.text("get_of", id)), given.text("get_of", name))
    return text.inside("get_of", found, keys)


def own(context: Context, arguments: list[Value]) -> Value:
    """`self()`: the entity that holds the call; in a finder's predicate, the candidate."""
    given.counted("self", arguments, 0, 0)
    return given.own(context, "self").id


def source(context: Context, arguments: list[Value]) -> Value:
    """`source(edge=self)`: in a finder, the vertex that the target is for; else the source of an edge."""
    id = given.evaluated(context, "source", arguments, 0, 1)
    if not id and context.source is not None:
        return context.source.id
    return _edge(context, "source", id).source


def target(context: Context, arguments: list[Value]) -> Value:
    """`target(edge=self)`: the target of an edge."""
    return _edge(context, "target", given.evaluated(context, "target", arguments, 0, 1)).target


def parent(context: Context, arguments: list[Value]) -> Value:
    """`parent(vertex=self)`: what contains it, or null."""
    found = _subject(context, "parent", given.evaluated(context, "parent", arguments, 0, 1))
    return getattr(found, "parent", None)


def ancestor(context: Context, arguments: list[Value]) -> Value:
    """`ancestor(class, vertex=self)`: the nearest container with that class."""
    label, *id = given.evaluated(context, "ancestor", arguments, 1, 2)
    start = _subject(context, "ancestor", id)
    for above in reversed(naming.lineage(context.reader, start)[:-1]):
        if label in above.classes:
            return above.id
    raise EvaluationError("floria.not-found", f"{context.label(start)} is in nothing of class {given.kind(label)}")


def root(context: Context, arguments: list[Value]) -> Value:
    """`root(vertex=self)`: the outermost container."""
    found = _subject(context, "root", given.evaluated(context, "root", arguments, 0, 1))
    start = context.reader.get(found.source) if isinstance(found, entities.Edge) else found
    return naming.lineage(context.reader, start or found)[0].id


def child(context: Context, arguments: list[Value]) -> Value:
    """`child(name, index=0, vertex=self)`: a vertex contained in it."""
    name, *rest = given.evaluated(context, "child", arguments, 1, 3)
    above = _subject(context, "child", rest[1:])
    index = rest[0] if rest else 0
    for found in context.reader.query(Query(kinds=(Kind.VERTEX,), parent=above.id, name=given.text("child", name))):
        if isinstance(found, entities.Vertex) and found.index == index:
            return found.id
    raise EvaluationError("floria.not-found", f"{context.label(above)} contains no {name!r} with index {index!r}")


def neighbors(context: Context, arguments: list[Value]) -> Value:
    """`neighbors(edge name, vertex=self)`: the targets of its edges of that name, in order of index."""
    name, *id = given.evaluated(context, "neighbors", arguments, 1, 2)
    start = _subject(context, "neighbors", id)
    return [edge.target for edge in _edges(context, start.id, given.text("neighbors", name))]


def neighbor(context: Context, arguments: list[Value]) -> Value:
    """`neighbor(edge name, index=0, vertex=self)`: the target of one of its edges."""
    name, *rest = given.evaluated(context, "neighbor", arguments, 1, 3)
    start = _subject(context, "neighbor", rest[1:])
    return _nth_edge(context, "neighbor", start.id, name, rest).target


def edge(context: Context, arguments: list[Value]) -> Value:
    """`edge(name, index=0, vertex=self)`: one of the edges that begin at it."""
    name, *rest = given.evaluated(context, "edge", arguments, 1, 3)
    return _nth_edge(context, "edge", _subject(context, "edge", rest[1:]).id, name, rest).id


def path(context: Context, arguments: list[Value]) -> Value:
    """`path(start, step…)`: the ids reached; a step is an axis, or a map of `axis`, `name` and `classes`."""
    start, *steps = given.evaluated(context, "path", arguments, 2)
    starts = [Id(given.text("path", one)) for one in (start if isinstance(start, list) else [start])]
    return list(context.reader.path(starts, [_step(step) for step in steps]))


def find(context: Context, arguments: list[Value]) -> Value:
    """`find(class, directory=own)`: the vertices of a class in a directory and below it."""
    label, *directory = given.evaluated(context, "find", arguments, 1, 2)
    within = given.text("find", directory[0]) if directory else given.own(context, "find").directory
    query = Query(kinds=(Kind.VERTEX,), classes=(given.text("find", label),), directory=within)
    return [found.id for found in context.reader.query(query)]


def name(context: Context, arguments: list[Value]) -> Value:
    """`name(id=self)`."""
    return _subject(context, "name", given.evaluated(context, "name", arguments, 0, 1)).name


def index(context: Context, arguments: list[Value]) -> Value:
    """`index(id=self)`: of a representation or an edge."""
    found = given.evaluated(context, "index", arguments, 0, 1)
    return given.node(context, "index", found[0] if found else given.own(context, "index").id).index


def state(context: Context, arguments: list[Value]) -> Value:
    """`state(id=self)`."""
    found = given.evaluated(context, "state", arguments, 0, 1)
    return given.node(context, "state", found[0] if found else given.own(context, "state").id).state


def has_class(context: Context, arguments: list[Value]) -> Value:
    """`has_class(class, id=self)`."""
    label, *id = given.evaluated(context, "has_class", arguments, 1, 2)
    return given.text("has_class", label) in _subject(context, "has_class", id).classes


def event(context: Context, arguments: list[Value]) -> Value:
    """`event(key…)`: in a handler or its condition, the event or a part of it (``"data", "port"``)."""
    if context.event is None:
        raise given.error("event", "no event is being handled here")
    return text.inside("event", context.event, given.evaluated(context, "event", arguments, 0))


def emit(context: Context, arguments: list[Value]) -> Value:
    """`emit(event name, data=null, id=self)`: in a handler, emit an event; returns its id."""
    label, *rest = given.evaluated(context, "emit", arguments, 1, 3)
    source = _subject(context, "emit", rest[1:])
    return _actions(context, "emit").emit(given.text("emit", label), source.id, rest[0] if rest else None)


def assign(context: Context, arguments: list[Value]) -> Value:
    """`set(property, value, id=self)`: in a handler, write a property; returns the value given."""
    label, value, *id = given.evaluated(context, "set", arguments, 2, 3)
    _actions(context, "set").set(_subject(context, "set", id).id, given.text("set", label), value)
    return value


def _subject(context: Context, function: str, id: list[Value]) -> entities.Entity:
    return given.entity(context, function, id[0]) if id else given.own(context, function)


def _edge(context: Context, function: str, id: list[Value]) -> entities.Edge:
    found = _subject(context, function, id)
    if not isinstance(found, entities.Edge):
        raise given.error(function, f"{context.label(found)} is not an edge")
    return found


def _edges(context: Context, start: Id, label: str) -> list[entities.Edge]:
    ids = context.reader.path([start], [Step(axis=Axis.OUT, name=label)])
    found = [one for one in context.reader.get_many(ids) if isinstance(one, entities.Edge)]
    return sorted(found, key=lambda one: (one.index, one.id))


def _nth_edge(context: Context, function: str, start: Id, label: Value, rest: list[Value]) -> entities.Edge:
    found = _edges(context, start, given.text(function, label))
    position = given.number(function, rest[0]) if rest else 0
    if not isinstance(position, int) or not 0 <= position < len(found):
        message = f"{context.label(start)} has {len(found)} edges {label!r}, none with index {position!r}"
        raise EvaluationError("floria.not-found", message)
    return found[position]


def _step(value: Value) -> Step:
    step = value if isinstance(value, dict) else {"axis": value}
    axis, label, classes = step.get("axis"), step.get("name"), step.get("classes", [])
    try:
        return Step(
            axis=Axis(given.text("path", axis)),
            name=None if label is None else given.text("path", label),
            classes=tuple(given.text("path", one) for one in given.items("path", classes)),
        )
    except ValueError:
        axes = ", ".join(one.value for one in Axis)
        raise given.error("path", f"{axis!r} is not an axis; these are: {axes}") from None


def _actions(context: Context, function: str) -> Actions:
    if context.actions is None:
        raise given.error(function, "only an event handler may do this")
    return context.actions


FUNCTIONS: Mapping[str, Function] = {
    "get": get,
    "get_of": get_of,
    "self": own,
    "source": source,
    "target": target,
    "parent": parent,
    "ancestor": ancestor,
    "root": root,
    "child": child,
    "neighbor": neighbor,
    "neighbors": neighbors,
    "edge": edge,
    "path": path,
    "find": find,
    "name": name,
    "index": index,
    "state": state,
    "has_class": has_class,
    "event": event,
    "emit": emit,
    "set": assign,
}
