"""systemd's own tool, in the system scope and in the user scope: what drivers that make units ask and tell it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from floria_plugin import signals
from floria_plugin.context import Context, Output
from floria_plugin.results import Difference
from floria_plugin.site import Site
from floria_plugin.states import State
from floria_plugin.streams import Reading, Stream

TOLD = ("SubState", "MainPID", "ExecMainCode", "ExecMainStatus", "NRestarts")
"""Properties of units that become attributes."""

STATE = ("LoadState", "ActiveState")
SHOWN = (*STATE, *TOLD, "FragmentPath", "DropInPaths", "NeedDaemonReload", "Result", "InvocationID")
USER_ENVIRONMENT = ("XDG_RUNTIME_DIR",)


@dataclass(frozen=True)
class Unit:
    """A unit as `systemctl show` tells of it."""

    shown: Mapping[str, str]

    @property
    def loaded(self) -> bool:
        return self.shown.get("LoadState") == "loaded"

    @property
    def active(self) -> bool:
        return self.shown.get("ActiveState") in ("active", "reloading", "activating")

    @property
    def failed(self) -> bool:
        return self.shown.get("ActiveState") == "failed"

    @property
    def stale(self) -> bool:
        """Whether the manager has not read its files as they are now."""
        return self.shown.get("NeedDaemonReload") == "yes"

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs or waits any more."""
        return self.shown.get("ActiveState") in (None, "inactive", "failed")

    @property
    def state(self) -> str:
        """The state of the node that this is."""
        active = self.shown.get("ActiveState", "inactive")
        return {"active": State.STARTED, "activating": State.STARTING, "failed": State.FAILED}.get(
            active, State.STOPPED
        )

    @property
    def exit(self) -> dict[str, Any]:
        """How its process ended, as attributes; nothing when it did not end."""
        return signals.ended(int(self.shown.get("ExecMainCode") or 0), int(self.shown.get("ExecMainStatus") or 0))

    def attributes(self, name: str) -> dict[str, Any]:
        """Return the attributes of a node whose workload is the unit's own process; from `TOLD`."""
        return {
            "unit": name,
            "state": self.shown.get("SubState", "dead"),
            "pid": int(self.shown.get("MainPID") or 0),
            "restarts": int(self.shown.get("NRestarts") or 0),
        } | self.exit

    def drop_ins(self) -> list[Difference]:
        """Return the files by which others have changed it."""
        return [Difference("drop-in", None, path) for path in (self.shown.get("DropInPaths") or "").split()]


SYNC = {"program": "journalctl", "arguments": ["--sync"], "effect": "query"}
"""Grant for `journal`."""


def grants(arguments: Sequence[str], effect: str) -> list[dict[str, Any]]:
    """Return the grants for `systemctl` in the system scope and in the user scope."""
    return [
        {
            "program": "systemctl",
            "arguments": [*scope, *arguments],
            "effect": effect,
            "environment": USER_ENVIRONMENT,
        }
        for scope in ([], ["--user"])
    ]


def show(context: Context, site: Site, name: str, *properties: str) -> Unit:
    """Return how a unit is, as far as these properties tell; one that is not there has the LoadState `not-found`."""
    done = control(context, site, "show", f"--property={','.join(properties or SHOWN)}", name)
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return Unit({key: value for key, separator, value in pairs if separator})


def control(context: Context, site: Site, *arguments: str, check: bool = True) -> Output:
    """Run `systemctl` in the scope of the host."""
    return context.run("systemctl", *scope(site), *arguments, env=environment(site), check=check)


def reload(context: Context, site: Site) -> None:
    """Have the manager read all unit files again."""
    control(context, site, "daemon-reload")


def end(context: Context, site: Site, name: str, *properties: str) -> Unit:
    """Stop a unit when it runs; return how it is then."""
    found = show(context, site, name, *properties)
    if found.ended:
        return found
    control(context, site, "stop", name)
    return show(context, site, name, *properties)


def forgive(context: Context, site: Site, name: str, found: Unit) -> bool:
    """Have the manager forget that a unit failed; return whether there was anything to forget."""
    if found.failed:
        control(context, site, "reset-failed", name)
    return found.failed


def journal(context: Context, site: Site, reading: Reading, *matches: str) -> Stream:
    """Read the journal: the messages alone that all `matches` (``FIELD=VALUE``) are true of.

    All that was said before is in it; a user's journal can only be read as far as it is. Needs the grant `SYNC`.
    """
    if site.host.system and not reading.follow:
        context.run("journalctl", "--sync", check=False)
    options = reading.options(everything="--lines=all")
    argv = ["journalctl", *scope(site), "--no-pager", "--output=cat", *options, *matches]
    return Stream(argv, environment(site))


def scope(site: Site) -> list[str]:
    """Return the option of systemd's tools for the scope of the host."""
    return [] if site.host.system else ["--user"]


def environment(site: Site) -> dict[str, str]:
    """Return the variables by which a user's own manager is found."""
    runtime = str(site.host.paths.get("runtime") or "")
    return {"XDG_RUNTIME_DIR": runtime} if runtime and not site.host.system else {}
