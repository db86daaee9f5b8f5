"""What the push sources say, as events of workloads.

systemd sends its signals several times for one change, each with everything that is known. Each event therefore has
an id made of what happened: the time of the start or the end of the main process.
"""

import json
import re
from typing import Any

from floria_plugin.driver import Event, State
from process_driver import supervised, systemd

EVENTS = ("started", "ready", "exited", "failed", "restarted", "stopped")
TELLING = (
    "MainPID",
    "ExecMainStartTimestamp",
    "ExecMainExitTimestamp",
    "Result",
    "ActiveState",
    "SubState",
    "ActiveEnterTimestamp",
    "InactiveEnterTimestamp",
    "Job",
)
"""Properties of units that tell what has happened; while they stay, a signal says nothing new."""

_CLEAN_SIGNALS = ("SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE")
_ESCAPED = re.compile(r"_([0-9a-f]{2})")


def of_systemd(line: str) -> list[Event]:
    """Translate a signal ``PropertiesChanged`` of a unit."""
    signal = json.loads(line)
    body = signal.get("body") or []
    if signal.get("member") != "PropertiesChanged" or len(body) < 2:
        return []
    escaped = str(signal["path"]).rpartition("/")[2]
    unit = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), escaped)
    changed: dict[str, Any] = body[1]
    if body[0] == "org.freedesktop.systemd1.Service":
        return _of_service(unit, changed)
    return _of_unit(unit, changed) if body[0] == "org.freedesktop.systemd1.Unit" else []


def of_supervisor(line: str) -> list[Event]:
    """Translate a line of ``khutulun-supervisor events``."""
    found = json.loads(line)
    if found["event"] not in EVENTS:
        return []
    name, detail = found["event"], found["detail"]
    states = {"ready": State.STARTED, "failed": State.FAILED, "stopped": State.STOPPED}
    if name == "exited" and found["state"] == "exited":
        states["exited"] = State.STOPPED
    attributes = {"pid": found["pid"], "restarts": detail["restarts"], "state": found["state"]}
    if name in ("exited", "failed"):
        attributes |= supervised.ended(detail)
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


def unit_name(name: str) -> str:
    """Return the name by which events tell of a unit, or of a workload of the supervisor."""
    return name if "." in name else f"{name}.service"


def path_of(unit: str) -> str:
    """Return what systemd's signals about a unit hold: the end of its object path."""
    escaped = "".join(
        character
        if character.isascii() and character.isalnum() and (place or not character.isdigit())
        else "".join(f"_{byte:02x}" for byte in character.encode())
        for place, character in enumerate(unit_name(unit))
    )
    return f'/unit/{escaped}"'


def mark_of(unit: str) -> str:
    """Return what the supervisor's lines about a workload hold."""
    return f'"name": "{unit.removesuffix(".service")}"'


def _of_service(unit: str, changed: dict[str, Any]) -> list[Event]:
    pid, restarts = changed.get("MainPID", 0), changed.get("NRestarts", 0)
    if pid:
        detail = {"pid": pid, "restarts": restarts}
        name = "restarted" if restarts else "started"
        began = f"{changed.get('ExecMainStartTimestamp')}"
        return [Event(name, unit=unit, id=began, detail=detail, attributes={"pid": pid, "restarts": restarts})]
    ended, result = changed.get("ExecMainExitTimestamp", 0), changed.get("Result")
    if not ended:
        return []
    how = systemd.ended(changed.get("ExecMainCode", 0), changed.get("ExecMainStatus", 0))
    attributes = {"pid": 0, "restarts": restarts, **how}
    detail = {"reason": result, **attributes}
    if result != "success":
        id = f"{ended}-{result}"
        return [Event("failed", unit=unit, id=id, detail=detail, attributes=attributes, state=State.FAILED)]
    if how.get("exit_code") == 0 or how.get("signal") in _CLEAN_SIGNALS:
        return [Event("exited", unit=unit, id=f"{ended}", detail=detail, attributes=attributes)]
    return []


def _of_unit(unit: str, changed: dict[str, Any]) -> list[Event]:
    active, sub = changed.get("ActiveState"), changed.get("SubState")
    entered = changed.get("ActiveEnterTimestamp", 0)
    attributes = {"state": sub}
    if active == "active" and sub == "running":
        return [Event("ready", unit=unit, id=f"{entered}", attributes=attributes, state=State.STARTED)]
    waits = (changed.get("Job") or [0])[0]
    if active == "inactive" and entered and not waits:
        left = f"{changed.get('InactiveEnterTimestamp', 0)}"
        return [Event("stopped", unit=unit, id=left, attributes=attributes, state=State.STOPPED)]
    return []
