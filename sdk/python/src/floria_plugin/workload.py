"""What drivers of workloads have in common: how something is restarted, limited, stopped, and what is told of it."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from floria_plugin.faults import Permanent
from floria_plugin.results import Difference
from floria_plugin.site import Site
from floria_plugin.states import State

T = TypeVar("T")
CLEAN_SIGNALS = ("SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE")
"""Signals that end a process without a failure, as systemd sees it."""


@dataclass(frozen=True)
class Restart:
    """When something that ended is started again. Durations are seconds."""

    policy: str = "on-failure"
    delay: float = 0.1
    burst: int = 5
    interval: float = 10.0


@dataclass(frozen=True)
class Limits:
    """Upper bounds; None is none. `memory` is bytes, `cpu` cores."""

    memory: int | None = None
    cpu: float | None = None
    tasks: int | None = None
    open_files: int | None = None


@dataclass(frozen=True)
class Stop:
    """How it is ended: the signal, and after how many seconds what is left is killed."""

    signal: str = "SIGTERM"
    timeout: float = 10.0


def read(cls: type[T], given: Mapping[str, Any] | None) -> T:
    """Return the dataclass made of the values that are given and that it knows."""
    fields = cls.__dataclass_fields__  # type: ignore[attr-defined]
    return cls(**{name: value for name, value in (given or {}).items() if name in fields and value is not None})


def told(site: Site, exists: bool, found: str) -> str:
    """Return the state to tell of: what was made but not started yet is `created`, not `stopped`."""
    return State.CREATED if exists and found == State.STOPPED and site.made() else found


def state_differences(
    site: Site, active: bool, found: Any, running: str = "running", stopped: str = "stopped"
) -> list[Difference]:
    """Return whether it runs when it should not, or the other way round, in the words of what runs it."""
    if site.state == State.STARTED and not active:
        return [Difference("state", running, found)]
    if site.state in (State.STOPPED, State.CREATED, State.CONFIGURED) and active:
        return [Difference("state", stopped, found)]
    return []


def endpoint(site: Site) -> dict[str, Any]:
    """Return the attributes of the capability `endpoint`: those of the first reserved port."""
    for edge in site.edges_named("port"):
        found = {name: edge.target.properties.get(name) for name in ("address", "port", "protocol")}
        found |= {name: edge.target.properties.get(name) for name in ("port_text", "authority")}
        return {"capability/endpoint": {name: value for name, value in found.items() if value is not None}}
    return {}


def signal_name(number: int) -> str:
    """Return the name of a signal."""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


def ended(code: int) -> dict[str, Any]:
    """Return how something ended, as attributes, from an exit code as shells tell it: above 128 it is a signal."""
    return {"exit_code": code, "signal": signal_name(code - 128) if 128 < code < 193 else ""}


def invalid(site: Site, message: str, hint: str = "") -> Permanent:
    """Return the fault that a node's properties are wrong in a way that no schema can tell."""
    return Permanent("invalid-properties", f"{site.node}: {message}", hint=hint)
