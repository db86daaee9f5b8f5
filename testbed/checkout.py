"""Which parts of this machine a host needs, at the same paths, to run the checkout's own programs."""

import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from khutulun import paths
from testbed import rootfs

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
COMPILED = Path("/var/cache/khutulun/compiled")


@dataclass(frozen=True)
class Share:
    """A folder or file that a host sees, read-only or as its own copy-on-write view; at its own path, or at another."""

    path: Path
    writable: bool = False
    at: Path | None = None


def shares() -> list[Share]:
    """Return the checkout, the interpreter behind this one, and the compiled plugins."""
    found = [Share(ROOT), *(Share(path) for path in _interpreter())]
    if compiled().is_dir():
        found.append(Share(compiled(), writable=True, at=COMPILED))
    return found


def compiled() -> Path:
    """Return the folder of compiled plugins that `make setup` filled; hosts have it at `COMPILED`."""
    return paths.paths(paths.Scope.SYSTEM).compiled


def files() -> list[str]:
    """Return the names, in the checkout, of the files that are its own: what git keeps or would keep."""
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def environment() -> dict[str, str]:
    """Return the variables with which programs of the checkout run inside a host."""
    return {
        "PATH": f"{VENV / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _interpreter() -> list[Path]:
    base = Path(sys.base_prefix).resolve()
    if base != Path("/usr"):
        return [base]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version == rootfs.python(rootfs.path()):
        return []
    return [Path(f"/usr/bin/python{version}"), Path(sysconfig.get_path("stdlib"))]
