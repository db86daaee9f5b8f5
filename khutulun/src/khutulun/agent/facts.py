"""What an agent knows of its host: read once, at start."""

import os
import pwd
import socket
from pathlib import Path
from typing import Any

from khutulun.paths import Paths

LOOPBACK = "127.0.0.1"


def read(paths: Paths, name: str | None = None, address: str | None = None) -> dict[str, Any]:
    """Return the facts of this host, as drivers see them in ``site["host"]``."""
    return {
        "name": name or socket.gethostname() or "localhost",
        "address": address or LOOPBACK,
        "init": "systemd" if _has_systemd(paths) else "none",
        "scope": paths.scope.value,
        "user": pwd.getpwuid(os.geteuid()).pw_name,
        "cores": os.cpu_count() or 1,
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "paths": paths.placeholders(),
    }


def _has_systemd(paths: Paths) -> bool:
    """Whether systemd manages the scope (sd_booted(3), and for a user its own manager)."""
    if not Path("/run/systemd/system").is_dir():
        return False
    if paths.scope.value == "system":
        return True
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return bool(runtime) and Path(runtime, "systemd").is_dir()
