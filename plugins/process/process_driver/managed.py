"""Units of systemd, in the system scope and in the user scope."""

from typing import Any

from floria_plugin import Context, Output, Permanent, systemd, workload
from floria_plugin.driver import Difference, Inputs, Inspection, Site, State, Stream
from floria_plugin.streams import Reading
from floria_plugin.systemd import Unit
from process_driver import commands, units
from process_driver.commands import Command

OFFLINE = "--root=/"
"""Makes `systemctl` change the files by itself: the manager does not have to read all units again (233 ms)."""

_FAILURES = {
    "timeout": "it was not ready in time",
    "start-limit-hit": "it was started too often; its restart policy has given up",
    "oom-kill": "it used more memory than it may",
    "protocol": "it ended before it was ready",
}
_EXEC_FAILURES = {
    "203": "its program could not be executed; is it installed on this host, and in the path of systemd?",
    "217": "its user does not exist on this host",
    "216": "its group does not exist on this host",
    "200": "its working directory cannot be entered",
}


def create(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """Write the unit files and enable them. A unit that is loaded already makes the manager read it again."""
    if not command.transient:
        written = [
            context.files.write(path, text, 0o600 if path == command.environment_file else 0o644)
            for path, text in _files(site, command).items()
        ]
        _enable(context, site, command)
        if any(written) and systemd.show(context, site, _name(site), "NeedDaemonReload").stale:
            systemd.reload(context, site)
    return {"unit": _name(site)}


def start(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """Start the unit, or the timer of a scheduled job. `systemctl` waits until systemd calls it started."""
    name = _name(site)
    if command.transient:
        found = systemd.show(context, site, name, *systemd.STATE)
        if not found.active:
            _reset(context, site, name, found)
            _run_transient(context, site, command)
    else:
        done = systemd.control(context, site, "start", _started(site, command), check=False)
        if not done.ok:
            raise _not_started(context, site, done)
    return systemd.show(context, site, name, *systemd.TOLD).attributes(name)


def stop(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """Stop the unit, and the timer before it."""
    ended = [_end(context, site, each) for each in _all(site, command)]
    return ended[-1].attributes(_name(site))


def delete(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """Stop the unit, disable it, remove its files, and let systemd forget it."""
    reload = False
    for each, found in [(each, _end(context, site, each)) for each in _all(site, command)]:
        path = f"{site.host.paths['units']}/{each}"
        if not each.startswith("khutulun-"):
            continue  # it was adopted; its files are not ours
        removed = context.files.exists(path)
        if removed:
            systemd.control(context, site, OFFLINE, "disable", each)
            context.files.remove(path)
        reset = _reset(context, site, each, found)
        reload = reload or (systemd.show(context, site, each, *systemd.STATE) if removed or reset else found).loaded
    if reload:
        systemd.reload(context, site)
    return {"pid": 0}


def update(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """Write the changed files; reload the manager, and restart the unit when a changed setting asks for it."""
    name = _name(site)
    changes: set[str] = set()
    for path, text in _files(site, command).items():
        old = context.files.read(path) if context.files.exists(path) else ""
        if path != command.environment_file:
            changes |= units.changed(old, text)
        elif old != text:
            changes.add("EnvironmentFile")
        context.files.write(path, text, 0o600 if path == command.environment_file else 0o644)
    if command.environment_file and not command.hidden:
        context.files.remove(command.environment_file)
    found = systemd.show(context, site, name)
    if changes:
        systemd.reload(context, site)
        _enable(context, site, command)
    if found.active and (command.transient or changes - units.WITHOUT_RESTART):
        if command.transient:
            systemd.control(context, site, "stop", name)
            _run_transient(context, site, command)
        else:
            systemd.control(context, site, "restart", _started(site, command))
    return systemd.show(context, site, name, *systemd.TOLD).attributes(name)


def inspect(context: Context, site: Site, command: Command) -> Inspection:
    """Compare the unit with what was written, and its state with what it should be."""
    name = _name(site)
    found = systemd.show(context, site, name)
    differences = []
    if name.startswith("khutulun-") and not command.transient:
        differences = _file_differences(context, site, command, found)
    watched = systemd.show(context, site, _started(site, command)) if command.schedule else found
    finished = command.job and not command.schedule and watched.state == State.STOPPED
    if not finished:
        now = watched.shown.get("ActiveState")
        differences += workload.state_differences(site, watched.active, now, "active", "inactive")
    state = workload.told(site, found.loaded, watched.state)
    return Inspection(found.loaded, state, found.attributes(name), differences)


def adopt(context: Context, site: Site, inputs: Inputs) -> dict[str, Any]:
    """Know the unit by its name from now on. Nothing is written, started or stopped."""
    name = str(inputs.get("existing") or _name(site))
    name = name if "." in name else f"{name}.service"
    found = systemd.show(context, site, name)
    if not found.loaded:
        raise Permanent("not-found", f"there is no unit {name} to adopt", {"unit": name})
    return found.attributes(name)


def logs(context: Context, site: Site, inputs: Inputs) -> Stream:
    """Read the journal."""
    name, reading = _name(site), Reading.of(inputs)
    invocation = systemd.show(context, site, name).shown.get("InvocationID") if reading.current else ""
    field = "_SYSTEMD_UNIT" if site.host.system else "_SYSTEMD_USER_UNIT"
    which = f"_SYSTEMD_INVOCATION_ID={invocation}" if invocation else f"{field}={name}"
    return systemd.journal(context, site, reading, which)


def _name(site: Site) -> str:
    name = str(site.properties.get("unit") or commands.existing(site) or site.names["unit"])
    return name if "." in name else f"{name}.service"


def _timer(site: Site) -> str:
    return _name(site).removesuffix(".service") + ".timer"


def _started(site: Site, command: Command) -> str:
    """Return what is started by hand: the timer of a scheduled job, else the unit."""
    return _timer(site) if command.schedule else _name(site)


def _all(site: Site, command: Command) -> list[str]:
    return [_timer(site), _name(site)] if command.schedule else [_name(site)]


def _files(site: Site, command: Command) -> dict[str, str]:
    if command.transient or not _name(site).startswith("khutulun-"):
        return {}
    found = {f"{site.host.paths['units']}/{_name(site)}": units.service(site, command)}
    if command.schedule:
        found[f"{site.host.paths['units']}/{_timer(site)}"] = units.timer(site, command)
    if command.hidden:
        found[command.environment_file] = units.hidden(command)
    return found


def _enable(context: Context, site: Site, command: Command) -> None:
    """Let it come back at boot: everything but a job that runs once."""
    if command.transient or (command.job and not command.schedule) or not _files(site, command):
        return
    name = _started(site, command)
    if not context.files.exists(f"{site.host.paths['units']}/{units.wanting(site, command)}.wants/{name}"):
        systemd.control(context, site, OFFLINE, "enable", name)


def _run_transient(context: Context, site: Site, command: Command) -> None:
    properties = [
        f"--property={key}={value}"
        for key, value in [*units.unit(site, command), *units.settings(command)]
        if key not in ("ExecStart", "Description", "Environment", "ExecSearchPath", "Type")
    ]
    kind = dict(units.settings(command))["Type"]
    variables = [f"--setenv={name}={value}" for name, value in command.environment.items()]
    about = f"--description={dict(units.unit(site, command))['Description']}"
    argv = ["systemd-run", *systemd.scope(site), "--quiet", f"--unit={_name(site)}", about, f"--service-type={kind}"]
    context.run(*argv, *properties, *variables, "--", *command.argv, env=systemd.environment(site))


def _end(context: Context, site: Site, name: str) -> Unit:
    return systemd.end(context, site, name, *systemd.STATE, *systemd.TOLD)


def _reset(context: Context, site: Site, name: str, found: Unit) -> bool:
    """Have systemd forget that the unit failed; return whether there was anything to forget."""
    return name.startswith("khutulun-") and systemd.forgive(context, site, name, found)


def _not_started(context: Context, site: Site, done: Output) -> Permanent:
    name = _name(site)
    found = systemd.show(context, site, name)
    status, end = found.shown.get("ExecMainStatus"), found.exit
    said = f"it was ended by {end['signal']}" if end.get("signal") else f"it ended with {status}" if end else ""
    how = _FAILURES.get(found.shown.get("Result", "")) or _EXEC_FAILURES.get(status or "") or said
    detail = {"unit": name, "result": found.shown.get("Result"), "stderr": done.stderr[-2000:]}
    return Permanent("not-started", f"{name} did not start: {how or done.stderr.strip()}", detail)


def _file_differences(context: Context, site: Site, command: Command, found: Unit) -> list[Difference]:
    differences = []
    for path, text in _files(site, command).items():
        if not context.files.exists(path):
            differences.append(Difference(path, "the unit file", None))
            continue
        there = context.files.read(path)
        if path == command.environment_file:
            differences += [] if there == text else [Difference(path, text, there)]
            continue
        changed = sorted(units.changed(there, text))
        differences += [Difference(name, _values(text, name), _values(there, name)) for name in changed]
    return differences + found.drop_ins()


def _values(text: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.partition("=")[0] == name]
