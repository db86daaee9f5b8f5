"""Substitution mappings (section 15): checked here, and resolved for `puccini.compilation.substitution`."""

from typing import Any

from floria.values import Call, Value
from puccini import yaml
from puccini.diagnostics import suggest
from puccini.grammar.templates import SubstitutionMapping
from puccini.grammar.types import Kind
from puccini.model.data import ANY, UNSET, Base, Property, Schema
from puccini.model.service import Inward, Service, Substitution
from puccini.model.types import NodeType
from puccini.nodes import Node, describe
from puccini.semantics import mapping_targets, references, requirement_mappings, templates
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope


def check(mapping: SubstitutionMapping, service: Service, resolver: Resolver) -> None:
    """Check every mapping of the service against the node type that it substitutes."""
    if mapping.node_type is None:
        return
    type = resolver.find(Kind.NODE, service.unit, mapping.node_type)
    if not isinstance(type, NodeType):
        return
    service.substitutes = type
    service.mappings = result = Substitution(type, mapping.node)
    if mapping.substitution_filter is not None:
        result.filter = templates.condition(mapping.substitution_filter, Scope(service.unit, owner=type), resolver)
        if _reads_relationships(result.filter):
            message = "a substitution filter reads properties and capabilities; relationships are made later"
            hint = "what needs them, such as the properties of a target, can be a property of the node"
            resolver.report.warn("filter-relationship", message, mapping.substitution_filter, hint)
    _properties(mapping, result, service, resolver)
    _attributes(mapping, result, service, resolver)
    _capabilities(mapping, result, service, resolver)
    requirement_mappings.resolve(mapping, result, service, resolver)
    _interfaces(mapping, result, service, resolver)


def _reads_relationships(value: Value) -> bool:
    """Section 15.1: a template is chosen by what the node is assigned; which nodes it relates to comes after that."""
    if isinstance(value, Call):
        return "RELATIONSHIP" in value.arguments or any(_reads_relationships(one) for one in value.arguments)
    return isinstance(value, list) and any(_reads_relationships(one) for one in value)


def _properties(mapping: SubstitutionMapping, result: Substitution, service: Service, resolver: Resolver) -> None:
    type = result.type
    mapped: set[str] = set()
    for key, node in mapping.properties:
        if not _is_name(node, "the name of an input", resolver):
            continue
        parameter = service.inputs.get(node.text)
        if parameter is None:
            hint = suggest(node.text, service.inputs)
            resolver.report.error("unknown-input", f"there is no input {node.text!r}", node, hint)
            continue
        mapped.add(node.text)
        found, many = _data(key, node, type, "property", resolver)
        _check_types(found, parameter, many, node, resolver)
        if found is not None:
            result.properties.append((_path(key), node.text))
    for key, node in getattr(mapping.node.document, "inward", {}).items():
        _inward(key, node, result, service, resolver)
    if service.unit.implicit is not None:  # in TOSCA 1.x, inputs get the properties of their names
        implied = [name for name in service.inputs if name not in mapped and name in type.properties]
        result.properties.extend((_path(name), name) for name in implied)
        mapped.update(implied)
    for name, parameter in service.inputs.items():
        if name not in mapped and parameter.required and parameter.default is UNSET:
            message = f"the input {name!r} is required and has no default, so a property is mapped to it"
            resolver.report.error("unmapped-input", message, mapping.node, f"add '{name}' under 'properties'")


def _inward(key: str, node: Node, result: Substitution, service: Service, resolver: Resolver) -> None:
    """TOSCA 1.x: a property is mapped to one of a node inside, or of a capability of it."""
    name, *way, inner = node.value
    template = service.nodes.get(name)
    if template is None:
        hint = suggest(name, service.nodes)
        resolver.report.error("unknown-node", f"there is no node template {name!r}", node.child(0), hint)
    if template is None or template.type is None:
        return
    holder: Any = template.type.capabilities.get(way[0]) if way else template.type
    if holder is None:
        known = list(template.type.capabilities)
        mapping_targets.absent("capability", way[0], template.type, known, node.child(1), resolver, key=False)
        return
    if inner not in holder.properties:
        message = f"{'.'.join([name, *way])} has no property {inner!r}"
        hint = suggest(inner, holder.properties)
        resolver.report.error("unknown-property", message, node.child(len(way) + 1), hint)
        return
    found, _ = _data(key, node, result.type, "property", resolver)
    into = holder.properties[inner]
    if found is None:
        return
    if into.fixed is not UNSET:
        message = f"{inner!r} has a fixed value, and nothing is mapped to it"
        resolver.report.error("fixed-value", message, node, related=into.node)
    elif found.schema and into.schema and not references.compatible(found.schema.type, into.schema.type):
        message = f"{found.name!r} is {_name(found.schema)}, {inner!r} of {name!r} is {_name(into.schema)}"
        resolver.report.error("wrong-type", message, node)
    else:
        result.inward.append(Inward(_path(key), name, "".join(way), inner))


def _attributes(mapping: SubstitutionMapping, result: Substitution, service: Service, resolver: Resolver) -> None:
    type = result.type
    for key, node in mapping.attributes:
        if not _is_name(node, "the name of an output", resolver):
            continue
        output = service.definition.outputs.get(node.text)
        if output is None:
            hint = suggest(node.text, service.definition.outputs)
            resolver.report.error("unknown-output", f"there is no output {node.text!r}", node, hint)
            continue
        found, many = _data(key, node, type, "attribute", resolver)
        _check_output(found, service.outputs.get(node.text), many, node, resolver)
        if found is not None:
            result.attributes.append((_path(key), node.text))


def _check_types(found: Property | None, parameter: Property, many: bool, node: Node, resolver: Resolver) -> None:
    if found is None or found.schema is None or parameter.schema is None:
        return
    wanted: Schema | None = parameter.schema
    if many and not _is_list(parameter.schema):
        message = f"with ALL, the input is a list of every relationship's {found.name!r}, not {_name(parameter.schema)}"
        resolver.report.error("wrong-type", message, node)
        return
    wanted = parameter.schema.entries if many else parameter.schema
    if wanted is not None and not references.compatible(found.schema.type, wanted.type):
        whole = "the entries of the input are" if many else "the input"
        message = f"{found.name!r} is {found.schema.type.name}, {whole} {wanted.type.name}"
        resolver.report.error("wrong-type", message, node)


def _check_output(found: Property | None, output: Property | None, many: bool, node: Node, resolver: Resolver) -> None:
    if found is None or found.schema is None or output is None or output.schema is None:
        return
    if many and not _is_list(output.schema):
        message = f"with ALL, the output is a list with an element for every relationship, not {_name(output.schema)}"
        resolver.report.error("wrong-type", message, node)
        return
    given = output.schema.entries if many else output.schema
    if given is not None and not references.compatible(given.type, found.schema.type):
        message = f"the output is {given.type.name}, {found.name!r} is {found.schema.type.name}"
        resolver.report.error("wrong-type", message, node)


def _is_list(schema: Schema) -> bool:
    return schema.type is ANY or schema.base is Base.LIST


def _name(schema: Schema) -> str:
    return schema.type.name


def _path(key: Any) -> list[Value]:
    """Return the TOSCA path, from the substituted node, that the key of a property or attribute mapping means."""
    if isinstance(key, str):
        return ["SELF", key]
    path = ["SELF", *key]
    if path[1] == "RELATIONSHIP" and len(path) == 4:
        path.insert(3, 0)
    return path


def _data(key: Any, node: Node, type: NodeType, what: str, resolver: Resolver) -> tuple[Property | None, bool]:
    """Return the property or attribute that the key of a mapping means, and whether it is one of each relationship."""
    section = "properties" if what == "property" else "attributes"
    if isinstance(key, str):
        holder, name, title, many = type, key, repr(type.name), False
        return _member(holder, section, name, title, what, node, resolver), many
    if isinstance(key, yaml.SequenceKey) and len(key) == 3 and key[0] == "CAPABILITY":
        capability = type.capabilities.get(key[1])
        if capability is None:
            mapping_targets.absent("capability", key[1], type, list(type.capabilities), node, resolver)
            return None, False
        return _member(capability, section, key[2], f"the capability {key[1]!r}", what, node, resolver), False
    if isinstance(key, yaml.SequenceKey) and len(key) in (3, 4) and key[0] == "RELATIONSHIP":
        requirement = type.requirements.get(key[1])
        if requirement is None:
            mapping_targets.absent("requirement", key[1], type, list(type.requirements), node, resolver)
            return None, False
        many = len(key) == 4 and key[2] == "ALL"
        if len(key) == 4 and not many and (not isinstance(key[2], int) or isinstance(key[2], bool) or key[2] < 0):
            resolver.report.error(
                "bad-mapping", "the index of a relationship is a number from 0, or ALL", node, key=True
            )
        if requirement.relationship is None:
            return None, many
        return _member(requirement.relationship, section, key[-1], "the relationship", what, node, resolver), many
    message = f"the key of a mapping is the name of a {what}, [ CAPABILITY, NAME, {what.upper()} ]"
    message += f" or [ RELATIONSHIP, REQUIREMENT, INDEX, {what.upper()} ]"
    resolver.report.error("bad-mapping", message, node, key=True)
    return None, False


def _member(
    holder: Any, section: str, name: Any, title: str, what: str, node: Node, resolver: Resolver
) -> Property | None:
    known: dict[str, Property] = getattr(holder, section)
    if what == "attribute":
        known = {**holder.properties, **known}
    if name not in known:
        message = f"{title} has no {what} {name!r}"
        resolver.report.error("unknown-property", message, node, suggest(str(name), known), key=True)
        return None
    return known[name]


def _capabilities(mapping: SubstitutionMapping, result: Substitution, service: Service, resolver: Resolver) -> None:
    type = result.type
    for name, node in mapping.capabilities.items():
        outer = type.capabilities.get(name)
        if outer is None:
            mapping_targets.absent("capability", name, type, list(type.capabilities), node, resolver)
        found = mapping_targets.pair(node, service, resolver)
        if found is None:
            continue
        template, inner_name = found
        known = template.type.capabilities if template.type is not None else {}
        inner = known.get(inner_name)
        if inner is None and template.type is not None:
            mapping_targets.absent(
                "capability", inner_name, template.type, list(known), node.child(1), resolver, key=False
            )
        elif inner is not None and outer is not None and not inner.type.derives(outer.type):
            message = f"the capability {inner_name!r} is of the type {inner.type.name!r}, not {outer.type.name!r}"
            resolver.report.error("wrong-type", message, node)
        else:
            result.capabilities[name] = (template.name, inner_name)


def _interfaces(mapping: SubstitutionMapping, result: Substitution, service: Service, resolver: Resolver) -> None:
    type = result.type
    for name, node in mapping.interfaces.items():
        interface = type.interfaces.get(name)
        if interface is None:
            mapping_targets.absent("interface", name, type, list(type.interfaces), node, resolver)
            continue
        if type_of(node) is not dict:
            message = f"a map of operations to workflows was expected, not {describe(node.value)}"
            resolver.report.error("wrong-kind", message, node)
            continue
        for operation, workflow in node.items():
            if operation not in interface.operations:
                hint = suggest(str(operation), interface.operations)
                message = f"the interface {name!r} has no operation {operation!r}"
                resolver.report.error("unknown-operation", message, workflow, hint, key=True)
            known = service.definition.workflows
            if not _is_name(workflow, "the name of a workflow", resolver):
                continue
            if workflow.text in known:
                result.interfaces[f"{name}.{operation}"] = workflow.text
            else:
                hint = suggest(workflow.text, known)
                resolver.report.error("unknown-workflow", f"there is no workflow {workflow.text!r}", workflow, hint)


def type_of(node: Node) -> type:
    """Return the plain kind of a node's value."""
    return dict if isinstance(node.value, dict) else list if isinstance(node.value, list) else type(node.value)


def _is_name(node: Node, what: str, resolver: Resolver) -> bool:
    if isinstance(node.value, str):
        return True
    resolver.report.error("wrong-kind", f"{what} was expected, not {describe(node.value)}", node)
    return False
