"""What `podman events` says, as events of workloads.

Of a container that a unit runs, systemd tells more exactly when it starts and ends; of those only what systemd does not
know is told here.
"""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from floria_plugin.driver import Event, State
from floria_plugin.workload import ended

CLEAN = (0, 130, 143)
"""Exit codes of an end that was asked for: by itself, or by SIGINT or SIGTERM."""

KILLED = 137
STOPPED = (*CLEAN[1:], KILLED)
"""Exit codes of what was stopped."""

UNIT = "PODMAN_SYSTEMD_UNIT"
OURS = "khutulun-"
FILTER = r'"Status":"(start|died|restart|pause|unpause|health_status)".*"khutulun\.service"'


def translate(line: str) -> list[Event]:
    """Return the events that a line tells of, with the time at which it was so: some lines tell what was missed."""
    found = json.loads(line)
    at = _time(found)
    return [replace(one, time=at) for one in _translate(found)]


def _time(found: dict[str, Any]) -> int | None:
    """Return when it happened (Unix ns); until Podman 4.4 that was told as a text."""
    if isinstance(found.get("timeNano"), int):
        return int(found["timeNano"])
    try:
        return round(datetime.fromisoformat(str(found.get("Time"))).timestamp() * 1e6) * 1000
    except ValueError:
        return None


def _translate(found: dict[str, Any]) -> list[Event]:
    if found.get("Type") != "container" or not found.get("Name"):
        return []
    name, status = str(found["Name"]), str(found.get("Status"))
    at = str(found.get("timeNano") or found.get("Time") or found.get("time"))
    if status == "health_status":
        return _health(name, str(found.get("health_status") or found.get("HealthStatus") or ""))
    if status in ("pause", "unpause"):
        return [Event("paused" if status == "pause" else "resumed", machine=name, id=at)]
    labels = found.get("Attributes") or {}
    if str(labels.get(UNIT) or "").startswith(OURS):
        return []
    if status == "start":
        return [
            Event("started", machine=name, id=at, attributes={"state": "running"}),
            Event("ready", machine=name, id=at, state=State.STARTED),
        ]
    if status == "restart":
        return [Event("restarted", machine=name, id=at)]
    return [_died(name, at, int(found.get("ContainerExitCode") or 0))] if status == "died" else []


def mark_of(name: str) -> str:
    """Return what the lines about a container hold."""
    return f'"Name":"{name}"'


def _died(name: str, at: str, code: int) -> Event:
    attributes: dict[str, Any] = {"state": "exited", "pid": 0, **ended(code)}
    if code in CLEAN:
        return Event("exited", machine=name, id=at, detail=attributes, attributes=attributes, state=State.STOPPED)
    return Event(
        "failed",
        machine=name,
        id=at,
        detail=attributes,
        attributes=attributes,
        state=State.FAILED,
        unasked=code == KILLED,
    )


def _health(name: str, status: str) -> list[Event]:
    if status not in ("healthy", "unhealthy"):
        return []
    return [Event(status, machine=name, id=status, topic="health", attributes={"health_status": status})]
