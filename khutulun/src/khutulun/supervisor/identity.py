"""Which process is meant: a pid alone may belong to another one by now, so start time and boot go with it."""

import os


class Identity:
    """A process by pid, start time (clock ticks since boot) and boot id."""

    __slots__ = ("boot", "pid", "start")

    def __init__(self, pid: int, start: int, boot: str) -> None:
        self.pid = pid
        self.start = start
        self.boot = boot

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return {"pid": self.pid, "start": self.start, "boot": self.boot}

    def open(self) -> int | None:
        """A pidfd of this very process; None when it is gone, a zombie, or from before a reboot."""
        if self.boot != boot_id():
            return None
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        found = status(self.pid)
        if found is None or found[0] in "ZX" or found[3] != self.start:
            os.close(descriptor)
            return None
        return descriptor


def of(pid: int) -> Identity:
    """The identity of the living process `pid`. Raises `ProcessLookupError`."""
    found = status(pid)
    if found is None:
        raise ProcessLookupError(pid)
    return Identity(pid, found[3], boot_id())


def from_plain(data: object) -> Identity | None:
    """The reverse of `Identity.plain`; None when it is not one."""
    match data:
        case {"pid": int(pid), "start": int(start), "boot": str(boot)}:
            return Identity(pid, start, boot)
    return None


def boot_id() -> str:
    """The kernel's id of this boot."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def status(pid: int) -> tuple[str, int, int, int] | None:
    """State letter, parent, session and start time of a process; None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0].decode(), int(fields[1]), int(fields[3]), int(fields[19])


def session(leader: int) -> list[int]:
    """The living processes of the session that `leader` has begun."""
    members = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            found = status(int(name))
            if found is not None and found[2] == leader and found[0] not in "ZX":
                members.append(int(name))
    return members
