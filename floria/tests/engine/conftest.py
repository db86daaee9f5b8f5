"""Stores and libraries that the engine's tests run with: memory and SQLite alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from floria.evaluation import Functions
from floria.store.interface import Store
from floria.store.memory import MemoryStore
from floria.store.sqlite import SqliteStore
from floria.testing.designs import Clock


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store: Store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "store.db")
    yield store
    store.close()


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def clock() -> Clock:
    return Clock()
