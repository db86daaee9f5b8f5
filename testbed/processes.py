"""What the kernel tells of processes: identity beyond the number, children, and waiting without polling."""

import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path


class TestBedError(Exception):
    """The test bed could not do what was asked; the text says what failed and what to do."""

    __test__ = False


@dataclass(frozen=True)
class Identity:
    """A process as nothing else can be: its number, its start in clock ticks since boot, and that boot."""

    pid: int
    start: int
    boot: str


def identify(pid: int) -> Identity | None:
    """Return the identity of process `pid`, or None when there is none (a zombie counts as none)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else Identity(pid, int(fields[19]), boot())


def boot() -> str:
    """Return the id of the machine's present boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def alive(identity: Identity) -> bool:
    """Tell whether exactly this process still runs."""
    return identify(identity.pid) == identity


def only_child(pid: int) -> int:
    """Return the one child of process `pid`, or raise `TestBedError` when it has none."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        children = (task / "children").read_text().split()
        if children:
            return int(children[0])
    raise TestBedError(f"process {pid} has no child: it ended before it could be used")


def end(identity: Identity) -> None:
    """Kill exactly this process and return when it has ended; do nothing when it is gone already."""
    try:
        handle = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    try:
        if alive(identity):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [])
    except ProcessLookupError:
        return
    finally:
        os.close(handle)
