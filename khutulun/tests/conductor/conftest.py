"""A server for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from khutulun.testing.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    with made.up():
        yield made
