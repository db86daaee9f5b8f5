"""Whether this machine can carry real-backend tests, and if not, why."""

import os
import shutil
import subprocess

TOOLS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "tar": "tar",
}


def lacking() -> list[str]:
    """Return what is missing, each with what to do about it; nothing when all can run."""
    if os.geteuid() != 0:
        return ["root: namespaces and control groups are made as root"]
    missing = [f"{tool}: apt-get install {package}" for tool, package in TOOLS.items() if shutil.which(tool) is None]
    return missing or _forbidden()


def _forbidden() -> list[str]:
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode == 0:
        return []
    return [f"permission to make namespaces (a container without it?): {tried.stderr.strip()}"]
