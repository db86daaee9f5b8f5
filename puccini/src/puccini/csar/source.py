"""An archive as a repository: loader and compiler read from it as from a folder (section 17.1)."""

import hashlib

from puccini import sources
from puccini.csar.archive import Archive
from puccini.csar.errors import ArchiveError


class ArchiveSource:
    """Reads from an open archive. `name` is what messages call it; the main one needs none."""

    def __init__(self, archive: Archive, name: str = "") -> None:
        self._archive, self._name = archive, name

    @property
    def name(self) -> str:
        return self._name

    @property
    def root(self) -> str:
        """What tells archives apart: where they lie, and the names and sizes in them."""
        hasher = hashlib.sha256()
        for entry in sorted(self._archive.entries.values(), key=lambda entry: entry.name):
            hasher.update(f"{len(entry.name)} {entry.name} {entry.size}\n".encode())
        return f"csar:{self._archive.name}:{hasher.hexdigest()[:16]}"

    def read(self, path: str) -> bytes:
        entry = self._archive.entries.get(path)
        if entry is None:
            raise sources.SourceError(f"there is no file {path!r}", f"it was looked for in {self._archive.name}")
        if entry.size > sources.MAX_SIZE:
            raise sources.SourceError(f"{path} is larger than {sources.MAX_SIZE // 1024 // 1024} MiB")
        try:
            return self._archive.read(path)
        except ArchiveError as error:
            raise sources.SourceError(f"{path!r} cannot be read: {error.message}", error.hint) from error

    def exists(self, path: str) -> bool:
        return path in self._archive.entries
