"""Workloads of Khutulun's own supervisor, where the host has no systemd."""

import json
import signal
from typing import Any

from floria_plugin import Context, Output, Permanent, workload
from floria_plugin.driver import Difference, Inputs, Inspection, Site, State, Stream
from process_driver import commands
from process_driver.commands import Command

NO_SUPERVISOR, NO_WORKLOAD = 3, 4
_STATES = {
    "running": State.STARTED,
    "waiting": State.STARTED,
    "finished": State.STARTED,
    "starting": State.STARTING,
    "restarting": State.STARTING,
    "failed": State.FAILED,
}


def create(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """Give the supervisor the spec."""
    _define(context, site, command)
    return {"unit": _name(site)}


def start(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """Start it; the supervisor answers when it runs, a job's when it has ended."""
    if command.transient:
        _define(context, site, command)
    done = _supervisor(context, site, "start", _name(site), check=False)
    if not done.ok:
        said = done.stderr.strip().splitlines() or [""]
        raise Permanent("not-started", said[0].removeprefix("error: "), {"stderr": done.stderr[-2000:]})
    return _attributes(site, _show(context, site))


def stop(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """End it with all its processes."""
    if _show(context, site) is not None:
        _supervisor(context, site, "stop", _name(site))
    return _attributes(site, _show(context, site))


def delete(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """End it and remove everything of it. What was adopted keeps its own spec and output."""
    if _show(context, site) is not None:
        _supervisor(context, site, "remove" if _name(site).startswith("khutulun-") else "stop", _name(site))
    return {"pid": 0}


def update(context: Context, site: Site, command: Command) -> dict[str, Any]:
    """Give the supervisor the changed spec, and restart it when more has changed than when it is restarted."""
    found = _show(context, site)
    wanted = _spec(site, command)
    if found is None or found["spec"] != wanted:
        _define(context, site, command)
    if found is not None and found["wanted"] and _running_part(found["spec"]) != _running_part(wanted):
        _supervisor(context, site, "restart", _name(site))
    return _attributes(site, _show(context, site))


def inspect(context: Context, site: Site, command: Command) -> Inspection:
    """Compare what the supervisor has with the graph."""
    found = _show(context, site)
    if found is None:
        return Inspection(False, State.STOPPED, _attributes(site, None))
    wanted, there = (_spec(site, command), found["spec"]) if command.argv else ({}, {})
    changed = sorted(key for key in wanted.keys() | there.keys() if wanted.get(key) != there.get(key))
    differences = [Difference(key, wanted.get(key), there.get(key)) for key in changed]
    state = _STATES.get(found["state"], State.STOPPED)
    expected = (site.raw.get("entity") or {}).get("state")
    finished = command.job and not command.schedule and state == State.STOPPED
    if expected == State.STARTED and state not in (State.STARTED, State.STARTING) and not finished:
        differences.append(Difference("state", "running", found["state"]))
    if expected in (State.STOPPED, State.CREATED, State.CONFIGURED) and found["pid"]:
        differences.append(Difference("state", "stopped", found["state"]))
    return Inspection(True, workload.told(site, True, state), _attributes(site, found), differences)


def adopt(context: Context, site: Site, inputs: Inputs) -> dict[str, Any]:
    """Know a workload of the supervisor that is there already."""
    name = str(inputs.get("existing") or _name(site)).removesuffix(".service")
    found = _show(context, site, name)
    if found is None:
        raise Permanent("not-found", f"the supervisor has no workload {name} to adopt")
    return _attributes(site, found) | {"unit": name}


def logs(context: Context, site: Site, inputs: Inputs) -> Stream:
    """Read the output that the supervisor keeps."""
    options = ["-f"] if inputs.get("follow") else []
    options += ["-n", str(int(inputs["lines"]))] if inputs.get("lines") is not None else []
    options += ["-c"] if inputs.get("current") else []
    return Stream([*_program(site), "logs", *options, _name(site)])


def _name(site: Site) -> str:
    return str(site.properties.get("unit") or commands.existing(site) or site.names["unit"]).removesuffix(".service")


def _program(site: Site) -> list[str]:
    return [f"{site.host.paths['bin']}/khutulun-supervisor", "--folder", f"{site.host.paths['state']}/supervisor"]


def _supervisor(context: Context, site: Site, *arguments: str, stdin: str | None = None, check: bool = True) -> Output:
    return context.run(*_program(site), *arguments, stdin=stdin, check=check)


def _show(context: Context, site: Site, name: str = "") -> dict[str, Any] | None:
    done = _supervisor(context, site, "show", name or _name(site), check=False)
    if done.status in (NO_SUPERVISOR, NO_WORKLOAD):
        return None
    if not done.ok:
        raise Permanent("command-failed", done.stderr.strip())
    return dict(json.loads(done.stdout))


def _define(context: Context, site: Site, command: Command) -> None:
    found = _show(context, site)
    wanted = _spec(site, command)
    if found is None or found["spec"] != wanted:
        _supervisor(context, site, "define", "-", stdin=json.dumps(wanted, indent=2) + "\n")


def _attributes(site: Site, found: dict[str, Any] | None) -> dict[str, Any]:
    result = (found or {}).get("result")
    return {
        "unit": _name(site),
        "state": found["state"] if found else "stopped",
        "pid": found["pid"] if found else 0,
        "restarts": found["restarts"] if found else 0,
    } | ended(result)


def ended(result: dict[str, Any] | None) -> dict[str, Any]:
    """Return how a process ended, as attributes; nothing when it did not end, or when that is unknown."""
    if result is None or result["status"] == "unknown":
        return {}
    name = result["signal"] or ""
    code = 128 + signal.Signals[name] if name else result["exit_code"]
    return {} if code is None else {"exit_code": int(code), "signal": name}


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
        key: value for key, value in spec.items() if value not in ("", {}, False) and (key, value) != ("directory", "/")
    }


def _running_part(spec: dict[str, Any]) -> dict[str, Any]:
    """Return what only a start of the process applies."""
    return {key: value for key, value in spec.items() if key not in ("restart", "stop", "labels", "transient")}
