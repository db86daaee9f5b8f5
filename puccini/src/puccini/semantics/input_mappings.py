"""Inputs of services that are mapped into attributes (sections 9.8, 9.10): what is given is where those begin.

`puccini.semantics.service` calls this when node templates are filled.
"""

from typing import Any

from floria.values import Call, Value
from puccini.grammar.data import DataDefinition
from puccini.model.data import Property, Role
from puccini.model.service import CapabilityUse, NodeTemplate, Service
from puccini.nodes import Node
from puccini.semantics import definitions
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope


def define(given: dict[str, DataDefinition], scope: Scope, resolver: Resolver) -> dict[str, Property]:
    """Return the inputs of a service: incoming parameters, of which the short form is a mapping."""
    wrong = {name: one for name, one in given.items() if one.short and not _is_mapping(one.node.value)}
    for name, one in wrong.items():
        hint = f"write '{name}: {{ type: ... }}'"
        resolver.report.error("not-a-refinement", f"the input {name!r} is defined by a map", one.node, hint)
    right = {name: one for name, one in given.items() if name not in wrong}
    found = definitions.extend({}, right, Role.PARAMETER, scope, resolver, untyped=True, incoming=True)
    for name, one in wrong.items():
        found[name] = Property(name, Role.PARAMETER, None, one.node, required=False)
    return found


def _is_mapping(written: Any) -> bool:
    return isinstance(written, list) and len(written) > 1 and all(isinstance(one, str | int) for one in written)


def apply(service: Service, resolver: Resolver) -> None:
    """Have the attributes that inputs are mapped into begin as what is given."""
    for name, definition in service.definition.inputs.items():
        mapping = service.inputs[name].mapping
        node = definition.mapping or definition.node
        template = service.nodes.get(str(mapping[0])) if mapping else None
        if mapping and template is not None and not _begin(mapping, template, Call("tosca:get_input", [name]), node):
            message = f"the input {name!r} is mapped into a whole attribute of a node or of one of its capabilities"
            hint = "such as [ NODE, ATTRIBUTE ] or [ NODE, CAPABILITY, NAME, ATTRIBUTE ]"
            resolver.report.error("bad-mapping", message, node, hint)


def _begin(mapping: list[Value], template: NodeTemplate, given: Call, node: Node) -> bool:
    match mapping:
        case [_, str(attribute)]:
            template.attributes = {**template.attributes, attribute: given}
        case [_, "CAPABILITY", str(capability), str(attribute)]:
            use = template.capabilities.setdefault(capability, CapabilityUse(capability, node))
            use.attributes = {**use.attributes, attribute: given}
        case _:
            return False
    return True
