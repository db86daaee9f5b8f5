"""What systemd would do for containers, where there is none: run them at the machine's start, and their health checks.

Both are jobs of Khutulun's supervisor: ``khutulun-SERVICE-NODE-N-boot`` runs `podman start` at every start of the
machine, ``…-health`` runs `podman healthcheck run` as often as the check asks for.
"""

from typing import Any

from floria_plugin import Context, supervisor
from floria_plugin.driver import Site
from podman_driver.description import Description

BOOT, HEALTH = "boot", "health"


def watch(context: Context, site: Site, found: Description, kind: str) -> None:
    """Have the jobs that a running container or pod needs."""
    if site.host.systemd:
        return
    wanted = _specs(site, found, kind)
    for role in (BOOT, HEALTH):
        if role not in wanted:
            supervisor.remove(context, site, _name(site, role))
            continue
        known = supervisor.define(context, site, wanted[role])
        if known is None or not known["wanted"]:
            supervisor.control(context, site, "start", _name(site, role))


def unit(site: Site, found: Description, kind: str) -> dict[str, Any]:
    """Return the attribute that names what brings it back, for what comes after it; none where systemd does."""
    comes_back = found.restart.policy != "never" or kind == "Pod"
    return {"unit": _name(site, BOOT)} if comes_back and not site.host.systemd else {}


def forget(context: Context, site: Site) -> None:
    """Have none of them."""
    if not site.host.systemd:
        for role in (BOOT, HEALTH):
            supervisor.remove(context, site, _name(site, role))


def _specs(site: Site, found: Description, kind: str) -> dict[str, dict[str, Any]]:
    environment = {"XDG_RUNTIME_DIR": site.host.paths.get("runtime") or ""}
    common: dict[str, Any] = {"kind": "job", "labels": dict(site.labels)}
    common |= {"environment": environment} if environment["XDG_RUNTIME_DIR"] else {}
    specs: dict[str, dict[str, Any]] = {}
    if found.restart.policy != "never" or kind == "Pod":
        words = ["podman", "pod", "start"] if kind == "Pod" else ["podman", "start"]
        first = supervisor.after(site)
        specs[BOOT] = {**common, "argv": [*words, found.name], "schedule": {"delay": 0.001}}
        specs[BOOT] |= {"after": first} if first else {}
    if found.health is not None:
        interval = found.health.interval
        schedule = {"delay": min(1.0, interval), "interval": interval}
        argv = ["podman", "healthcheck", "run", found.name]
        specs[HEALTH] = {**common, "argv": argv, "schedule": schedule}
    return {role: {"name": _name(site, role), **spec} for role, spec in specs.items()}


def _name(site: Site, role: str) -> str:
    return f"{site.names['unit'].removesuffix('.service')}-{role}"
