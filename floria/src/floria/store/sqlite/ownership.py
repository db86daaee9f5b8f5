"""One process owns a store and writes it; others may read and back up."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from floria.store.interface import StoreError
from floria.store.sqlite import failures


class Ownership:
    """A lock file beside the database, held until `release` or the end of the process."""

    def __init__(self, database: Path) -> None:
        if not database.parent.is_dir():
            raise StoreError(f"{database}: its folder does not exist", f"make it: mkdir -p {database.parent}")
        path = database.with_name(database.name + "-lock")
        with failures.explained(path):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._file, 32).decode("ascii", "replace").strip()
            os.close(self._file)
            raise StoreError(
                f"{database}: process {owner or 'unknown'} has it open for writing",
                "end that process, or ask it (khutulun …); reading and backup need no stop",
            ) from None
        with suppress(OSError):  # the number only helps people; a full disk must not keep the store from being opened
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Let others own the store."""
        os.close(self._file)
