"""What the supervisor says, as events of workloads; what systemd says is told by `floria_plugin.signals`."""

import json

from floria_plugin.driver import Event, State
from floria_plugin.signals import path_of, unit_name
from floria_plugin.signals import translate as of_systemd
from process_driver import supervised

__all__ = ["mark_of", "of_supervisor", "of_systemd", "path_of", "unit_name"]

EVENTS = ("started", "ready", "exited", "failed", "restarted", "stopped")


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


def mark_of(unit: str) -> str:
    """Return what the supervisor's lines about a workload hold."""
    return f'"name": "{unit.removesuffix(".service")}"'
