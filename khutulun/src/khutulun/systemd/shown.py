"""Properties of units as `systemctl show` prints them."""

from typing import Any

UNIT, SERVICE = "org.freedesktop.systemd1.Unit", "org.freedesktop.systemd1.Service"

_OF_UNITS = (
    "ActiveState",
    "DropInPaths",
    "FragmentPath",
    "InvocationID",
    "LoadState",
    "NeedDaemonReload",
    "SubState",
    "UnitFileState",
)
_OF_SERVICES = ("ExecMainCode", "ExecMainStatus", "MainPID", "NRestarts")
_OF_KINDS = ("Result",)
"""Of services, timers and so on: each in the interface of its kind."""


def interface(name: str, unit: str) -> str | None:
    """Return the interface of a unit that has a property, None when that is not known here."""
    kind = unit.rpartition(".")[2]
    if name in _OF_UNITS:
        return UNIT
    if name in _OF_SERVICES:
        return SERVICE
    return f"org.freedesktop.systemd1.{kind.capitalize()}" if name in _OF_KINDS else None


def text(value: Any) -> str:
    """Return a value as it is printed."""
    match value:
        case bool():
            return "yes" if value else "no"
        case bytes():
            return value.hex()
        case list():
            return " ".join(map(str, value))
        case _:
            return str(value)
