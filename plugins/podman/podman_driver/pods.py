"""Pods: plain ones, and those that systemd runs through a Quadlet file."""

from typing import Any

from floria_plugin import Context, Permanent, systemd
from floria_plugin.driver import Difference, Inputs, Inspection, Site, State, Stream
from floria_plugin.streams import Reading
from floria_plugin.units import WITHOUT_RESTART, changed
from floria_plugin.workload import state_differences, told
from podman_driver import containers, description, faults, observed, options, podman, quadlet, supervised, units
from podman_driver.description import Description

RUNNING = ("running", "degraded")


def create(context: Context, site: Site) -> dict[str, Any]:
    """Make the pod, or the file of its unit; nothing is started."""
    found = description.of(site)
    if units.possible(context, site) and _write(context, site, found):
        return {"pod": found.name, "unit": site.names["unit"]}
    done = podman.attempt(context, site, *_arguments(found))
    if not done.ok:
        fault = faults.of(done, f"making the pod {found.name}")
        there = podman.pod(context, site, found.name) if fault.code in ("name-in-use", "podman-killed") else None
        if there is None or any((there.get("Labels") or {}).get(key) != value for key, value in site.labels.items()):
            raise fault
        if fault.code == "podman-killed" and _status(there) == "created":
            _remove_half(context, site, there)
            raise fault
        if not there.get("InfraContainerID"):  # left by a Podman that was killed together with us
            _remove_half(context, site, there)
            podman.run(context, site, *_arguments(found), doing=f"making the pod {found.name}")
            return {"pod": found.name}
        if observed.arguments(there) != ["podman", *_arguments(found)]:
            _replace(context, site, found)
    return {"pod": found.name}


def start(context: Context, site: Site) -> dict[str, Any]:
    """Start it, with the containers that are in it already."""
    found = description.of(site)
    if managed(context, site):
        units.start(context, site)
    else:
        podman.run(context, site, "pod", "start", found.name, doing=f"starting the pod {found.name}")
        containers.enable(context, site, found)
        supervised.watch(context, site, found, "Pod")
    return _attributes(context, site) | supervised.unit(site, found, "Pod") | description.endpoint(site)


def stop(context: Context, site: Site) -> dict[str, Any]:
    """Stop it with all its containers."""
    name = description.name(site)
    supervised.forget(context, site)
    if managed(context, site):
        units.stop(context, site)
    elif _status(podman.pod(context, site, name)) in (*RUNNING, "paused"):
        podman.run(context, site, "pod", "stop", name, doing=f"stopping the pod {name}")
    return _attributes(context, site)


def delete(context: Context, site: Site) -> dict[str, Any]:
    """Remove it."""
    name, file = description.name(site), units.path(site, quadlet.POD)
    supervised.forget(context, site)
    if managed(context, site):
        units.stop(context, site)
        units.forget(context, site, file)
    if description.own(site):
        words = ["pod", "rm", "--force", "--ignore", name]
        podman.run(context, site, *words, doing=f"removing the pod {name}")
    return {"state": "absent"}


def update(context: Context, site: Site) -> dict[str, Any]:
    """Apply what has changed. Podman cannot change a pod: another one is made, and its containers with it."""
    found = description.of(site)
    there = podman.pod(context, site, found.name)
    if managed(context, site):
        file = units.path(site, quadlet.POD)
        old = context.files.read(file)
        if changes := changed(old, _write(context, site, found)):
            units.reload(context, site)
            if there is not None and changes - WITHOUT_RESTART:
                units.restart(context, site)
    elif there is not None and description.own(site) and observed.arguments(there) != ["podman", *_arguments(found)]:
        if int(there.get("NumContainers") or 0) > 1:
            message = f"the pod {found.name} has containers, and Podman cannot change a pod that is there"
            raise Permanent("pod-in-use", message, hint="deploy the service anew, or give the changed pod another name")
        _replace(context, site, found)
        podman.run(context, site, "pod", "start", found.name, doing=f"starting the pod {found.name}")
    return _attributes(context, site) | description.endpoint(site)


def inspect(context: Context, site: Site) -> Inspection:
    """Compare it with the graph."""
    found = description.of(site)
    there = podman.pod(context, site, found.name)
    active = _status(there) in RUNNING
    differences = state_differences(site, active, _status(there) or "absent")
    if managed(context, site):
        unit = units.show(context, site)
        file = units.path(site, quadlet.POD)
        text = context.files.read(file)
        wanted = quadlet.pod(site, found, units.linked(context, site), _unknown(text))
        names = sorted(changed(text, wanted))
        differences += [Difference(name, units.values(wanted, name), units.values(text, name)) for name in names]
        differences += unit.drop_ins()
        return Inspection(True, told(site, True, unit.state), _attributes(context, site), differences)
    if there is None:
        differences += [] if differences else [Difference("pod", found.name, None)]
    elif description.own(site):
        differences += observed.argument_differences(["podman", *_arguments(found)], observed.arguments(there))
    state = State.STARTED if active else State.STOPPED
    return Inspection(there is not None, told(site, there is not None, state), _attributes(context, site), differences)


def adopt(context: Context, site: Site, existing: str) -> dict[str, Any]:
    """Know a pod by its name from now on."""
    there = podman.pod(context, site, existing)
    if there is None:
        raise Permanent(
            "not-found", f"there is no pod {existing} to adopt", hint="`podman pod ps` shows those that are"
        )
    return {"pod": str(there.get("Name") or existing), "state": _status(there)}


def logs(site: Site, inputs: Inputs) -> Stream:
    """Read the output of all its containers."""
    words = Reading.of(inputs).options(lines="--tail={}")
    return Stream(["podman", "pod", "logs", "--names", *words, description.name(site)], systemd.environment(site))


def managed(context: Context, site: Site) -> bool:
    """Whether a unit of ours runs the pod."""
    return site.host.systemd and context.files.exists(units.path(site, quadlet.POD))


def _arguments(found: Description) -> list[str]:
    extra = [str(word) for word in found.given.get("options") or []]
    return ["pod", "create", f"--name={found.name}", *(str(one) for one in options.of_pod(found)), *extra]


def _remove_half(context: Context, site: Site, there: dict[str, Any]) -> None:
    """Remove a pod that a Podman has left half-made, with the storage of its first container."""
    name, infra = str(there["Name"]), f"{str(there['Id'])[:12]}-infra"
    podman.run(context, site, "pod", "rm", "--force", "--ignore", name, doing=f"removing the pod {name}")
    podman.run(context, site, "rm", "--force", "--ignore", infra, doing=f"removing what is left of the pod {name}")


def _replace(context: Context, site: Site, found: Description) -> None:
    podman.run(context, site, "pod", "rm", "--force", "--ignore", found.name, doing=f"removing the pod {found.name}")
    podman.run(context, site, *_arguments(found), doing=f"making the pod {found.name}")


def _write(context: Context, site: Site, found: Description) -> str:
    """Write the Quadlet file and return its text; nothing when this Podman has none for pods."""
    file, links = units.path(site, quadlet.POD), units.linked(context, site)

    def render(without: frozenset[str]) -> str:
        return quadlet.pod(site, found, links, without)

    return units.write(context, site, file, render, quadlet.POD_KEYS, links)


def _unknown(text: str) -> frozenset[str]:
    return frozenset(key for key in quadlet.POD_KEYS if f"\n{key}=" not in text)


def _attributes(context: Context, site: Site) -> dict[str, Any]:
    name = description.name(site)
    found = {"pod": name, "state": _status(podman.pod(context, site, name)) or "absent"}
    return found | ({"unit": site.names["unit"]} if managed(context, site) else {})


def _status(there: dict[str, Any] | None) -> str:
    return str((there or {}).get("State") or "").lower()
