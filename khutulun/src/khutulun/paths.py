"""Where things are, in the system scope and in the user scope (XDG base directories)."""

import os
import sys
from enum import StrEnum
from pathlib import Path

import msgspec


class Scope(StrEnum):
    """Whose machine it is: the system's, managed by root, or one user's session."""

    SYSTEM = "system"
    USER = "user"


class Paths(msgspec.Struct, frozen=True):
    """The folders of one installation."""

    scope: Scope
    config: Path
    state: Path
    run: Path
    cache: Path
    units: Path
    home: Path

    @property
    def socket(self) -> Path:
        return self.run / "khutulun.sock"

    @property
    def store(self) -> Path:
        return self.state / "floria"

    @property
    def compiled(self) -> Path:
        """The private folder of the machine code that plugins were compiled to."""
        return self.cache / "compiled"

    @property
    def artifacts(self) -> Path:
        return self.state / "artifacts"

    def placeholders(self) -> dict[str, str]:
        """Return what the placeholders of plugins' grants stand for."""
        return {
            "config": str(self.config),
            "state": str(self.state),
            "run": str(self.run),
            "units": str(self.units),
            "home": str(self.home),
            "artifacts": str(self.artifacts),
            "bin": str(Path(sys.executable).parent),
            "runtime": os.environ.get("XDG_RUNTIME_DIR", ""),
        }


def default_scope() -> Scope:
    return Scope.SYSTEM if os.geteuid() == 0 else Scope.USER


def paths(scope: Scope, state: Path | None = None) -> Paths:
    """Return the folders of a scope; with `state`, everything that Khutulun keeps lies below it."""
    home = Path.home()
    if scope is Scope.SYSTEM:
        found = Paths(
            scope,
            Path("/etc/khutulun"),
            Path("/var/lib/khutulun"),
            Path("/run/khutulun"),
            Path("/var/cache/khutulun"),
            Path("/etc/systemd/system"),
            home,
        )
    else:
        config = _xdg("XDG_CONFIG_HOME", home / ".config")
        found = Paths(
            scope,
            config / "khutulun",
            _xdg("XDG_STATE_HOME", home / ".local/state") / "khutulun",
            _xdg("XDG_RUNTIME_DIR", Path(f"/tmp/khutulun-{os.getuid()}")) / "khutulun",  # noqa: S108
            _xdg("XDG_CACHE_HOME", home / ".cache") / "khutulun",
            config / "systemd/user",
            home,
        )
    found = msgspec.structs.replace(found, cache=_xdg("KHUTULUN_CACHE", found.cache))
    if state is None:
        return found
    return msgspec.structs.replace(found, state=state, run=state / "run")


def _xdg(variable: str, default: Path) -> Path:
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else default
