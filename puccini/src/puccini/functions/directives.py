"""What the directives of nodes and requirements ask of the graph (sections 7.2.1, 8.3, 8.5): selecting nodes elsewhere.

Puccini compiles them to counts and predicates that call these functions; `puccini.functions.substitution` has the rest.
"""

from collections.abc import Iterator, Mapping

from floria import ids, naming
from floria.entities import Edge, Entity, Kind, Vertex
from floria.evaluation import Context, EvaluationError, Function
from floria.store.interface import Query
from floria.values import Value
from puccini.functions import filters, paths

EVERYWHERE = "/"


def same_service(context: Context, arguments: list[Value]) -> Value:
    """``tosca:same_service()``: whether the candidate is in the service of the source, and not in one inside of it."""
    found, own = _services(context)
    return found is not None and own is not None and found.id == own.id


def external(context: Context, arguments: list[Value]) -> Value:
    """``tosca:external()``: whether the candidate is in another service, where it can be seen.

    What is inside of a substituted node is seen from there only; from there, what is around it is elsewhere.
    """
    found, own = _services(context)
    if found is None or own is None or found.id == own.id:
        return False
    around = {one.id for one in naming.lineage(context.reader, own)}
    node = paths.node(context, "external", context.candidate)
    return (found.parent is None or found.id in around) and (node is None or node.id not in around)


def is_node(context: Context, arguments: list[Value]) -> Value:
    """``tosca:is_node(name)``: whether the candidate belongs to the node that the source's service calls so."""
    name = str(arguments[0])
    node = paths.node(context, "is_node", context.candidate)
    named = paths.named(context, "is_node", name)
    return node is not None and any(node.id == one.id for one in named)


def outside_first(context: Context, arguments: list[Value]) -> Value:
    """``tosca:outside_first(ids)``: the accepted candidates, those of other services before those of this one."""
    accepted = context.evaluate(arguments[0])
    assert isinstance(accepted, list)
    own = _enclosing(context, context.source)

    def is_own(id: Value) -> bool:
        service = _enclosing(context, context.reader.get(ids.parse(str(id))))
        return own is not None and service is not None and service.id == own.id

    return sorted(accepted, key=is_own)


def selectable(context: Context, arguments: list[Value]) -> Value:
    """``tosca:selectable(selection)``: how many selections to make, 0 or 1: whether there is a node to select.

    Where a node was created instead, it stays.
    """
    selection = _selection(arguments[0])
    return 0 if _created(context, selection) else int(is_selectable(context, selection))


def unselected(context: Context, arguments: list[Value]) -> Value:
    """``tosca:unselected(name, count)``: how many nodes to create: none when a node is selected instead."""
    name, count = arguments
    return 0 if _children(context, paths.SELECTED, str(name)) else context.evaluate(count)


def is_selectable(context: Context, selection: Mapping[str, Value]) -> bool:
    """Whether there is a node to select for the service that `context` is about."""
    service = context.entity
    for candidate in _candidates(context, str(selection["type"])):
        inside = context.with_(entity=candidate, candidate=candidate, source=service)
        if external(inside, []) is True and filters.holds(inside, selection["filter"]):
            return True
    return False


def _candidates(context: Context, type: str) -> Iterator[Vertex]:
    query = Query(kinds=(Kind.VERTEX,), classes=(type, paths.NODE), directory=EVERYWHERE)
    for one in context.reader.query(query):
        if isinstance(one, Vertex):
            yield one


def _created(context: Context, selection: Mapping[str, Value]) -> bool:
    return bool(_children(context, paths.NODE, str(selection["name"])))


def _children(context: Context, label: str, name: str) -> list[Vertex]:
    assert context.entity is not None
    query = Query(kinds=(Kind.VERTEX,), classes=(label,), parent=context.entity.id, name=name)
    return [one for one in context.reader.query(query) if isinstance(one, Vertex)]


def _selection(found: Value) -> Mapping[str, Value]:
    if not isinstance(found, dict):
        raise EvaluationError(filters.MALFORMED, "tosca:selectable takes what is to be selected, as a map")
    return found


def _services(context: Context) -> tuple[Vertex | None, Vertex | None]:
    """Return the services of the candidate and of the source."""
    return _enclosing(context, context.candidate), _enclosing(context, context.source)


def _enclosing(context: Context, entity: Entity | None) -> Vertex | None:
    start = context.reader.get(entity.source) if isinstance(entity, Edge) else entity
    if start is None:
        return None
    for above in reversed(naming.lineage(context.reader, start)):
        if paths.SERVICE in above.classes and isinstance(above, Vertex):
            return above
    return None


FUNCTIONS: Mapping[str, Function] = {
    "same_service": same_service,
    "external": external,
    "is_node": is_node,
    "outside_first": outside_first,
    "selectable": selectable,
    "unselected": unselected,
}
