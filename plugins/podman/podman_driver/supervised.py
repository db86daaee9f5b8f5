"""What systemd would do for containers, where there is none: run them at the machine's start, and their health checks.

Both are jobs of Khutulun's supervisor: ``khutulun-SERVICE-NODE-N-boot`` runs `podman start` at every start of the
machine, ``…-health`` runs `podman healthcheck run` as often as the check asks for.
"""

import json
from typing import Any

from floria_plugin import Context, Permanent
from floria_plugin.driver import Site
from podman_driver.description import Description

NO_SUPERVISOR, NO_WORKLOAD = 3, 4
BOOT, HEALTH = "boot", "health"


def watch(context: Context, site: Site, found: Description, kind: str) -> None:
    """Have the jobs that a running container or pod needs."""
    if site.host.systemd:
        return
    wanted = _specs(site, found, kind)
    for role in (BOOT, HEALTH):
        if role not in wanted:
            _remove(context, site, role)
            continue
        known = _show(context, site, role)
        if known is None or known["spec"] != wanted[role]:
            _run(context, site, "define", "-", stdin=json.dumps(wanted[role], indent=2) + "\n")
        if known is None or not known["wanted"]:
            _run(context, site, "start", _name(site, role))


def forget(context: Context, site: Site) -> None:
    """Have none of them."""
    if not site.host.systemd:
        for role in (BOOT, HEALTH):
            _remove(context, site, role)


def _specs(site: Site, found: Description, kind: str) -> dict[str, dict[str, Any]]:
    environment = {"XDG_RUNTIME_DIR": site.host.paths.get("runtime") or ""}
    common: dict[str, Any] = {"kind": "job", "labels": dict(site.labels)}
    common |= {"environment": environment} if environment["XDG_RUNTIME_DIR"] else {}
    specs: dict[str, dict[str, Any]] = {}
    if found.restart.policy != "never" or kind == "Pod":
        words = ["podman", "pod", "start"] if kind == "Pod" else ["podman", "start"]
        specs[BOOT] = {**common, "argv": [*words, found.name], "schedule": {"delay": 0.001}}
    if found.health is not None:
        interval = found.health.interval
        schedule = {"delay": min(1.0, interval), "interval": interval}
        argv = ["podman", "healthcheck", "run", found.name]
        specs[HEALTH] = {**common, "argv": argv, "schedule": schedule}
    return {role: {"name": _name(site, role), **spec} for role, spec in specs.items()}


def _name(site: Site, role: str) -> str:
    return f"{site.names['unit'].removesuffix('.service')}-{role}"


def _program(site: Site) -> list[str]:
    return [f"{site.host.paths['bin']}/khutulun-supervisor", "--folder", f"{site.host.paths['state']}/supervisor"]


def _run(context: Context, site: Site, *arguments: str, stdin: str | None = None) -> None:
    context.run(*_program(site), *arguments, stdin=stdin)


def _show(context: Context, site: Site, role: str) -> dict[str, Any] | None:
    done = context.run(*_program(site), "show", _name(site, role), check=False)
    if done.status in (NO_SUPERVISOR, NO_WORKLOAD):
        return None
    if not done.ok:
        raise Permanent("command-failed", done.stderr.strip())
    return dict(json.loads(done.stdout))


def _remove(context: Context, site: Site, role: str) -> None:
    if _show(context, site, role) is not None:
        _run(context, site, "remove", _name(site, role))
