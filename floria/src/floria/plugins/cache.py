"""The private cache of what plugins were compiled to.

Compiled code is trusted as the host itself is, so it is only ever loaded from a folder that belongs to this user and
that nobody else can write to, and only when it is byte for byte what was put there.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from floria.plugins.faults import Fault

UNUSED_DAYS = 60

MOST_BYTES = 2 << 30
"""What all entries may take up; those that nobody has loaded for longest go first."""


class Cache:
    """A folder of entries by key: content and a record of its digest, both written in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._verified: dict[str, tuple[int, int, int]] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise Fault("unsafe-cache", f"{folder} must be a folder of this user alone (mode 0700)")

    def get(self, key: str, make: Callable[[Path], None]) -> Path:
        """Return the file of `key`; when it is missing or damaged, `make` writes it to the path that it is given."""
        file = self.folder / key
        if not self._good(file):
            with self._locked(key):
                if not self._good(file):
                    self._make(file, make)
        return file

    def put(self, key: str, content: bytes) -> Path:
        """Write a small entry."""
        return self.get(key, lambda path: _write(path, content))

    def read(self, key: str) -> bytes | None:
        """Return a small entry, or None when it is missing or damaged."""
        file = self.folder / key
        return file.read_bytes() if self._good(file) else None

    def remove(self, prefix: str) -> None:
        """Remove all entries whose keys begin with `prefix` and a dot."""
        for file in (*self.folder.glob(f"{prefix}.*"), *self.folder.glob(f".{prefix}.*")):
            file.unlink(missing_ok=True)

    def _good(self, file: Path) -> bool:
        try:
            found = file.lstat()
            recorded = json.loads(_record(file).read_text())
        except (FileNotFoundError, ValueError):
            return False
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            return False
        identity = (found.st_ino, found.st_size, found.st_mtime_ns)
        if self._verified.get(file.name) != identity:
            with file.open("rb") as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() != recorded.get("sha256"):
                    return False
            self._verified[file.name] = identity
            os.utime(file, ns=(time.time_ns(), found.st_mtime_ns))
        return True

    def _make(self, file: Path, make: Callable[[Path], None]) -> None:
        self._drop_old()
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            make(temporary)
            temporary.chmod(stat.S_IMODE(temporary.stat().st_mode) & 0o700)
            with temporary.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
            _record(file).unlink(missing_ok=True)
            os.replace(temporary, file)
            _write(_record(temporary), json.dumps({"sha256": digest}).encode())
            os.replace(_record(temporary), _record(file))
        finally:
            temporary.unlink(missing_ok=True)

    def _drop_old(self) -> None:
        """Remove what nobody has loaded for long, of versions that were replaced most of all, and what is too much."""
        oldest = time.time() - UNUSED_DAYS * 86_400
        held = 0
        for file, found in sorted(self._entries(), key=lambda entry: entry[1].st_atime, reverse=True):
            held += found.st_size
            if found.st_atime < oldest or held > MOST_BYTES:
                file.unlink(missing_ok=True)
                _record(file).unlink(missing_ok=True)

    def _entries(self) -> Iterator[tuple[Path, os.stat_result]]:
        for file in self.folder.iterdir():
            if not file.name.startswith(".") and file.suffix != ".json":
                with contextlib.suppress(FileNotFoundError):
                    yield file, file.lstat()

    @contextlib.contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        with (self.folder / f".{key}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _record(file: Path) -> Path:
    return file.with_name(file.name + ".json")


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
