"""Delivers a service's files to its host, under a folder of the service where people can find them."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from floria.plugins import requests

MODE = 0o755
SHOWN = 64 * 1024
"""Bytes up to which a text is shown in plans and history."""

Fetch = Callable[[str], Iterator[bytes]]


class Artifacts:
    """Files of services in ``FOLDER/SERVICE/…``, each as its path in the CSAR.

    A file is written beside its place and renamed, so that it is never seen half-written. What this process delivered
    is not fetched again while its digest is the same.
    """

    def __init__(self, folder: Path, fetch: Fetch) -> None:
        self._folder = folder
        self._fetch = fetch
        self._delivered: dict[Path, str] = {}

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
        return {
            file: digest
            for file, digest in files.items()
            if self._delivered.get(path := self.path(service, file)) != digest or not path.exists()
        }

    def deliver(self, service: str, files: Mapping[str, str]) -> None:
        """Bring files to the host."""
        for file, digest in self.missing(service, files).items():
            self._deliver(self.path(service, file), digest)

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
        self._delivered = {path: digest for path, digest in self._delivered.items() if folder not in path.parents}

    def _deliver(self, path: Path, digest: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        partial = path.with_name(f".{path.name}.partial")
        with partial.open("wb") as file:
            for chunk in self._fetch(digest):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(MODE)
        partial.rename(path)
        self._delivered[path] = digest
