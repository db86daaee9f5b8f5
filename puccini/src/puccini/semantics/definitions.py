"""Builds properties, attributes, parameters and schemas from their definitions, refining those of a parent type.

Sections 9.3, 9.4, 9.6 and 9.8.
"""

from collections.abc import Mapping
from functools import partial

from floria.values import Value
from puccini.diagnostics import suggest, unread
from puccini.grammar.data import ATTRIBUTE, PARAMETER, PROPERTY, DataDefinition, SchemaDefinition
from puccini.model.data import ANY, UNSET, Base, DataType, Property, Role, Schema
from puccini.model.type import Type
from puccini.nodes import Node, describe
from puccini.semantics import attribute_mappings, expressions, references, values
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope

_COLLECTIONS = (Base.LIST, Base.MAP)
_CONSTRUCTS = {Role.PROPERTY: PROPERTY, Role.ATTRIBUTE: ATTRIBUTE, Role.PARAMETER: PARAMETER}


def extend(
    inherited: Mapping[str, Property],
    given: Mapping[str, DataDefinition],
    role: Role,
    scope: Scope,
    resolver: Resolver,
    *,
    closed: str = "",
    untyped: bool = False,
    incoming: bool = False,
) -> dict[str, Property]:
    """Return `inherited` with the definitions of `given` added or refined.

    With `closed`, the title of what is refined, nothing may be added. With `untyped`, new definitions need no type.
    `incoming` parameters take a mapping where others take a value (section 9.8).
    """
    result = dict(inherited)
    for name, definition in given.items():
        parent = inherited.get(name)
        if parent is None and closed:
            if isinstance(scope.owner, Type) and scope.owner.incomplete:
                continue
            hint = suggest(name, inherited)
            message = f"{closed} has no {role} {name!r}; only those it has can be refined here"
            resolver.report.error("unknown-property", message, definition.node, hint, key=True)
            continue
        result[name] = build(definition, parent, role, scope, resolver, untyped=untyped, incoming=incoming)
    return result


def build(
    definition: DataDefinition,
    parent: Property | None,
    role: Role,
    scope: Scope,
    resolver: Resolver,
    *,
    untyped: bool = False,
    incoming: bool = False,
) -> Property:
    """Return the definition of `definition.name`, a refinement when there is a `parent`."""
    report, node = resolver.report, definition.node
    if parent is None and definition.short and not untyped:
        if isinstance(scope.owner, Type) and scope.owner.uncertain:
            return Property(definition.name, role, Schema(ANY, node), node, required=False)
        _not_short(definition, role, resolver)
        return Property(definition.name, role, Schema(ANY, node), node, required=False)
    made = _schema(definition, parent.schema if parent is not None else None, scope, resolver, untyped=untyped)
    required = definition.required if definition.required is not None else parent.required if parent else True
    if definition.required is None and unread(node, "required", _CONSTRUCTS[role].keys):
        required = False
    if parent is not None and parent.required and definition.required is False:
        report.error("bad-refinement", f"{definition.name!r} is required in the parent type", node, "it stays required")
        required = True
    result = Property(
        definition.name,
        role,
        made,
        node,
        required=required,
        default=parent.default if parent is not None else UNSET,
        fixed=parent.fixed if parent is not None else UNSET,
        mapping=parent.mapping if parent is not None else None,
        metadata=definition.metadata or (parent.metadata if parent is not None else {}),
        description=definition.description or (parent.description if parent is not None else ""),
    )
    if parent is not None and parent.fixed is not UNSET:
        message = f"{definition.name!r} has a fixed value in the parent type and cannot be refined"
        report.error("fixed-value", message, node, related=parent.node)
        return result
    _values(definition, result, scope, resolver, incoming)
    if parent is not None and parent.default is not UNSET and definition.default is None:
        resolver.deferred.append(partial(_inherit_default, parent, result, node, resolver))
    return result


def _inherit_default(parent: Property, result: Property, node: Node, resolver: Resolver) -> None:
    """Take the default of the parent type, which is complete by now, and see whether it is still right."""
    result.default = default = parent.default
    if default is UNSET or result.schema is None or not result.required or result.fixed is not UNSET:
        return
    if parent.schema is None or result.schema.type.derives(parent.schema.type):
        values.inherit(default, result.schema, node, result.name, resolver)


def _values(definition: DataDefinition, result: Property, scope: Scope, resolver: Resolver, incoming: bool) -> None:
    default, value, mapped = definition.default, definition.value, definition.mapping
    if incoming and definition.short:
        value, mapped = None, value
    if default is not None:
        if definition.required is False or not result.required:
            own = definition.required is False
            why = "is not required" if own else "is not required by the parent type"
            message = f"{definition.name!r} {why} and so has no use for a default"
            hint = "remove 'required: false' or the default" if own else "add 'required: true', or remove the default"
            resolver.report.warn("useless-default", message, default, hint, key=True)
        if default.value is not None and hasattr(default.document, "original"):
            result.required = True  # in TOSCA 1.x a default counts, also where the parent type requires no value
        values.give(default, result.schema, scope, resolver, partial(setattr, result, "default"))
    if value is not None:
        if default is not None:
            message = f"{definition.name!r} has a fixed value, so its default has no use"
            resolver.report.warn("useless-default", message, default, key=True)
        if incoming:
            message = f"{definition.name!r} comes from outside: it has a mapping, not a value"
            resolver.report.error("bad-parameter", message, value, "write 'default: ...'", key=True)
        values.give(value, result.schema, scope, resolver, partial(setattr, result, "fixed"))
    if mapped is not None:
        if not incoming:
            message = f"{definition.name!r} goes outside: it has a value, not a mapping"
            resolver.report.error("bad-parameter", message, mapped, key=True)
        if result.mapping is not None:
            message = f"{definition.name!r} is already mapped in the parent type"
            resolver.report.error("bad-refinement", message, mapped, key=True)
        result.mapping = mapping(mapped, result.schema, scope, resolver)


def mapping(node: Node, schema: Schema | None, scope: Scope, resolver: Resolver) -> list[Value] | None:
    """Return the TOSCA path and attribute that an incoming parameter of `schema` is stored in (section 9.10)."""
    value = expressions.read(node, scope, resolver)
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(item, str | int) for item in value):
        message = f"a mapping is a list of a TOSCA path and the name of an attribute, not {describe(node.value)}"
        resolver.report.error("bad-mapping", message, node, "such as [ SELF, ATTRIBUTE ]")
        return None
    attribute_mappings.later(value, node, schema, scope, resolver)
    return value


def schema(definition: SchemaDefinition, scope: Scope, resolver: Resolver, parent: Schema | None = None) -> Schema:
    """Return a schema, a refinement when there is a `parent`."""
    made = _schema(definition, parent, scope, resolver, untyped=False)
    return made if made is not None else Schema(ANY, definition.node)


def _schema(
    definition: SchemaDefinition, parent: Schema | None, scope: Scope, resolver: Resolver, *, untyped: bool
) -> Schema | None:
    type = _type(definition, parent, scope, resolver, untyped)
    if type is None:
        return None
    result = Schema(type, definition.node)
    from_parent = parent if parent is not None else Schema(type)
    result.key = _part(definition.key_schema, from_parent.keys, "key", scope, resolver)
    result.entry = _part(definition.entry_schema, from_parent.entries, "entry", scope, resolver)
    _check_parts(definition, result, resolver)
    clauses = from_parent.validations
    if definition.validation is not None:
        clauses += (validation(definition.validation, result, scope, resolver),)
    result.validations = clauses
    return result


def validation(node: Node, about: Schema, scope: Scope, resolver: Resolver) -> Value:
    """Return the validation clause at `node`, for values of the schema `about` (section 9.11)."""
    clause = expressions.read(node, scope.with_value(about), resolver)
    if not isinstance(clause, bool) and not hasattr(clause, "function"):
        message = f"a validation clause is a function that gives true or false, not {describe(node.value)}"
        resolver.report.error("bad-condition", message, node, "such as { $greater_or_equal: [ $value, 1 ] }")
        return True
    references.condition(clause, node, "a validation clause", scope.with_value(about), resolver)
    return clause


def _type(
    definition: SchemaDefinition, parent: Schema | None, scope: Scope, resolver: Resolver, untyped: bool
) -> DataType | None:
    if definition.type is None:
        if parent is not None:
            return parent.type
        if untyped:
            return None
        if isinstance(scope.owner, Type) and scope.owner.uncertain:
            return ANY
        if unread(definition.node, "type", PARAMETER.keys):
            return ANY
        message = f"{definition.name!r} has no type" if definition.name else "the schema has no type"
        resolver.report.error("missing-keyname", message, definition.node, "add 'type: ...'")
        return ANY
    found = resolver.data_type(scope.unit, definition.type)
    if parent is not None and ANY not in (found, parent.type) and not found.derives(parent.type):
        message = f"{found.name!r} is neither {parent.type.name!r}, as in the parent type, nor derived from it"
        resolver.report.error("bad-refinement", message, definition.type, related=parent.node)
    return found


def _part(
    definition: SchemaDefinition | None, inherited: Schema | None, what: str, scope: Scope, resolver: Resolver
) -> Schema | None:
    if definition is None:
        return inherited
    made = schema(definition, scope, resolver, inherited)
    if what == "key" and made.base not in (Base.STRING, Base.ANY):
        message = f"the keys of a map are strings, not {made.type.name}"
        resolver.report.error("bad-key-schema", message, definition.node)
    return made


def _check_parts(definition: SchemaDefinition, made: Schema, resolver: Resolver) -> None:
    for part, allowed in ((definition.key_schema, (Base.MAP,)), (definition.entry_schema, _COLLECTIONS)):
        if part is not None and made.base not in (*allowed, Base.ANY):
            keyname = "key_schema" if part is definition.key_schema else "entry_schema"
            message = f"{keyname!r} is not for {made.type.name!r}, only for {' and '.join(allowed)}"
            resolver.report.error("misplaced-schema", message, part.node, key=True)
    if made.base in _COLLECTIONS:
        resolver.deferred.append(partial(_need_entry, definition, made, resolver))


def _need_entry(definition: SchemaDefinition, made: Schema, resolver: Resolver) -> None:
    if made.entries is None and not unread(definition.node, "entry_schema", PARAMETER.keys):
        where = definition.type or definition.node
        message = f"a {made.base} needs an 'entry_schema'; without it, entries may be anything"
        resolver.report.warn("no-entry-schema", message, where, "add 'entry_schema: TYPE'")


def _not_short(definition: DataDefinition, role: Role, resolver: Resolver) -> None:
    node, construct = definition.node, _CONSTRUCTS[role]
    if isinstance(node.value, dict) and node.value and not any(str(key).startswith("$") for key in node.value):
        for key, child in node.items():
            construct.unknown(key, child, resolver.report)
        return
    message = f"{definition.name!r} is new here, and so is defined by a map with a type, not by {describe(node.value)}"
    hint = f"write '{definition.name}: {{ type: ... }}'"
    resolver.report.error("not-a-refinement", message, node, hint)
