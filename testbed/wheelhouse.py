"""A folder of wheels with which `make setup` works on a test host that reaches no package registry.

Made from what the distributions ask for, pinned by ``constraints.txt``, for the host's own Python.
"""

import hashlib
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from testbed import cache, checkout, processes, rootfs

DISTRIBUTIONS = ("sdk/python", "floria", "puccini", "khutulun")
# The build backend's own needs when it installs a folder in place.
IN_PLACE = ("editables",)


def path(python: str) -> Path:
    """Return the wheelhouse for Python version `python` (as ``3.13``), after filling it if it is not there."""
    wanted = requirements(checkout.ROOT)
    constraints = checkout.ROOT / "constraints.txt"
    digest = hashlib.sha256("\n".join([python, constraints.read_text(), *wanted]).encode()).hexdigest()[:16]
    with cache.shelf("wheelhouse") as shelf:
        target = shelf.path / digest
        if not target.exists():
            _fill(target, shelf.lock, python, constraints, wanted)
    return target


def for_hosts() -> Path:
    """Return the wheelhouse for the Python that hosts have."""
    return path(rootfs.python(rootfs.path()))


def _fill(target: Path, lock: int, python: str, constraints: Path, wanted: list[str]) -> None:
    draft = target.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    print(f"filling the wheelhouse of test hosts: {target}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", f"--python-version={python}"]
    command += [f"--dest={draft}", f"--constraint={constraints}", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False, pass_fds=[lock])
    if done.returncode:
        raise processes.TestBedError(f"the wheelhouse could not be filled:\n{done.stderr.strip()}")
    draft.rename(target)


def requirements(root: Path) -> list[str]:
    """Return what the distributions under `root` need from a registry to be installed, one another left out."""
    projects = [tomllib.loads((root / folder / "pyproject.toml").read_text()) for folder in DISTRIBUTIONS]
    own = {project["project"]["name"] for project in projects}
    found = set(IN_PLACE)
    for project in projects:
        found |= set(project["build-system"]["requires"]) | set(project["project"]["dependencies"])
        found |= set(project["project"].get("optional-dependencies", {}).get("build", []))
    return sorted(need for need in found if need.partition("=")[0] not in own)
