"""What the parts of one compilation share."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from floria import ids
from floria.entities import Handler, Property, VertexTemplate
from floria.ids import Id
from puccini import sources
from puccini.compilation import occurrences, properties
from puccini.diagnostics import Report
from puccini.loading import Loaded
from puccini.model.data import Property as Definition
from puccini.model.service import NodeTemplate, Segment, Substitution
from puccini.model.types import Artifact


class Candidate(NamedTuple):
    """A file whose service can be inside of a node; `name` tells it from others for the same node."""

    name: str
    loaded: Loaded
    mappings: Substitution


class WithProperties(Protocol):
    """A type, or a capability or relationship of one."""

    properties: dict[str, Definition]


class State:
    """The compilation of one service. `blobs` maps the path of an artifact's file to its digest.

    `candidates` are the files whose services can be inside of substituted nodes, `path` is where this one is: the names
    that lead to it, `around` the files of the services that it is inside of, its own included. `passed` says which
    relationships of the substituted node are passed to a requirement in here, or to a node that is selected. `inward`
    are the properties of nodes, or of their capabilities, that get those of the substituted node: what these are called
    here, by the property. `insides` are the services in the nodes of this one, `fitting` the candidates for each such
    node.
    """

    def __init__(
        self,
        name: str,
        loaded: Loaded,
        report: Report,
        candidates: Sequence[Loaded] = (),
        path: tuple[str, ...] = (),
        around: tuple[Loaded, ...] = (),
    ) -> None:
        assert loaded.resolver is not None
        assert loaded.service is not None
        self.name = name
        self.resolver = loaded.resolver
        self.service = loaded.service
        self.candidates = candidates
        self.path = path or (name,)
        self.around = (*around, loaded)
        self.insides: list[tuple[VertexTemplate, State]] = []
        self.fitting: dict[str, list[Candidate]] = {}
        self.report = report
        self.passed: dict[tuple[str, str], list[Segment]] = {}
        self.inward: dict[tuple[str, str], dict[str, str]] = {}
        self.blobs: dict[str, str] = {}
        self.capability_classes: dict[int, tuple[str, ...]] = {}
        self.handlers: dict[int, Handler] = {}
        self._nodes: dict[str, Id] = {}
        self._external: bool | None = None
        self._limits: bool | None = None
        self._defaults: dict[int, dict[str, Property]] = {}

    def id(self, *names: str) -> Id:
        """Return the id of what these names lead to in the service."""
        return ids.derive("tosca", *self.path, *names)

    def inside(self, name: str, loaded: Loaded, *path: str) -> "State":
        """Return the compilation of a service inside of this one."""
        made = State(name, loaded, self.report, self.candidates, (*self.path, *path), self.around)
        made.blobs = self.blobs
        return made

    def every(self) -> "Iterator[State]":
        """Yield this and what is inside of it."""
        yield self
        for _, one in self.insides:
            yield from one.every()

    def node(self, template: NodeTemplate) -> Id:
        """Return the id of a node template."""
        found = self._nodes.get(template.name)
        if found is None:
            found = self._nodes[template.name] = self.id("node", template.name)
        return found

    @property
    def has_external(self) -> bool:
        """Whether a capability in the service is for other services only (section 8.3)."""
        if self._external is None:
            uses = (use for node in self.service.nodes.values() for use in node.capabilities.values())
            self._external = any(use.directives == ["external"] for use in uses)
        return self._external

    @property
    def has_limits(self) -> bool:
        """Whether only so many relationships may lead to a capability in the service."""
        if self._limits is None:
            self._limits = occurrences.are_limited(self.service)
        return self._limits

    def defaults(self, holder: WithProperties) -> dict[str, Property]:
        """Return the properties of a type (or of a capability or relationship in one) where nothing is assigned."""
        found = self._defaults.get(id(holder))
        if found is None:
            attributes: dict[str, Definition] = getattr(holder, "attributes", {})
            found = self._defaults[id(holder)] = properties.defaults(holder.properties, attributes)
        return found

    def digest(self, artifact: Artifact) -> str | None:
        """Return the digest of an artifact's file, if that is here."""
        return self.blobs[sources.display(artifact.source, artifact.path)] if artifact.path else None
