"""What `systemctl` and `systemd-run` do with a unit, done by the calls that they make.

Each function returns what the program would print and end with; a `Lost` conversation is for the caller.
"""

import shutil
from pathlib import Path

from floria.plugins.effects.processes import Limits
from floria.plugins.requests import Output
from khutulun.systemd import connection, settings, shown
from khutulun.systemd.connection import Connection, Refused

_STATES = ("ActiveState", "SubState", "Result")
_REASONS = {
    "canceled": "was canceled",
    "timeout": "timed out",
    "dependency": "failed because a unit that it needs did",
    "failed": "failed",
}
_ENABLED = ("enabled", "enabled-runtime", "static", "alias", "indirect", "generated")
"""States of a unit's file with which ``systemctl is-enabled`` ends well."""

_NOT_LOADED = "org.freedesktop.systemd1.NoSuchUnit"


class Transient:
    """A unit that `systemd-run` would make and start."""

    def __init__(self, name: str, properties: list[settings.Property], argv: list[str], path: str) -> None:
        """Raises `settings.Unknown` when the program is not found."""
        self.name = name
        program = shutil.which(argv[0], path=path)
        if program is None or not program.startswith("/"):
            raise settings.Unknown(argv[0])
        self._properties = [*properties, ("ExecStart", ("a(sasb)", [(program, [program, *argv[1:]], False)]))]

    def start(self, over: Connection, limits: Limits) -> Output:
        """Do what ``systemd-run`` does."""
        signature = "ssa(sv)a(sa(sv))"
        return _job(over, limits, self.name, "StartTransientUnit", signature, "fail", self._properties, [])


def show(over: Connection, limits: Limits, unit: str, wanted: list[tuple[str, str]]) -> Output:
    """Do what ``systemctl show`` does; `wanted` are interfaces and names."""
    path = connection.path_of(unit)
    found = over.properties(limits.deadline, path, wanted)
    named = zip((name for _, name in wanted), found, strict=True)
    return Output(0, "".join(f"{name}={shown.text(value)}\n" for name, value in named if value is not None), "")


def act(over: Connection, limits: Limits, unit: str, method: str) -> Output:
    """Do what ``systemctl start``, ``stop`` and ``restart`` do: wait until the job has ended."""
    return _job(over, limits, unit, method, "ss", "replace")


def is_enabled(over: Connection, limits: Limits, unit: str) -> Output | None:
    """Do what ``systemctl is-enabled`` does; None for what has no unit file: it may have a script of another system."""
    try:
        (state,) = over.call(limits.deadline, "GetUnitFileState", "s", unit)
    except Refused:
        return None
    return Output(0 if state in _ENABLED else 1, f"{state}\n", "")


def reset(over: Connection, limits: Limits, unit: str) -> Output:
    """Do what ``systemctl reset-failed UNIT`` does."""
    return _tell(over, limits, f"Failed to reset failed state of unit {unit}", "ResetFailedUnit", "s", unit)


def reload(over: Connection, limits: Limits) -> Output:
    """Do what ``systemctl daemon-reload`` does."""
    return _tell(over, limits, "Failed to reload daemon", "Reload", "")


def began(over: Connection, limits: Limits, unit: str, since: int) -> Output | None:
    """Return what a start of the unit came to that was asked for at `since` (Unix ns), None when none is known of.

    A job that is on its way is waited for.
    """
    path = connection.path_of(unit)
    wanted = [(shown.UNIT, name) for name in ("Job", "InactiveExitTimestamp", "ActiveState")]
    job, left, state = over.properties(limits.deadline, path, wanted)
    if job is not None and job[0]:
        return _ended(over, limits, unit, over.job(limits.deadline, job[1]))
    if not left or left * 1000 < since:
        return None
    return _failure(over, limits, unit, "failed") if state == "failed" else Output(0, "", "")


def _job(over: Connection, limits: Limits, unit: str, method: str, signature: str, *more: object) -> Output:
    try:
        (job,) = over.call(limits.deadline, method, signature, unit, *more)
    except Refused as error:
        verb = method.removesuffix("Unit").removesuffix("Transient").lower()
        return Output(5 if error.name == _NOT_LOADED else 1, "", f"Failed to {verb} {unit}: {error}\n")
    return _ended(over, limits, unit, over.job(limits.deadline, job))


def _ended(over: Connection, limits: Limits, unit: str, result: str) -> Output:
    return Output(0, "", "") if result in ("done", "skipped") else _failure(over, limits, unit, result)


def _failure(over: Connection, limits: Limits, unit: str, result: str) -> Output:
    kind = shown.interface("Result", unit) or shown.SERVICE
    states = zip((shown.UNIT, shown.UNIT, kind), _STATES, strict=True)
    found = over.properties(limits.deadline, connection.path_of(unit), list(states))
    told = ", ".join(f"{name}={value}" for name, value in zip(_STATES, found, strict=True) if value is not None)
    return Output(1, "", f"Job for {unit} {_REASONS.get(result, f'ended: {result}')} ({told}).\n")


def _tell(over: Connection, limits: Limits, failure: str, method: str, signature: str, *arguments: object) -> Output:
    try:
        over.call(limits.deadline, method, signature, *arguments)
    except Refused as error:
        return Output(1, "", f"{failure}: {error}\n")
    return Output(0, "", "")


def private_socket(runtime: str) -> Path:
    """Return where the systemd is reached whose runtime folder this is."""
    return Path(runtime) / "systemd" / "private"
