"""What Podman tells of a container, as the node's attributes and state, and how it differs from what is wanted."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from floria_plugin.driver import Difference, State
from floria_plugin.workload import ended
from podman_driver import options
from podman_driver.description import Description
from podman_driver.options import LIMITS, Option

STATES = {
    "running": State.STARTED,
    "paused": State.STARTED,
    "initialized": State.CREATED,
    "created": State.STOPPED,
    "configured": State.STOPPED,
    "restarting": State.STARTING,
    "stopping": State.STOPPING,
}
_ENDED = ("exited", "stopped", "dead")
NEVER = "0001-"
"""What a time of Podman begins with that has not come yet."""


def status(known: dict[str, Any] | None) -> str:
    """Return what Podman calls the container's state; nothing when there is none."""
    return str(((known or {}).get("State") or {}).get("Status") or "")


def running(known: dict[str, Any] | None) -> bool:
    """Whether the container runs."""
    return status(known) in ("running", "paused")


def begun(known: dict[str, Any] | None) -> str:
    """Return a time after which all that was said is of the last start; nothing when there was no other.

    Podman calls a container started once it runs, when it may have said something already. So of one that runs it is
    the end of the run before; of one that has ended, a second before it was called started.
    """
    told = (known or {}).get("State") or {}
    if running(known):
        ended = str(told.get("FinishedAt") or NEVER)
        return "" if ended.startswith(NEVER) else ended
    started = str(told.get("StartedAt") or NEVER)
    if started.startswith(NEVER):
        return ""
    return (datetime.fromisoformat(started) - timedelta(seconds=1)).isoformat()


def state(known: dict[str, Any] | None) -> str:
    """Return the state of the node that this is."""
    found = status(known)
    if found in _ENDED:
        clean = int((known or {})["State"].get("ExitCode") or 0) in (0, 130, 137, 143)
        return State.STOPPED if clean else State.FAILED
    return STATES.get(found, State.STOPPED)


def attributes(name: str, known: dict[str, Any] | None) -> dict[str, Any]:
    """Return the node's attributes about the container."""
    found: dict[str, Any] = {"container": name, "state": status(known) or "absent", "pid": 0}
    if known is None:
        return found
    told = known.get("State") or {}
    health = told.get("Health") or told.get("Healthcheck") or {}
    found |= {"container_id": str(known.get("Id") or ""), "pid": int(told.get("Pid") or 0)}
    found |= {"restarts": int(known.get("RestartCount") or 0), "health_status": str(health.get("Status") or "")}
    found |= {"image_id": str(known.get("Image") or "").removeprefix("sha256:")}
    found |= {"image_name": str(known.get("ImageName") or "")}
    return found | (ended(int(told.get("ExitCode") or 0)) if status(known) in _ENDED else {})


def arguments(known: dict[str, Any]) -> list[str]:
    """Return the arguments with which the container or pod was made, without those that can be changed afterwards."""
    words = [str(word) for word in (known.get("Config") or {}).get("CreateCommand") or known.get("CreateCommand") or []]
    program = [word.rpartition("/")[2] for word in words[:1]]
    return [*program, *(word for word in words[1:] if not _changeable(word))]


def labelled(known: dict[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a container has these labels."""
    there = ((known or {}).get("Config") or {}).get("Labels") or {}
    return all(there.get(key) == value for key, value in labels.items())


def limits(known: dict[str, Any]) -> list[Option]:
    """Return the limits that are in force, as options."""
    host = known.get("HostConfig") or {}
    found = []
    if memory := int(host.get("Memory") or 0):
        found.append(Option("memory", f"{memory}b"))
    cpus = int(host.get("NanoCpus") or 0) / 1e9
    if not cpus and host.get("CpuQuota") and host.get("CpuPeriod"):
        cpus = int(host["CpuQuota"]) / int(host["CpuPeriod"])
    if cpus > 0:
        found.append(Option("cpus", f"{cpus:g}"))
    if pids := int(host.get("PidsLimit") or 0):
        found.append(Option("pids-limit", str(pids)))
    return found


def limit_differences(found: Description, known: dict[str, Any]) -> list[Difference]:
    """Return which limits are others than wanted. Podman has a default of its own for tasks, which is none of ours."""
    wanted = {one.name: one.value for one in options.limits(found)}
    there = {one.name: one.value for one in limits(known)}
    names = [name for name in LIMITS if name in wanted or (name in there and name != "pids-limit")]
    return [
        Difference(name, wanted.get(name), there.get(name)) for name in names if wanted.get(name) != there.get(name)
    ]


def argument_differences(wanted: Sequence[str], there: Sequence[str]) -> list[Difference]:
    """Return by option what is wanted and what is there."""
    before, after = _by_option(wanted), _by_option(there)
    names = sorted(before.keys() | after.keys())
    return [
        Difference(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    ]


def _changeable(word: str) -> bool:
    return any(word.startswith(f"--{name}=") for name in LIMITS)


def _by_option(words: Sequence[str]) -> dict[str, list[str]]:
    """Return the values by option; what follows the options is the image and the command."""
    found: dict[str, list[str]] = {}
    rest = list(words)
    while rest and not rest[0].startswith("--"):
        rest.pop(0)
    while rest and rest[0].startswith("--"):
        name, _, value = rest.pop(0)[2:].partition("=")
        found.setdefault(name, []).append(value)
    if rest:
        found["image"], found["command"] = rest[:1], rest[1:]
    return found
