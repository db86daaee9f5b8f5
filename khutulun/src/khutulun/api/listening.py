"""The unix socket of a server: made with the right owner and mode before anybody can connect, never stolen from a
server that lives."""

import fcntl
import grp
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from khutulun import model

GROUP = "khutulun"
"""Members of this group reach a system server, if the group exists; else only root does."""
MAX_PATH = 107
"""Bytes that the kernel has for a socket's path."""


def listen(path: Path, scope: str, group: str = GROUP) -> socket.socket:
    """Return the listening socket at `path`; refuses when a server answers there, or when it cannot be made.

    User scope: mode 0600. System scope: mode 0660 for `group` where it exists, else 0600.
    """
    _check_length(path)
    try:
        path.parent.mkdir(mode=0o755 if scope == "system" else 0o700, parents=True, exist_ok=True)
        with _alone(path.parent):
            _clear(path)
            return _bind(path, _group_id(group) if scope == "system" else None)
    except OSError as error:
        raise model.refuse(
            "socket",
            f"the socket {path} cannot be made: {error.strerror}",
            where=str(path),
            hint="name another place with --socket, or another scope with --user",
            status=500,
        ) from error


def remove(path: Path, listening: os.stat_result) -> None:
    """Remove the socket's file, unless another server has taken its place."""
    with _alone(path.parent):
        try:
            found = path.stat()
        except FileNotFoundError:
            return
        if (found.st_dev, found.st_ino) == (listening.st_dev, listening.st_ino):
            path.unlink()


def is_live(path: Path) -> bool:
    """Whether a server answers at `path`."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
    return True


def _clear(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise model.refuse(
            "not-a-socket", f"{path} exists and is no socket", where=str(path), hint="move it away", status=409
        )
    if is_live(path):
        raise model.refuse(
            "already-serving",
            f"a server already answers at {path}",
            where=str(path),
            hint="use it, stop it, or serve another state folder with --state and --socket",
            status=409,
        )


def _bind(path: Path, group: int | None) -> socket.socket:
    fresh = _fresh(path)
    fresh.unlink(missing_ok=True)
    channel = socket.socket(socket.AF_UNIX)
    try:
        _bind_private(channel, fresh)
        if group is not None:
            os.chown(fresh, -1, group)
            fresh.chmod(0o660)
        channel.listen(128)
        channel.setblocking(False)
        fresh.replace(path)
    except BaseException:
        channel.close()
        fresh.unlink(missing_ok=True)
        raise
    return channel


def _bind_private(channel: socket.socket, path: Path) -> None:
    before = os.umask(0o177)
    try:
        channel.bind(str(path))
    finally:
        os.umask(before)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that two servers that start together do not take each other for dead."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _group_id(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def _fresh(path: Path) -> Path:
    return path.with_name(f".{os.getpid()}")


def _check_length(path: Path) -> None:
    length = max(len(os.fsencode(path)), len(os.fsencode(_fresh(path))))
    if length > MAX_PATH:
        raise model.refuse(
            "socket",
            f"the socket's path takes {length} bytes; the kernel has {MAX_PATH}",
            where=str(path),
            hint="name a shorter one with --socket",
        )
