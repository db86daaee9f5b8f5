"""Substitution mappings (section 15): checked here; no meaning is given to them yet when a service runs."""

from typing import Any

from puccini import yaml
from puccini.diagnostics import suggest
from puccini.grammar.readers import UNBOUNDED
from puccini.grammar.templates import SubstitutionMapping
from puccini.grammar.types import Kind
from puccini.model.data import UNSET, Property
from puccini.model.service import NodeTemplate, Service
from puccini.model.types import NodeType
from puccini.nodes import Node, describe
from puccini.semantics import references, templates
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
    if mapping.substitution_filter is not None:
        templates.condition(mapping.substitution_filter, Scope(service.unit, owner=type), resolver)
    _properties(mapping, type, service, resolver)
    _attributes(mapping, type, service, resolver)
    _capabilities(mapping, type, service, resolver)
    _requirements(mapping, type, service, resolver)
    _interfaces(mapping, type, service, resolver)


def _properties(mapping: SubstitutionMapping, type: NodeType, service: Service, resolver: Resolver) -> None:
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
    for name, parameter in service.inputs.items():
        if name not in mapped and parameter.required and parameter.default is UNSET:
            message = f"the input {name!r} is required and has no default, so a property is mapped to it"
            resolver.report.error("unmapped-input", message, mapping.node, f"add '{name}' under 'properties'")


def _attributes(mapping: SubstitutionMapping, type: NodeType, service: Service, resolver: Resolver) -> None:
    for key, node in mapping.attributes:
        if not _is_name(node, "the name of an output", resolver):
            continue
        output = service.definition.outputs.get(node.text)
        if output is None:
            hint = suggest(node.text, service.definition.outputs)
            resolver.report.error("unknown-output", f"there is no output {node.text!r}", node, hint)
            continue
        _data(key, node, type, "attribute", resolver)


def _check_types(found: Property | None, parameter: Property, many: bool, node: Node, resolver: Resolver) -> None:
    if found is None or found.schema is None or parameter.schema is None or many:
        return
    if not references.compatible(found.schema.type, parameter.schema.type):
        message = f"{found.name!r} is {found.schema.type.name}, the input {parameter.schema.type.name}"
        resolver.report.error("wrong-type", message, node)


def _data(key: Any, node: Node, type: NodeType, what: str, resolver: Resolver) -> tuple[Property | None, bool]:
    """Return the property or attribute that the key of a mapping means, and whether it is one of each relationship."""
    section = "properties" if what == "property" else "attributes"
    if isinstance(key, str):
        holder, name, title, many = type, key, repr(type.name), False
        return _member(holder, section, name, title, what, node, resolver), many
    if isinstance(key, yaml.SequenceKey) and len(key) == 3 and key[0] == "CAPABILITY":
        capability = type.capabilities.get(key[1])
        if capability is None:
            _no("capability", key[1], type, list(type.capabilities), node, resolver)
            return None, False
        return _member(capability, section, key[2], f"the capability {key[1]!r}", what, node, resolver), False
    if isinstance(key, yaml.SequenceKey) and len(key) in (3, 4) and key[0] == "RELATIONSHIP":
        requirement = type.requirements.get(key[1])
        if requirement is None:
            _no("requirement", key[1], type, list(type.requirements), node, resolver)
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


def _capabilities(mapping: SubstitutionMapping, type: NodeType, service: Service, resolver: Resolver) -> None:
    for name, node in mapping.capabilities.items():
        outer = type.capabilities.get(name)
        if outer is None:
            _no("capability", name, type, list(type.capabilities), node, resolver)
        found = _pair(node, service, resolver)
        if found is None:
            continue
        template, inner_name = found
        known = template.type.capabilities if template.type is not None else {}
        inner = known.get(inner_name)
        if inner is None and template.type is not None:
            _no("capability", inner_name, template.type, list(known), node.child(1), resolver, key=False)
        elif inner is not None and outer is not None and not inner.type.derives(outer.type):
            message = f"the capability {inner_name!r} is of the type {inner.type.name!r}, not {outer.type.name!r}"
            resolver.report.error("wrong-type", message, node)


def _requirements(mapping: SubstitutionMapping, type: NodeType, service: Service, resolver: Resolver) -> None:
    unbounded: set[str] = set()
    mandatory: dict[str, int] = {}
    total: dict[str, int] = {}
    for key, node in mapping.requirements:
        name, count = _requirement_key(key, node, resolver)
        requirement = type.requirements.get(name)
        if requirement is None:
            _no("requirement", name, type, list(type.requirements), node, resolver)
            continue
        if name in unbounded:
            message = f"no mapping of {name!r} follows one that is {UNBOUNDED}"
            resolver.report.error("bad-mapping", message, node, key=True)
        if count is None:
            unbounded.add(name)
        targets = list(node) if _is_list_of_targets(node) else [node]
        needed = [_requirement_target(target, service, resolver) for target in targets]
        total[name] = total.get(name, 0) + (count or 0)
        mandatory[name] = mandatory.get(name, 0) + (count or 0) * any(needed)
        lower, upper = requirement.count_range
        if any(needed) and mandatory[name] > lower:
            message = f"more mandatory requirements are mapped than {name!r} guarantees ({lower})"
            resolver.report.warn("too-many-mappings", message, node, key=True, related=requirement.node)
        elif upper is not None and total[name] > upper:
            message = f"more requirements are mapped than {name!r} can have ({upper})"
            resolver.report.warn("too-many-mappings", message, node, key=True, related=requirement.node)


def _requirement_key(key: Any, node: Node, resolver: Resolver) -> tuple[str, int | None]:
    """Return the name in the key of a requirement mapping, and for how many assignments it is; None is all others."""
    if isinstance(key, str):
        return key, 1
    if isinstance(key, yaml.SequenceKey) and len(key) == 2 and isinstance(key[0], str):
        count = key[1]
        if count == UNBOUNDED:
            return key[0], None
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
            return key[0], count
    message = f"the key of a requirement mapping is a name, [ NAME, COUNT ] or [ NAME, {UNBOUNDED} ]"
    resolver.report.error("bad-mapping", message, node, key=True)
    return "", 1


def _is_list_of_targets(node: Node) -> bool:
    value = node.value
    if not isinstance(value, list):
        return False
    return any(isinstance(item, list) for item in value) or len(value) != 2


def _requirement_target(node: Node, service: Service, resolver: Resolver) -> bool:
    """Check one target of a requirement mapping; return whether it is a requirement that must be fulfilled."""
    if isinstance(node.value, str):
        template = _template(node, service, resolver)
        if template is not None and not any(one.text == "select" for one in template.directives):
            message = f"{node.text!r} is not a selectable node"
            resolver.report.error("bad-mapping", message, node, "add 'directives: [ select ]', or name a requirement")
        return False
    found = _pair(node, service, resolver)
    if found is None:
        return False
    template, name = found
    known = template.type.requirements if template.type is not None else {}
    if name not in known:
        if template.type is not None:
            _no("requirement", name, template.type, list(known), node.child(1), resolver, key=False)
        return False
    uses = [use for use in template.requirements if use.name == name]
    if uses and all(use.target is not None for use in uses):
        message = f"the requirement {name!r} of {template.name!r} has a target already"
        resolver.report.error("bad-mapping", message, node, "only requirements without a target are mapped")
    return any(not use.optional for use in uses)


def _interfaces(mapping: SubstitutionMapping, type: NodeType, service: Service, resolver: Resolver) -> None:
    for name, node in mapping.interfaces.items():
        interface = type.interfaces.get(name)
        if interface is None:
            _no("interface", name, type, list(type.interfaces), node, resolver)
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
            if _is_name(workflow, "the name of a workflow", resolver) and workflow.text not in known:
                hint = suggest(workflow.text, known)
                resolver.report.error("unknown-workflow", f"there is no workflow {workflow.text!r}", workflow, hint)


def type_of(node: Node) -> type:
    """Return the plain kind of a node's value."""
    return dict if isinstance(node.value, dict) else list if isinstance(node.value, list) else type(node.value)


def _pair(node: Node, service: Service, resolver: Resolver) -> tuple[NodeTemplate, str] | None:
    value = node.value
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(item, str) for item in value):
        message = f"[ NODE TEMPLATE, NAME ] was expected, not {describe(value)}"
        resolver.report.error("bad-mapping", message, node)
        return None
    template = _template(node.child(0), service, resolver)
    return (template, value[1]) if template is not None else None


def _template(node: Node, service: Service, resolver: Resolver) -> NodeTemplate | None:
    found = service.nodes.get(node.text)
    if found is None:
        hint = suggest(node.text, service.nodes)
        resolver.report.error("unknown-node", f"there is no node template {node.text!r}", node, hint)
    return found


def _is_name(node: Node, what: str, resolver: Resolver) -> bool:
    if isinstance(node.value, str):
        return True
    resolver.report.error("wrong-kind", f"{what} was expected, not {describe(node.value)}", node)
    return False


def _no(
    what: str, name: Any, type: NodeType, known: list[str], node: Node, resolver: Resolver, *, key: bool = True
) -> None:
    message = f"the node type {type.name!r} has no {what} {name!r}"
    resolver.report.error(f"unknown-{what}", message, node, suggest(str(name), known), key=key)
