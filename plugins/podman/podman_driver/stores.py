"""Volumes and networks: made once, there after every start of the machine, and doing nothing by themselves.

Where systemd runs containers, these are Quadlet files too: units that make what is missing before a container starts.
"""

from typing import Any

from floria_plugin import Context, Permanent
from floria_plugin.driver import Difference, Inspection, Site, State
from floria_plugin.units import changed
from podman_driver import description, podman, quadlet, units
from podman_driver.options import Option

CAPABILITY = {"volume": "capability/storage", "network": "capability/link"}


def create(context: Context, site: Site, kind: str) -> dict[str, Any]:
    """Make it, unless it is there."""
    name = description.name(site)
    there, own = _there(context, site, kind, name), description.own(site)
    if there is not None and own and any(_labels(there).get(key) != value for key, value in site.labels.items()):
        hint = f"adopt it with `--adopt {site.node}={name}`, or remove it"
        raise Permanent("name-in-use", f"there is a {kind} {name} already, and it is not this node's", hint=hint)
    if own and units.possible(context, site) and _write(context, site, kind):
        if there is None and units.show(context, site, _unit(site, kind)).active:
            units.restart(context, site, _unit(site, kind))  # it was made before, and removed by hand
        else:
            units.start(context, site, _unit(site, kind))
    elif there is None:
        words = [str(one) for one in _options(site, kind)]
        podman.run(context, site, kind, "create", *words, name, doing=f"making the {kind} {name}")
    return _attributes(kind, name, False)


def delete(context: Context, site: Site, kind: str) -> dict[str, Any]:
    """Remove it, unless it is to be kept."""
    name = description.name(site)
    kept = site.properties.get("keep") is True or not description.own(site)
    if managed(context, site, kind):
        units.stop(context, site, _unit(site, kind))
        units.forget(context, site, units.path(site, kind), _unit(site, kind))
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
    if managed(context, site, kind):
        old = context.files.read(units.path(site, kind))
        if changed(old, _write(context, site, kind)):
            units.reload(context, site)
    return _attributes(kind, name, False)


def inspect(context: Context, site: Site, kind: str) -> Inspection:
    """Compare it with the graph."""
    name = description.name(site)
    there = _there(context, site, kind, name)
    if there is None:
        return Inspection(False, State.STOPPED, _attributes(kind, name, True), [Difference(kind, name, None)])
    differences = _differences(site, kind, there) if description.own(site) else []
    if managed(context, site, kind):
        text, wanted = context.files.read(units.path(site, kind)), _text(site, kind)
        names = sorted(changed(text, wanted))
        differences += [Difference(name, units.values(wanted, name), units.values(text, name)) for name in names]
    return Inspection(True, State.STARTED, _attributes(kind, name, False), differences)


def adopt(context: Context, site: Site, kind: str, existing: str) -> dict[str, Any]:
    """Know it by its name from now on."""
    if _there(context, site, kind, existing) is None:
        hint = f"`podman {kind} ls` shows those that are"
        raise Permanent("not-found", f"there is no {kind} {existing} to adopt", hint=hint)
    return _attributes(kind, existing, False)


def managed(context: Context, site: Site, kind: str) -> bool:
    """Whether a unit of ours makes it."""
    return site.host.systemd and context.files.exists(units.path(site, kind))


def _unit(site: Site, kind: str) -> str:
    """Return the name that Quadlet gives the unit in every version: that of the file, and the kind."""
    return f"{site.names['unit'].removesuffix('.service')}-{kind}.service"


def _text(site: Site, kind: str) -> str:
    return quadlet.store(site, kind.capitalize(), description.name(site), _options(site, kind))


def _write(context: Context, site: Site, kind: str) -> str:
    """Write the Quadlet file; nothing is returned when this Podman has none in which all is said."""
    wanted = _text(site, kind)
    keys = frozenset(line.partition("=")[0] for line in wanted.splitlines() if "=" in line)
    return units.write(context, site, units.path(site, kind), lambda without: "" if without else wanted, keys, {})


def _there(context: Context, site: Site, kind: str, name: str) -> dict[str, Any] | None:
    return (podman.volume if kind == "volume" else podman.network)(context, site, name)


def _options(site: Site, kind: str) -> list[Option]:
    labels = {**site.labels, **(site.properties.get("labels") or {})}
    words = [Option("label", f"{key}={value}") for key, value in sorted(labels.items())]
    given = site.properties
    if kind == "volume":
        return words + [Option("opt", f"{key}={value}") for key, value in sorted((given.get("options") or {}).items())]
    words += [Option("internal", "true")] if given.get("internal") else []
    words += [Option("ipv6", "true")] if given.get("ipv6") else []
    return words + ([Option("subnet", given["subnet"])] if given.get("subnet") else [])


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
