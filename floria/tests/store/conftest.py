"""The backends that the conformance suite runs against: a new backend is one more entry of `HARNESSES`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from floria.store.interface import Store
from floria.store.memory import MemoryStore
from floria.store.sqlite import SqliteStore


class Memory:
    """Makes memory stores. They end with their process, so there is no `reopen`."""

    durable = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str = "store", **options: int) -> Store:
        return MemoryStore(**options)  # type: ignore[arg-type]

    def restored(self, file: Path) -> Store:
        return MemoryStore.restored(file)


class Sqlite:
    """Makes SQLite stores in a folder."""

    durable = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, name: str = "store", **options: int) -> Store:
        return SqliteStore(self.folder / f"{name}.db", **options)  # type: ignore[arg-type]

    def restored(self, file: Path) -> Store:
        from floria.store import restore

        restore(file, str(self.folder / "restored.db"))
        return self.make("restored")


Harness = Memory | Sqlite
HARNESSES: dict[str, Callable[[Path], Harness]] = {"memory": Memory, "sqlite": Sqlite}


@pytest.fixture(params=list(HARNESSES))
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    return HARNESSES[request.param](tmp_path)


@pytest.fixture
def store(harness: Harness) -> Iterator[Store]:
    made = harness.make()
    yield made
    made.close()
