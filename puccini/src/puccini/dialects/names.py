"""The names of the profile that every file of TOSCA 1.x sees: in full, short, and with the prefix ``tosca``.

``tosca.nodes.Compute``, ``Compute`` and ``tosca:Compute`` are the same. A file's own names, and those that it imports,
come first.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from puccini.units import SECTIONS, Found, Section, Unit

_PREFIX = "tosca:"
_FAMILIES: dict[Section, tuple[str, ...]] = {
    "artifact_types": ("tosca.artifacts.", "tosca.artifacts.Implementation."),
    "capability_types": ("tosca.capabilities.", "tosca.capabilities.network."),
    "data_types": ("tosca.datatypes.", "tosca.datatypes.network."),
    "group_types": ("tosca.groups.",),
    "interface_types": ("tosca.interfaces.", "tosca.interfaces.node.lifecycle.", "tosca.interfaces.relationship."),
    "node_types": ("tosca.nodes.", "tosca.nodes.network.", "tosca.nodes.Storage."),
    "policy_types": ("tosca.policies.",),
    "relationship_types": ("tosca.relationships.", "tosca.relationships.network."),
}
_OTHERS: dict[Section, dict[str, str]] = {
    "capability_types": {"tosca.capabilities.Container": "tosca.capabilities.Compute"},
    "node_types": {
        "AbstractCompute": "tosca.nodes.Abstract.Compute",
        "tosca.nodes.BlockStorage": "tosca.nodes.Storage.BlockStorage",
        "tosca.nodes.ObjectStorage": "tosca.nodes.Storage.ObjectStorage",
    },
}
"""Names of earlier versions, or that follow no rule."""


class Names:
    """What the names of the profile mean."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit

    def find(self, section: Section, name: str) -> Found | None:
        full = self._names.get(section, {}).get(name)
        return Found(self.unit, self.unit.local(section)[full]) if full is not None else None

    def all(self, section: Section) -> list[str]:
        """Return the full and short names, for hints."""
        return [name for name in self._names.get(section, {}) if not name.startswith(_PREFIX)]

    def implementation(self, types: Mapping[int, Any]) -> Any:
        """Return the type of files of which nothing is known but that they implement something."""
        return types.get(id(self.unit.local("artifact_types").get("tosca.artifacts.Implementation")))

    @cached_property
    def _names(self) -> dict[Section, dict[str, str]]:
        return {section: dict(self._of(section)) for section in SECTIONS}

    def _of(self, section: Section) -> Iterator[tuple[str, str]]:
        local = self.unit.local(section)
        for prefix in reversed(_FAMILIES.get(section, ())):
            for full in local:
                if full.startswith(prefix):
                    short = full.removeprefix(prefix)
                    yield short, full
                    yield _PREFIX + short, full
        for name, full in _OTHERS.get(section, {}).items():
            yield name, full
            short = name.rpartition(".")[2]
            yield short, full
            yield _PREFIX + short, full
        for full in local:
            yield full, full
            yield _PREFIX + full, full
