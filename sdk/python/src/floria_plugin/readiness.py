"""How a workload tells that it is ready."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from floria_plugin.site import Site
from floria_plugin.workload import invalid


class Readiness(StrEnum):
    """How a workload tells that it is ready; a driver names those that its tool answers for."""

    STARTED = "started"
    NOTIFY = "notify"
    HEALTH = "health"
    PORT = "port"
    COMMAND = "command"
    LOG = "log"


def asked(site: Site, *ways: Readiness) -> Mapping[str, Any]:
    """Return the node's property `readiness`, a map with exactly one of `ways`; an empty one when it is not given.

    Raises `Permanent` for what no schema can refuse: several ways at once, or none of them.
    """
    given: Mapping[str, Any] = site.properties.get("readiness") or {}
    found = [str(way) for way in ways if given.get(way)]
    if given and len(found) != 1:
        said = " and ".join(found) or "none"
        raise invalid(site, f"readiness needs exactly one of {', '.join(ways)}; has {said}")
    return given
