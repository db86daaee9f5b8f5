"""Substitution mappings of TOSCA 1.x.

A property is mapped to an input, written as its name or in a list; what TOSCA 2.0 has no mapping for (constants,
properties of inner nodes) is accepted with a warning.
"""

from puccini import yaml
from puccini.dialects.constraints import node_filter
from puccini.dialects.forms import Form, Page, Rule, named, same
from puccini.dialects.writing import Draft, Written, keep, marks, sequence, single
from puccini.nodes import Node, describe


def _unwrapped(node: Node) -> Node:
    """Return what stands under ``mapping``, where that is written out."""
    return node.child("mapping") if type(node.value) is yaml.Map and "mapping" in node.value else node


def _parameter(what: str) -> Rule:
    def write(node: Node, page: Page) -> Written | None:
        inner = _unwrapped(node)
        if isinstance(inner.value, str):
            return keep(inner)
        if type(inner.value) is yaml.Seq and len(inner.value) == 1 and isinstance(inner.value[0], str):
            return Written(inner.value[0], marks(inner))
        message = f"{node.key}: only {what} can be mapped here, not {describe(inner.value)}"
        page.report.warn("unsupported-mapping", message, node, f"write [ {what.split()[-1].upper()} ]")
        return None

    return write


def _pair(node: Node, page: Page) -> Written:
    return keep(_unwrapped(node))


def _requirements(node: Node, page: Page) -> Written:
    """Return the map of requirements as the list that TOSCA 2.0 has."""
    if type(node.value) is not yaml.Map:
        return keep(node)
    items = [single(key, _pair(child, page), marks(child)) for key, child in page.entries(node)]
    return sequence(items, marks(node))


def _interfaces(node: Node, page: Page) -> Written:
    """Return the workflows for operations, which may stand under ``operations``."""
    if type(node.value) is not yaml.Map:
        return keep(node)
    draft = Draft()
    for key, child in page.entries(node):
        inner = child.get("operations")
        draft.put(key, keep(inner if inner is not None and type(inner.value) is yaml.Map else child))
    return draft.at(node)


SUBSTITUTION = Form(
    "substitution mapping",
    same(
        node_type=None,
        substitution_filter=node_filter(("SELF",)),
        properties=named(_parameter("an input")),
        attributes=named(_parameter("an output")),
        capabilities=named(_pair),
        requirements=_requirements,
        interfaces=_interfaces,
    ),
)
