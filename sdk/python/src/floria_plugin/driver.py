"""What all drivers of workloads share: the site of a call, verbs, states, results, streams and event sources.

A driver is a plugin whose functions are verbs:

    from floria_plugin import Context
    from floria_plugin.driver import Driver, Inspection, Result, Site, State

    plugin = Driver("process", "1.0.0", grants={…}, artifacts=["khutulun:1.0::Program"])

    @plugin.verb()
    def start(context: Context, site: Site, inputs: Inputs) -> Result:
        context.run("systemctl", "start", site.names["unit"])
        return Result(state=State.STARTED)

Every verb is idempotent: called twice, it ends the same. `inspect` and `logs` and `exec` only look.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from floria_plugin.context import Context, Json
from floria_plugin.plugin import Plugin

Inputs: TypeAlias = dict[str, Any]
F = TypeVar("F", bound=Callable[..., Any])


class Verb(StrEnum):
    """The operations that the orchestrator calls by itself; a driver may have others of its own."""

    CREATE = "create"
    CONFIGURE = "configure"
    START = "start"
    STOP = "stop"
    DELETE = "delete"
    UPDATE = "update"
    INSPECT = "inspect"
    ADOPT = "adopt"
    LOGS = "logs"
    EXEC = "exec"
    HEALTH = "health"


QUERIES = frozenset({Verb.INSPECT, Verb.LOGS, Verb.EXEC, Verb.HEALTH})


class State(StrEnum):
    """The states of a node (TOSCA 2.0 section 11), and `failed` for one that ended by itself."""

    INITIAL = "initial"
    CREATING = "creating"
    CREATED = "created"
    CONFIGURING = "configuring"
    CONFIGURED = "configured"
    STARTING = "starting"
    STARTED = "started"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DELETING = "deleting"
    DELETED = "deleted"
    FAILED = "failed"
    ERROR = "error"


class Readiness(StrEnum):
    """How a workload tells that it is ready; a driver names those that its tool answers for."""

    STARTED = "started"
    NOTIFY = "notify"
    HEALTH = "health"
    PORT = "port"
    COMMAND = "command"
    LOG = "log"


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
    """For what and where a verb is called. `raw` is everything as the host sent it."""

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
            host=_known(Host, site.get("host") or {}),
            artifacts={name: _artifact(name, data) for name, data in (site.get("artifacts") or {}).items()},
            edges=[_edge(edge) for edge in site.get("edges") or []],
            event=site.get("event"),
            raw=site,
        )

    def edges_named(self, name: str) -> list[Edge]:
        """Return the edges made for the requirement `name`."""
        return [edge for edge in self.edges if edge.name == name]


@dataclass(frozen=True)
class Result:
    """What a verb did: attributes by name (``capability/NAME`` for those of a capability, a map), and the new state.

    What was adopted has other names: `names` are those that differ (``unit``, ``machine``), and `watch` are texts that
    the lines of the driver's sources about it hold, in addition to those that the sources' filters let through.
    """

    attributes: Mapping[str, Json] = field(default_factory=dict)
    state: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    watch: Sequence[str] = ()

    def to_plain(self) -> Json:
        result: dict[str, Json] = {"attributes": dict(self.attributes)}
        if self.state is not None:
            result["state"] = str(self.state)
        if self.names or self.watch:
            result |= {"names": dict(self.names), "watch": list(self.watch)}
        return result


@dataclass(frozen=True)
class Difference:
    """Something that is not as it was deployed."""

    what: str
    expected: Json
    found: Json

    def to_plain(self) -> Json:
        return {"what": self.what, "expected": self.expected, "found": self.found}


@dataclass(frozen=True)
class Inspection:
    """What `inspect` found; nothing was changed."""

    exists: bool
    state: str = ""
    attributes: Mapping[str, Json] = field(default_factory=dict)
    differences: Sequence[Difference] = ()

    def to_plain(self) -> Json:
        differences = [difference.to_plain() for difference in self.differences]
        plain = {"exists": self.exists, "state": str(self.state), "attributes": dict(self.attributes)}
        return plain | {"differences": differences}


@dataclass(frozen=True)
class Stream:
    """A command that the host runs with its output, and for `exec` its input, passed through."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    user: str | None = None

    def to_plain(self) -> Json:
        return {"argv": list(self.argv), "env": dict(self.env), "cwd": self.cwd, "user": self.user}


@dataclass(frozen=True)
class Event:
    """Something that happened to a workload, found by `unit` or `machine` name.

    A source that says the same thing several times gives it the same `id`, and it is told once; with a `topic`, until
    another event of that topic comes. One that is `unasked` is not told when an operation has asked for what happened:
    what is being stopped has not failed.
    """

    event: str
    unit: str | None = None
    machine: str | None = None
    id: str | None = None
    detail: Mapping[str, Json] = field(default_factory=dict)
    attributes: Mapping[str, Json] = field(default_factory=dict)
    state: str | None = None
    topic: str | None = None
    unasked: bool = False

    def to_plain(self) -> Json:
        plain = {"event": self.event, "unit": self.unit, "machine": self.machine, "id": self.id, "state": self.state}
        plain |= {"topic": self.topic}
        found: dict[str, Json] = {key: value for key, value in plain.items() if value is not None}
        found |= {"unasked": True} if self.unasked else {}
        return found | {"detail": dict(self.detail), "attributes": dict(self.attributes)}


class Driver(Plugin):
    """A plugin whose functions are verbs. `readiness` names what the driver's own tool waits for in `start`."""

    def __init__(self, name: str, version: str, *, readiness: Sequence[Readiness] = (), **more: Any) -> None:
        super().__init__(name, version, **more)
        self.readiness = [str(way) for way in readiness]
        self._translators: dict[str, Callable[..., Any]] = {}

    def verb(self, name: str | None = None, *, query: bool | None = None) -> Callable[[F], F]:
        """Register a verb: a function of `Context`, `Site` and the operation's inputs.

        It returns a `Result`, `Inspection` or `Stream`, or nothing. `inspect`, `logs` and `exec` are queries.
        """

        def register(function: F) -> F:
            verb = name or function.__name__

            def call(context: Context, inputs: Inputs | None = None) -> Json:
                result = function(context, Site.of(context.site), inputs or {})
                return Result() if result is None else result

            call.__doc__ = function.__doc__
            self.add(verb, call, query=verb in QUERIES if query is None else query)
            return function

        return register

    def source(
        self,
        name: str,
        *,
        command: Sequence[str] | None = None,
        dbus: Mapping[str, Json] | None = None,
        when: Mapping[str, Json] | None = None,
        filter: str | None = None,
    ) -> Callable[[F], F]:
        """Declare an event source and the function that translates its lines, or its D-Bus signals, into `Event`s.

        The function gets `Context`, the host and one line or signal; it returns a list. `dbus` is ``{"bus", "match",
        "subscribe"}``. `when` says on which hosts (``{"init": "systemd"}``), `filter` is a regular expression that a
        line must contain for the plugin to be called at all.
        """
        if (command is None) == (dbus is None):
            raise ValueError(f"source {name!r} needs either a command or a D-Bus match")
        declared: dict[str, Json] = {"name": name}
        declared |= {"command": list(command)} if command is not None else {"dbus": dict(dbus or {})}
        if when:
            declared["when"] = dict(when)
        if filter:
            declared["filter"] = filter

        def register(function: F) -> F:
            self.sources.append(declared)
            self._translators[name] = function
            if "translate" not in self.functions:
                self.add("translate", self._translate, query=True, description="Translate lines of event sources.")
            return function

        return register

    def describe(self) -> dict[str, Json]:
        """Return the manifest, with the ways of readiness."""
        return super().describe() | {"readiness": self.readiness}

    def _translate(self, context: Context, *lines: Json) -> Json:
        function = self._translators[context.site["source"]]
        host = _known(Host, context.site.get("host") or {})
        return [event for line in lines for event in function(context, host, line) or []]


def _known(cls: type[Host], data: Mapping[str, Json]) -> Host:
    return cls(**{key: value for key, value in data.items() if key in cls.__dataclass_fields__})


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
