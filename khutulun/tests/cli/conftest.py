"""The command line in this process and in one of its own, against a served conductor without a store."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from khutulun import model
from khutulun.cli import application
from khutulun.client import Client
from khutulun.testing import conductor as fake
from khutulun.testing import serving


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Khutulun = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KHUTULUN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("KHUTULUN_SOCKET", str(tmp_path / "khutulun.sock"))


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "khutulun.sock"


@pytest.fixture
def conductor(socket: Path) -> Iterator[fake.FakeConductor]:
    served = fake.FakeConductor()
    with serving.served(served, socket):
        yield served


@pytest.fixture
def khutulun(capfd: pytest.CaptureFixture[str]) -> Khutulun:
    """Runs a command in this process."""

    def run(*arguments: str) -> Ended:
        capfd.readouterr()
        code = application.run(list(arguments))
        return Ended(code, *capfd.readouterr())

    return run


@pytest.fixture
def program() -> Khutulun:
    """Runs a command in a process of its own."""

    def run(*arguments: str, stdin: bytes = b"") -> Ended:
        found = subprocess.run([*COMMAND, *arguments], input=stdin, capture_output=True, check=False, timeout=120)
        return Ended(found.returncode, found.stdout.decode(), found.stderr.decode())

    return run


COMMAND = (sys.executable, "-W", "error", "-c", "from khutulun.cli import main; main()")


@pytest.fixture
def command() -> tuple[str, ...]:
    return COMMAND


@pytest.fixture
def hello(conductor: fake.FakeConductor, socket: Path) -> str:
    """The name of a service that is deployed."""
    Client(socket).deploy(model.DeployRequest("hello", inputs={"greeting": "Hi"}))
    with conductor.changed:
        conductor.changed.wait_for(lambda: any(event.kind == "execution" for event in conductor.journal))
    conductor.asked.clear()
    return "hello"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A file that is uploaded as it is."""
    file = tmp_path / "shop.yaml"
    file.write_text("root: 0000000000000000000000000a\n")
    return file
