"""Validation clauses that compare a property with others of its node (section 9.11), as far as all are literals.

What is computed is checked at run time. `puccini.semantics.templates` has node templates checked here.
"""

from collections.abc import Mapping
from functools import partial

from floria.failing import EvaluationError
from floria.values import Call, Value, calls, is_literal
from puccini.data.coercion import describe
from puccini.model.data import UNSET, Property
from puccini.model.service import NodeTemplate
from puccini.model.types import NodeType
from puccini.nodes import Node
from puccini.nodes import describe as shown
from puccini.semantics.resolver import Resolver

_GET = "tosca:get_property"


class _Unknown(Exception):
    """Something that a clause reads is not known before there is a service."""


def later(template: NodeTemplate, given: Mapping[str, Node], resolver: Resolver) -> None:
    """Have the properties of a node template checked against each other when all of them are."""
    if template.type is not None and (found := related(template.type, resolver)):
        resolver.deferred.append(partial(_check, template, given, found, resolver))


def related(type: NodeType, resolver: Resolver) -> list[tuple[Property, Value]]:
    """Return the properties of a type with clauses that read other properties."""
    found = resolver.related.get(type)
    if found is None:
        found = resolver.related[type] = [
            (one, clause)
            for one in type.properties.values()
            if one.schema is not None
            for clause in one.schema.validations
            if any(call.function == _GET and call.arguments[:1] == ["SELF"] for call in calls(clause))
        ]
    return found


def _check(
    template: NodeTemplate, given: Mapping[str, Node], related: list[tuple[Property, Value]], resolver: Resolver
) -> None:
    assert template.type is not None
    values = {name: one.initial for name, one in template.type.properties.items()} | template.properties
    known = {name: value for name, value in values.items() if value is not UNSET and is_literal(value)}
    for definition, clause in related:
        assert definition.schema is not None
        if definition.name not in known:
            continue
        read: dict[str, Value] = {}
        try:
            filled = _filled(clause, known, read)
            if resolver.statics.evaluate(definition.schema.plain, filled, known[definition.name]) is not False:
                continue
        except (_Unknown, EvaluationError):
            continue
        where = given.get(definition.name, template.node)
        message = f"{shown(known[definition.name])} does not satisfy {describe(clause)}"
        hint = ", ".join(f"{name} is {describe(value)}" for name, value in read.items())
        resolver.report.error("not-valid", message, where, hint, key=where is template.node, related=definition.node)


def _filled(value: Value, known: Mapping[str, Value], read: dict[str, Value]) -> Value:
    """Return a clause with what it reads of the node in place of the calls. Raises `_Unknown`."""
    if isinstance(value, list):
        return [_filled(item, known, read) for item in value]
    if not isinstance(value, Call):
        return value
    if value.function != _GET:
        return Call(value.function, [_filled(argument, known, read) for argument in value.arguments])
    _, name, *rest = value.arguments
    if value.arguments[0] != "SELF" or rest or not isinstance(name, str) or name not in known:
        raise _Unknown
    read[name] = known[name]
    return known[name]
