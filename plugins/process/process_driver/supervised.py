"""Workloads of Khutulun's own supervisor, where the host has no systemd."""

from typing import Any

from floria_plugin import Context, Permanent, supervisor, workload
from floria_plugin.driver import Difference, Inputs, Inspection, Site, State, Stream
from floria_plugin.streams import Reading
from process_driver import commands
from process_driver.commands import Command


def create(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """Give the supervisor the spec."""
    supervisor.define(context, site, _spec(site, command))
    return {"unit": _name(site)}


def start(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """Start it; the supervisor answers when it runs, a job's when it has ended."""
    if command.transient:
        supervisor.define(context, site, _spec(site, command))
    done = supervisor.control(context, site, "start", _name(site), check=False)
    if not done.ok:
        said = done.stderr.strip().splitlines() or [""]
        raise Permanent("not-started", said[0].removeprefix("error: "), {"stderr": done.stderr[-2000:]})
    return _attributes(site, supervisor.show(context, site, _name(site)))


def stop(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """End it with all its processes."""
    if supervisor.show(context, site, _name(site)) is not None:
        supervisor.control(context, site, "stop", _name(site))
    return _attributes(site, supervisor.show(context, site, _name(site)))


def delete(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """End it and remove everything of it. What was adopted keeps its own spec and output."""
    if supervisor.show(context, site, _name(site)) is not None:
        supervisor.control(context, site, "remove" if _name(site).startswith("khutulun-") else "stop", _name(site))
    return {"pid": 0}


def update(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """Give the supervisor the changed spec, and restart it when more has changed than when it is restarted."""
    wanted = _spec(site, command)
    found = supervisor.define(context, site, wanted)
    if found is not None and found["wanted"] and _running_part(found["spec"]) != _running_part(wanted):
        supervisor.control(context, site, "restart", _name(site))
    return _attributes(site, supervisor.show(context, site, _name(site)))


def inspect(context: Context, site: Site, command: Command) -> Inspection:
    """Compare what the supervisor has with the graph."""
    found = supervisor.show(context, site, _name(site))
    if found is None:
        return Inspection(False, State.STOPPED, _attributes(site, None))
    wanted, there = (_spec(site, command), found["spec"]) if command.argv else ({}, {})
    changed = sorted(key for key in wanted.keys() | there.keys() if wanted.get(key) != there.get(key))
    differences = [Difference(key, wanted.get(key), there.get(key)) for key in changed]
    state = supervisor.state(found)
    finished = command.job and not command.schedule and state == State.STOPPED
    if not finished:
        active = state in (State.STARTED, State.STARTING) if site.state == State.STARTED else bool(found["pid"])
        differences += workload.state_differences(site, active, found["state"])
    return Inspection(True, workload.told(site, True, state), _attributes(site, found), differences)


def adopt(context: Context, site: Site, inputs: Inputs) -> dict[str, Any]:
    """Know a workload of the supervisor that is there already."""
    name = str(inputs.get("existing") or _name(site)).removesuffix(".service")
    found = supervisor.show(context, site, name)
    if found is None:
        raise Permanent("not-found", f"the supervisor has no workload {name} to adopt")
    return _attributes(site, found) | {"unit": name}


def logs(context: Context, site: Site, inputs: Inputs) -> Stream:
    """Read the output that the supervisor keeps."""
    return supervisor.logs(site, Reading.of(inputs), _name(site))


def _name(site: Site) -> str:
    return str(site.properties.get("unit") or commands.existing(site) or site.names["unit"]).removesuffix(".service")


def _attributes(site: Site, found: dict[str, Any] | None) -> dict[str, Any]:
    result = (found or {}).get("result")
    return {
        "unit": _name(site),
        "state": found["state"] if found else "stopped",
        "pid": found["pid"] if found else 0,
        "restarts": found["restarts"] if found else 0,
    } | supervisor.ended(result)


def _spec(site: Site, command: Command) -> dict[str, Any]:
    restart, limits = command.restart, command.limits
    spec: dict[str, Any] = {
        "name": _name(site),
        "kind": "job" if command.job else "process",
        "argv": command.argv,
        "environment": dict(command.environment),
        "directory": command.directory,
        "user": command.user,
        "group": command.group,
        "transient": command.transient,
        "limits": {name: value for name, value in vars(limits).items() if value is not None},
        "stop": vars(command.stop),
        "labels": dict(site.labels),
        "after": supervisor.after(site),
    }
    if not command.job:
        spec["restart"] = vars(restart)
    if command.notify:
        spec["readiness"] = {"notify": True, "timeout": command.ready_timeout}
    if command.timeout:
        spec["timeout"] = command.timeout
    if command.schedule:
        spec["schedule"] = {name: value for name, value in vars(command.schedule).items() if value}
    return {
        key: value
        for key, value in spec.items()
        if value not in ("", {}, [], False) and (key, value) != ("directory", "/")
    }


def _running_part(spec: dict[str, Any]) -> dict[str, Any]:
    """Return what only a start of the process applies."""
    return {key: value for key, value in spec.items() if key not in ("after", "restart", "stop", "labels", "transient")}
