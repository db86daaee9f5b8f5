"""What the server tells the service manager that has started it; nothing without one. `khutulun.server` uses it.

How its start goes on is told with sd_notify(3). Lines of the log begin with their priority (sd-daemon(3)) where they go
to the journal, for ``journalctl -p warning``.
"""

import contextlib
import logging
import os
import socket
import sys

PATIENCE = 900
"""Seconds that the manager is asked to wait for the next word while something takes its time."""

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


def notify(*assignments: str) -> None:
    """Send assignments, as `READY=1`, to the manager if there is one that listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect("\0" + address[1:] if address.startswith("@") else address)
        channel.sendall("\n".join(assignments).encode())


def busy(what: str) -> None:
    """Tell what the start waits for, so that the manager waits too."""
    notify(f"STATUS={what}", f"EXTEND_TIMEOUT_USEC={PATIENCE * 1_000_000}")


def configure(level: str) -> None:
    """Have log records of `level` and above written to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    pattern = "%(levelname)s %(name)s: %(message)s"
    handler.setFormatter(_WithPriority(pattern) if is_journal(sys.stderr.fileno()) else logging.Formatter(pattern))
    logging.basicConfig(level=level.upper(), handlers=[handler])


def is_journal(descriptor: int) -> bool:
    """Return whether an open file is the journal's, which takes priorities from the beginning of lines."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class _WithPriority(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())
