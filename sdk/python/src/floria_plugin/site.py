"""The site of a call: for which workload a verb is called, and on which host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from floria_plugin.context import Json
from floria_plugin.states import State


@dataclass(frozen=True)
class Host:
    """The host the workload is on. `init` is systemd or none, `scope` system or user."""

    name: str = "localhost"
    address: str = "127.0.0.1"
    init: str = "none"
    scope: str = "system"
    paths: Mapping[str, str] = field(default_factory=dict)
    user: str = "root"

    @property
    def systemd(self) -> bool:
        return self.init == "systemd"

    @property
    def system(self) -> bool:
        """Whether the host is managed as a whole, not one user's part of it."""
        return self.scope == "system"

    @classmethod
    def of(cls, data: Mapping[str, Json]) -> "Host":
        """Read what is told of a host; what is not known here is left out."""
        return cls(**{key: value for key, value in data.items() if key in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Artifact:
    """A file that came with the service: `path` is where it lies on the host, absolute; `digest` is its content's."""

    name: str
    file: str = ""
    path: str = ""
    digest: str = ""
    classes: Sequence[str] = ()
    more: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """The other end of an edge: the capability, and its node with its own properties and the names that it has."""

    service: str = ""
    node: str = ""
    capability: str = ""
    properties: Mapping[str, Json] = field(default_factory=dict)
    node_properties: Mapping[str, Json] = field(default_factory=dict)
    names: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Edge:
    """A relationship of the node; `name` is the requirement's."""

    name: str
    target: Target
    properties: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Site:
    """For what and where a verb is called. `raw` is everything as the host sent it.

    `after` are the units of the same host that are to be up before this workload is started, as after a reboot.
    """

    service: str
    node: str
    index: int
    properties: Mapping[str, Json]
    names: Mapping[str, str]
    labels: Mapping[str, str]
    host: Host
    artifacts: Mapping[str, Artifact]
    edges: Sequence[Edge]
    event: Mapping[str, Json] | None
    raw: Mapping[str, Json]
    after: Sequence[str] = ()

    @classmethod
    def of(cls, site: Mapping[str, Json]) -> "Site":
        """Read the site of a call; what is missing has its plain default."""
        names = dict(site.get("names") or {})
        labels = names.pop("labels", {})
        return cls(
            service=site.get("service", ""),
            node=site.get("node", ""),
            index=site.get("index", 0),
            properties=dict((site.get("entity") or {}).get("properties") or {}),
            names=names,
            labels=labels,
            host=Host.of(site.get("host") or {}),
            artifacts={name: _artifact(name, data) for name, data in (site.get("artifacts") or {}).items()},
            edges=[_edge(edge) for edge in site.get("edges") or []],
            event=site.get("event"),
            raw=site,
            after=[str(name) for name in site.get("after") or []],
        )

    def edges_named(self, name: str) -> list[Edge]:
        """Return the edges made for the requirement `name`."""
        return [edge for edge in self.edges if edge.name == name]

    @property
    def state(self) -> str:
        """The node's state in the graph, which is the one that is wanted of it."""
        return str((self.raw.get("entity") or {}).get("state") or "")

    @property
    def classes(self) -> list[str]:
        """The node's types, the most derived one first, as ``PROFILE::Type``."""
        return [str(label) for label in (self.raw.get("entity") or {}).get("classes") or []]

    def is_a(self, name: str) -> bool:
        """Whether the node is of a type of this name, of whatever profile, or of one derived from such a type."""
        return any(label.rpartition("::")[2] == name for label in self.classes)

    def made(self) -> bool:
        """Whether the node was made and not started since."""
        return self.state in (State.CREATING, State.CREATED, State.CONFIGURING, State.CONFIGURED)

    def hidden(self, name: str) -> frozenset[str]:
        """Return the entries of the property `name`, a map, that hold secrets: nobody else may read them."""
        prefix = f"entity/properties/{name}/"
        paths = (str(path) for path in self.raw.get("secrets") or [])
        return frozenset(path.removeprefix(prefix) for path in paths if path.startswith(prefix))


def _artifact(name: str, data: Mapping[str, Json]) -> Artifact:
    own = {"file", "path", "digest", "classes"}
    more = {key: value for key, value in data.items() if key not in own}
    classes = data.get("classes") or ()
    return Artifact(name, data.get("file", ""), data.get("path", ""), data.get("digest", ""), classes, more)


def _edge(data: Mapping[str, Json]) -> Edge:
    target = data.get("target") or {}
    found = Target(
        target.get("service", ""),
        target.get("node", ""),
        target.get("capability") or "",
        target.get("properties") or {},
        target.get("node_properties") or {},
        target.get("names") or {},
    )
    return Edge(data.get("name", ""), found, data.get("properties") or {})
