"""Delivers a service's files to its host, under a folder of the service where people can find them."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from floria.plugins import requests
from khutulun.agent.exclusion import Exclusion

MODE = 0o755
SHOWN = 64 * 1024
"""Bytes up to which a text is shown in plans and history."""

Fetch = Callable[[str], Iterator[bytes]]


class Artifacts:
    """Files of services in ``FOLDER/SERVICE/…``, each as its path in the CSAR.

    A file is written beside its place and renamed, so that it is never seen half-written. What this process delivered
    is not fetched again while its digest is the same. Nodes that share a file may ask for it at the same time.
    """

    def __init__(self, folder: Path, fetch: Fetch) -> None:
        self._folder = folder
        self._fetch = fetch
        self._delivered: dict[Path, str] = {}
        self._exclusion = Exclusion()

    def folder(self, service: str) -> Path:
        return self._folder / service

    def path(self, service: str, file: str) -> Path:
        """Return where `file` of a service is, or will be. Raises ValueError when it would be elsewhere."""
        parts = PurePosixPath(file).parts
        if not parts or file.startswith("/") or ".." in parts:
            raise ValueError(f"{file!r} leads out of the service's folder")
        return self.folder(service).joinpath(*parts)

    def missing(self, service: str, files: Mapping[str, str]) -> dict[str, str]:
        """Return those of the files (path to digest) that this process has not delivered."""
        return {file: digest for file, digest in files.items() if not self._has(self.path(service, file), digest)}

    def deliver(self, service: str, files: Mapping[str, str]) -> None:
        """Bring files to the host."""
        for file, digest in files.items():
            path = self.path(service, file)
            with self._exclusion.holding(path):
                if not self._has(path, digest):
                    self._deliver(path, digest)

    def request(self, service: str, file: str, digest: str) -> requests.Request:
        """Return what delivering a file would be by hand, as history shows it.

        A text is written down; anything else is installed from the folder of the service's files.
        """
        path = str(self.path(service, file))
        content = b""
        for chunk in self._fetch(digest):
            content += chunk
            if len(content) > SHOWN:
                break
        try:
            if len(content) <= SHOWN:
                return requests.WriteFile(path, content.decode(), MODE)
        except UnicodeDecodeError:
            pass
        return requests.RunCommand(("install", "-D", "-m", f"{MODE:o}", file, path))

    def forget(self, service: str) -> None:
        """Remove all files of a service."""
        folder = self.folder(service)
        shutil.rmtree(folder, ignore_errors=False) if folder.exists() else None
        for path in [path for path in self._delivered if folder in path.parents]:
            del self._delivered[path]

    def _has(self, path: Path, digest: str) -> bool:
        return self._delivered.get(path) == digest and path.exists()

    def _deliver(self, path: Path, digest: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        partial = path.with_name(f".{path.name}.partial")
        try:
            with partial.open("wb") as file:
                for chunk in self._fetch(digest):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            partial.chmod(MODE)
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)
        self._delivered[path] = digest
