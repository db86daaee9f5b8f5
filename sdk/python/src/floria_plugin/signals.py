"""What systemd's signals say about units, as events of workloads.

systemd sends its signals several times for one change, each with everything that is known. Each event therefore has
an id made of what happened: the time of the start or the end of the main process.
"""

import json
import re
from typing import Any

from floria_plugin.results import Event
from floria_plugin.states import State
from floria_plugin.workload import CLEAN_SIGNALS, signal_name

MATCH = ",".join(
    (
        "type='signal'",
        "sender='org.freedesktop.systemd1'",
        "interface='org.freedesktop.DBus.Properties'",
        "member='PropertiesChanged'",
        "path_namespace='/org/freedesktop/systemd1/unit'",
    )
)
SUBSCRIBE = {
    "destination": "org.freedesktop.systemd1",
    "path": "/org/freedesktop/systemd1",
    "interface": "org.freedesktop.systemd1.Manager",
    "member": "Subscribe",
}
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

SOURCE = {"bus": "scope", "match": [MATCH], "subscribe": [SUBSCRIBE], "distinct": list(TELLING)}
"""The source that tells of units, for `Driver.source`."""

FILTER = (
    r'"path": ?"/org/freedesktop/systemd1/unit/khutulun_2d[^"]*_2eservice".*'
    r'("org\.freedesktop\.systemd1\.Service"|"ActiveState": ?"(active|inactive)".*"Job": ?\[0,)'
)
"""Which signals are about Khutulun's own services and say something."""

_ESCAPED = re.compile(r"_([0-9a-f]{2})")
_EXITED, _KILLED, _DUMPED = 1, 2, 3


def translate(line: str) -> list[Event]:
    """Return the events that a signal ``PropertiesChanged`` of a unit tells of."""
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


def unit_name(name: str) -> str:
    """Return the name by which events tell of a unit."""
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


def ended(code: int, status: int) -> dict[str, Any]:
    """Return how a process ended, as attributes; nothing when it did not end. `code` is as in waitid(2)."""
    if code == _EXITED:
        return {"exit_code": status, "signal": ""}
    return {"exit_code": 128 + status, "signal": signal_name(status)} if code in (_KILLED, _DUMPED) else {}


def _of_service(unit: str, changed: dict[str, Any]) -> list[Event]:
    pid, restarts = changed.get("MainPID", 0), changed.get("NRestarts", 0)
    if pid:
        detail = {"pid": pid, "restarts": restarts}
        name = "restarted" if restarts else "started"
        began = f"{changed.get('ExecMainStartTimestamp')}"
        return [Event(name, unit=unit, id=began, detail=detail, attributes={"pid": pid, "restarts": restarts})]
    finished, result = changed.get("ExecMainExitTimestamp", 0), changed.get("Result")
    if not finished:
        return []
    how = ended(changed.get("ExecMainCode", 0), changed.get("ExecMainStatus", 0))
    attributes = {"pid": 0, "restarts": restarts, **how}
    detail = {"reason": result, **attributes}
    if result != "success":
        id = f"{finished}-{result}"
        return [Event("failed", unit=unit, id=id, detail=detail, attributes=attributes, state=State.FAILED)]
    if how.get("exit_code") == 0 or how.get("signal") in CLEAN_SIGNALS:
        return [Event("exited", unit=unit, id=f"{finished}", detail=detail, attributes=attributes)]
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
