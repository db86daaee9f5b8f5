"""The outline of a file (`textDocument/documentSymbol`): its sections, and what each of them defines."""

from typing import NamedTuple

from puccini import extents, yaml
from puccini.nodes import Node

_INNER = {
    "node_types": ("properties", "attributes", "capabilities", "requirements", "interfaces", "artifacts"),
    "relationship_types": ("properties", "attributes", "interfaces"),
    "capability_types": ("properties", "attributes"),
    "data_types": ("properties",),
    "interface_types": ("inputs", "operations", "notifications"),
    "policy_types": ("properties", "triggers"),
    "group_types": ("properties", "attributes"),
    "artifact_types": ("properties",),
    "interfaces": ("operations", "notifications"),
    "node_templates": ("capabilities", "requirements", "interfaces", "artifacts"),
    "relationship_templates": ("interfaces",),
    "policies": ("triggers",),
    "workflows": ("steps",),
}


class Symbol(NamedTuple):
    """Something with a name. `section` is the keyname that it stands under."""

    name: str
    detail: str
    section: str
    whole: extents.Extent
    key: extents.Extent
    children: tuple["Symbol", ...]


def find(root: Node) -> tuple[Symbol, ...]:
    """Return the sections of a file."""
    text = extents.lines(root.document.data)
    found: list[Symbol] = []
    if type(root.value) is not yaml.Map:
        return ()
    for key, node in root.items():
        if key == "service_template" and type(node.value) is yaml.Map:
            sections = tuple(_section(inner, name, text) for name, inner in node.items() if isinstance(name, str))
            found.append(_symbol(node, str(key), "", text, sections))
        elif isinstance(key, str) and type(node.value) in (yaml.Map, yaml.Seq):
            found.append(_section(node, key, text))
    return tuple(found)


def _section(node: Node, name: str, text: list[str]) -> Symbol:
    return _symbol(node, name, "", text, _entries(node, name, text))


def _entries(node: Node, section: str, text: list[str]) -> tuple[Symbol, ...]:
    found: list[Symbol] = []
    if type(node.value) is yaml.Map:
        for key, child in node.items():
            if isinstance(key, str):
                found.append(_named(child, key, section, text))
    elif type(node.value) is yaml.Seq and section in ("policies", "requirements"):
        for item in node:
            if type(item.value) is yaml.Map:
                found += [_named(child, str(key), section, text) for key, child in item.items()]
    return tuple(found)


def _named(node: Node, name: str, section: str, text: list[str]) -> Symbol:
    children: list[Symbol] = []
    detail = ""
    if type(node.value) is yaml.Map:
        for inner in _INNER.get(section, ()):
            child = node.get(inner)
            if child is not None:
                children += _entries(child, inner, text)
        for key in ("type", "derived_from"):
            written = node.value.get(key)
            detail = detail or (written if isinstance(written, str) else "")
    elif isinstance(node.value, str):
        detail = node.text
    return _symbol(node, name, section, text, tuple(children), detail)


def _symbol(
    node: Node, name: str, section: str, text: list[str], children: tuple[Symbol, ...], detail: str = ""
) -> Symbol:
    key = extents.key(node, text)
    end = max(extents.value(node, text)[1], key[1])
    return Symbol(name, detail, section, (key[0], end), key, children)
