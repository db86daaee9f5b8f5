"""What is to run, read from the site of a call: the same for Quadlet files and for plain containers."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from floria_plugin import Permanent, readiness
from floria_plugin.driver import Edge, Readiness, Site
from floria_plugin.workload import Limits, Restart, Stop, invalid, read

READINESS = (Readiness.HEALTH, Readiness.PORT, Readiness.COMMAND, Readiness.LOG, Readiness.NOTIFY)
KINDS = ("Container", "Pod", "Volume", "Network")
PRIVATE, HOST = "private", "host"
ANY = ("0.0.0.0", "::")  # noqa: S104
PROPERTIES = "entity/properties/"
PASSWORD = f"{PROPERTIES}registry/password"


@dataclass(frozen=True)
class Health:
    """A check that is run again and again. Durations are seconds."""

    command: list[str]
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0
    on_failure: str = "none"


@dataclass(frozen=True)
class Port:
    """A port of the host that leads into the container or pod."""

    address: str
    number: int
    inside: int
    protocol: str = "tcp"

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.number}:{self.inside}/{self.protocol}"


@dataclass(frozen=True)
class Secret:
    """A secret, and where the container finds it."""

    secret: str
    variable: str = ""
    path: str = ""
    mode: str = "0444"


@dataclass(frozen=True)
class Description:
    """Everything about a container or pod but its image.

    `given` are the node's properties. Variables and files that hold secrets are only among the `hidden` ones.
    """

    kind: str
    name: str
    labels: Mapping[str, str]
    restart: Restart
    limits: Limits
    stop: Stop
    ports: list[Port]
    mounts: list[str]
    temporary: list[str]
    networks: list[str]
    files: Mapping[str, str]
    secrets: list[Secret]
    pod: str = ""
    pod_unit: str = ""
    health: Health | None = None
    notify: bool = False
    ready_timeout: float = 60.0
    given: Mapping[str, Any] = field(default_factory=dict)
    hidden_variables: Mapping[str, str] = field(default_factory=dict)
    hidden_files: Mapping[str, str] = field(default_factory=dict)


def kind(site: Site) -> str:
    """Return which of `KINDS` the node is."""
    return next((name for name in KINDS if site.is_a(name)), "Container")


def name(site: Site) -> str:
    """Return the name of the container, pod, volume or network."""
    adopted = site.properties.get(kind(site).lower())
    return str(adopted or site.names["machine"])


def own(site: Site) -> bool:
    """Whether it was made for the node; what was adopted has a name of its own, and stays when the node goes."""
    return site.names["unit"] == f"khutulun-{name(site)}.service"


def of(site: Site) -> Description:
    """Return what the node's properties and relationships ask for. Raises `Permanent` for what no schema can refuse."""
    given = site.properties
    ready = readiness.asked(site, *READINESS)
    if ready.get("health") and not isinstance(given.get("health"), dict):
        raise invalid(site, "readiness by health needs the property health, which says how it is checked")
    health = given.get("health")
    pod = _pod(site)
    variables, hidden_variables = _parted(site, "environment")
    files, hidden_files = _parted(site, "files")
    found = Description(
        kind=kind(site),
        name=name(site),
        labels={**site.labels, **(given.get("labels") or {})},
        restart=read(Restart, given.get("restart")),
        limits=read(Limits, given.get("limits")),
        stop=read(Stop, given.get("stop")),
        ports=ports(site),
        mounts=_mounts(site, files),
        temporary=_temporary(given),
        networks=_networks(site),
        files=files,
        secrets=[read(Secret, one) for one in given.get("secrets") or []],
        pod=str(pod.target.names.get("machine") or "") if pod else "",
        pod_unit=str(pod.target.names.get("unit") or "") if pod else "",
        health=read(Health, health) if isinstance(health, dict) and health.get("command") else None,
        notify=bool(ready.get("notify")),
        ready_timeout=float(ready.get("timeout") or 60.0),
        given={**given, "environment": variables},
        hidden_variables=hidden_variables,
        hidden_files=hidden_files,
    )
    _check(site, found)
    return found


def ports(site: Site) -> list[Port]:
    """Return the published ports: first those that are reserved, then the fixed ones."""
    found = [_reserved(site, edge) for edge in site.edges_named("port")]
    for one in site.properties.get("ports") or []:
        number = int(one.get("host_port") or one["port"])
        found.append(Port(one.get("address") or "127.0.0.1", number, int(one["port"]), one.get("protocol") or "tcp"))
    return found


def endpoint(site: Site) -> dict[str, Any]:
    """Return the attributes of the capability `endpoint`: the first port, as clients on the host reach it."""
    published = ports(site)
    if not published:
        return {}
    first = published[0]
    address = {ANY[0]: "127.0.0.1", ANY[1]: "::1"}.get(first.address, first.address)
    shown = f"[{address}]" if ":" in address else address
    more = {"port": first.number, "port_text": str(first.number), "protocol": first.protocol}
    return {"capability/endpoint": {"address": address, "authority": f"{shown}:{first.number}", **more}}


def file_name(path: str, content: str) -> str:
    """Return the name under which a file for a container lies on the host: another content is another name."""
    return f"{hashlib.sha256(content.encode()).hexdigest()[:12]}-{path.rpartition('/')[2]}"


def folder(site: Site) -> str:
    """Return the folder of a node's own files on the host."""
    return f"{site.host.paths['state']}/podman/{site.names['machine']}"


def _reserved(site: Site, edge: Edge) -> Port:
    found = edge.target.properties
    if not found.get("port"):
        raise invalid(site, f"the port of {edge.target.node} is not reserved yet")
    address = str(edge.target.node_properties.get("address") or found.get("address") or "127.0.0.1")
    inside = int(edge.properties.get("port") or found["port"])
    return Port(address, int(found["port"]), inside, str(found.get("protocol") or "tcp"))


def _pod(site: Site) -> Edge | None:
    return next(iter(site.edges_named("pod")), None)


def refuse_exposed(site: Site) -> None:
    """Raise `Permanent` when a secret stands where every user of the machine could read it."""
    for path in site.raw.get("secrets") or []:
        place = str(path).removeprefix(PROPERTIES)
        if place == path or path == PASSWORD or place.startswith(("environment/", "files/")):
            continue
        hint = "put it into environment or files, of which Podman keeps what holds secrets to itself"
        message = f"{site.node}: a secret in {place.partition('/')[0]} could be seen by every user of the machine"
        raise Permanent("exposed-secret", message, {"property": place}, hint)


def _parted(site: Site, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the entries of a property without, and those with secrets in them."""
    secret = site.hidden(name)
    given = dict(site.properties.get(name) or {})
    return (
        {key: value for key, value in given.items() if key not in secret},
        {key: value for key, value in given.items() if key in secret},
    )


def _mounts(site: Site, files: Mapping[str, str]) -> list[str]:
    found = []
    for one in site.properties.get("mounts") or []:
        ways = [way for way in ("folder", "volume", "temporary", "artifact") if one.get(way)]
        if len(ways) != 1:
            what = " and ".join(ways) or "none"
            raise invalid(
                site, f"the mount at {one['path']} needs exactly one of folder, volume, temporary, artifact; has {what}"
            )
        if one.get("temporary"):
            continue
        source = one.get("folder") or one.get("volume") or _artifact(site, one["artifact"])
        found.append(_mount(site, str(source), str(one["path"]), bool(one.get("read_only"))))
    for edge in site.edges_named("volume"):
        source = str(edge.target.properties.get("volume") or edge.target.names.get("machine") or "")
        found.append(_mount(site, source, str(edge.properties["path"]), bool(edge.properties.get("read_only"))))
    for path, content in files.items():
        found.append(_mount(site, f"{folder(site)}/{file_name(path, content)}", path, True))
    return found


def _mount(site: Site, source: str, path: str, read_only: bool) -> str:
    if ":" in source or ":" in path:
        raise invalid(site, f"the mount of {source} at {path}: Podman cannot mount what has a colon in its name")
    return f"{source}:{path}:ro" if read_only else f"{source}:{path}"


def _temporary(given: Mapping[str, Any]) -> list[str]:
    found = []
    for one in given.get("mounts") or []:
        if one.get("temporary"):
            options = [f"size={one['size']}"] if one.get("size") else []
            options += ["ro"] if one.get("read_only") else []
            found.append(f"{one['path']}:{','.join(options)}" if options else str(one["path"]))
    return found


def _artifact(site: Site, symbol: str) -> str:
    found = site.artifacts.get(symbol)
    if found is None or not found.path:
        known = ", ".join(sorted(name for name, one in site.artifacts.items() if one.path)) or "none"
        raise invalid(site, f"a mount names the artifact {symbol}, which the node does not have; it has: {known}")
    return found.path


def _networks(site: Site) -> list[str]:
    found = []
    for edge in site.edges_named("network"):
        network = str(edge.target.properties.get("network") or edge.target.names.get("machine") or "")
        options = [f"alias={edge.properties['alias']}"] if edge.properties.get("alias") else []
        options += [f"ip={edge.properties['address']}"] if edge.properties.get("address") else []
        found.append(f"{network}:{','.join(options)}" if options else network)
    chosen = str(site.properties.get("network") or PRIVATE)
    if chosen != PRIVATE:
        if found:
            raise invalid(
                site, f"the property network is {chosen}, and there is a requirement network; use one of them"
            )
        found = [chosen]
    return found


def _check(site: Site, found: Description) -> None:
    if found.pod and (found.ports or found.networks):
        what = "ports" if found.ports else "a network"
        raise invalid(site, f"it is in a pod, and has {what}: these belong to the pod", "move them to the Pod node")
    if found.ports and found.networks and found.networks[0] in ("none",):
        raise invalid(site, "it has ports, but the network none")
    if found.health and found.health.timeout < 1:
        raise invalid(site, "the timeout of a health check is at least 1 s")
    for variable, value in {**found.given["environment"], **found.hidden_variables}.items():
        if "\0" in value:
            raise invalid(site, f"the environment variable {variable} cannot be passed on")
