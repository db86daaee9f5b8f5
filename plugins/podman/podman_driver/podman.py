"""The program `podman`: how it is run, and what it tells of containers, pods, images, volumes and networks."""

import json
import re
from collections.abc import Mapping
from typing import Any

from floria_plugin import Context, Fault, Output, Permanent, systemd
from floria_plugin.driver import Site
from podman_driver import faults

UNLESS_THERE = 'if ! podman image exists "$1"; then shift; exec podman "$@"; fi'
"""Arguments: the image's name; then those of Podman."""


def run(
    context: Context,
    site: Site,
    *arguments: str,
    doing: str = "",
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Output:
    """Run a command; raises the fault that its failure means. `doing` says what was being done."""
    done = attempt(context, site, *arguments, stdin=stdin, env=env)
    if not done.ok:
        raise faults.of(done, doing or f"podman {arguments[0]}")
    return done


def run_once(
    context: Context,
    site: Site,
    image: str,
    file: str,
    *arguments: str,
    doing: str,
    env: Mapping[str, str] | None = None,
) -> Output:
    """Run a command that makes `image` out of `file`, unless it is there; whoever is at it already is waited for."""
    words = ["flock", "--close", file, "sh", "-c", UNLESS_THERE, "sh", image, *arguments]
    done = _attempt(context, site, *words, env=env)
    if not done.ok:
        raise faults.of(done, doing)
    return done


def attempt(
    context: Context, site: Site, *arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None
) -> Output:
    """Run a command, whatever becomes of it. Raises `Permanent` when there is no Podman."""
    try:
        return _attempt(context, site, "podman", *arguments, stdin=stdin, env=env)
    except Fault as fault:
        if fault.code != "missing-program":
            raise
        raise Permanent(
            "podman-missing", "there is no program podman on this host", hint="install it, such as: apt install podman"
        ) from None


def _attempt(
    context: Context, site: Site, *words: str, stdin: str | None = None, env: Mapping[str, str] | None = None
) -> Output:
    return context.run(*words, stdin=stdin, env={**systemd.environment(site), **(env or {})}, check=False)


def version(context: Context, site: Site) -> tuple[int, int]:
    """Return the first two numbers of Podman's version; zeros when it tells none."""
    found = re.search(r"(\d+)\.(\d+)", attempt(context, site, "--version").stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def container(context: Context, site: Site, name: str) -> dict[str, Any] | None:
    """Return what Podman knows of a container; None when there is none of that name."""
    return _one(context, site, "container", name)


def pod(context: Context, site: Site, name: str) -> dict[str, Any] | None:
    """Return what Podman knows of a pod; None when there is none of that name."""
    return _one(context, site, "pod", name)


def image(context: Context, site: Site, name: str) -> dict[str, Any] | None:
    """Return what Podman knows of an image; None when there is none of that name."""
    return _one(context, site, "image", name)


def volume(context: Context, site: Site, name: str) -> dict[str, Any] | None:
    """Return what Podman knows of a volume; None when there is none of that name."""
    return _one(context, site, "volume", name)


def network(context: Context, site: Site, name: str) -> dict[str, Any] | None:
    """Return what Podman knows of a network; None when there is none of that name."""
    return _one(context, site, "network", name)


def _one(context: Context, site: Site, kind: str, name: str) -> dict[str, Any] | None:
    done = attempt(context, site, kind, "inspect", name)
    if not done.ok:
        words = faults.said(done.stderr).lower()
        if "no such" in words or "not known" in words or "not found" in words or "no container with name" in words:
            return None
        raise faults.of(done, f"looking for the {kind} {name}")
    try:
        found = json.loads(done.stdout)
    except ValueError:
        raise Permanent("podman-failed", f"podman {kind} inspect said what is no JSON: {done.stdout[:200]}") from None
    while isinstance(found, list):
        if not found:
            return None
        found = found[0]
    return dict(found)
