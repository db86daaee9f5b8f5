"""The service template (section 6.9): inputs, templates, groups, policies, workflows, outputs.

Names come first, so that everything can refer to everything; then what is in them; then the checks that need it all.
"""

from collections.abc import Collection

from puccini.diagnostics import mistaken
from puccini.grammar.data import PARAMETER
from puccini.grammar.templates import NodeTemplate as NodeDefinition
from puccini.grammar.templates import RelationshipTemplate as RelationshipDefinition
from puccini.grammar.types import Kind
from puccini.model.data import Role
from puccini.model.service import NodeTemplate, RelationshipUse, Service
from puccini.model.types import NodeType, RelationshipType
from puccini.semantics import (
    copying,
    custom,
    definitions,
    demand,
    endless,
    groups,
    input_mappings,
    operations,
    templates,
    values,
    workflows,
)
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope
from puccini.units import Unit

REST = "rest"
"""The owner of what is reported about everything that is made of node templates."""


def build(unit: Unit, resolver: Resolver) -> Service | None:
    """Return the service of the entry file; None when it has none."""
    definition = unit.file.service_template
    if definition is None:
        return None
    service = Service(unit, definition)
    scope = Scope(unit, service=service)
    _functions(service, resolver)
    service.inputs = input_mappings.define(definition.inputs, scope, resolver)
    endless.inputs(service.inputs, definition.inputs, resolver)
    relationships = copying.expand(definition.relationship_templates, "relationship template", resolver)
    nodes = copying.expand(definition.node_templates, "node template", resolver)
    for name, node in nodes.items():
        service.nodes[name] = _declare(node, unit, resolver)
    for name, relationship in relationships.items():
        made = _relationship(relationship, unit, resolver)
        if made is not None:
            service.relationships[name] = made
    for name, relationship in relationships.items():
        if name in service.relationships:
            _fill_relationship(service.relationships[name], relationship, scope, resolver)
    for name, node in nodes.items():
        fill(service, name, node, resolver)
    finish(service, resolver)
    return service


def fill(service: Service, name: str, definition: NodeDefinition, resolver: Resolver) -> None:
    """Fill a node template that is declared; what is reported about it is its own."""
    before, resolver.report.owner = resolver.report.owner, f"node_templates/{name}"
    templates.fill(service.nodes[name], definition, service, resolver)
    resolver.report.owner = before


def finish(service: Service, resolver: Resolver) -> None:
    """Build what is made of node templates, and run all checks that had to wait."""
    definition = service.definition
    before, resolver.report.owner = resolver.report.owner, REST
    input_mappings.apply(service, resolver)
    workflows.declare(service, resolver)
    groups.build(service, resolver)
    workflows.build(service, resolver)
    scope = Scope(service.unit, service=service, selfless=True)
    service.outputs = definitions.extend({}, definition.outputs, Role.PARAMETER, scope, resolver, untyped=True)
    for output in definition.outputs.values():
        if output.short and output.node.value is None:
            message = f"the output {output.name!r} is defined by a map, or by its value"
            resolver.report.error("wrong-kind", message, output.node, f"write '{output.name}: {{ value: ... }}'")
        elif output.value is None and not mistaken("value", set(output.node.value) - PARAMETER.keys.keys()):
            message = f"the output {output.name!r} has no value"
            resolver.report.error("missing-keyname", message, output.node, "add 'value: ...'")
    if definition.substitution_mappings is not None:
        from puccini.semantics import substitution

        substitution.check(definition.substitution_mappings, service, resolver)
    demand.check(service, resolver)
    resolver.settle()
    resolver.report.owner = before


def again(service: Service, changed: Collection[str], resolver: Resolver) -> None:
    """Fill node templates `changed` of a service that is built, whose definitions were replaced, and finish it again.

    What others know of them (type, directives, names of artifacts) has to be as before.
    """
    for name in changed:
        definition = service.definition.node_templates[name]
        service.nodes[name].__init__(name, service.nodes[name].type, definition.node, service.unit)  # type: ignore[misc]
        service.nodes[name].metadata, service.nodes[name].description = definition.metadata, definition.description
        _type(definition, service.unit, resolver)
        fill(service, name, definition, resolver)
    service.groups, service.policies, service.workflows, service.substitutes = {}, [], {}, None
    finish(service, resolver)


def _functions(service: Service, resolver: Resolver) -> None:
    """Section 10.4: functions inside of a service template; those with the name of an outer one refine it."""
    service.functions = dict(service.definition.functions)
    for name, definition in service.functions.items():
        if not definition.signatures:
            resolver.report.error("missing-keyname", f"the function {name!r} has no signature", definition.node)
        outer = service.unit.function(name)
        if outer is not None:
            described = custom.describe(name, outer[0], outer[1], resolver)
            custom.refine(name, service.unit, definition, described, resolver)
        else:
            custom.describe(name, service.unit, definition, resolver)


def _declare(definition: NodeDefinition, unit: Unit, resolver: Resolver) -> NodeTemplate:
    result = NodeTemplate(definition.name, _type(definition, unit, resolver), definition.node, unit)
    result.metadata, result.description = definition.metadata, definition.description
    return result


def _type(definition: NodeDefinition, unit: Unit, resolver: Resolver) -> NodeType | None:
    """Find the type of a node template; what is reported about it is the template's own."""
    if definition.type is None:
        return None
    before, resolver.report.owner = resolver.report.owner, f"node_templates/{definition.name}"
    type = resolver.find(Kind.NODE, unit, definition.type)
    resolver.report.owner = before
    return type if isinstance(type, NodeType) else None


def _relationship(definition: RelationshipDefinition, unit: Unit, resolver: Resolver) -> RelationshipUse | None:
    if definition.type is None:
        return None
    type = resolver.find(Kind.RELATIONSHIP, unit, definition.type)
    if not isinstance(type, RelationshipType):
        return None
    return RelationshipUse(definition.name, type, definition.node)


def _fill_relationship(
    use: RelationshipUse, definition: RelationshipDefinition, scope: Scope, resolver: Resolver
) -> None:
    inner = scope.with_(owner=use.type, relationship=True)
    owner = f"the relationship type {use.type.name!r}"
    incomplete = use.type.incomplete
    use.properties = values.assign(
        definition.properties, use.type.properties, inner, resolver, owner, open_ended=incomplete
    )
    values.require(definition.properties, use.type.properties, definition.node, repr(use.name), resolver)
    use.attributes = templates.assign_attributes(definition.attributes, use.type, inner, resolver, owner)
    use.interfaces = templates.assign_interfaces(
        definition.interfaces, use.type.interfaces, inner, resolver, owner, incomplete=incomplete
    )
    use.implemented = operations.resolve(use.type.interfaces, use.interfaces, {}, resolver)
