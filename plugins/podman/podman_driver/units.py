"""Containers and pods that systemd runs through Quadlet files: written, checked, started and removed."""

import re
from collections.abc import Callable

from floria_plugin import Context, Fault, Permanent, systemd
from floria_plugin.driver import Site
from floria_plugin.streams import Reading
from floria_plugin.systemd import Unit
from floria_plugin.units import settings
from podman_driver import faults

GENERATORS = ("/usr/lib/systemd/system-generators/podman-system-generator", "/usr/libexec/podman/quadlet")
SYSTEM_FOLDER = "/etc/containers/systemd"
USER_FOLDER = ".config/containers/systemd"
_UNSUPPORTED = re.compile(r"unsupported key '([^']+)' in group '([^']+)'")
_LINES = 60


def possible(context: Context, site: Site) -> bool:
    """Whether the host's Podman has Quadlet, and the node may use it."""
    if not site.host.systemd or str(site.properties.get("units") or "auto") == "never":
        return False
    return any(context.files.exists(path) for path in GENERATORS)


def folder(site: Site) -> str:
    """Return the folder of Quadlet files of the scope."""
    return SYSTEM_FOLDER if site.host.system else f"{site.host.paths['home']}/{USER_FOLDER}"


def path(site: Site, kind: str) -> str:
    """Return the file of the node: ``khutulun-SERVICE-NODE-N.container`` or ``.pod``."""
    return f"{folder(site)}/{site.names['unit'].removesuffix('.service')}.{kind.lower()}"


def unknown_keys(context: Context, site: Site, file: str, own: frozenset[str]) -> frozenset[str]:
    """Ask the installed generator about a file that is there; return the keys of `own` that it does not know.

    Raises `Permanent` for what else it does not take.
    """
    said = _dry_run(context, site)
    name = file.rpartition("/")[2]
    if name not in said and name.endswith(".container"):
        return frozenset()  # every generator reads these: a plan is being made, and the file is not there yet
    if name not in said:
        raise Permanent("quadlet-unknown", f"this Podman has no Quadlet files like {name}")
    about = [line for line in said.splitlines() if name in line and "Loading source unit" not in line]
    unsupported = [match for line in about if (match := _UNSUPPORTED.search(line))]
    foreign = [match for match in unsupported if match[1] not in own]
    if foreign or len(unsupported) < len(about):
        why = [f"[{match[2]}] has no {match[1]}" for match in foreign] or [about[-1].partition(": ")[2] or about[-1]]
        message = f"Podman would not take the file {name}: {'; '.join(why)}"
        hint = "see the keys in podman-systemd.unit(5) of the Podman on the host; the property quadlet adds them"
        raise Permanent("quadlet-refused", message, {"said": said[-faults.LONGEST :]}, hint)
    return frozenset(match[1] for match in unsupported)


def write(
    context: Context, site: Site, file: str, render: Callable[[frozenset[str]], str], own: frozenset[str]
) -> bool:
    """Write a file that the generator takes. `render` makes its text without the keys that Podman does not know.

    False when the generator knows no such files. What it does not take leaves no trace.
    """
    old = context.files.read(file) if context.files.exists(file) else None
    without: frozenset[str] = frozenset()
    while True:
        context.files.write(file, render(without))
        if not context.files.exists(file):
            return True  # a plan is being made
        try:
            unknown = unknown_keys(context, site, file, own - without)
        except Permanent as fault:
            if old is None:
                context.files.remove(file)
            else:
                context.files.write(file, old)
            if fault.code == "quadlet-unknown":
                return False
            raise
        if not unknown:
            return True
        without |= unknown


def show(context: Context, site: Site) -> Unit:
    """Return how the unit of the node is."""
    return systemd.show(context, site, site.names["unit"])


def reload(context: Context, site: Site) -> None:
    """Have systemd read all unit files, which makes units of the Quadlet files."""
    systemd.reload(context, site)


def start(context: Context, site: Site) -> None:
    """Start the unit; it is started when the container or pod is. Raises what its failure means."""
    unit = site.names["unit"]
    found = show(context, site)
    if found.stale or not found.loaded:
        reload(context, site)
    if found.active and not found.stale:
        return
    done = systemd.control(context, site, "start", unit, check=False)
    if not done.ok:
        raise _not_started(context, site, done.stderr)


def restart(context: Context, site: Site) -> None:
    """Start it anew, which makes another container in place of the present one."""
    done = systemd.control(context, site, "restart", site.names["unit"], check=False)
    if not done.ok:
        raise _not_started(context, site, done.stderr)


def stop(context: Context, site: Site) -> Unit:
    """Stop the unit, which removes its container or pod."""
    return systemd.end(context, site, site.names["unit"])


def forget(context: Context, site: Site, file: str) -> None:
    """Remove the file of a unit that was stopped, and have systemd forget it."""
    context.files.remove(file)
    found = show(context, site)
    systemd.forgive(context, site, site.names["unit"], found)
    if found.loaded:
        reload(context, site)


def values(content: str, name: str) -> list[str]:
    """Return the values of a setting of a file."""
    return settings(content).get(name, [])


def _dry_run(context: Context, site: Site) -> str:
    program = next(path for path in GENERATORS if context.files.exists(path))
    environment = {**systemd.environment(site), "QUADLET_UNIT_DIRS": folder(site)}
    done = context.run(program, *systemd.scope(site), "--dryrun", env=environment, check=False)
    return done.stderr


def _not_started(context: Context, site: Site, said: str) -> Fault:
    unit = site.names["unit"]
    found = show(context, site).shown
    if found.get("Result") == "timeout" or "timeout was exceeded" in said:
        message = f"starting {unit}: it did not notify in time that it is ready"
        hint = f"it does so with `systemd-notify --ready`, say; see `khutulun logs {site.service}/{site.node}`"
        return Permanent("not-ready", message, {"unit": unit}, hint)
    invocation = found.get("InvocationID") or ""
    which = f"_SYSTEMD_INVOCATION_ID={invocation}" if invocation else f"--unit={unit}"
    journal = systemd.journal(site, Reading(lines=_LINES), which)
    done = context.run(*journal.argv, env=journal.env, check=False)
    return faults.told(done.stdout.strip() or said, f"starting {unit}", "not-started", {"unit": unit})
