"""Containers: plain ones, and those that systemd runs through a Quadlet file."""

from typing import Any

from floria_plugin import Context, Fault, Output, Permanent, systemd, workload
from floria_plugin.driver import Difference, Inputs, Inspection, Site, State, Stream
from floria_plugin.streams import Program, Reading
from floria_plugin.units import WITHOUT_RESTART, changed
from floria_plugin.workload import invalid, told
from podman_driver import (
    description,
    extras,
    faults,
    images,
    observed,
    options,
    podman,
    quadlet,
    quadlet_check,
    supervised,
    units,
)
from podman_driver.description import Description
from podman_driver.images import Image
from podman_driver.options import Option

BROKEN = (State.ERROR, State.FAILED)
UNIFIED = "/sys/fs/cgroup/cgroup.controllers"
RESTARTER = "podman-restart.service"


def create(context: Context, site: Site) -> dict[str, Any]:
    """Make the container, or the file of its unit; nothing is started."""
    found, image = description.of(site), images.of(site)
    if text := _text(context, site, found, image):
        known = images.ensure(context, site, image, refresh=True)
        fresh = extras.make(context, site, found)
        file = units.path(site, quadlet.CONTAINER)
        before = context.files.read(file) if context.files.exists(file) else ""
        context.files.write(file, text)
        if before and (changed(before, text) or fresh):
            units.stop(context, site)  # what runs is another one; a start begins anew
        return _unit(site) | {"container": found.name} | images.attributes(image, known)
    known = None if _simple(image) else images.ensure(context, site, image, refresh=True)
    fresh = extras.make(context, site, found)
    done = _make(context, site, found, image)
    if done.ok:
        known = known or podman.image(context, site, image.name)
        return {"container": found.name, "container_id": done.stdout.strip()} | images.attributes(image, known)
    there = _named(context, site, found, done)
    if fresh or not _same(site, found, image, there):
        _replace(context, site, found, image)
        there = podman.container(context, site, found.name) or {}
    return observed.attributes(found.name, there)


def start(context: Context, site: Site) -> dict[str, Any]:
    """Start it. One that has failed at once is a fault that tells what it wrote."""
    found = description.of(site)
    if managed(context, site):
        units.start(context, site)
        return _started(context, site, found)
    if found.notify:
        raise invalid(site, "readiness by notify needs a Quadlet file, which this host or the property units rules out")
    podman.run(context, site, "start", found.name, doing=f"starting {found.name}")
    enable(context, site, found)
    supervised.watch(context, site, found, "Container")
    return _started(context, site, found)


def stop(context: Context, site: Site) -> dict[str, Any]:
    """Stop it. A container that a unit runs is gone then, and made anew by the next start."""
    name = description.name(site)
    supervised.forget(context, site)
    if managed(context, site):
        units.stop(context, site)
        return observed.attributes(name, podman.container(context, site, name))
    podman.run(context, site, "stop", "--ignore", name, doing=f"stopping {name}")
    return observed.attributes(name, podman.container(context, site, name))


def delete(context: Context, site: Site) -> dict[str, Any]:
    """Remove it with everything that was made for it."""
    name = description.name(site)
    supervised.forget(context, site)
    file = units.path(site, quadlet.CONTAINER)
    if context.files.exists(file):
        units.stop(context, site)
        units.forget(context, site, file)
    if description.own(site):
        podman.run(context, site, "rm", "--force", "--ignore", "--volumes", name, doing=f"removing {name}")
    _forget_made(context, site)
    return {"pid": 0}


def update(context: Context, site: Site) -> dict[str, Any]:
    """Apply what has changed: in place where Podman can, else with another container."""
    found, image = description.of(site), images.of(site)
    if not description.own(site):
        return _limit(context, site, found, podman.container(context, site, found.name))
    known = images.ensure(context, site, image, refresh=True)
    fresh = extras.make(context, site, found)
    before = podman.container(context, site, found.name)
    runs = False
    if text := _text(context, site, found, image):
        _update_unit(context, site, found, text, before, known, fresh=fresh)
    elif runs := _update_plain(context, site, found, image, before, known, fresh=fresh):
        supervised.watch(context, site, found, "Container")
    extras.tidy(context, site, found)
    after = podman.container(context, site, found.name)
    old = observed.attributes(found.name, before).get("image_name") or ""
    if old != image.name:
        images.remove(context, site, str(old))
    now = observed.attributes(found.name, after) | images.attributes(image, known)
    now |= supervised.unit(site, found, "Container") if runs else {}
    return now | _unit(site, context) | description.endpoint(site)


def inspect(context: Context, site: Site) -> Inspection:
    """Compare the container, and the file of its unit, with the graph."""
    name = description.name(site)
    known = podman.container(context, site, name)
    attributes = observed.attributes(name, known)
    if managed(context, site):
        return _inspect_unit(context, site, known, attributes)
    differences = workload.state_differences(site, observed.running(known), attributes["state"])
    state = observed.state(known)
    if known is not None and description.own(site):
        found, image = description.of(site), images.of(site)
        wanted = ["podman", "create", *_arguments(site, found, image)]
        wanted = [word for word in wanted if word not in [str(one) for one in options.limits(found)]]
        differences += observed.argument_differences(wanted, observed.arguments(known))
        differences += observed.limit_differences(found, known)
        differences += _image_differences(context, site, image, known)
    if known is None and not differences:
        differences.append(Difference("container", name, None))
    return Inspection(known is not None, told(site, known is not None, state), attributes, differences)


def adopt(context: Context, site: Site, existing: str) -> dict[str, Any]:
    """Know a container by its name from now on. Nothing is made, started or stopped."""
    known = podman.container(context, site, existing)
    if known is None:
        hint = "`podman ps --all` shows the containers of this user"
        raise Permanent("not-found", f"there is no container {existing} to adopt", hint=hint)
    name = str(known.get("Name") or existing)
    return observed.attributes(name, known)


def logs(context: Context, site: Site, inputs: Inputs) -> Stream:
    """Read its output; that of a container that a unit has removed is in the journal."""
    name, reading = description.name(site), Reading.of(inputs)
    if managed(context, site) and podman.container(context, site, name) is None:
        invocation = units.show(context, site).shown.get("InvocationID") if reading.current else ""
        matches = [f"CONTAINER_NAME={name}"] + ([f"_SYSTEMD_INVOCATION_ID={invocation}"] if invocation else [])
        return systemd.journal(context, site, reading, *matches)
    options = reading.options(lines="--tail={}")
    if reading.current:
        since = observed.begun(podman.container(context, site, name))
        options += [f"--since={since}"] if since else []
    return Stream(["podman", "logs", *options, name], systemd.environment(site))


def execute(site: Site, inputs: Inputs) -> Stream:
    """Run the input `argv` in the container."""
    program = Program.of(inputs)
    options = ["--interactive"] if program.stdin else []
    options += ["--tty", "--env=TERM"] if program.tty else []
    return Stream(["podman", "exec", *options, description.name(site), *program.argv], systemd.environment(site))


def health(site: Site) -> Stream:
    """Run its health check once."""
    return Stream(["podman", "healthcheck", "run", description.name(site)], systemd.environment(site))


def managed(context: Context, site: Site) -> bool:
    """Whether a unit of ours runs the container."""
    return site.host.systemd and context.files.exists(units.path(site, quadlet.CONTAINER))


def _simple(image: Image) -> bool:
    """Whether `podman create` itself can be asked for the image."""
    return not image.own and image.pull == "missing" and not image.digest and not image.special


def _arguments(site: Site, found: Description, image: Image) -> list[str]:
    """Return the arguments of `podman create`."""
    wanted = [*options.of(found), options.restart(found)]
    if not site.host.systemd:
        wanted = [Option(one.name, "disable") if one.name == "health-interval" else one for one in wanted]
    pull = "missing" if _simple(image) else "never"
    words = [f"--name={found.name}", *(str(one) for one in wanted), f"--pull={pull}"]
    extra = [str(word) for word in found.given.get("options") or []]
    return [*words, *extra, image.name, *(str(word) for word in found.given.get("command") or [])]


def _named(context: Context, site: Site, found: Description, done: Output) -> dict[str, Any]:
    """Return the container that has the name already, when it is this node's. Raises what the failure means."""
    fault = _fault(done, found.name)
    if fault.code != "name-in-use":
        raise fault
    there = podman.container(context, site, found.name)
    if there is None or not observed.labelled(there, site.labels):
        raise fault
    return there


def _fault(done: Output, name: str) -> Fault:
    """Return what the failure to make a container means."""
    return faults.of(done, f"making the container {name}")


def _same(site: Site, found: Description, image: Image, there: dict[str, Any]) -> bool:
    limits = [str(one) for one in options.limits(found)]
    wanted = [word for word in ["podman", "create", *_arguments(site, found, image)] if word not in limits]
    return observed.arguments(there) == wanted and not observed.limit_differences(found, there)


def _replace(context: Context, site: Site, found: Description, image: Image) -> None:
    podman.run(context, site, "rm", "--force", "--ignore", found.name, doing=f"removing {found.name}")
    done = _make(context, site, found, image)
    if not done.ok:
        raise _fault(done, found.name)


def _make(context: Context, site: Site, found: Description, image: Image) -> Output:
    """Make the container. What a Podman that was killed has left half-made under its name does not stay."""
    done = podman.attempt(context, site, "create", *_arguments(site, found, image))
    code = "" if done.ok else _fault(done, found.name).code
    if code not in ("name-in-use", "podman-killed"):
        return done
    there = podman.container(context, site, found.name)
    half = observed.status(there) in ("created", "configured") and observed.labelled(there, site.labels)
    if there is None or (half and code == "podman-killed"):
        podman.run(context, site, "rm", "--force", "--ignore", found.name, doing=f"removing {found.name}")
    if there is None and code == "name-in-use":
        return podman.attempt(context, site, "create", *_arguments(site, found, image))
    return done


def _update_plain(
    context: Context,
    site: Site,
    found: Description,
    image: Image,
    before: dict[str, Any] | None,
    known: dict[str, Any] | None,
    *,
    fresh: bool,
) -> bool:
    """Return whether it runs then."""
    if managed(context, site):
        units.stop(context, site)
        units.forget(context, site, units.path(site, quadlet.CONTAINER))
        before = None
    limits = [str(one) for one in options.limits(found)]
    wanted = [word for word in ["podman", "create", *_arguments(site, found, image)] if word not in limits]
    stale = fresh or (before is not None and known is not None and _id(before.get("Image")) != _id(known.get("Id")))
    if before is not None and not stale and observed.arguments(before) == wanted:
        if not observed.limit_differences(found, before):
            return observed.running(before)
        if podman.version(context, site) >= options.LASTING:
            _limit(context, site, found, before)
            return observed.running(before)
    ran = before is None or observed.running(before)
    if before is not None and observed.running(before):
        podman.run(context, site, "stop", found.name, doing=f"stopping {found.name}")
    _replace(context, site, found, image)
    if ran:
        podman.run(context, site, "start", found.name, doing=f"starting {found.name}")
    return ran


def _update_unit(
    context: Context,
    site: Site,
    found: Description,
    new: str,
    before: dict[str, Any] | None,
    known: dict[str, Any] | None,
    *,
    fresh: bool,
) -> None:
    file = units.path(site, quadlet.CONTAINER)
    old = context.files.read(file) if context.files.exists(file) else ""
    if not old and before is not None:
        podman.run(context, site, "rm", "--force", "--ignore", found.name, doing=f"removing {found.name}")
    context.files.write(file, new)
    limits = {f"PodmanArgs={one}" for one in _limit_lines(old) ^ _limit_lines(new)}
    changes = changed(_without_limits(old), _without_limits(new))
    stale = fresh or (before is not None and known is not None and _id(before.get("Image")) != _id(known.get("Id")))
    if old != new:
        units.reload(context, site)
    if before is None or not observed.running(before):
        if site.state in BROKEN and units.show(context, site).failed:
            units.start(context, site)  # that it runs is what an update before this one has failed at
        return
    limited = bool(limits or observed.limit_differences(found, before))
    if stale or changes - WITHOUT_RESTART or (limited and podman.version(context, site) < options.LASTING):
        units.restart(context, site)
    elif limited:
        _limit(context, site, found, before)


def _limit(context: Context, site: Site, found: Description, before: dict[str, Any] | None) -> dict[str, Any]:
    """Change the limits of a container in place."""
    if before is not None and (differences := observed.limit_differences(found, before)):
        _check_lasting(context, site, found.name)
        wanted = {one.name: one for one in options.limits(found)}
        words = [str(wanted.get(one.what) or Option(one.what, "0")) for one in differences]
        podman.run(context, site, "update", *words, found.name, doing=f"changing the limits of {found.name}")
    return observed.attributes(found.name, podman.container(context, site, found.name))


def _check_lasting(context: Context, site: Site, name: str) -> None:
    """Raise `Permanent` when Podman would forget the limits, and the container is none to be replaced."""
    version = podman.version(context, site)
    if not description.own(site) and version < options.LASTING:
        told = f"Podman {version[0]}.{version[1]} cannot change the limits of {name} for good"
        hint = "remove limits from the properties, or have Podman 5.1 or later; what was adopted is not replaced"
        raise Permanent("not-changeable", told, hint=hint)


def _text(context: Context, site: Site, found: Description, image: Image) -> str:
    """Return the text of the Quadlet file, which Podman takes; nothing for a plain container."""
    pod = f"{units.folder(site)}/{units.file_name(found.pod_unit, quadlet.POD)}"
    if not units.possible(context, site) or (found.pod and not context.files.exists(pod)):
        return ""
    file, links = units.path(site, quadlet.CONTAINER), units.linked(context, site)
    more = [] if context.files.exists(UNIFIED) else ["--cgroups=enabled"]

    def render(without: frozenset[str]) -> str:
        return quadlet.container(site, found, image.name, more, links, without)

    return quadlet_check.accepted(context, site, file, render, quadlet.KEYS, units.beside(site, links))


def _inspect_unit(context: Context, site: Site, known: dict[str, Any] | None, attributes: dict[str, Any]) -> Inspection:
    unit = units.show(context, site)
    differences = workload.state_differences(site, unit.active, unit.shown.get("ActiveState") or "inactive")
    found, image = description.of(site), images.of(site)
    differences += _file_differences(context, site, found, image)
    differences += unit.drop_ins()
    if known is not None:
        differences += observed.limit_differences(found, known)
        differences += _image_differences(context, site, image, known)
    state = unit.state if unit.loaded else State.STOPPED
    return Inspection(True, told(site, True, state), attributes | _unit(site), differences)


def _file_differences(context: Context, site: Site, found: Description, image: Image) -> list[Difference]:
    file = units.path(site, quadlet.CONTAINER)
    there = context.files.read(file)
    without = frozenset(key for key in quadlet.KEYS if f"\n{key}=" not in there)
    more = [] if context.files.exists(UNIFIED) else ["--cgroups=enabled"]
    links = units.linked(context, site)
    wanted = quadlet.container(site, found, image.name, more, links, frozenset())
    reduced = quadlet.container(site, found, image.name, more, links, without)
    if changed(reduced, there) and changed(wanted, there):
        best = min((wanted, reduced), key=lambda one: len(changed(one, there)))
        names = sorted(changed(best, there))
        return [Difference(name, units.values(best, name), units.values(there, name)) for name in names]
    return []


def _image_differences(context: Context, site: Site, image: Image, known: dict[str, Any]) -> list[Difference]:
    there = podman.image(context, site, image.name)
    if there is not None and _id(there.get("Id")) != _id(known.get("Image")):
        return [Difference("image", _id(there.get("Id")), _id(known.get("Image")))]
    return []


def _started(context: Context, site: Site, found: Description) -> dict[str, Any]:
    known = podman.container(context, site, found.name)
    told_of = observed.attributes(found.name, known) | _unit(site, context) | description.endpoint(site)
    told_of |= supervised.unit(site, found, "Container")
    if observed.state(known) == State.FAILED and found.restart.policy == "never":
        said = podman.attempt(context, site, "logs", "--tail=20", found.name)
        words = (said.stdout + faults.said(said.stderr)).strip()
        message = (
            f"{found.name} has ended at once with {told_of.get('exit_code')}: {words[-400:] or 'it wrote nothing'}"
        )
        hint = f"see `khutulun logs {site.service}/{site.node}`"
        raise Permanent("ended-at-once", message, {"exit_code": told_of.get("exit_code")}, hint)
    return told_of


def enable(context: Context, site: Site, found: Description) -> None:
    """Have systemd start the containers that shall always run at the machine's start, when it does not run this one."""
    if not site.host.systemd or found.restart.policy == "never":
        return
    done = systemd.control(context, site, "is-enabled", RESTARTER, check=False)
    if done.stdout.strip() == "disabled":
        systemd.control(context, site, "enable", RESTARTER)


def _forget_made(context: Context, site: Site) -> None:
    """Remove the image and the files that were made for the node, as far as its properties still say which."""
    try:
        found, image = description.of(site), images.of(site)
    except Permanent:
        return
    extras.remove(context, site, found)
    if image.own:
        images.remove(context, site, image.name)


def _unit(site: Site, context: Context | None = None) -> dict[str, Any]:
    if context is not None and not managed(context, site):
        return {}
    return {"unit": site.names["unit"]}


def _id(value: object) -> str:
    return str(value or "").removeprefix("sha256:")


def _limit_lines(content: str) -> set[str]:
    return {one for one in units.values(content, "PodmanArgs") if _is_limit(one)} | {
        f"PidsLimit={one}" for one in units.values(content, "PidsLimit")
    }


def _without_limits(content: str) -> str:
    return "\n".join(
        line
        for line in content.splitlines()
        if not line.startswith("PidsLimit=") and not (line.startswith("PodmanArgs=") and _is_limit(line[11:]))
    )


def _is_limit(word: str) -> bool:
    return any(word.startswith(f"--{name}=") for name in options.LIMITS)
