"""Khutulun's own supervisor, which runs workloads where a host has no systemd: what drivers ask and tell it."""

import json
import signal
from collections.abc import Sequence
from typing import Any

from floria_plugin.context import Context, Output
from floria_plugin.faults import Permanent
from floria_plugin.results import Event
from floria_plugin.signals import unit_name
from floria_plugin.site import Site
from floria_plugin.states import State
from floria_plugin.streams import Reading, Stream

_PROGRAM, _FOLDER = "{bin}/khutulun-supervisor", "{state}/supervisor"
_NO_SUPERVISOR, _NO_WORKLOAD = 3, 4
_EVENTS = ("started", "ready", "exited", "failed", "restarted", "stopped")
_STATES = {
    "running": State.STARTED,
    "waiting": State.STARTED,
    "finished": State.STARTED,
    "starting": State.STARTING,
    "restarting": State.STARTING,
    "failed": State.FAILED,
}

SOURCE = (_PROGRAM, "--folder", _FOLDER, "events")
"""The command that tells what happens, for `Driver.source`."""

FILTER = rf'"event": "({"|".join(_EVENTS)})"'
"""Which of its lines say something about a workload."""


def grants(arguments: Sequence[str], effect: str) -> list[dict[str, Any]]:
    """Return the grants for the supervisor's program."""
    return [{"program": _PROGRAM, "arguments": ["--folder", _FOLDER, *arguments], "effect": effect}]


def control(context: Context, site: Site, *arguments: str, stdin: str | None = None, check: bool = True) -> Output:
    """Run its program."""
    return context.run(*_program(site), *arguments, stdin=stdin, check=check)


def show(context: Context, site: Site, name: str) -> dict[str, Any] | None:
    """Return how a workload is; None when there is none of that name. Raises `Permanent`."""
    done = control(context, site, "show", name, check=False)
    if done.status in (_NO_SUPERVISOR, _NO_WORKLOAD):
        return None
    if not done.ok:
        raise Permanent("command-failed", done.stderr.strip())
    return dict(json.loads(done.stdout))


def define(context: Context, site: Site, spec: dict[str, Any]) -> dict[str, Any] | None:
    """Have a workload with this spec, which is not started by that; return how it was before."""
    found = show(context, site, str(spec["name"]))
    if found is None or found["spec"] != spec:
        control(context, site, "define", "-", stdin=json.dumps(spec, indent=2) + "\n")
    return found


def remove(context: Context, site: Site, name: str) -> None:
    """End a workload and forget everything of it, if there is one."""
    if show(context, site, name) is not None:
        control(context, site, "remove", name)


def logs(site: Site, reading: Reading, name: str) -> Stream:
    """Read the output that it keeps of a workload."""
    options = [*reading.options(follow="-f", lines="-n {}"), *(["-c"] if reading.current else [])]
    return Stream([*_program(site), "logs", *options, name])


def after(site: Site) -> list[str]:
    """Return the names of the workloads that are to be up before this one, for its spec."""
    return sorted({name.removesuffix(".service") for name in site.after})


def state(found: dict[str, Any]) -> str:
    """Return the state of the node that this is."""
    return _STATES.get(found["state"], State.STOPPED)


def ended(result: dict[str, Any] | None) -> dict[str, Any]:
    """Return how a process ended, as attributes; nothing when it did not end, or when that is unknown."""
    if result is None or result["status"] == "unknown":
        return {}
    name = result["signal"] or ""
    code = 128 + signal.Signals[name] if name else result["exit_code"]
    return {} if code is None else {"exit_code": int(code), "signal": name}


def translate(line: str) -> list[Event]:
    """Return the events that a line of ``khutulun-supervisor events`` tells of."""
    found = json.loads(line)
    if found["event"] not in _EVENTS:
        return []
    name, detail = found["event"], found["detail"]
    states = {"ready": State.STARTED, "failed": State.FAILED, "stopped": State.STOPPED}
    if name == "exited" and found["state"] == "exited":
        states["exited"] = State.STOPPED
    attributes = {"pid": found["pid"], "restarts": detail["restarts"], "state": found["state"]}
    attributes |= ended(detail) if name in ("exited", "failed") else {}
    return [
        Event(
            name,
            unit=unit_name(found["name"]),
            id=f"{found['time']}",
            detail=detail | {"pid": found["pid"]},
            attributes=attributes,
            state=states.get(name),
        )
    ]


def mark_of(unit: str) -> str:
    """Return what the lines about a workload hold."""
    return f'"name": "{unit.removesuffix(".service")}"'


def _program(site: Site) -> list[str]:
    return [f"{site.host.paths['bin']}/khutulun-supervisor", "--folder", f"{site.host.paths['state']}/supervisor"]
