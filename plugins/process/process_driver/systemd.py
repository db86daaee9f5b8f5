"""Units of systemd, in the system scope and in the user scope."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from floria_plugin import Context, Output, Permanent, workload
from floria_plugin.driver import Difference, Inputs, Inspection, Site, State, Stream
from process_driver import commands, units
from process_driver.commands import Command

TOLD = ("SubState", "MainPID", "ExecMainCode", "ExecMainStatus", "NRestarts")
"""Properties of units that become attributes."""

STATE = ("LoadState", "ActiveState")
SHOWN = (*STATE, *TOLD, "DropInPaths", "NeedDaemonReload", "Result", "InvocationID")
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
_EXITED, _KILLED, _DUMPED = 1, 2, 3


@dataclass(frozen=True)
class Unit:
    """A unit as `systemctl show` tells of it."""

    shown: Mapping[str, str]

    @property
    def loaded(self) -> bool:
        return self.shown.get("LoadState") == "loaded"

    @property
    def active(self) -> bool:
        return self.shown.get("ActiveState") in ("active", "reloading", "activating")

    @property
    def state(self) -> str:
        active = self.shown.get("ActiveState", "inactive")
        return {"active": State.STARTED, "activating": State.STARTING, "failed": State.FAILED}.get(
            active, State.STOPPED
        )

    def attributes(self, name: str) -> dict[str, Any]:
        """Return the node's attributes."""
        code, status = int(self.shown.get("ExecMainCode") or 0), int(self.shown.get("ExecMainStatus") or 0)
        return {
            "unit": name,
            "state": self.shown.get("SubState", "dead"),
            "pid": int(self.shown.get("MainPID") or 0),
            "restarts": int(self.shown.get("NRestarts") or 0),
        } | ended(code, status)


def create(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """Write the unit files and enable them. A unit that is loaded already makes the manager read it again."""
    if not command.transient:
        written = [
            context.files.write(path, text, 0o600 if path == command.environment_file else 0o644)
            for path, text in _files(site, command).items()
        ]
        _enable(context, site, command)
        if (
            any(written)
            and _show(context, site, _name(site), "NeedDaemonReload").shown.get("NeedDaemonReload") == "yes"
        ):
            _systemctl(context, site, "daemon-reload")
    return {"unit": _name(site)}


def start(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """Start the unit, or the timer of a scheduled job. `systemctl` waits until systemd calls it started."""
    name = _name(site)
    if command.transient:
        found = _show(context, site, name, *STATE)
        if not found.active:
            _reset(context, site, name, found)
            _run_transient(context, site, command)
    else:
        done = _systemctl(context, site, "start", _started(site, command), check=False)
        if not done.ok:
            raise _not_started(context, site, done)
    return _show(context, site, name, *TOLD).attributes(name)


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
            _systemctl(context, site, OFFLINE, "disable", each)
            context.files.remove(path)
        reset = _reset(context, site, each, found)
        reload = reload or (_show(context, site, each, *STATE) if removed or reset else found).loaded
    if reload:
        _systemctl(context, site, "daemon-reload")
    return {"pid": 0}


def _end(context: Context, site: Site, name: str) -> Unit:
    """Stop one unit when it runs; return how it is then."""
    found = _show(context, site, name, *STATE, *TOLD)
    if found.shown.get("ActiveState") in (None, "inactive", "failed"):
        return found
    _systemctl(context, site, "stop", name)
    return _show(context, site, name, *STATE, *TOLD)


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
    found = _show(context, site, name)
    if changes:
        _systemctl(context, site, "daemon-reload")
        _enable(context, site, command)
    if found.active and (command.transient or changes - units.WITHOUT_RESTART):
        if command.transient:
            _systemctl(context, site, "stop", name)
            _run_transient(context, site, command)
        else:
            _systemctl(context, site, "restart", _started(site, command))
    return _show(context, site, name, *TOLD).attributes(name)


def inspect(context: Context, site: Site, command: Command) -> Inspection:
    """Compare the unit with what was written, and its state with what it should be."""
    name = _name(site)
    found = _show(context, site, name)
    differences = []
    if name.startswith("khutulun-") and not command.transient:
        differences = _file_differences(context, site, command, found)
    wanted = (site.raw.get("entity") or {}).get("state")
    watched = _show(context, site, _started(site, command)) if command.schedule else found
    finished = command.job and not command.schedule and watched.state == State.STOPPED
    if wanted == State.STARTED and not watched.active and not finished:
        differences.append(Difference("state", "active", watched.shown.get("ActiveState")))
    if wanted in (State.STOPPED, State.CREATED, State.CONFIGURED) and watched.active:
        differences.append(Difference("state", "inactive", watched.shown.get("ActiveState")))
    state = workload.told(site, found.loaded, watched.state)
    return Inspection(found.loaded, state, found.attributes(name), differences)


def adopt(context: Context, site: Site, inputs: Inputs) -> dict[str, Any]:
    """Know the unit by its name from now on. Nothing is written, started or stopped."""
    name = str(inputs.get("existing") or _name(site))
    name = name if "." in name else f"{name}.service"
    found = _show(context, site, name)
    if not found.loaded:
        raise Permanent("not-found", f"there is no unit {name} to adopt", {"unit": name})
    return found.attributes(name)


def logs(context: Context, site: Site, inputs: Inputs) -> Stream:
    """Read the journal."""
    name = _name(site)
    argv = ["journalctl", *([] if site.host.system else ["--user"]), "--no-pager", "--output=cat"]
    lines = inputs.get("lines")
    argv.append(f"--lines={'all' if lines is None else int(lines)}")
    argv += ["--follow"] if inputs.get("follow") else []
    invocation = _show(context, site, name).shown.get("InvocationID") if inputs.get("current") else ""
    field = "_SYSTEMD_UNIT" if site.host.system else "_SYSTEMD_USER_UNIT"
    argv.append(f"_SYSTEMD_INVOCATION_ID={invocation}" if invocation else f"{field}={name}")
    return Stream(argv, _environment(site))


def ended(code: int, status: int) -> dict[str, Any]:
    """Return how a process ended, as attributes; nothing when it did not end. `code` is as in waitid(2)."""
    if code == _EXITED:
        return {"exit_code": status, "signal": ""}
    return {"exit_code": 128 + status, "signal": signal_name(status)} if code in (_KILLED, _DUMPED) else {}


def signal_name(number: int) -> str:
    """Return the name of a signal."""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


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
        _systemctl(context, site, OFFLINE, "enable", name)


def _run_transient(context: Context, site: Site, command: Command) -> None:
    properties = [
        f"--property={key}={value}"
        for key, value in [*units.unit(site, command), *units.settings(command)]
        if key not in ("ExecStart", "Description", "Environment", "ExecSearchPath", "Type")
    ]
    kind = dict(units.settings(command))["Type"]
    variables = [f"--setenv={name}={value}" for name, value in command.environment.items()]
    scope = [] if site.host.system else ["--user"]
    about = f"--description={dict(units.unit(site, command))['Description']}"
    argv = ["systemd-run", *scope, "--quiet", f"--unit={_name(site)}", about, f"--service-type={kind}"]
    context.run(*argv, *properties, *variables, "--", *command.argv, env=_environment(site))


def _reset(context: Context, site: Site, name: str, found: Unit) -> bool:
    """Have systemd forget that the unit failed; return whether there was anything to forget."""
    failed = found.shown.get("ActiveState") == "failed" and name.startswith("khutulun-")
    if failed:
        _systemctl(context, site, "reset-failed", name)
    return failed


def _show(context: Context, site: Site, name: str, *properties: str) -> Unit:
    done = _systemctl(context, site, "show", f"--property={','.join(properties or SHOWN)}", name)
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return Unit({key: value for key, separator, value in pairs if separator})


def _systemctl(context: Context, site: Site, *arguments: str, check: bool = True) -> Output:
    scope = () if site.host.system else ("--user",)
    return context.run("systemctl", *scope, *arguments, env=_environment(site), check=check)


def _environment(site: Site) -> dict[str, str]:
    runtime = str(site.host.paths.get("runtime") or "")
    return {"XDG_RUNTIME_DIR": runtime} if runtime and not site.host.system else {}


def _not_started(context: Context, site: Site, done: Output) -> Permanent:
    name = _name(site)
    found = _show(context, site, name).shown
    code, status = found.get("ExecMainCode"), found.get("ExecMainStatus")
    end = ended(int(code or 0), int(status or 0))
    said = f"it was ended by {end['signal']}" if end.get("signal") else f"it ended with {status}" if end else ""
    how = _FAILURES.get(found.get("Result", "")) or _EXEC_FAILURES.get(status or "") or said
    detail = {"unit": name, "result": found.get("Result"), "stderr": done.stderr[-2000:]}
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
    differences += [Difference("drop-in", None, path) for path in (found.shown.get("DropInPaths") or "").split()]
    return differences


def _values(text: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.partition("=")[0] == name]
