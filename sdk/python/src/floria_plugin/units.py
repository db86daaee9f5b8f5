"""The text of unit files and of files like them, as an administrator would have written it (systemd.syntax(7))."""

from collections.abc import Iterable

from floria_plugin.signals import unit_name
from floria_plugin.site import Site
from floria_plugin.workload import Restart

Setting = tuple[str, str]

WITHOUT_RESTART = frozenset(
    {
        "After",
        "Description",
        "Restart",
        "RestartSec",
        "StartLimitBurst",
        "StartLimitIntervalSec",
        "TimeoutStartSec",
        "TimeoutStopSec",
        "WantedBy",
        "Wants",
    }
)
"""Settings, of those that all units have, that a running one takes over when the manager reloads."""

BOOT, USER_BOOT, TIMERS = "multi-user.target", "default.target", "timers.target"
"""What wants units that come back at boot: services of the system, services of a user, timers."""

_RESTART = {"never": "no", "on-failure": "on-failure", "always": "always"}

_ESCAPES = {chr(code): f"\\x{code:02x}" for code in (*range(1, 32), 127)}
_ESCAPES |= {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "%": "%%"}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@")


def text(sections: Iterable[tuple[str, list[Setting]]]) -> str:
    """Return a file with these sections; those without settings are left out."""
    lines = ["# Made by Khutulun. Changes by hand are noticed and shown, and not taken back.", ""]
    for name, content in sections:
        if content:
            lines += [f"[{name}]", *(f"{key}={value}" for key, value in content), ""]
    return "\n".join(lines[:-1]) + "\n"


def title(site: Site, kind: str = "") -> str:
    """Return the description of a workload's unit: no line ends, and no specifiers."""
    number = f" {site.index}" if site.index else ""
    return " ".join(f"{kind} {site.node}{number} of {site.service}".split()).replace("%", "%%")


def restarts(restart: Restart) -> list[Setting]:
    """Return the settings of the section Service for when it is started again."""
    return [("Restart", _RESTART[restart.policy]), ("RestartSec", span(restart.delay))]


def bursts(restart: Restart) -> list[Setting]:
    """Return the settings of the section Unit for how often that may be."""
    return [("StartLimitIntervalSec", span(restart.interval)), ("StartLimitBurst", str(restart.burst))]


def order(site: Site, besides: Iterable[str] = ()) -> list[Setting]:
    """Return the settings of the section Unit for what is to be up first; `besides` are units that others see to.

    What is wanted is started too, and its end or its failure is not the end of what wants it.
    """
    names = sorted({unit_name(name) for name in site.after} - set(besides))
    first = " ".join(names).replace("%", "%%")
    return [("Wants", first), ("After", first)] if first else []


def wanted_by(site: Site) -> str:
    """Return the target that brings a service back at boot."""
    return BOOT if site.host.system else USER_BOOT


def argument(word: str) -> str:
    """Return a word of a command line as it stands after the program."""
    return quote(word).replace("$", "$$")


def quote(word: str) -> str:
    """Return text as one word of a setting."""
    if word and _PLAIN.issuperset(word):
        return word
    return '"' + "".join(_ESCAPES.get(character, character) for character in word) + '"'


def span(seconds: float) -> str:
    """Return a time span as people write it."""
    for size, letters in ((3600, "h"), (60, "min"), (1, "s")):
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)}{letters}"
    return f"{round(seconds * 1_000_000)}us" if seconds * 1000 % 1 else f"{round(seconds * 1000)}ms" if seconds else "0"


def changed(old: str, new: str) -> set[str]:
    """Return the names of the settings that differ between two files; comments and order of names are nothing."""
    before, after = settings(old), settings(new)
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def settings(content: str) -> dict[str, list[str]]:
    """Return the values of each setting of a file, but not of its sections for others (``X-…``)."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in content.splitlines():
        if line.startswith("["):
            section = line
        elif "=" in line and not line.startswith(("#", ";")) and not section.startswith("[X-"):
            name, _, value = line.partition("=")
            found.setdefault(name.strip(), []).append(value.strip())
    return found
