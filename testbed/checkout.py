"""Which parts of this machine a host needs, at the same paths, to run the checkout's own programs."""

import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from testbed import cache

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"


@dataclass(frozen=True)
class Share:
    """A folder that a host sees at its own path, read-only or as its own copy-on-write view."""

    path: Path
    writable: bool = False


def shares() -> list[Share]:
    """Return the checkout, the interpreter behind this one, and the cache with the compiled plugins."""
    found = [Share(ROOT), *(Share(path) for path in _interpreter())]
    cache.folder().mkdir(parents=True, exist_ok=True)
    return [*found, Share(cache.folder(), writable=True)]


def files() -> list[str]:
    """Return the names, in the checkout, of the files that are its own: what git keeps or would keep."""
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def environment() -> dict[str, str]:
    """Return the variables with which programs of the checkout run inside a host."""
    return {
        "PATH": f"{VENV / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "KHUTULUN_CACHE": str(cache.folder()),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _interpreter() -> list[Path]:
    base = Path(sys.base_prefix).resolve()
    if base != Path("/usr"):
        return [base]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return [Path("/usr/bin") / version, Path(sysconfig.get_path("stdlib"))]
