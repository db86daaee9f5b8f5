"""Substitution mappings of TOSCA 1.x.

A property is mapped to an input, written as its name or in a list, or to a property of a node inside. A constant is
what a property of the substituted node has to be. Other forms are accepted with a warning.
"""

from collections.abc import Collection

from puccini import yaml
from puccini.diagnostics import mistaken
from puccini.dialects.constraints import node_filter, of_data
from puccini.dialects.forms import Form, Page, Rule, named, same
from puccini.dialects.values import value
from puccini.dialects.writing import Draft, Written, both, call, keep, marks, sequence, single
from puccini.nodes import Node, describe


def _unwrapped(node: Node) -> Node:
    """Return what stands under ``mapping`` (of a constant: ``value``), where that is written out."""
    written = next((key for key in ("mapping", "value") if type(node.value) is yaml.Map and key in node.value), None)
    return node if written is None else node.child(written)


def _parameter(what: str, hint: str = "") -> Rule:
    def write(node: Node, page: Page) -> Written | None:
        inner = _unwrapped(node)
        if isinstance(inner.value, str):
            return keep(inner)
        if type(inner.value) is yaml.Seq and len(inner.value) == 1 and isinstance(inner.value[0], str):
            return Written(inner.value[0], marks(inner))
        message = f"{node.key}: only {what} can be mapped here, not {describe(inner.value)}"
        page.report.warn("unsupported-mapping", message, node, hint or f"write [ {what.split()[-1].upper()} ]")
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


def _constants(node: Node) -> list[Node]:
    """Return the properties that the substituted node has to have these values of."""
    given = node.get("properties") if type(node.value) is yaml.Map else None
    if given is None or type(given.value) is not yaml.Map:
        return []
    return [child for _, child in given.items() if _is_constant(child)]


def _is_constant(node: Node) -> bool:
    inner = _unwrapped(node)
    if inner.key == "value" and inner.parent is not None and inner.parent.marks is node.marks:
        return True
    if isinstance(inner.value, str):
        known = _inputs(node)
        return inner.value not in known and not mistaken(inner.value, known)
    return isinstance(inner.value, bool | int | float)


def _inputs(node: Node) -> Collection[str]:
    """Return the names of the inputs of the topology template around a mapping of a property."""
    above: Node | None = node
    for _ in range(3):
        above = above.parent if above is not None else None
    inputs = above.get("inputs") if above is not None else None
    return inputs.value if inputs is not None and type(inputs.value) is yaml.Map else ()


def _property(node: Node, page: Page) -> Written | None:
    if _is_constant(node):
        return None
    path = _unwrapped(node)
    if type(path.value) is yaml.Seq and len(path.value) in (2, 3) and all(isinstance(one, str) for one in path.value):
        page.inward[str(node.key)] = path
        return None
    hint = "write [ INPUT ], [ NODE, PROPERTY ] or [ NODE, CAPABILITY, PROPERTY ]"
    return _parameter("an input or a property inside", hint)(node, page)


def _attribute(node: Node, page: Page) -> Written | None:
    """An output; or the attribute of a node, for which an output is made."""
    inner = _unwrapped(node)
    path = inner.value
    if type(path) is not yaml.Seq or len(path) < 2 or not all(isinstance(one, str) for one in path):
        return _parameter("an output")(node, page)
    name, draft = ".".join(path), Draft()
    draft.put("value", call("get_attribute", [keep(one) for one in inner], marks(inner)))
    page.exposed[name] = draft.at(inner)
    return Written(name, marks(inner))


def _only_these(node: Node, page: Page, draft: Draft) -> None:
    """A constant says which nodes are substituted: those with this value of the property."""
    found = [
        call(
            "equal",
            [of_data("get_property", ["SELF", str(one.key)])(marks(one)), value(_unwrapped(one), page)],
            marks(one),
        )
        for one in _constants(node)
    ]
    if not found:
        return
    before = draft.value.get("substitution_filter")
    if before is not None:
        found.insert(0, Written(before, draft.value.marks["substitution_filter"]))
    draft.put("substitution_filter", both(found, marks(node)))


SUBSTITUTION = Form(
    "substitution mapping",
    same(
        node_type=None,
        substitution_filter=node_filter(("SELF",)),
        properties=named(_property),
        attributes=named(_attribute),
        capabilities=named(_pair),
        requirements=_requirements,
        interfaces=_interfaces,
    ),
    finish=_only_these,
)
