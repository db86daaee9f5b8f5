"""What all drivers of workloads begin with: the verbs, and every type that they take and return.

A driver is a plugin whose functions are verbs:

    from floria_plugin import Context
    from floria_plugin.driver import Driver, Inspection, Result, Site, State

    plugin = Driver("process", "1.0.0", grants={…}, artifacts=["khutulun:1.0::Program"])

    @plugin.verb()
    def start(context: Context, site: Site, inputs: Inputs) -> Result:
        context.run("systemctl", "start", site.names["unit"])
        return Result(state=State.STARTED)

Every verb is idempotent: called twice, it ends the same. `inspect` and `logs` and `exec` only look.

What drivers do alike is in modules beside this one: `streams` (logs and exec), `readiness`, `workload` (restarts,
limits, ends), `systemd` and `supervisor` (what runs it), `units` (the text of unit files), `signals` (what systemd
tells).
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from floria_plugin.context import Context, Json
from floria_plugin.plugin import Plugin
from floria_plugin.readiness import Readiness
from floria_plugin.results import Difference, Event, Inspection, Result
from floria_plugin.site import Artifact, Edge, Host, Site, Target
from floria_plugin.states import State
from floria_plugin.streams import Stream

__all__ = [
    "QUERIES",
    "Artifact",
    "Difference",
    "Driver",
    "Edge",
    "Event",
    "Host",
    "Inputs",
    "Inspection",
    "Readiness",
    "Result",
    "Site",
    "State",
    "Stream",
    "Target",
    "Verb",
]

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
        host = Host.of(context.site.get("host") or {})
        return [event for line in lines for event in function(context, host, line) or []]
