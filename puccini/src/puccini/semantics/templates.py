"""Node templates: what is assigned in them to what their type defines (sections 7.2, 8.3, 11.3)."""

from collections.abc import Mapping
from functools import partial
from typing import Protocol

from floria.values import Call, Value
from puccini.diagnostics import suggest
from puccini.grammar.interfaces import InterfaceAssignment, OperationAssignment
from puccini.grammar.templates import CapabilityAssignment
from puccini.grammar.templates import NodeTemplate as Definition
from puccini.model.data import BUILT_IN, Property, Role, Schema
from puccini.model.service import CapabilityUse, InterfaceUse, NodeTemplate, OperationUse, Service
from puccini.model.types import Interface, InterfaceType, NodeType, Operation
from puccini.nodes import Node, describe
from puccini.semantics import (
    artifacts,
    assignments,
    definitions,
    expressions,
    linking,
    operations,
    references,
    siblings,
    values,
)
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope

DIRECTIVES = ("create", "select", "substitute")
SCOPES = ("internal", "external")
_INTEGER = Schema(BUILT_IN["integer"])


class WithData(Protocol):
    """A type with properties and attributes."""

    @property
    def incomplete(self) -> bool: ...
    @property
    def properties(self) -> dict[str, Property]: ...
    @property
    def attributes(self) -> dict[str, Property]: ...


def fill(template: NodeTemplate, definition: Definition, service: Service, resolver: Resolver) -> None:
    """Fill one node template; all of them are declared."""
    scope = Scope(service.unit, service=service, owner=template)
    _directives(template, definition, scope, resolver)
    if definition.count is not None:
        template.count = count(definition.count, scope, resolver, partial(setattr, template, "count"))
    type = template.type
    if type is None:
        return
    owner = f"the node type {type.name!r}"
    template.properties = values.assign(
        definition.properties, type.properties, scope, resolver, owner, open_ended=type.incomplete
    )
    if not template.selects:
        values.require(definition.properties, type.properties, definition.node, repr(template.name), resolver)
        siblings.later(template, definition.properties, resolver)
    template.attributes = assign_attributes(definition.attributes, type, scope, resolver, owner)
    for name, artifact in definition.artifacts.items():
        made = artifacts.build(artifact, scope, resolver)
        if made is not None:
            template.artifacts[name] = made
    _capabilities(template, type, definition.capabilities, scope, resolver)
    template.interfaces = assign_interfaces(
        definition.interfaces, type.interfaces, scope, resolver, owner, incomplete=type.incomplete
    )
    known = {**type.artifacts, **template.artifacts} if template.artifacts else type.artifacts
    template.implemented = operations.resolve(type.interfaces, template.interfaces, known, resolver)
    assignments.build(template, type, definition.requirements, scope, resolver)


def assign_attributes(
    given: Mapping[str, Node],
    type: WithData,
    scope: Scope,
    resolver: Resolver,
    owner: str,
) -> dict[str, Value]:
    """Return the values of attributes; each property has an attribute of its name (section 9.6)."""
    known: dict[str, Property] = {}
    for name in given:
        if name in type.attributes:
            known[name] = type.attributes[name]
        elif name in type.properties:
            known[name] = Property(name, Role.ATTRIBUTE, type.properties[name].schema, type.properties[name].node)
    if not known:
        known = dict(type.attributes)
    return values.assign(given, known, scope, resolver, owner, open_ended=type.incomplete)


def assign_interfaces(
    given: Mapping[str, InterfaceAssignment],
    known: Mapping[str, Interface],
    scope: Scope,
    resolver: Resolver,
    owner: str,
    *,
    incomplete: bool = False,
) -> dict[str, InterfaceUse]:
    """Return what is assigned to interfaces (section 11.3)."""
    result: dict[str, InterfaceUse] = {}
    for name, definition in given.items():
        interface = known.get(name)
        if interface is None:
            if incomplete:
                continue
            hint = suggest(name, known) or f"{owner} has no interfaces"
            resolver.report.error(
                "unknown-interface", f"{owner} has no interface {name!r}", definition.node, hint, key=True
            )
            continue
        use = InterfaceUse(interface, definition.node)
        use.inputs = values.assign(
            definition.inputs, interface.inputs, scope, resolver, f"the interface {name!r}", open_ended=True
        )
        use.operations = _operations(
            definition.operations, interface.operations, interface.type, "operation", scope, resolver
        )
        use.notifications = _operations(
            definition.notifications, interface.notifications, interface.type, "notification", scope, resolver
        )
        result[name] = use
    return result


def count(node: Node, scope: Scope, resolver: Resolver, store: values.Store) -> Value:
    """Return how many are to be made: a number that is not negative, or a call."""
    value = node.value
    if isinstance(value, bool) or (isinstance(value, int) and value < 0):
        message = f"count: a number from 0 was expected, not {describe(value)}"
        resolver.report.error("bad-count", message, node)
        return 1
    return values.give(node, _INTEGER, scope, resolver, store)


def _directives(template: NodeTemplate, definition: Definition, scope: Scope, resolver: Resolver) -> None:
    for directive in definition.directives:
        if directive.text not in DIRECTIVES:
            hint = suggest(directive.text, DIRECTIVES)
            resolver.report.error(
                "unknown-directive", f"{directive.text!r} is not a directive of nodes", directive, hint
            )
    template.directives = [one for one in definition.directives if one.text in DIRECTIVES]
    if definition.node_filter is not None:
        if not any(one.text == "select" for one in template.directives):
            message = "a node filter of a node template is only for the directive 'select'"
            resolver.report.warn(
                "useless-filter", message, definition.node_filter, "add 'directives: [ select ]'", key=True
            )
        template.node_filter = condition(definition.node_filter, scope, resolver)


def condition(node: Node, scope: Scope, resolver: Resolver) -> Value:
    """Return a condition clause: a call, or a boolean."""
    value = expressions.read(node, scope, resolver)
    if not isinstance(value, Call | bool):
        message = f"a condition is a function that gives true or false, not {describe(node.value)}"
        resolver.report.error("bad-condition", message, node, "such as { $equal: [ A, B ] }")
        return True
    references.condition(value, node, "a condition", scope, resolver)
    return value


def _capabilities(
    template: NodeTemplate,
    type: NodeType,
    given: Mapping[str, CapabilityAssignment],
    scope: Scope,
    resolver: Resolver,
) -> None:
    for name, definition in given.items():
        capability = type.capabilities.get(name)
        if capability is None:
            if type.incomplete:
                continue
            message = f"the node type {type.name!r} has no capability {name!r}"
            hint = suggest(name, type.capabilities)
            resolver.report.error("unknown-capability", message, definition.node, hint, key=True)
            continue
        use = CapabilityUse(name, definition.node)
        bounds = getattr(definition.node.document, "limits", {}).get(definition.node.marks)
        if bounds is not None:
            use.limit, use.least = bounds.most, bounds.least
        owner = f"the capability {name!r}"
        use.properties = values.assign(
            definition.properties,
            capability.properties,
            scope,
            resolver,
            owner,
            open_ended=capability.type.incomplete,
        )
        if definition.attributes:
            known = linking.Data(capability.type, capability.properties, capability.attributes)
            use.attributes = assign_attributes(definition.attributes, known, scope, resolver, owner)
        use.directives = scopes(definition.directives, resolver)
        template.capabilities[name] = use
    if template.selects:
        return
    for name, capability in type.capabilities.items():
        used = given[name].properties if name in given else {}
        place = given[name].node if name in given else template.node
        owner = f"the capability {name!r} of {template.name!r}"
        values.require(used, capability.properties, place, owner, resolver)


def scopes(directives: list[Node], resolver: Resolver) -> list[str]:
    """Return the valid ones of the directives that say where the other end of a relationship may be."""
    for directive in directives:
        if directive.text not in SCOPES:
            hint = suggest(directive.text, SCOPES)
            resolver.report.error("unknown-directive", f"{directive.text!r} is not a directive here", directive, hint)
    return [directive.text for directive in directives if directive.text in SCOPES]


def _operations(
    given: Mapping[str, OperationAssignment],
    known: Mapping[str, Operation],
    type: InterfaceType,
    what: str,
    scope: Scope,
    resolver: Resolver,
) -> dict[str, OperationUse]:
    result: dict[str, OperationUse] = {}
    for name, definition in given.items():
        operation = known.get(name)
        if operation is None:
            if type.incomplete:
                continue
            if not (type.handles_events and what == "operation"):
                message = f"the interface type {type.name!r} has no {what} {name!r}"
                hint = suggest(name, known)
                resolver.report.error("unknown-operation", message, definition.node, hint, key=True)
                continue
            operation = Operation(name, definition.node)
        result[name] = _operation(definition, operation, scope, resolver)
    return result


def _operation(definition: OperationAssignment, operation: Operation, scope: Scope, resolver: Resolver) -> OperationUse:
    use = OperationUse(definition.name, definition.node, scope.unit)
    owner = f"the operation {definition.name!r}"
    use.inputs = values.assign(definition.inputs, operation.inputs, scope, resolver, owner, open_ended=True)
    for name, node in definition.outputs.items():
        schema = operation.outputs[name].schema if name in operation.outputs else None
        mapped = definitions.mapping(node, schema, scope, resolver)
        if name in operation.outputs and operation.outputs[name].mapping is not None:
            message = f"the output {name!r} is already mapped in the type"
            resolver.report.error("fixed-value", message, node, key=True, related=operation.outputs[name].node)
        elif mapped is not None:
            use.outputs[name] = mapped
    use.implementation = definition.implementation
    return use
