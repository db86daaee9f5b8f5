"""Volumes and networks: made once, there after every start of the machine, and doing nothing by themselves."""

from typing import Any

from floria_plugin import Context, Permanent
from floria_plugin.driver import Difference, Inspection, Site, State
from podman_driver import description, podman

CAPABILITY = {"volume": "capability/storage", "network": "capability/link"}


def create(context: Context, site: Site, kind: str) -> dict[str, Any]:
    """Make it, unless it is there."""
    name = description.name(site)
    there = _there(context, site, kind, name)
    if there is None:
        podman.run(context, site, kind, "create", *_options(site, kind), name, doing=f"making the {kind} {name}")
    elif any((_labels(there)).get(key) != value for key, value in site.labels.items()) and description.own(site):
        hint = f"adopt it with `--adopt {site.node}={name}`, or remove it"
        raise Permanent("name-in-use", f"there is a {kind} {name} already, and it is not this node's", hint=hint)
    return _attributes(kind, name, there is None)


def delete(context: Context, site: Site, kind: str) -> dict[str, Any]:
    """Remove it, unless it is to be kept."""
    name = description.name(site)
    kept = site.properties.get("keep") is True or not description.own(site)
    if not kept and _there(context, site, kind, name) is not None:
        podman.run(context, site, kind, "rm", name, doing=f"removing the {kind} {name}")
    return {}


def update(context: Context, site: Site, kind: str) -> dict[str, Any]:
    """Podman cannot change what is there; what would lose data or cut others off is not done behind anybody's back."""
    name = description.name(site)
    there = _there(context, site, kind, name)
    if there is None:
        return create(context, site, kind)
    if differences := _differences(site, kind, there):
        what = ", ".join(one.what for one in differences)
        hint = f"undeploy what uses it and remove it with `podman {kind} rm {name}`, then update again"
        raise Permanent("not-changeable", f"the {kind} {name} is there, and Podman cannot change its {what}", hint=hint)
    return _attributes(kind, name, False)


def inspect(context: Context, site: Site, kind: str) -> Inspection:
    """Compare it with the graph."""
    name = description.name(site)
    there = _there(context, site, kind, name)
    if there is None:
        return Inspection(False, State.STOPPED, _attributes(kind, name, True), [Difference(kind, name, None)])
    own = description.own(site)
    return Inspection(
        True, State.STARTED, _attributes(kind, name, False), _differences(site, kind, there) if own else []
    )


def adopt(context: Context, site: Site, kind: str, existing: str) -> dict[str, Any]:
    """Know it by its name from now on."""
    if _there(context, site, kind, existing) is None:
        hint = f"`podman {kind} ls` shows those that are"
        raise Permanent("not-found", f"there is no {kind} {existing} to adopt", hint=hint)
    return _attributes(kind, existing, False)


def _there(context: Context, site: Site, kind: str, name: str) -> dict[str, Any] | None:
    return (podman.volume if kind == "volume" else podman.network)(context, site, name)


def _options(site: Site, kind: str) -> list[str]:
    labels = {**site.labels, **(site.properties.get("labels") or {})}
    words = [f"--label={key}={value}" for key, value in sorted(labels.items())]
    given = site.properties
    if kind == "volume":
        return words + [f"--opt={key}={value}" for key, value in sorted((given.get("options") or {}).items())]
    words += ["--internal"] if given.get("internal") else []
    words += ["--ipv6"] if given.get("ipv6") else []
    return words + ([f"--subnet={given['subnet']}"] if given.get("subnet") else [])


def _attributes(kind: str, name: str, missing: bool) -> dict[str, Any]:
    return {kind: name, "state": "made" if not missing else "absent", CAPABILITY[kind]: {kind: name}}


def _labels(there: dict[str, Any]) -> dict[str, str]:
    return dict(there.get("Labels") or there.get("labels") or {})


def _differences(site: Site, kind: str, there: dict[str, Any]) -> list[Difference]:
    given, found = site.properties, []
    if kind == "volume":
        wanted, is_so = dict(given.get("options") or {}), dict(there.get("Options") or {})
        is_so = {key: value for key, value in is_so.items() if key in wanted or key not in ("UID", "GID")}
        found += [Difference("options", wanted, is_so)] if wanted != is_so else []
        return found
    internal, ipv6 = bool(there.get("internal")), bool(there.get("ipv6_enabled"))
    subnets = [str(one.get("subnet")) for one in there.get("subnets") or []]
    if bool(given.get("internal")) != internal:
        found.append(Difference("internal", bool(given.get("internal")), internal))
    if bool(given.get("ipv6")) != ipv6:
        found.append(Difference("ipv6", bool(given.get("ipv6")), ipv6))
    if given.get("subnet") and given["subnet"] not in subnets:
        found.append(Difference("subnet", given["subnet"], subnets))
    return found
