"""The driver `process`: its verbs, what it asks to be granted, and its event sources (see README.md).

Each verb goes to `process_driver.managed` or, where the host has no systemd, to `process_driver.supervised`.
"""

from types import ModuleType

from floria_plugin import Context, signals, supervisor, systemd, workload
from floria_plugin.driver import Driver, Event, Host, Inputs, Inspection, Readiness, Result, Site, Stream
from process_driver import commands, managed, supervised, units

NAMES = "khutulun-*"


GRANTS = {
    "commands": [
        *systemd.grants(["show", "--property=*", "*"], "query"),
        *systemd.grants(["--root=/", "enable", NAMES], "change"),
        *systemd.grants(["--root=/", "disable", NAMES], "change"),
        *systemd.grants(["start", "*"], "change"),
        *systemd.grants(["stop", "*"], "change"),
        *systemd.grants(["restart", "*"], "change"),
        *systemd.grants(["reset-failed", NAMES], "change"),
        *systemd.grants(["daemon-reload"], "change"),
        systemd.SYNC,
        {"program": "systemd-run", "arguments": ["..."], "effect": "change", "environment": systemd.USER_ENVIRONMENT},
        *supervisor.grants(["show", "*"], "query"),
        *supervisor.grants(["define", "-"], "change"),
        *supervisor.grants(["start", "*"], "change"),
        *supervisor.grants(["stop", "*"], "change"),
        *supervisor.grants(["restart", "*"], "change"),
        *supervisor.grants(["remove", NAMES], "change"),
    ],
    "files": [
        {"path": "{units}", "access": "write", "pattern": NAMES},
        *({"path": f"{{units}}/{target}.wants", "access": "read", "pattern": NAMES} for target in units.TARGETS),
    ],
}

plugin = Driver(
    "process",
    "0.1.0",
    description="Bare processes and jobs, through systemd or Khutulun's own supervisor.",
    grants=GRANTS,
    readiness=[Readiness.STARTED, Readiness.NOTIFY],
)


def _backend(site: Site) -> ModuleType:
    return managed if site.host.systemd else supervised


def _adopted(context: Context, site: Site, existing: str) -> Result:
    """Return what is there, under its own name from now on, also for the event sources."""
    found = _backend(site).adopt(context, site, {"existing": existing})
    unit = found["unit"]
    return Result(
        found, names={"unit": signals.unit_name(unit)}, watch=[signals.path_of(unit), supervisor.mark_of(unit)]
    )


@plugin.verb()
def create(context: Context, site: Site, inputs: Inputs) -> Result:
    """Write the unit, or define the workload in the supervisor, without starting it. One that exists is adopted."""
    if name := commands.existing(site):
        return _adopted(context, site, name)
    return Result(_backend(site).create(context, site, commands.read(site)))


@plugin.verb()
def start(context: Context, site: Site, inputs: Inputs) -> Result:
    """Start it. A job without a schedule runs to its end."""
    command = commands.read(site)
    return Result(_backend(site).start(context, site, command) | workload.endpoint(site))


@plugin.verb()
def stop(context: Context, site: Site, inputs: Inputs) -> Result:
    """End it, with all its processes."""
    return Result(_backend(site).stop(context, site, commands.read(site)))


@plugin.verb()
def delete(context: Context, site: Site, inputs: Inputs) -> Result:
    """End it and remove everything that was made for it. What is not Khutulun's own is left alone."""
    if commands.existing(site):
        return Result()
    return Result(_backend(site).delete(context, site, commands.read(site)))


@plugin.verb()
def update(context: Context, site: Site, inputs: Inputs) -> Result:
    """Apply what has changed; restart it only when that is the only way."""
    command = commands.read(site)
    return Result(_backend(site).update(context, site, command) | workload.endpoint(site))


@plugin.verb()
def inspect(context: Context, site: Site, inputs: Inputs) -> Inspection:
    """Read what is there and how it differs from the graph."""
    found: Inspection = _backend(site).inspect(context, site, commands.read(site))
    return found


@plugin.verb()
def adopt(context: Context, site: Site, inputs: Inputs) -> Result:
    """Take a unit that exists into the graph as it is; the input `existing` names one of another name."""
    return _adopted(context, site, str(inputs.get("existing") or ""))


@plugin.verb()
def logs(context: Context, site: Site, inputs: Inputs) -> Stream:
    """Read its output: inputs `follow`, `lines`, and `current` for that since its last start."""
    found: Stream = _backend(site).logs(context, site, inputs)
    return found


@plugin.verb("exec")
def execute(context: Context, site: Site, inputs: Inputs) -> Stream:
    """Run the input `argv` as its user, in its folder and with its environment."""
    return commands.beside(site, commands.read(site), inputs)


@plugin.source("units", dbus=signals.SOURCE, when={"init": "systemd"}, filter=signals.FILTER)
def unit_changed(context: Context, host: Host, line: str) -> list[Event]:
    """Translate a change of a unit's properties."""
    return signals.translate(line)


@plugin.source("supervisor", command=supervisor.SOURCE, when={"init": "none"}, filter=supervisor.FILTER)
def supervisor_told(context: Context, host: Host, line: str) -> list[Event]:
    """Translate an event of the supervisor."""
    return supervisor.translate(line)
