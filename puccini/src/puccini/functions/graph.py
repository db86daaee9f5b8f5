"""Functions that ask the representation graph (section 10.2.1)."""

from collections.abc import Callable, Mapping
from typing import TypeGuard

import msgspec

from floria.entities import Edge, Entity, Kind, Property, Vertex
from floria.evaluation import Context, EvaluationError, Function, properties_of
from floria.store.interface import Query
from floria.values import Value
from puccini.functions import arguments as given
from puccini.functions import operands, paths, schemas
from puccini.functions.paths import Place, Prospect
from puccini.functions.schemas import Schema

INPUT, ATTRIBUTE, ARTIFACT = "tosca:input", "tosca:attribute", "tosca:artifact"
OPTIONAL = "tosca:optional"
WORKFLOW = "tosca:workflow"
MIRROR = "attribute:"
"""Before the name of an attribute that mirrors a property and has another value (section 9.6)."""

LOCATIONS = ("tosca.location", "tosca.file")
"""Metadata of an artifact: where an orchestrator has put its file, and the path in the template."""


def get_input(context: Context, arguments: list[Value]) -> Value:
    """``$get_input``."""
    name, *keys = given.evaluated(context, "get_input", arguments)
    service, _ = _input(context, name)
    return given.inside("get_input", context.property(service.id, str(name)), keys, str(name))


def get_property(context: Context, arguments: list[Value]) -> Value:
    """``$get_property``: what was designed. With ALL in the path, a list."""
    return _get(context, "get_property", arguments)


def get_attribute(context: Context, arguments: list[Value]) -> Value:
    """``$get_attribute``: what is. Every property is an attribute too."""
    return _get(context, "get_attribute", arguments)


def get_artifact(context: Context, arguments: list[Value]) -> Value:
    """``$get_artifact``: where the file of an artifact is, as the orchestrator says, or as the template does."""
    found = paths.walk(context, "get_artifact", given.evaluated(context, "get_artifact", arguments))
    name = _last(context, "get_artifact", found)
    locations = [_location(context, _owner(context, "get_artifact", place), name) for place in found.places]
    return locations if found.many else locations[0]


def value(context: Context, arguments: list[Value]) -> Value:
    """``$value``: the value under validation, or a part of it."""
    return given.inside("value", context.value, given.evaluated(context, "value", arguments), "the value")


def typed(context: Context, arguments: list[Value]) -> Value:
    """What ``$value`` becomes where its schema is known: the value, its schema, and what leads into it."""
    found, _, _, *keys = arguments
    return given.inside("value", found, [context.evaluate(key) for key in keys], "the value")


def node_index(context: Context, arguments: list[Value]) -> Value:
    """``$node_index``; in a requirement, that of the node which has it."""
    given.counted("node_index", arguments)
    found = paths.node(context, "node_index", context.source or context.entity)
    if found is None:
        raise given.error(paths.CODE, "node_index", "there is no node here")
    return found.index


def relationship_index(context: Context, arguments: list[Value]) -> Value:
    """``$relationship_index``."""
    given.counted("relationship_index", arguments)
    if isinstance(context.entity, Edge):
        return context.entity.index
    raise given.error(paths.CODE, "relationship_index", "there is no relationship here")


def available_allocation(context: Context, arguments: list[Value]) -> Value:
    """``$available_allocation``: what relationships have left of a capacity."""
    function = "available_allocation"
    found = paths.walk(context, function, given.evaluated(context, function, arguments))
    name = _last(context, function, found)
    left = [_left(context, place, name) for place in found.places]
    return left if found.many else left[0]


def _get(context: Context, function: str, arguments: list[Value]) -> Value:
    found = paths.walk(context, function, given.evaluated(context, function, arguments))
    results: list[Value] = []
    name, keys = _name(function, found)
    for place in found.places:
        entity = _entity(context, function, place, arguments, name)
        if function == "get_attribute" and f"{MIRROR}{name}" in properties_of(entity):
            where = f"{MIRROR}{name}"
        elif _is_null(_property(context, function, entity, name)):
            results.append(None)
            continue
        else:
            where = name
        value = context.property(entity.id, where)
        results.append(given.inside(function, value, keys, f"{context.label(entity)}.{name}"))
    return results if found.many else results[0]


def _is_null(found: Property) -> bool:
    """Whether a property is one of TOSCA 1.x that needs no value, and has none."""
    return OPTIONAL in found.classes and found.value is msgspec.UNSET and found.updater is msgspec.UNSET


def _entity(context: Context, function: str, place: Place, arguments: list[Value], name: str) -> Vertex | Edge:
    """Return what has the property. Within a capability, SELF is its node, or itself for what the node lacks."""
    entity, own = _owner(context, function, place), context.entity
    if not isinstance(own, Vertex) or paths.CAPABILITY not in own.classes or own.parent != entity.id:
        return entity
    lacking = name not in entity.properties and name in own.properties
    return own if lacking and arguments[:2] == ["SELF", name] else entity


def _name(function: str, found: paths.Destination) -> tuple[str, list[Value]]:
    if not found.rest:
        raise given.error(paths.CODE, function, "the path ends where the name of a property is missing")
    name, *keys = found.rest
    if not isinstance(name, str):
        raise given.error(paths.CODE, function, f"a name was expected after the path, not {given.kind(name)}")
    return name, keys


def _last(context: Context, function: str, found: paths.Destination) -> str:
    if len(found.rest) != 1 or not isinstance(found.rest[0], str):
        rest = ", ".join(str(token) for token in found.rest)
        raise given.error(paths.CODE, function, f"one name was expected after the path, not [ {rest} ]")
    return found.rest[0]


def _owner(context: Context, function: str, place: Place) -> Vertex | Edge:
    if isinstance(place, Prospect):
        message = "the relationship is not there before its target is chosen; go on with SOURCE, TARGET or CAPABILITY"
        raise given.error(paths.CODE, function, message)
    return place


def _property(context: Context, function: str, entity: Entity, name: str) -> Property:
    properties = properties_of(entity)
    found = properties.get(name)
    if found is None or (function == "get_property" and ATTRIBUTE in found.classes):
        raise _no_property(context, function, entity, name, present=found is not None)
    return found


def _no_property(context: Context, function: str, entity: Entity, name: str, *, present: bool) -> EvaluationError:
    label = context.label(entity)
    if present:
        return given.error(paths.CODE, function, f"{name!r} of {label} is an attribute; use $get_attribute")
    properties = properties_of(entity)
    wanted = [one for one in properties if function != "get_property" or ATTRIBUTE not in properties[one].classes]
    has = ", ".join(sorted(wanted)[:12]) or "none"
    noun = "property" if function == "get_property" else "attribute"
    return given.error(paths.CODE, function, f"{label} has no {noun} {name!r}; it has: {has}")


def _input(context: Context, name: Value) -> tuple[Vertex, Property]:
    """Return what has the input, and the input: in an imperative workflow its own, else the service's."""
    inside = context.entity
    service = inside if _is_workflow(inside) else paths.service(context, "get_input")
    found = service.properties.get(name) if isinstance(name, str) else None
    if found is None or INPUT not in found.classes:
        inputs = sorted(one for one, property in service.properties.items() if INPUT in property.classes)
        has = ", ".join(inputs[:12]) or "none"
        raise given.error(
            paths.CODE, "get_input", f"{service.name or 'the service'} has no input {name!r}; it has: {has}"
        )
    return service, found


def _is_workflow(entity: Entity | None) -> TypeGuard[Vertex]:
    return isinstance(entity, Vertex) and WORKFLOW in entity.classes


def _location(context: Context, owner: Vertex | Edge, name: str) -> Value:
    query = Query(kinds=(Kind.VERTEX,), classes=(ARTIFACT,), parent=owner.id, name=name)
    artifact = next((one for one in context.reader.query(query) if isinstance(one, Vertex)), None)
    if artifact is None:
        others = context.reader.query(Query(kinds=(Kind.VERTEX,), classes=(ARTIFACT,), parent=owner.id))
        has = ", ".join(sorted(one.name for one in others)[:12]) or "none"
        message = f"{context.label(owner)} has no artifact {name!r}; it has: {has}"
        raise given.error(paths.CODE, "get_artifact", message)
    for location in LOCATIONS:
        if isinstance(said := artifact.metadata.get(location), str):
            return said
    raise given.error(paths.CODE, "get_artifact", f"{context.label(artifact)} has no location")


def _left(context: Context, place: Place, name: str) -> Value:
    function = "available_allocation"
    if not isinstance(place, Vertex) or paths.CAPABILITY not in place.classes:
        raise given.error(paths.CODE, function, "the path leads to no capability")
    found = _property(context, function, place, name)
    capacity = context.property(place.id, name)
    schema = schemas.of_property(found)
    scalar = schema if schema is not None and schema.type == "scalar" else None
    amount = operands.number(function, capacity, scalar, 2)
    return amount - context.reader.allocated(place.id, name)


def _schema_of_get(function: str) -> Callable[[Context, list[Value]], Schema | None]:
    def find(context: Context, arguments: list[Value]) -> Schema | None:
        found = paths.walk(context, function, [context.evaluate(argument) for argument in arguments])
        if not found.places:
            return None
        name, keys = _name(function, found)
        declared = _property(context, function, _entity(context, function, found.places[0], arguments, name), name)
        schema = schemas.inside(schemas.of_property(declared), keys)
        if schema is None or not found.many:
            return schema
        return Schema({"type": "list", "entry": schema.map}, schema.types)

    return find


def _schema_of_input(context: Context, arguments: list[Value]) -> Schema | None:
    name, *keys = [context.evaluate(argument) for argument in arguments]
    return schemas.inside(schemas.of_property(_input(context, name)[1]), keys)


def _schema_of_value(context: Context, arguments: list[Value]) -> Schema | None:
    found = properties_of(context.entity).get(context.name) if context.entity is not None else None
    keys = [context.evaluate(argument) for argument in arguments]
    return schemas.inside(schemas.of_property(found), keys) if found is not None else None


for _function in ("get_property", "get_attribute", "available_allocation"):
    operands.find_with(_function, _schema_of_get(_function))
operands.find_with("get_input", _schema_of_input)
operands.find_with("value", _schema_of_value)

FUNCTIONS: Mapping[str, Function] = {
    "get_input": get_input,
    "get_property": get_property,
    "get_attribute": get_attribute,
    "get_artifact": get_artifact,
    "value": value,
    "typed": typed,
    "node_index": node_index,
    "relationship_index": relationship_index,
    "available_allocation": available_allocation,
}
