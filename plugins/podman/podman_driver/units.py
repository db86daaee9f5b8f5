"""Containers and pods that systemd runs through Quadlet files: written, checked, started and removed."""

from collections.abc import Mapping

from floria_plugin import Context, Fault, Permanent, systemd
from floria_plugin.driver import Site
from floria_plugin.streams import Reading
from floria_plugin.systemd import Unit
from floria_plugin.units import settings
from podman_driver import faults, quadlet_check
from podman_driver.quadlet_check import Render

SYSTEM_FOLDER = "/etc/containers/systemd"
USER_FOLDER = ".config/containers/systemd"
LINGERING = "/var/lib/systemd/linger"
"""Holds a file for each user whose own systemd runs from the machine's start on."""

_LINES = 60


def possible(context: Context, site: Site) -> bool:
    """Whether the host's Podman has Quadlet, and the node may use it."""
    if not site.host.systemd or str(site.properties.get("units") or "auto") == "never":
        return False
    return bool(quadlet_check.generator(context))


def warn_of_logging_out(context: Context, site: Site) -> None:
    """Say that a user's containers end with the last session, and do not come back with the machine."""
    if site.host.system or not site.host.systemd or context.files.exists(f"{LINGERING}/{site.host.user}"):
        return
    user = site.host.user
    told = f"the containers of {user} end when {user} logs out, and do not come back when the machine starts"
    context.log(f"{told}: `loginctl enable-linger {user}` changes that", "warning")


def folder(site: Site) -> str:
    """Return the folder of Quadlet files of the scope."""
    return SYSTEM_FOLDER if site.host.system else f"{site.host.paths['home']}/{USER_FOLDER}"


def path(site: Site, kind: str) -> str:
    """Return the file of the node: ``khutulun-SERVICE-NODE-N.container``, ``.pod``, ``.volume`` or ``.network``."""
    return f"{folder(site)}/{file_name(site.names['unit'], kind)}"


def file_name(unit: str, kind: str) -> str:
    """Return the name of the Quadlet file of a node, whose unit is called so."""
    return f"{unit.removesuffix('.service')}.{kind.lower()}"


def write(
    context: Context, site: Site, file: str, render: Render, own: frozenset[str], links: Mapping[str, str]
) -> str:
    """Write a file that Podman takes (`quadlet_check.accepted`), and return its text; nothing when there is none.

    `links` are the volumes and networks that it speaks of (`linked`).
    """
    text = quadlet_check.accepted(context, site, file, render, own, beside(site, links))
    if text:
        context.files.write(file, text)
    return text


def show(context: Context, site: Site, unit: str = "") -> Unit:
    """Return how a unit is, that of the node when none is named."""
    return systemd.show(context, site, unit or site.names["unit"])


def reload(context: Context, site: Site) -> None:
    """Have systemd read all unit files, which makes units of the Quadlet files."""
    systemd.reload(context, site)


def start(context: Context, site: Site, unit: str = "") -> None:
    """Start the unit; it is started when the container or pod is. Raises what its failure means."""
    unit = unit or site.names["unit"]
    found = show(context, site, unit)
    if found.stale or not found.loaded:
        reload(context, site)
    if found.active and not found.stale:
        return
    done = systemd.control(context, site, "start", unit, check=False)
    if not done.ok:
        raise _not_started(context, site, unit, done.stderr)


def restart(context: Context, site: Site, unit: str = "") -> None:
    """Start it anew, which makes another container in place of the present one."""
    unit = unit or site.names["unit"]
    done = systemd.control(context, site, "restart", unit, check=False)
    if not done.ok:
        raise _not_started(context, site, unit, done.stderr)


def stop(context: Context, site: Site, unit: str = "") -> Unit:
    """Stop the unit, which removes its container or pod."""
    return systemd.end(context, site, unit or site.names["unit"])


def forget(context: Context, site: Site, file: str, unit: str = "") -> None:
    """Remove the file of a unit that was stopped, and have systemd forget it."""
    context.files.remove(file)
    unit = unit or site.names["unit"]
    found = show(context, site, unit)
    systemd.forgive(context, site, unit, found)
    if found.loaded:
        reload(context, site)


def values(content: str, name: str) -> list[str]:
    """Return the values of a setting of a file."""
    return settings(content).get(name, [])


def linked(context: Context, site: Site) -> dict[str, str]:
    """Return the volumes and networks that have Quadlet files, by their name in Podman: the names of these files."""
    found = {}
    for kind in ("volume", "network"):
        for target in (edge.target for edge in site.edges_named(kind)):
            name = str(target.properties.get(kind) or target.names.get("machine") or "")
            file = file_name(str(target.names.get("unit") or ""), kind)
            if name == target.names.get("machine") and context.files.exists(f"{folder(site)}/{file}"):
                found[name] = file
    return found


def beside(site: Site, links: Mapping[str, str]) -> dict[str, str]:
    """Return what files that a Quadlet file speaks of are, as far as that matters to whether it is right."""
    names = [*links.values()]
    names += [file_name(str(edge.target.names.get("unit") or ""), "pod") for edge in site.edges_named("pod")]
    return {name: f"[{name.rpartition('.')[2].capitalize()}]" for name in names}


def _not_started(context: Context, site: Site, unit: str, said: str) -> Fault:
    found = show(context, site, unit).shown
    if found.get("Result") == "timeout" or "timeout was exceeded" in said:
        message = f"starting {unit}: it did not notify in time that it is ready"
        hint = f"it does so with `systemd-notify --ready`, say; see `khutulun logs {site.service}/{site.node}`"
        return Permanent("not-ready", message, {"unit": unit}, hint)
    invocation = found.get("InvocationID") or ""
    which = f"_SYSTEMD_INVOCATION_ID={invocation}" if invocation else f"--unit={unit}"
    journal = systemd.journal(context, site, Reading(lines=_LINES), which)
    done = context.run(*journal.argv, env=journal.env, check=False)
    return faults.told(done.stdout.strip() or said, f"starting {unit}", "not-started", {"unit": unit})
