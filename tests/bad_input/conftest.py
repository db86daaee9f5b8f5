"""Servers to be asked for what cannot be done: one for many cases, on this machine and on one of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from testbed.bare import Bare
from tests.bad_input.served import Here, Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of the user who runs the tests, for cases that run nothing."""
    folder = tmp_path_factory.mktemp("served")
    with Served(Here(folder), str(folder / "state"), folder / "log").up() as running:
        yield running


@pytest.fixture(scope="module")
def private() -> Iterator[Bare]:
    """A machine for all cases of a module."""
    with Bare() as made:
        yield made


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where a server's log goes."""
    return tmp_path / "log"
