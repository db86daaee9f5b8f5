"""What goes wrong below a store, in the user's words."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from floria.store.interface import StoreError

PAGE = 65_536
"""Bytes without which SQLite cannot open a store that nobody has open: those of its shared memory."""

_FULL = ("the disk is full", "free some space; what was acknowledged before is safe")
_REASONS: list[tuple[type[apsw.Error], str, str]] = [
    (apsw.FullError, *_FULL),
    (apsw.ReadOnlyError, "it cannot be written", "check the permissions of the file and its folder"),
    (apsw.PermissionsError, "it cannot be accessed", "check the permissions of the file and its folder"),
    (apsw.CantOpenError, "it cannot be opened", "check that the folder exists and may be written"),
    (apsw.NotADBError, "it is not a Floria store", "give another path, or move the file away"),
    (apsw.CorruptError, "it is damaged", "restore a backup: floria restore FILE --store ADDRESS --replace"),
    (apsw.BusyError, "another process holds it locked", "end that process or wait until it is done"),
    (apsw.IOError, "the disk fails", "see the kernel's log (dmesg), then start again or restore a backup"),
    (apsw.TooBigError, "a value is too large", "values up to 900 MB are possible; keep larger things as blobs"),
]
_ERRNO = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: ("the disk quota is used up", "free some space; what was acknowledged before is safe"),
    errno.EACCES: ("it cannot be accessed", "check the permissions of the file and its folder"),
    errno.EPERM: ("it cannot be accessed", "check the permissions of the file and its folder"),
    errno.EROFS: ("its file system is read-only", "mount it writable, or give another path"),
    errno.ENOENT: ("it does not exist", "check the path"),
}


def explain(error: apsw.Error | OSError, path: Path) -> StoreError:
    """Return `error`, which happened to the file at `path`, as a `StoreError`."""
    if isinstance(error, OSError):
        reason, hint = _ERRNO.get(error.errno or 0, (error.strerror or str(error), "see the kernel's log (dmesg)"))
        return StoreError(f"{path}: {reason}", hint)
    if isinstance(error, apsw.IOError) and is_full(path.parent):
        reason, hint = _FULL
        return StoreError(f"{path}: {reason} ({error})", hint)
    for kind, reason, hint in _REASONS:
        if isinstance(error, kind):
            return StoreError(f"{path}: {reason} ({error})", hint)
    return StoreError(f"{path}: {error}", "this is a defect of the store; please report it")


def is_full(folder: Path) -> bool:
    """Return whether the disk of a folder has no space left, which SQLite does not always call by its name."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < PAGE


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into `StoreError`."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise explain(error, path) from error
