"""Where what types have comes from: a refinement has the name of the definition that it refines, so they go together.

Used to find everything that has the same meaning: for references, and to rename.
"""

from collections.abc import Mapping
from typing import Any

from puccini.loading import Loaded
from puccini.nodes import Node

Key = tuple[str, int, int]
_OF_TYPES = ("properties", "attributes", "capabilities", "requirements", "interfaces", "artifacts")
_INSIDE = ("properties", "attributes", "interfaces", "operations", "notifications", "inputs", "outputs")


def key(node: Node) -> Key:
    """Return what tells a place from others."""
    start = node.key_range[0]
    return node.file, start.line, start.column


def roots(loaded: Loaded) -> dict[Key, Node]:
    """Return, by the place of each refinement, the definition that was first."""
    found: dict[Key, Node] = {}
    if loaded.resolver is None:
        return found
    for type in sorted(loaded.resolver.types.values(), key=lambda one: len(one.ancestors)):
        for section in (*_OF_TYPES, *_INSIDE):
            known = getattr(type.parent, section, {})
            for name, thing in getattr(type, section, {}).items():
                if isinstance(known, Mapping) and name in known:
                    _link(thing, known[name], found)
                _inside(thing, found)
    return found


def _inside(thing: Any, found: dict[Key, Node]) -> None:
    """Link what a capability, relationship or interface refines to what its type has."""
    holder = getattr(thing, "relationship", thing)
    base = getattr(holder, "type", None)
    if base is not None:
        _all(holder, base, found)


def _link(thing: Any, base: Any, found: dict[Key, Node]) -> None:
    if thing is base:
        return
    own, other = key(thing.node), key(base.node)
    if own != other:
        found[own] = found.get(other, base.node)
    _all(thing, base, found)


def _all(thing: Any, base: Any, found: dict[Key, Node]) -> None:
    for section in _INSIDE:
        known, names = getattr(base, section, None), getattr(thing, section, None)
        if isinstance(known, Mapping) and isinstance(names, Mapping):
            for name, one in names.items():
                if name in known:
                    _link(one, known[name], found)
