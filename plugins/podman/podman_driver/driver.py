"""The driver `podman`: its verbs, what it asks to be granted, and its event sources (see its README)."""

from dataclasses import replace

from floria_plugin import Context, signals, supervisor, systemd
from floria_plugin.driver import Driver, Event, Host, Inputs, Inspection, Readiness, Result, Site, State, Stream
from podman_driver import containers, description, events, images, podman, pods, quadlet_check, stores, units

NAMES = "khutulun-*"
QUERIES = (
    ["container", "inspect", "..."],
    ["pod", "inspect", "..."],
    ["image", "inspect", "..."],
    ["volume", "inspect", "..."],
    ["network", "inspect", "..."],
    ["secret", "inspect", "*"],
    ["logs", "--tail=*", "*"],
    ["ps", "--all", "--external", "--format=json"],
    ["--version"],
)
CHANGES = (
    ["create", "..."],
    ["start", "*"],
    ["stop", "*"],
    ["stop", "--ignore", "*"],
    ["rm", "--force", "--ignore", "..."],
    ["update", "..."],
    ["pod", "create", "..."],
    ["pod", "start", "*"],
    ["pod", "stop", "*"],
    ["pod", "rm", "--force", "--ignore", "*"],
    ["pull", "..."],
    ["login", "..."],
    ["load", "--quiet", "--input={artifacts}/*"],
    ["tag", "*", "*"],
    ["untag", "*", "*"],
    ["image", "rm", "localhost/khutulun/*"],
    ["secret", "create", "..."],
    ["secret", "rm", "*"],
    ["volume", "create", "..."],
    ["volume", "rm", "*"],
    ["network", "create", "..."],
    ["network", "rm", "*"],
)

MAKES = (["import", "--quiet", "{artifacts}/*", "*"], ["build", "..."])


def _podman(arguments: list[str], effect: str) -> dict[str, object]:
    environment = [*systemd.USER_ENVIRONMENT, "TMPDIR"]
    return {"program": "podman", "arguments": arguments, "effect": effect, "environment": environment}


def _podman_once(arguments: list[str]) -> dict[str, object]:
    lock = ["--close", "{artifacts}/*", "sh", "-c", podman.UNLESS_THERE, "sh", "localhost/khutulun/*"]
    return {**_podman([*lock, *arguments], "change"), "program": "flock"}


def _check(generator: str) -> dict[str, object]:
    arguments = ["-c", quadlet_check.SCRIPT, "sh", NAMES, generator, "*", "[su]*", "..."]
    return {"program": "sh", "arguments": arguments, "effect": "query", "environment": systemd.USER_ENVIRONMENT}


GRANTS = {
    "commands": [
        *(_podman(arguments, "query") for arguments in QUERIES),
        *(_podman(arguments, "change") for arguments in CHANGES),
        *(_podman_once(arguments) for arguments in MAKES),
        *systemd.grants(["show", "--property=*", NAMES], "query"),
        *systemd.grants(["is-enabled", containers.RESTARTER], "query"),
        *systemd.grants(["enable", containers.RESTARTER], "change"),
        *systemd.grants(["start", NAMES], "change"),
        *systemd.grants(["stop", NAMES], "change"),
        *systemd.grants(["restart", NAMES], "change"),
        *systemd.grants(["reset-failed", NAMES], "change"),
        *systemd.grants(["daemon-reload"], "change"),
        {"program": "journalctl", "arguments": ["..."], "effect": "query", "environment": systemd.USER_ENVIRONMENT},
        {"program": "pgrep", "arguments": ["--full", images.BUILDERS], "effect": "query"},
        *(_check(program) for program in quadlet_check.GENERATORS),
        *supervisor.grants(["show", NAMES], "query"),
        *supervisor.grants(["define", "-"], "change"),
        *supervisor.grants(["start", NAMES], "change"),
        *supervisor.grants(["remove", NAMES], "change"),
    ],
    "files": [
        {"path": units.SYSTEM_FOLDER, "access": "write", "pattern": NAMES},
        {"path": "{home}/" + units.USER_FOLDER, "access": "write", "pattern": NAMES},
        {"path": "{state}", "access": "write", "pattern": "podman"},
        {"path": "{run}", "access": "write", "pattern": "podman-*"},
        *(
            {"path": one.rpartition("/")[0], "access": "read", "pattern": one.rpartition("/")[2]}
            for one in quadlet_check.GENERATORS
        ),
        {"path": "/sys/fs/cgroup", "access": "read", "pattern": "cgroup.controllers"},
        {"path": units.LINGERING, "access": "read", "pattern": "*"},
    ],
    "secrets": ["*"],
}

plugin = Driver(
    "podman",
    "0.1.0",
    description="Containers, pods, volumes and networks with Podman.",
    grants=GRANTS,
    readiness=[Readiness.STARTED, Readiness.NOTIFY, Readiness.HEALTH],
)


@plugin.verb()
def create(context: Context, site: Site, inputs: Inputs) -> Result:
    """Make it, without starting it; images are fetched or built."""
    kind = description.kind(site)
    units.warn_of_logging_out(context, site)
    if kind == "Container":
        return Result(containers.create(context, site) | description.endpoint(site))
    if kind == "Pod":
        return Result(pods.create(context, site) | description.endpoint(site))
    return Result(stores.create(context, site, kind.lower()))


@plugin.verb()
def start(context: Context, site: Site, inputs: Inputs) -> Result:
    """Start it."""
    kind = description.kind(site)
    return Result(pods.start(context, site) if kind == "Pod" else containers.start(context, site))


@plugin.verb()
def stop(context: Context, site: Site, inputs: Inputs) -> Result:
    """Stop it."""
    kind = description.kind(site)
    return Result(pods.stop(context, site) if kind == "Pod" else containers.stop(context, site))


@plugin.verb()
def delete(context: Context, site: Site, inputs: Inputs) -> Result:
    """Remove everything that was made for it."""
    kind = description.kind(site)
    if kind == "Container":
        return Result(containers.delete(context, site))
    return Result(pods.delete(context, site) if kind == "Pod" else stores.delete(context, site, kind.lower()))


@plugin.verb()
def update(context: Context, site: Site, inputs: Inputs) -> Result:
    """Apply what has changed: in place where Podman can, else by making it anew."""
    kind = description.kind(site)
    if kind == "Container":
        found = containers.update(context, site)
        mended = site.state in containers.BROKEN and found["state"] == "running"
        return Result(found, State.STARTED if mended else None)
    return Result(pods.update(context, site) if kind == "Pod" else stores.update(context, site, kind.lower()))


@plugin.verb()
def inspect(context: Context, site: Site, inputs: Inputs) -> Inspection:
    """Read what is there and how it differs from the graph."""
    kind = description.kind(site)
    if kind == "Container":
        return containers.inspect(context, site)
    return pods.inspect(context, site) if kind == "Pod" else stores.inspect(context, site, kind.lower())


@plugin.verb()
def adopt(context: Context, site: Site, inputs: Inputs) -> Result:
    """Take what exists into the graph as it is; the input `existing` names it."""
    kind = description.kind(site)
    existing = str(inputs.get("existing") or description.name(site))
    if kind == "Container":
        found = containers.adopt(context, site, existing)
        return Result(found, names={"machine": found["container"]}, watch=[events.mark_of(found["container"])])
    if kind == "Pod":
        found = pods.adopt(context, site, existing)
        return Result(found, names={"machine": found["pod"]}, watch=[events.mark_of(found["pod"])])
    return Result(stores.adopt(context, site, kind.lower(), existing))


@plugin.verb()
def logs(context: Context, site: Site, inputs: Inputs) -> Stream:
    """Read its output: inputs `follow`, `lines`, and `current` for that since its last start."""
    return pods.logs(site, inputs) if description.kind(site) == "Pod" else containers.logs(context, site, inputs)


@plugin.verb("exec")
def execute(context: Context, site: Site, inputs: Inputs) -> Stream:
    """Run the input `argv` in the container."""
    return containers.execute(site, inputs)


@plugin.verb()
def health(context: Context, site: Site, inputs: Inputs) -> Stream:
    """Run its health check once."""
    return containers.health(site)


@plugin.source("containers", command=["podman", "events", "--format=json", "--since={since}"], filter=events.FILTER)
def containers_events(context: Context, host: Host, line: str) -> list[Event]:
    """Translate a line of `podman events`."""
    return events.translate(line)


@plugin.source("units", dbus=signals.SOURCE, when={"init": "systemd"}, filter=signals.FILTER)
def unit_signals(context: Context, host: Host, line: str) -> list[Event]:
    """Translate a change of a unit's properties.

    The process of the unit is not the container's, and how it ends when it is being stopped is no failure.
    """
    return [
        replace(
            found,
            attributes={name: value for name, value in found.attributes.items() if name not in ("pid", "state")},
            unasked=found.event == "failed" and found.detail.get("exit_code") in events.STOPPED,
        )
        for found in signals.translate(line)
    ]
