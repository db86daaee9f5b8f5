"""Attributes: what drivers and event sources tell of a node, written into the graph.

``name`` is an attribute of the node, ``capability/NAME`` a map of those of one of its capabilities. Null says that
there is no value. Those who are related to a capability are told when its values become other ones.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from floria import codec, properties, updating
from floria.entities import Vertex
from floria.evaluation import Library
from floria.ids import Id
from floria.store.interface import Transaction
from floria.values import Value
from khutulun.conductor import nesting, site

CAPABILITY = "capability/"
MIRROR = "attribute:"
"""Before the name of an attribute that has another value than the property of its name (TOSCA 2.0 section 9.6)."""

After = Callable[[], None]
Followers = Callable[[Transaction, Vertex, dict[str, Value]], After]
"""Writes down that attributes of a capability have changed; returns what to do after the commit."""


class Attributes:
    """Writes attributes."""

    def __init__(self, functions: Library) -> None:
        self.functions = functions
        self.followers: Followers = lambda tx, capability, changes: lambda: None

    def write(self, tx: Transaction, node: Vertex, told: dict[str, Any], cause: str) -> After:
        """Write what was told; returns what to do after the commit. Raises `EvaluationError` for a wrong value."""
        own = {name: value for name, value in told.items() if not name.startswith(CAPABILITY)}
        self._put(tx, node.id, own, cause)
        after: list[After] = []
        if len(own) < len(told):
            capabilities = site.surroundings(tx, node).capabilities
            for name, values in told.items():
                capability = capabilities.get(name.removeprefix(CAPABILITY))
                if name.startswith(CAPABILITY) and capability is not None:
                    self._put(tx, capability.id, values, cause)
                    if changed := _changed(capability, values):
                        after.append(self.followers(tx, capability, changed))
        if told:
            after += self._outward(tx, node)

        def tell() -> None:
            for one in after:
                one()

        return tell

    def _outward(self, tx: Transaction, node: Vertex) -> Iterator[After]:
        """Pass on to the nodes around a node what their attributes are now (TOSCA 2.0 section 15.3)."""
        for outer in nesting.around(tx, node):
            around = site.surroundings(tx, outer)
            changed = set(updating.update(tx, around.ids, self.functions).changed)
            for capability in around.capabilities.values():
                current = properties.current(tx, capability.id)
                values = {name: current.properties[name].value for id, name in changed if id == capability.id}
                known = {name: value for name, value in values.items() if value is not msgspec.UNSET}
                if isinstance(current, Vertex) and (others := _others(capability, known)):
                    yield self.followers(tx, current, others)

    def _put(self, tx: Transaction, id: Id, values: dict[str, Any], cause: str) -> None:
        known = properties.current(tx, id).properties
        values = {f"{MIRROR}{name}" if f"{MIRROR}{name}" in known else name: value for name, value in values.items()}
        given = {name: codec.from_plain(value) for name, value in values.items() if value is not None}
        if given:
            properties.write_properties(tx, id, given, cause, functions=self.functions, declare=True)
        gone = [name for name, value in values.items() if value is None]
        if gone:
            _clear(tx, id, gone)


def _clear(tx: Transaction, id: Id, names: list[str]) -> None:
    """Take values away."""
    entity = properties.current(tx, id)
    found = {name: entity.properties[name] for name in names if name in entity.properties}
    cleared = {
        name: msgspec.structs.replace(one, value=msgspec.UNSET, error=None, revision=one.revision + 1)
        for name, one in found.items()
        if one.value is not msgspec.UNSET
    }
    properties.put_properties(tx, entity, cleared)


def _changed(before: Vertex, values: dict[str, Any]) -> dict[str, Value]:
    """Return the values that are other ones than before; a first value is no change."""
    return _others(before, {name: codec.from_plain(value) for name, value in values.items()})


def _others(before: Vertex, values: dict[str, Value]) -> dict[str, Value]:
    known = {name: one.value for name, one in before.properties.items() if one.value is not msgspec.UNSET}
    return {name: value for name, value in values.items() if name in known and known[name] not in (None, value)}
