"""systemd's own tool, in the system scope and in the user scope: what drivers that make units ask and tell it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from floria_plugin.context import Context, Output
from floria_plugin.driver import Site, State

SHOWN = (
    "LoadState",
    "ActiveState",
    "SubState",
    "FragmentPath",
    "DropInPaths",
    "NeedDaemonReload",
    "MainPID",
    "ExecMainCode",
    "ExecMainStatus",
    "Result",
    "NRestarts",
    "InvocationID",
)
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
    def state(self) -> str:
        active = self.shown.get("ActiveState", "inactive")
        return {"active": State.STARTED, "activating": State.STARTING, "failed": State.FAILED}.get(
            active, State.STOPPED
        )

    @property
    def restarts(self) -> int:
        return int(self.shown.get("NRestarts") or 0)


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


def show(context: Context, site: Site, name: str) -> Unit:
    """Return how a unit is; one that is not there has the LoadState `not-found`."""
    done = control(context, site, "show", f"--property={','.join(SHOWN)}", name)
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return Unit({key: value for key, separator, value in pairs if separator})


def control(context: Context, site: Site, *arguments: str, check: bool = True) -> Output:
    """Run `systemctl` in the scope of the host."""
    scope = () if site.host.system else ("--user",)
    return context.run("systemctl", *scope, *arguments, env=environment(site), check=check)


def environment(site: Site) -> dict[str, str]:
    """Return the variables by which a user's own manager is found."""
    runtime = str(site.host.paths.get("runtime") or "")
    return {"XDG_RUNTIME_DIR": runtime} if runtime and not site.host.system else {}
