"""Control groups of test hosts: one parent per lab, one group per host, so that hosts never collide.

`Layout` is how the machine arranges them. A host sees the version 1 hierarchies, with their real limits, on machines
that still have them; else the unified one. On a machine with both, a lab may ask for the unified view.
"""

import enum
import errno
import os
import select
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
SWITCHES = {"cgroup.freeze": "0", "freezer.state": "THAWED"}
"""The files, of either version, by which a group is frozen, and what lets it run."""

END_SECONDS = 60
INHERITED = ("cpuset.cpus", "cpuset.mems")


class Layout(enum.StrEnum):
    """Which hierarchies a host sees."""

    LEGACY = "legacy"
    UNIFIED = "unified"


def native() -> Layout:
    """Return the layout with which limits work on this machine."""
    return Layout.UNIFIED if (ROOT / "cgroup.controllers").exists() else Layout.LEGACY


def hierarchies(layout: Layout) -> list[Path]:
    """Return the roots, on the machine, of the hierarchies that a host of `layout` uses."""
    if native() is Layout.UNIFIED:
        return [ROOT]
    if layout is Layout.UNIFIED:
        return [ROOT / "unified", ROOT / "systemd"]
    return [path for path in every() if path.name != "unified"]


def every() -> list[Path]:
    """Return the roots of all hierarchies that the machine has."""
    return [ROOT] if native() is Layout.UNIFIED else sorted(path for path in ROOT.iterdir() if _is_hierarchy(path))


def create(lab: str, host: str, roots: list[Path]) -> list[Path]:
    """Make the group of `host` below the one of `lab` in each hierarchy of `roots` and return them."""
    groups = []
    for root in roots:
        group = root
        for name in (lab, host):
            _hand_down(group)
            group /= name
            group.mkdir(exist_ok=True)
            for setting in INHERITED:
                if (group / setting).exists() and root.name == "cpuset":
                    (group / setting).write_text((group.parent / setting).read_text())
        groups.append(group)
    return groups


def visitors(first: int, layout: Layout) -> list[Path]:
    """Return the groups for programs sent into the host whose first process is `first`.

    They are the roots that the host sees, from which its limits are counted; where only leaves may hold processes, a
    leaf of its own below the root.
    """
    found = []
    for line in Path(f"/proc/{first}/cgroup").read_text().splitlines():
        number, names, place = line.split(":", 2)
        name = names.removeprefix("name=") or "unified"
        root = ROOT if native() is Layout.UNIFIED else ROOT / name
        if root not in hierarchies(layout):
            continue
        group = root / place.lstrip("/").removesuffix("init.scope")
        if number == "0":
            group /= "visitors"
            group.mkdir(exist_ok=True)
        found.append(group)
    return found


def thaw(group: Path) -> None:
    """Let everything in `group` and below it run: what is frozen, such as a paused container, cannot be killed."""
    for switch, on in SWITCHES.items():
        if (group / switch).exists():
            (group / switch).write_text(on)
    for below in group.iterdir() if group.exists() else ():
        if below.is_dir():
            thaw(below)


def thaw_all(lab: str) -> None:
    """Let everything in every group of `lab` run again."""
    for root in every():
        thaw(root / lab)


def remove(lab: str) -> None:
    """Remove every group of `lab`, all of which must be empty of processes."""
    for root in every():
        remove_tree(root / lab)


def remove_tree(group: Path) -> None:
    """Remove `group` and all groups in it; do nothing when it does not exist."""
    if not group.exists():
        return
    for below in group.iterdir():
        if below.is_dir():
            remove_tree(below)
    try:
        group.rmdir()
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        _await_end(group)
        group.rmdir()


def _await_end(group: Path) -> None:
    """Wait for the processes in `group`: those that went into a machine from outside end a moment after it."""
    for number in (group / "cgroup.procs").read_text().split():
        try:
            handle = os.pidfd_open(int(number))
        except ProcessLookupError:
            continue
        try:
            select.select([handle], [], [], END_SECONDS)
        finally:
            os.close(handle)


def _is_hierarchy(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and (path / "cgroup.procs").exists()


def _hand_down(group: Path) -> None:
    if native() is Layout.UNIFIED:
        controllers = (group / "cgroup.controllers").read_text().split()
        (group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
