"""The text of Quadlet files (podman-systemd.unit(5)), from the same options that plain containers get."""

from collections.abc import Iterable, Mapping

from floria_plugin.driver import Site
from floria_plugin.units import Setting, argument, bursts, order, restarts, span, text, title, wanted_by
from podman_driver import options
from podman_driver.description import Description
from podman_driver.options import Option

CONTAINER, POD, VOLUME, NETWORK = "Container", "Pod", "Volume", "Network"

_RAW: Mapping[str, str] = {
    "health-cmd": "HealthCmd",
    "health-interval": "HealthInterval",
    "health-on-failure": "HealthOnFailure",
    "health-retries": "HealthRetries",
    "health-start-period": "HealthStartPeriod",
    "health-timeout": "HealthTimeout",
    "hostname": "HostName",
    "network": "Network",
    "pids-limit": "PidsLimit",
    "publish": "PublishPort",
    "stop-signal": "StopSignal",
    "stop-timeout": "StopTimeout",
    "tmpfs": "Tmpfs",
    "ulimit": "Ulimit",
    "user": "User",
    "volume": "Volume",
    "workdir": "WorkingDir",
}
"""Options whose key takes the rest of the line as it is."""

_WORDS: Mapping[str, str] = {
    "cap-add": "AddCapability",
    "cap-drop": "DropCapability",
    "device": "AddDevice",
    "env": "Environment",
    "label": "Label",
    "secret": "Secret",
}
"""Options whose key takes words, which may be quoted."""

_FLAGS: Mapping[tuple[str, str], Setting] = {
    ("init", "true"): ("RunInit", "true"),
    ("read-only", "true"): ("ReadOnly", "true"),
    ("security-opt", "no-new-privileges"): ("NoNewPrivileges", "true"),
    ("sdnotify", "container"): ("Notify", "true"),
}
KEYS = frozenset({*_RAW.values(), *_WORDS.values(), *(key for key, _ in _FLAGS.values()), "StartWithPod"})
"""Keys for which there is another way, when Podman does not know them yet."""

POD_KEYS = frozenset({"HostName", "Label", "Network", "PublishPort", "Volume"})

_VARIABLES = {"": ("EMPTY=", "${EMPTY}"), ";": ("SEMICOLON=;", "${SEMICOLON}")}
"""Words of a command that the generator cannot pass on, and the variables of the unit that stand for them."""


def container(
    site: Site,
    found: Description,
    image: str,
    more: Iterable[str],
    links: Mapping[str, str],
    without: frozenset[str],
) -> str:
    """Return the ``.container`` file.

    `more` are further arguments of Podman, `without` keys that it does not know, and `links` the volumes and networks
    by name that have Quadlet files.
    """
    keyed = [_setting(_linked(one, links), without) for one in options.of(found) if one.name != "pod"]
    keyed += [("Pod", found.pod_unit.removesuffix(".service") + ".pod")] if found.pod else []
    if found.pod and "StartWithPod" not in without:
        keyed.append(("StartWithPod", "false"))
    command = [str(word) for word in found.given.get("command") or []]
    keyed += [("Exec", " ".join(_VARIABLES.get(word, ("", argument(word)))[1] for word in command))] if command else []
    own = [("Image", _raw(image)), ("ContainerName", _raw(found.name)), *keyed, *_arguments([*more, *_extra(found)])]
    service = restarts(found.restart)
    service += [("SuccessExitStatus", "143")]
    service += [("TimeoutStartSec", span(found.ready_timeout))] if found.notify else []
    service += [("Environment", _VARIABLES[word][0]) for word in sorted(_VARIABLES.keys() & set(command))]
    service += [("TimeoutStopSec", span(found.stop.timeout + 20))] if found.stop.timeout > 60 else []
    about = [*_about(site, found.kind), *bursts(found.restart), *order(site, [found.pod_unit])]
    return text(_with(found, [("Unit", about), (CONTAINER, own), ("Service", service), ("Install", _wanted(site))]))


def pod(site: Site, found: Description, links: Mapping[str, str], without: frozenset[str]) -> str:
    """Return the ``.pod`` file."""
    keyed = [_setting(_linked(one, links), without) for one in options.of_pod(found)]
    name = site.names["unit"].removesuffix(".service")
    own = [("PodName", _raw(found.name)), ("ServiceName", name), *keyed, *_arguments(_extra(found))]
    about = [*_about(site, found.kind), *order(site)]
    return text(_with(found, [("Unit", about), (POD, own), ("Install", _wanted(site))]))


def store(site: Site, kind: str, name: str, given: Iterable[Option]) -> str:
    """Return the ``.volume`` or ``.network`` file of something of this name."""
    keyed = [("Label", argument(one.value)) if one.name == "label" else _of_store(kind, one) for one in given]
    own = [(f"{kind}Name", _raw(name)), *keyed]
    return text([("Unit", _about(site, kind)), (kind, own), ("Install", _wanted(site))])


def _of_store(kind: str, one: Option) -> Setting:
    keys = {"internal": "Internal", "ipv6": "IPv6", "subnet": "Subnet"} if kind == NETWORK else {}
    return (keys[one.name], one.value) if one.name in keys else ("PodmanArgs", argument(str(one)))


def _linked(one: Option, links: Mapping[str, str]) -> Option:
    """Return an option with the Quadlet file of its volume or network in place of that's name."""
    name, colon, rest = one.value.partition(":")
    if one.name not in ("volume", "network") or name not in links:
        return one
    return one._replace(value=f"{links[name]}{colon}{rest}")


def _about(site: Site, kind: str) -> list[Setting]:
    return [("Description", title(site, kind))]


def _wanted(site: Site) -> list[Setting]:
    return [("WantedBy", wanted_by(site))]


def _setting(one: Option, without: frozenset[str]) -> Setting:
    flag = _FLAGS.get((one.name, one.value))
    if flag is not None and flag[0] not in without:
        return flag
    key = _RAW.get(one.name)
    if key is not None and key not in without and one.value.isprintable():
        return key, _raw(one.value)
    key = _WORDS.get(one.name)
    if key is not None and key not in without:
        return key, argument(one.value)
    return "PodmanArgs", argument(str(one))


def _arguments(words: Iterable[str]) -> list[Setting]:
    return [("PodmanArgs", argument(word)) for word in words]


def _extra(found: Description) -> list[str]:
    return [str(word) for word in found.given.get("options") or []]


def _raw(value: str) -> str:
    """Return a value that is not split into words; systemd still expands it later."""
    return value.replace("%", "%%").replace("$", "$$")


def _with(found: Description, sections: list[tuple[str, list[Setting]]]) -> list[tuple[str, list[Setting]]]:
    """Add the settings that the user gave by section and key."""
    given = found.given.get("quadlet") or {}
    known = [name for name, _ in sections]
    merged = [(name, [*content, *_given(given.get(name))]) for name, content in sections]
    return merged + [(name, _given(content)) for name, content in given.items() if name not in known]


def _given(content: Mapping[str, str] | None) -> list[Setting]:
    return [(key, str(value)) for key, value in (content or {}).items()]
