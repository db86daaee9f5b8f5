"""Interface types, and interfaces in node and relationship types (sections 11.1, 11.2, 11.4, 11.6)."""

from collections.abc import Mapping

from puccini.diagnostics import suggest, unread
from puccini.grammar.interfaces import INTERFACE, InterfaceDefinition, OperationDefinition
from puccini.grammar.types import InterfaceType as Definition
from puccini.grammar.types import Kind
from puccini.model.data import Role
from puccini.model.type import Type
from puccini.model.types import Interface, InterfaceType, Operation
from puccini.semantics import combination, definitions
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope


def fill(type: InterfaceType, resolver: Resolver) -> None:
    """Fill an interface type whose parent is filled."""
    definition = type.definition
    assert isinstance(definition, Definition)
    assert type.unit is not None
    parent = type.parent if isinstance(type.parent, InterfaceType) else None
    scope = Scope(type.unit, closed=True)
    inputs = parent.inputs if parent is not None else {}
    type.inputs = definitions.extend(inputs, definition.inputs, Role.PARAMETER, scope, resolver)
    type.operations = _declare(parent.operations if parent else {}, definition.operations, scope, resolver)
    type.notifications = _declare(parent.notifications if parent else {}, definition.notifications, scope, resolver)
    for name in type.operations.keys() & type.notifications.keys():
        message = f"{name!r} is both an operation and a notification"
        resolver.report.error("duplicate-name", message, type.notifications[name].node, key=True)


def extend(
    inherited: Mapping[str, Interface],
    given: Mapping[str, InterfaceDefinition],
    scope: Scope,
    resolver: Resolver,
    closed: str = "",
) -> dict[str, Interface]:
    """Return `inherited` with interfaces added or refined; none are added to what is `closed` (its title)."""
    result = dict(inherited)
    for name, definition in given.items():
        parent = inherited.get(name)
        if parent is None and closed:
            message = f"{closed} has no interface {name!r}"
            resolver.report.error("unknown-interface", message, definition.node, suggest(name, inherited), key=True)
            continue
        made = _interface(definition, parent, scope, resolver)
        if made is not None:
            result[name] = made
        elif isinstance(scope.owner, Type):
            scope.owner.partial = True
    return result


def _interface(
    definition: InterfaceDefinition, parent: Interface | None, scope: Scope, resolver: Resolver
) -> Interface | None:
    type = _type(definition, parent, scope, resolver)
    if type is None:
        return None
    result = Interface(definition.name, type, definition.node)
    if parent is not None:
        base = parent.type
        result.inputs = combination.data(type.inputs, parent.inputs, base.inputs)
        result.operations = combination.operations(type.operations, parent.operations, base.operations)
        result.notifications = combination.operations(type.notifications, parent.notifications, base.notifications)
    result.inputs = definitions.extend(result.inputs, definition.inputs, Role.PARAMETER, scope, resolver, untyped=True)
    result.operations = _refine(result.operations, definition.operations, type, "operation", scope, resolver)
    result.notifications = _refine(
        result.notifications, definition.notifications, type, "notification", scope, resolver
    )
    return result


def _type(
    definition: InterfaceDefinition, parent: Interface | None, scope: Scope, resolver: Resolver
) -> InterfaceType | None:
    if definition.type is None:
        if parent is None and not unread(definition.node, "type", INTERFACE.keys):
            message = f"the interface {definition.name!r} has no type"
            if hasattr(definition.node.document, "original"):
                resolver.report.warn("no-interface-type", message, definition.node, "add 'type: ...'", key=True)
                return _own(definition, scope)
            resolver.report.error("missing-keyname", message, definition.node, "add 'type: ...'")
        return parent.type if parent is not None else None
    found = resolver.find(Kind.INTERFACE, scope.unit, definition.type)
    if not isinstance(found, InterfaceType):
        return None
    if parent is not None and not found.derives(parent.type):
        message = f"{found.name!r} is neither {parent.type.name!r}, as in the parent type, nor derived from it"
        resolver.report.error("bad-refinement", message, definition.type, related=parent.node)
    return found


def _own(definition: InterfaceDefinition, scope: Scope) -> InterfaceType:
    """Return a type with the operations of an interface that has none, as files of TOSCA 1.x do."""
    type = InterfaceType(Kind.INTERFACE, definition.name, scope.unit, None, None)
    type.operations = {name: Operation(name, one.node) for name, one in definition.operations.items()}
    type.notifications = {name: Operation(name, one.node) for name, one in definition.notifications.items()}
    return type


def _declare(
    inherited: Mapping[str, Operation], given: Mapping[str, OperationDefinition], scope: Scope, resolver: Resolver
) -> dict[str, Operation]:
    result = dict(inherited)
    for name, definition in given.items():
        if definition.implementation is not None:
            message = f"{name!r} is in an interface type, where there are no implementations"
            hint = "implement it in a node type or template"
            resolver.report.error("misplaced-implementation", message, definition.implementation.node, hint)
        for output in definition.outputs.values():
            if output.mapping is not None or output.short:
                message = f"the output {output.name!r} is in an interface type, where nothing is mapped"
                resolver.report.error("misplaced-mapping", message, output.mapping or output.node)
        made = result[name].copy(definition.node) if name in result else Operation(name, definition.node)
        if definition.implementation is not None:
            made.implementation, made.unit = definition.implementation, scope.unit
        made.inputs = definitions.extend(made.inputs, definition.inputs, Role.PARAMETER, scope, resolver)
        made.outputs = definitions.extend(
            made.outputs, definition.outputs, Role.PARAMETER, scope, resolver, untyped=True, incoming=True
        )
        result[name] = made
    return result


def _refine(
    known: Mapping[str, Operation],
    given: Mapping[str, OperationDefinition],
    type: InterfaceType,
    what: str,
    scope: Scope,
    resolver: Resolver,
) -> dict[str, Operation]:
    result = dict(known)
    for name, definition in given.items():
        if name not in known and not (type.handles_events and what == "operation"):
            if type.incomplete:
                continue
            message = f"the interface type {type.name!r} has no {what} {name!r}"
            hint = suggest(name, known)
            resolver.report.error("unknown-operation", message, definition.node, hint, key=True)
            continue
        made = known[name].copy(definition.node) if name in known else Operation(name, definition.node)
        made.inputs = definitions.extend(made.inputs, definition.inputs, Role.PARAMETER, scope, resolver, untyped=True)
        made.outputs = definitions.extend(
            made.outputs, definition.outputs, Role.PARAMETER, scope, resolver, untyped=True, incoming=True
        )
        if definition.implementation is not None:
            made.implementation, made.unit = definition.implementation, scope.unit
        result[name] = made
    return result
