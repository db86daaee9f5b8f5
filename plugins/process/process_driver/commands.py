"""What is to run, read from the site of a call: the same for systemd and for the supervisor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from floria_plugin import Permanent, readiness, workload
from floria_plugin.driver import Edge, Inputs, Readiness, Site, Stream
from floria_plugin.streams import Program
from floria_plugin.workload import Limits, Restart, Stop

JOB = "Job"


@dataclass(frozen=True)
class Schedule:
    """When a job runs."""

    calendar: str = ""
    delay: float = 0.0
    interval: float = 0.0
    catch_up: bool = False


@dataclass(frozen=True)
class Command:
    """Everything about what is to run. `notify`: it says itself when it is ready, within `ready_timeout` seconds.

    Variables that are `hidden` hold secrets: they stand in a file of their own, which only its owner reads. A unit's
    settings can be read by everybody.
    """

    argv: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    environment_file: str = ""
    directory: str = "/"
    user: str = ""
    group: str = ""
    restart: Restart = field(default_factory=Restart)
    limits: Limits = field(default_factory=Limits)
    stop: Stop = field(default_factory=Stop)
    notify: bool = False
    ready_timeout: float = 30.0
    transient: bool = False
    job: bool = False
    timeout: float = 0.0
    schedule: Schedule | None = None


def read(site: Site) -> Command:
    """Return what the node's properties ask for. Raises `Permanent` for what no schema can refuse."""
    given = site.properties
    if existing(site):
        return Command([])
    job = site.is_a(JOB)
    ready = readiness.asked(site, Readiness.PORT, Readiness.COMMAND, Readiness.LOG, Readiness.NOTIFY)
    schedule = given.get("schedule")
    command = Command(
        argv=_argv(site),
        environment=dict(given.get("environment") or {}),
        hidden=site.hidden("environment"),
        environment_file=f"{site.host.paths['units']}/{site.names['unit']}.env",
        directory=given.get("working_directory") or _home(site) or "/",
        user=given.get("user") or "",
        group=given.get("group") or "",
        restart=Restart("never") if job else workload.read(Restart, given.get("restart")),
        limits=workload.read(Limits, given.get("limits")),
        stop=workload.read(Stop, given.get("stop")),
        notify=bool(ready.get("notify")),
        ready_timeout=float(ready.get("timeout") or 30.0),
        transient=bool(given.get("transient")),
        job=job,
        timeout=float(given.get("timeout") or 0.0),
        schedule=_schedule(schedule) if job and schedule else None,
    )
    _check(site, command)
    return command


def existing(site: Site) -> str:
    """Return the name of the unit that this node is, when that is not Khutulun's own; else nothing."""
    return str(site.properties.get("existing") or "")


def beside(site: Site, command: Command, inputs: Inputs) -> Stream:
    """Return how to run another program as this one runs: user, group, folder and environment."""
    argv = list(Program.of(inputs).argv)
    if command.user and site.host.system:
        group = [f"--regid={command.group}"] if command.group else ["--regid", command.user]
        argv = ["setpriv", f"--reuid={command.user}", *group, "--init-groups", "--", *argv]
    elif command.group and site.host.system:
        argv = ["setpriv", f"--regid={command.group}", "--keep-groups", "--", *argv]
    directory = None if command.directory == "~" else command.directory
    return Stream(argv, command.environment, directory)


def _argv(site: Site) -> list[str]:
    words = [*(site.properties.get("command") or []), *(site.properties.get("arguments") or [])]
    if not words:
        raise Permanent("invalid-properties", f"{site.node}: the property command is empty")
    for index, word in enumerate(words):
        if not isinstance(word, str) or "\0" in word:
            raise Permanent("invalid-properties", f"{site.node}: command word {index} is no text that can be passed on")
    program = str(words[0])
    if program.startswith("./"):
        home = _home(site) or _files(site)
        if not home:
            raise Permanent(
                "invalid-properties", f"{site.node}: {program} is relative, but there is no program and no service file"
            )
        program = f"{home.rstrip('/')}/{program[2:]}"
    elif "/" in program and not program.startswith("/"):
        raise Permanent("invalid-properties", f"{site.node}: {program} is neither absolute nor begins with './'")
    return [program, *words[1:]]


def _home(site: Site) -> str:
    """Return the folder of the installed program, or nothing."""
    for edge in site.edges_named("program"):
        path = edge.target.properties.get("path")
        if path:
            return str(path)
        raise Permanent("not-installed", f"{site.node}: the program of {_other(edge)} is not installed yet")
    return ""


def _files(site: Site) -> str:
    """Return the folder of the service's own files, or nothing."""
    for artifact in site.artifacts.values():
        if artifact.path and artifact.path.endswith("/" + artifact.file):
            return artifact.path[: -len(artifact.file) - 1]
    return ""


def _other(edge: Edge) -> str:
    return edge.target.node or "its requirement"


def _schedule(given: Mapping[str, Any]) -> Schedule:
    found = workload.read(Schedule, given)
    if bool(found.calendar) == bool(found.delay or found.interval):
        raise Permanent("invalid-properties", "schedule needs either calendar, or delay or interval or both")
    return found


def _check(site: Site, command: Command) -> None:
    if not site.host.system and (command.user or command.group):
        raise Permanent(
            "invalid-properties", f"{site.node}: only the system scope can choose a user or group; remove the property"
        )
    if command.job and command.notify:
        raise Permanent("invalid-properties", f"{site.node}: a job cannot notify; it is ready when it has succeeded")
    for name, value in command.environment.items():
        if not isinstance(value, str) or "\0" in value:
            raise Permanent("invalid-properties", f"{site.node}: the environment variable {name} cannot be passed on")
