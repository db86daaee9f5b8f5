"""Control groups, version 1 and 2, where this process may write them: limits, and who belongs to a workload."""

import errno
import os
import signal

ROOT = "/sys/fs/cgroup"
_PERIOD = 100_000


class LimitRefused(Exception):
    """A limit that cannot be enforced here; the message says which and why."""


class Group:
    """The control groups of one workload: one folder with version 2, one for each controller with version 1."""

    def __init__(self, folders: dict[str, str], unified: bool) -> None:
        self.folders = folders
        self.unified = unified

    def join(self) -> None:
        """Move the calling process in."""
        for folder in self.folders.values():
            _write(folder, "cgroup.procs", "0")

    def members(self) -> list[int]:
        """The processes in the group."""
        for folder in self.folders.values():
            try:
                with open(folder + "/cgroup.procs", encoding="ascii") as file:
                    return [int(line) for line in file]
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENODEV):
                    raise
        return []

    def kill(self) -> None:
        """Send SIGKILL to all members, also to those that are being forked."""
        if self.unified and os.path.exists(self.folders[""] + "/cgroup.kill"):
            _write(self.folders[""], "cgroup.kill", "1")
            return
        for pid in self.members():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def remove(self) -> None:
        """Remove the folders. One that still has members stays."""
        for folder in self.folders.values():
            try:
                os.rmdir(folder)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.EBUSY):
                    raise


class Hierarchy:
    """Where this supervisor's groups are: below `name` in each hierarchy that can be written."""

    def __init__(self, name: str, root: str = ROOT) -> None:
        self.unified = os.path.exists(root + "/cgroup.controllers")
        self.name = name
        wanted = ("",) if self.unified else ("pids", "memory", "cpu")
        places = {controller: f"{root}/{controller}".rstrip("/") for controller in wanted}
        self.places = {key: place for key, place in places.items() if _is_group(place) and os.access(place, os.W_OK)}
        self.controllers = self._unified_controllers() if self.unified else set(self.places)

    def group(self, workload: str, memory: int, cpu: float, tasks: int) -> Group | None:
        """Make the groups of a workload with its limits. None when there is no control group to use.

        Raises `LimitRefused` when a limit is asked for that nothing here enforces.
        """
        for limit, controller in ((memory, "memory"), (cpu, "cpu"), (tasks, "pids")):
            if limit and controller not in self.controllers:
                raise LimitRefused(
                    f"cannot limit {'tasks' if controller == 'pids' else controller}: the control group controller "
                    f"'{controller}' is not there or cannot be written by this user"
                )
        folders = {}
        for controller, place in self.places.items():
            folder = f"{place}/{self.name}/{workload}"
            try:
                os.makedirs(folder, exist_ok=True)
            except OSError:
                if memory or cpu or tasks:
                    raise
                continue
            folders[controller] = folder
        if not folders:
            return None
        self._limit(folders, memory, cpu, tasks)
        return Group(folders, self.unified)

    def existing(self, workload: str) -> Group | None:
        """The groups of a workload that were made before."""
        folders = {key: f"{place}/{self.name}/{workload}" for key, place in self.places.items()}
        folders = {key: folder for key, folder in folders.items() if os.path.isdir(folder)}
        return Group(folders, self.unified) if folders else None

    def close(self) -> None:
        """Remove the parent folders when no workload is left in them."""
        Group({key: f"{place}/{self.name}" for key, place in self.places.items()}, self.unified).remove()

    def _unified_controllers(self) -> set[str]:
        if "" not in self.places:
            return set()
        place = self.places[""]
        with open(place + "/cgroup.controllers", encoding="ascii") as file:
            found = set(file.read().split()) & {"memory", "cpu", "pids"}
        parent = f"{place}/{self.name}"
        try:
            os.makedirs(parent, exist_ok=True)
            for folder in (place, parent):
                _write(folder, "cgroup.subtree_control", " ".join(f"+{name}" for name in sorted(found)))
        except OSError:
            return set()
        return found

    def _limit(self, folders: dict[str, str], memory: int, cpu: float, tasks: int) -> None:
        def at(controller: str) -> str:
            return folders["" if self.unified else controller]

        if memory:
            _write(at("memory"), "memory.max" if self.unified else "memory.limit_in_bytes", str(memory))
        if tasks:
            _write(at("pids"), "pids.max", str(tasks))
        if cpu and self.unified:
            _write(at("cpu"), "cpu.max", f"{int(cpu * _PERIOD)} {_PERIOD}")
        elif cpu:
            _write(at("cpu"), "cpu.cfs_period_us", str(_PERIOD))
            _write(at("cpu"), "cpu.cfs_quota_us", str(int(cpu * _PERIOD)))


def _is_group(place: str) -> bool:
    return os.path.exists(place + "/cgroup.procs")


def _write(folder: str, name: str, text: str) -> None:
    with open(f"{folder}/{name}", "w", encoding="ascii") as file:
        file.write(text)
