"""The folder that keeps what is costly to make: root filesystems, wheelhouses, compiled plugins; and leases of runs."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


def folder() -> Path:
    """Return the cache folder: `KHUTULUN_CACHE`, else `khutulun` in the user's XDG cache folder."""
    chosen = os.environ.get("KHUTULUN_CACHE")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "khutulun"


def testbed() -> Path:
    """Return the part of the cache folder that belongs to the test bed, made if missing."""
    path = folder() / "testbed"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def shelf(name: str) -> Iterator["Shelf"]:
    """Hold the test bed's folder `name`, made if missing, against other runs that would fill it too."""
    path = testbed() / name
    path.mkdir(exist_ok=True)
    with (path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Shelf(path, lock.fileno())


@dataclass(frozen=True)
class Shelf:
    """A folder that is held. A program that fills it is given `lock`, to hold it until its own end."""

    path: Path
    lock: int
