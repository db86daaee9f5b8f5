"""Profiles that are known by name (section 6.8.2.1). Callers of `puccini.load` say which catalogs there are."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from puccini import sources

FILE = "profile.yaml"


class Entry(NamedTuple):
    """A profile's files and the path of its TOSCA file in them."""

    source: sources.Source
    path: str


class Catalog(Protocol):
    """Finds profiles by their full name, version included (versions of a profile are different names)."""

    def find(self, name: str) -> Entry | None: ...

    def names(self) -> list[str]:
        """Return the names of all profiles, for hints."""
        ...


class FolderCatalog:
    """Folders that hold ``NAME/VERSION/profile.yaml`` for the profile ``NAME:VERSION``.

    A profile whose name has no version is ``NAME/profile.yaml``. The first folder that has it wins.
    """

    def __init__(self, folders: Sequence[Path | str]) -> None:
        self.folders = [Path(folder) for folder in folders]

    def find(self, name: str) -> Entry | None:
        parts = name.split(":")
        if any(part in ("", ".", "..") or "/" in part or "\0" in part for part in parts):
            return None
        for folder in self.folders:
            place = folder.joinpath(*parts)
            with suppress(OSError, ValueError):
                if (place / FILE).is_file():
                    return Entry(sources.FolderSource(place, name), FILE)
        return None

    def names(self) -> list[str]:
        found: set[str] = set()
        for folder in self.folders:
            for pattern in (f"*/{FILE}", f"*/*/{FILE}"):
                found.update(":".join(place.relative_to(folder).parent.parts) for place in folder.glob(pattern))
        return sorted(found)
