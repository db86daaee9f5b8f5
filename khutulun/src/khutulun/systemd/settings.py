"""Settings of units as `systemd-run --property` takes them, as the properties that it sends.

What is not in the table, or is written in another way, is left to `systemd-run` itself.
"""

import re
import signal
from collections.abc import Callable
from typing import Any

Property = tuple[str, tuple[str, Any]]
"""Name, and the signature and value of a variant."""

INFINITY = 2**64 - 1
_SPAN = re.compile(r"(\d+)(us|ms|s|min|h)?")
_SIZES = {"us": 1, "ms": 1_000, "s": 1_000_000, None: 1_000_000, "min": 60_000_000, "h": 3_600_000_000}
_SHARE = re.compile(r"(\d+)%")


class Unknown(Exception):
    """Only `systemd-run` itself knows what is meant."""


def properties(name: str, value: str) -> list[Property]:
    """Return what `systemd-run --property=NAME=VALUE` sends. Raises `Unknown`."""
    try:
        return _TABLE[name](name, value)
    except KeyError:
        raise Unknown(name) from None


def _text(name: str, value: str) -> list[Property]:
    return [(name, ("s", value))]


def _span(name: str, value: str) -> list[Property]:
    name = name.removesuffix("Sec") + "USec"
    if value == "infinity":
        return [(name, ("t", INFINITY))]
    found = _SPAN.fullmatch(value)
    if found is None:
        raise Unknown(value)
    return [(name, ("t", int(found[1]) * _SIZES[found[2]]))]


def _number(kind: str) -> Callable[[str, str], list[Property]]:
    def convert(name: str, value: str) -> list[Property]:
        return [(name, (kind, _natural(value)))]

    return convert


def _limit(name: str, value: str) -> list[Property]:
    number = _natural(value)
    return [(name, ("t", number)), (f"{name}Soft", ("t", number))]


def _share(name: str, value: str) -> list[Property]:
    found = _SHARE.fullmatch(value)
    if found is None:
        raise Unknown(value)
    return [(f"{name}PerSecUSec", ("t", int(found[1]) * 10_000))]


def _signal(name: str, value: str) -> list[Property]:
    if value not in signal.Signals.__members__:
        raise Unknown(value)
    return [(name, ("i", int(signal.Signals[value])))]


def _switch(name: str, value: str) -> list[Property]:
    if value not in ("yes", "no"):
        raise Unknown(value)
    return [(name, ("b", value == "yes"))]


def _natural(value: str) -> int:
    if not (value.isascii() and value.isdigit()) or int(value) >= INFINITY:
        raise Unknown(value)
    return int(value)


_TABLE: dict[str, Callable[[str, str], list[Property]]] = {
    "CPUQuota": _share,
    "Group": _text,
    "KillSignal": _signal,
    "LimitNOFILE": _limit,
    "MemoryMax": _number("t"),
    "NotifyAccess": _text,
    "RemainAfterExit": _switch,
    "Restart": _text,
    "RestartSec": _span,
    "StartLimitBurst": _number("u"),
    "StartLimitIntervalSec": _span,
    "TasksMax": _number("t"),
    "TimeoutStartSec": _span,
    "TimeoutStopSec": _span,
    "User": _text,
    "WorkingDirectory": _text,
}
