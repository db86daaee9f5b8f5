"""What the tests of Puccini's pipeline share: files in memory, and one call that loads them."""

from collections.abc import Callable, Mapping

import pytest

import puccini
from puccini.catalog import Entry
from puccini.sources import SourceError

VERSION = "tosca_definitions_version: tosca_2_0\n"


class MemorySource:
    """Files in a map."""

    def __init__(self, files: Mapping[str, str | bytes], name: str = "") -> None:
        self.files = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        self.name = name
        self.root = "memory"
        self.reads: list[str] = []

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        if path not in self.files:
            raise SourceError(f"there is no file {path!r}")
        return self.files[path]

    def exists(self, path: str) -> bool:
        return path in self.files


class MemoryCatalog:
    """Profiles in a map of name to text."""

    def __init__(self, profiles: Mapping[str, str]) -> None:
        self.profiles = profiles

    def find(self, name: str) -> Entry | None:
        if name not in self.profiles:
            return None
        return Entry(MemorySource({"profile.yaml": self.profiles[name]}, name), "profile.yaml")

    def names(self) -> list[str]:
        return list(self.profiles)


Load = Callable[..., puccini.Loaded]


@pytest.fixture
def load() -> Load:
    """Load a file given as text, after the version line; further files and profiles by name."""

    def run(
        text: str,
        files: Mapping[str, str | bytes] | None = None,
        profiles: Mapping[str, str] | None = None,
        *,
        strict: bool = False,
    ) -> puccini.Loaded:
        source = MemorySource({"main.yaml": VERSION + text, **(files or {})})
        return puccini.load(source, "main.yaml", MemoryCatalog(profiles or {}), strict=strict)

    return run


@pytest.fixture
def memory() -> type[MemorySource]:
    return MemorySource


@pytest.fixture
def catalog() -> type[MemoryCatalog]:
    return MemoryCatalog
