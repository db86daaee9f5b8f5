"""Where TOSCA files and artifacts are read from: a folder here, an archive in `puccini.csar`.

A source is a repository in the sense of section 6.8.2.2: paths in it are relative to its root, use ``/`` and never
lead out of it. The loader and the compiler read only through this protocol.
"""

import posixpath
from pathlib import Path
from typing import Protocol

MAX_SIZE = 64 * 1024 * 1024


class SourceError(Exception):
    """A file cannot be read; the message says why, the hint what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Source(Protocol):
    """A tree of files. `name` is what messages call it, `root` where it is: an absolute folder or archive path."""

    @property
    def name(self) -> str: ...

    @property
    def root(self) -> str: ...

    def read(self, path: str) -> bytes:
        """Return the content of the file at `path` (normalised, without a leading slash). Raises `SourceError`."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is a file (not a folder) at `path`."""
        ...


class FolderSource:
    """A folder. Links that lead out of it are refused."""

    def __init__(self, root: Path | str, name: str = "") -> None:
        self._root = Path(root).resolve()
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    @property
    def root(self) -> str:
        return str(self._root)

    def read(self, path: str) -> bytes:
        place = self._place(path)
        try:
            if place.stat().st_size > MAX_SIZE:
                raise SourceError(f"{path} is larger than {MAX_SIZE // 1024 // 1024} MiB")
            return place.read_bytes()
        except FileNotFoundError:
            raise SourceError(f"there is no file {path!r}", f"it was looked for in {self.root}") from None
        except IsADirectoryError:
            raise SourceError(f"{path!r} is a folder") from None
        except OSError as error:
            raise SourceError(f"{path!r} cannot be read: {error.strerror}") from None

    def exists(self, path: str) -> bool:
        try:
            return self._place(path).is_file()
        except (SourceError, OSError):
            return False

    def _place(self, path: str) -> Path:
        if "\0" in path:
            raise SourceError(f"{path!r} is not a path")
        try:
            place = (self._root / path).resolve()
        except (OSError, RuntimeError) as error:
            raise SourceError(f"{path!r} cannot be read: {error}") from None
        if not place.is_relative_to(self._root):
            raise SourceError(f"{path!r} leads out of {self.root}", "put what belongs together into one folder")
        return place


def resolve(base: str, path: str, root: str = "") -> str:
    """Return `path` as seen from the file `base`: from the folder `root` of the source when it begins with a slash.

    Raises `SourceError` when it leads above the root of the source.
    """
    joined = posixpath.join(root if path.startswith("/") else posixpath.dirname(base), path.lstrip("/"))
    normal = posixpath.normpath(joined)
    if normal == ".." or normal.startswith("../"):
        raise SourceError(
            f"{path!r} leads above the root of the repository",
            "start from a folder that contains both files, or declare a repository",
        )
    return "" if normal == "." else normal


def display(source: Source, path: str) -> str:
    """Return how messages call a file: its path, after the source's name when that is not the main one."""
    return f"{source.name}/{path}" if source.name else path
