"""What substitution mappings lead to within their service template: node templates, and what is in them."""

from typing import Any

from puccini.diagnostics import suggest
from puccini.model.service import NodeTemplate, Service
from puccini.model.types import NodeType
from puccini.nodes import Node, describe
from puccini.semantics.resolver import Resolver


def pair(node: Node, service: Service, resolver: Resolver) -> tuple[NodeTemplate, str] | None:
    value = node.value
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(item, str) for item in value):
        message = f"[ NODE TEMPLATE, NAME ] was expected, not {describe(value)}"
        resolver.report.error("bad-mapping", message, node)
        return None
    template = node_template(node.child(0), service, resolver)
    return (template, value[1]) if template is not None else None


def node_template(node: Node, service: Service, resolver: Resolver) -> NodeTemplate | None:
    found = service.nodes.get(node.text)
    if found is None and not service.uncertain("node_templates", node.text):
        hint = suggest(node.text, service.nodes)
        resolver.report.error("unknown-node", f"there is no node template {node.text!r}", node, hint)
    return found


def absent(
    what: str, name: Any, type: NodeType, known: list[str], node: Node, resolver: Resolver, *, key: bool = True
) -> None:
    message = f"the node type {type.name!r} has no {what} {name!r}"
    resolver.report.error(f"unknown-{what}", message, node, suggest(str(name), known), key=key)
