"""Blobs: files named by the digest of their content, in a folder beside the database.

Written under another name, synced, then renamed: a blob is there completely or not at all.
"""

import fcntl
import hashlib
import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from floria.store import rules
from floria.store.interface import StoreError
from floria.store.sqlite import failures

CHUNK = 1 << 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARTIAL = ".partial-"


class BlobFolder:
    """The blobs of one store. The folder is made with the first blob."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + "-blobs")

    def put(self, content: BinaryIO | bytes) -> str:
        """Store content; return its digest. Durable when it returns."""
        source = io.BytesIO(content) if isinstance(content, bytes) else content
        with failures.explained(self.path):
            self.path.mkdir(mode=0o700, exist_ok=True)
            descriptor, partial = tempfile.mkstemp(prefix=_PARTIAL, dir=self.path)
        hashed = hashlib.sha256()
        try:
            with open(descriptor, "wb", buffering=0) as file:
                while chunk := source.read(CHUNK):
                    hashed.update(chunk)
                    with failures.explained(self.path):
                        _write(file, chunk)
                with failures.explained(self.path):
                    os.fsync(file.fileno())
            digest = f"sha256:{hashed.hexdigest()}"
            with failures.explained(self.path):
                self._publish(Path(partial), digest)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(partial)
            raise
        return digest

    def open(self, digest: str) -> BinaryIO:
        """Open a blob for reading. Raises `NotFound`."""
        try:
            return self._file(digest).open("rb")
        except FileNotFoundError:
            raise rules.missing_blob(digest) from None
        except OSError as error:
            raise failures.explain(error, self.path) from error

    def delete(self, digest: str) -> None:
        """Delete a blob; waits for a backup that is being made. Raises `NotFound`."""
        file = self._file(digest)
        if not file.exists():
            raise rules.missing_blob(digest)
        with self.kept(fcntl.LOCK_EX), failures.explained(self.path):
            file.unlink(missing_ok=True)
            _sync_folder(file.parent)

    def digests(self) -> list[str]:
        """Return the digest of every blob, in order."""
        with failures.explained(self.path):
            return sorted(f"sha256:{file.parent.name}{file.name}" for file in self.path.glob("[0-9a-f][0-9a-f]/*"))

    @contextmanager
    def kept(self, mode: int = fcntl.LOCK_SH) -> Iterator[None]:
        """Keep blobs from being deleted while they are read one after another."""
        if not self.path.exists():
            yield
            return
        with failures.explained(self.path):
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, mode)
            yield
        finally:
            os.close(descriptor)

    def clean(self) -> None:
        """Remove what a process left that ended while it wrote. For the owner of the store, when it opens it."""
        if self.path.exists():
            with failures.explained(self.path):
                for partial in self.path.glob(_PARTIAL + "*"):
                    partial.unlink(missing_ok=True)

    def _publish(self, partial: Path, digest: str) -> None:
        file = self._file(digest)
        if not file.parent.exists():
            file.parent.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(self.path.parent)
            _sync_folder(self.path)
        partial.replace(file)
        _sync_folder(file.parent)

    def _file(self, digest: str) -> Path:
        if _DIGEST.fullmatch(digest) is None:
            raise StoreError(f"{digest!r} is not a digest", "sha256: and 64 hexadecimal digits were expected")
        name = digest.removeprefix("sha256:")
        return self.path / name[:2] / name[2:]


def _write(file: io.FileIO, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[file.write(left) :]


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
