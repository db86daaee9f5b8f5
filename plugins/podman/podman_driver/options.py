"""The options of `podman create` and `podman pod create` that a description comes to."""

import hashlib
import json
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from podman_driver.description import Description

RESTARTS = {"never": "no", "always": "always"}


class Option(NamedTuple):
    """``--NAME=VALUE``."""

    name: str
    value: str

    def __str__(self) -> str:
        return f"--{self.name}={self.value}"


LIMITS = ("memory", "cpus", "pids-limit")
"""What `podman update` changes while the container runs."""

LASTING = (5, 1)
"""From this version of Podman on, what `podman update` changes is kept, and told by `podman inspect`."""


def of(found: Description) -> list[Option]:
    """Return the options of a container, in a fixed order, without its name and its restart policy."""
    given = found.given
    options = [Option("label", f"{key}={value}") for key, value in sorted(found.labels.items())]
    options += [Option("pod", found.pod)] if found.pod else []
    options += [Option("publish", str(port)) for port in found.ports if found.networks[:1] != ["host"]]
    options += [Option("network", one) for one in found.networks]
    options += [Option("volume", one) for one in found.mounts]
    options += [Option("tmpfs", one) for one in found.temporary]
    options += [Option("env", f"{key}={value}") for key, value in (given.get("environment") or {}).items()]
    options += [Option("secret", secret(found, one.secret, one)) for one in found.secrets]
    options += [Option("secret", f"{hidden_name(found, key)},type=env,target={key}") for key in found.hidden_variables]
    options += [
        Option("secret", f"{hidden_name(found, path)},type=mount,target={path},mode=0444")
        for path in found.hidden_files
    ]
    for name, key in (("workdir", "working_directory"), ("user", "user"), ("hostname", "hostname")):
        options += [Option(name, str(given[key]))] if given.get(key) else []
    options += [Option("entrypoint", json.dumps(given["entrypoint"]))] if given.get("entrypoint") else []
    options += [Option("init", "true")] if given.get("init") else []
    options += list(_security(found))
    options += [Option("device", one) for one in given.get("devices") or []]
    options += list(limits(found))
    options += (
        [Option("ulimit", f"nofile={found.limits.open_files}:{found.limits.open_files}")]
        if found.limits.open_files
        else []
    )
    options += list(_stop(found)) + list(_health(found))
    options += [Option("sdnotify", "container")] if found.notify else []
    return options


def of_pod(found: Description) -> list[Option]:
    """Return the options of a pod, without its name."""
    options = [Option("label", f"{key}={value}") for key, value in sorted(found.labels.items())]
    options += [Option("publish", str(port)) for port in found.ports if found.networks[:1] != ["host"]]
    options += [Option("network", one) for one in found.networks]
    options += [Option("volume", one) for one in found.mounts]
    options += [Option("hostname", str(found.given["hostname"]))] if found.given.get("hostname") else []
    return options


def limits(found: Description) -> Iterator[Option]:
    """Return those of `LIMITS` that are given."""
    if found.limits.memory is not None:
        yield Option("memory", f"{found.limits.memory}b")
    if found.limits.cpu is not None:
        yield Option("cpus", f"{found.limits.cpu:g}")
    if found.limits.tasks is not None:
        yield Option("pids-limit", str(found.limits.tasks))


def restart(found: Description) -> Option:
    """Return the restart policy in Podman's own words, for containers that no unit runs."""
    policy = found.restart.policy
    if policy == "on-failure":
        return Option("restart", f"on-failure:{found.restart.burst}" if found.restart.burst else "on-failure")
    return Option("restart", RESTARTS[policy])


def secret(found: Description, name: str, use: object) -> str:
    """Return the value of ``--secret``."""
    variable, path = getattr(use, "variable", ""), getattr(use, "path", "")
    mode = getattr(use, "mode", "0444")
    if variable:
        return f"{secret_name(found.name, name)},type=env,target={variable}"
    target = path or f"/run/secrets/{name.rpartition('/')[2]}"
    return f"{secret_name(found.name, name)},type=mount,target={target},mode={mode}"


def secret_name(container: str, name: str) -> str:
    """Return the name that a secret has in Podman's own store: that of the container that uses it comes first."""
    return f"{container}-{name.replace('/', '_')}"


def hidden_name(found: Description, place: str) -> str:
    """Return the name, in Podman's own store, of the content of a variable or file that holds secrets."""
    if not place.startswith("/"):
        return f"{found.name}.variable-{place}"
    return f"{found.name}.file-{hashlib.sha256(place.encode()).hexdigest()[:12]}"


def health_command(words: list[str]) -> str:
    """Return a health check as `podman create` takes it: it cuts at spaces, so what has any goes through a shell."""
    if all(word and not any(character.isspace() for character in word) for word in words):
        return " ".join(["CMD", *words])
    return shlex.join(words)


def _security(found: Description) -> Iterator[Option]:
    changes = found.given.get("linux_capabilities") or {}
    for one in changes.get("add") or []:
        yield Option("cap-add", one)
    for one in changes.get("drop") or []:
        yield Option("cap-drop", one)
    security = found.given.get("security") or {}
    if security.get("privileged"):
        yield Option("privileged", "true")
    if security.get("read_only"):
        yield Option("read-only", "true")
    if security.get("no_new_privileges"):
        yield Option("security-opt", "no-new-privileges")
    for one in security.get("options") or []:
        yield Option("security-opt", one)


def _stop(found: Description) -> Iterator[Option]:
    if found.stop.signal != "SIGTERM":
        yield Option("stop-signal", found.stop.signal)
    if found.stop.timeout != 10.0:
        yield Option("stop-timeout", str(max(1, round(found.stop.timeout))) if found.stop.timeout else "0")


def _health(found: Description) -> Iterator[Option]:
    health = found.health
    if health is None:
        return
    yield Option("health-cmd", health_command(health.command))
    yield Option("health-interval", f"{health.interval:g}s")
    yield Option("health-timeout", f"{health.timeout:g}s")
    yield Option("health-retries", str(health.retries))
    if health.start_period:
        yield Option("health-start-period", f"{health.start_period:g}s")
    if health.on_failure != "none":
        yield Option("health-on-failure", health.on_failure)
