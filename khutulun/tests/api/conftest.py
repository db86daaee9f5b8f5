"""A served conductor without a store, and a client of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from khutulun.client import Client
from khutulun.testing import conductor as fake
from khutulun.testing import serving


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "khutulun.sock"


@pytest.fixture
def conductor() -> fake.FakeConductor:
    return fake.FakeConductor()


@pytest.fixture
def client(conductor: fake.FakeConductor, socket: Path) -> Iterator[Client]:
    with serving.served(conductor, socket):
        yield Client(socket)
