"""What the parts of one compilation share."""

from typing import Protocol

from floria import ids
from floria.entities import Handler, Property
from floria.ids import Id
from puccini import sources
from puccini.compilation import properties
from puccini.model.data import Property as Definition
from puccini.model.service import NodeTemplate
from puccini.model.types import Artifact
from puccini.semantics.resolver import Resolver


class WithProperties(Protocol):
    """A type, or a capability or relationship of one."""

    properties: dict[str, Definition]


class State:
    """One compilation. `blobs` maps the path of an artifact's file to its digest."""

    def __init__(self, name: str, resolver: Resolver) -> None:
        self.name = name
        self.resolver = resolver
        self.blobs: dict[str, str] = {}
        self.capability_classes: dict[int, tuple[str, ...]] = {}
        self.handlers: dict[int, Handler] = {}
        self._nodes: dict[str, Id] = {}
        self._defaults: dict[int, dict[str, Property]] = {}

    def id(self, *names: str) -> Id:
        """Return the id of what these names lead to in the service."""
        return ids.derive("tosca", self.name, *names)

    def node(self, template: NodeTemplate) -> Id:
        """Return the id of a node template."""
        found = self._nodes.get(template.name)
        if found is None:
            found = self._nodes[template.name] = self.id("node", template.name)
        return found

    def defaults(self, holder: WithProperties) -> dict[str, Property]:
        """Return the properties of a type (or of a capability or relationship in one) where nothing is assigned."""
        found = self._defaults.get(id(holder))
        if found is None:
            attributes: dict[str, Definition] = getattr(holder, "attributes", {})
            found = self._defaults[id(holder)] = properties.defaults(holder.properties, attributes)
        return found

    def digest(self, artifact: Artifact) -> str | None:
        """Return the digest of an artifact's file, if that is here."""
        return self.blobs[sources.display(artifact.unit.source, artifact.path)] if artifact.path else None
