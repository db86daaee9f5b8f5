"""`khutulun serve` itself: it starts, is found, is alone, and stops when it is told (R101)."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from khutulun import paths
from khutulun.client import Client

Khutulun = Callable[..., Any]
CACHE = paths.paths(paths.Scope.USER).cache  # of whoever runs the tests: compiled plugins are in there


@pytest.fixture
def serving(command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server with all it keeps in `tmp_path`/state, ready."""
    monkeypatch.setenv("KHUTULUN_CACHE", str(CACHE))
    monkeypatch.delenv("KHUTULUN_SOCKET")
    arguments = ["serve", "--user", "--state", str(tmp_path / "state")]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, env=os.environ, text=True) as running:
        assert running.stdout
        assert running.stdout.readline() == f"khutulun: serving at {tmp_path}/state/run/khutulun.sock\n"
        yield running
        running.kill()


def test_a_server_from_start_to_stop(
    serving: "subprocess.Popen[str]", program: Khutulun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = tmp_path / "state" / "run" / "khutulun.sock"
    assert Client(socket).info().pid == serving.pid
    assert socket.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("KHUTULUN_SOCKET", str(socket))
    assert program("service", "list", "-o", "json").out == "[]\n"
    assert "built in" in program("plugin", "list").out

    again = program("serve", "--user", "--state", str(tmp_path / "state"))
    assert (again.code, again.out) == (1, "")
    assert "error: " in again.err
    assert "hint: " in again.err

    other = program("serve", "--user", "--state", str(tmp_path / "other"), "--socket", str(socket))
    assert other.code == 1
    assert f"a server already answers at {socket}" in other.err
    assert Client(socket).info().pid == serving.pid

    serving.send_signal(signal.SIGTERM)
    assert serving.wait(60) == 0
    assert not socket.exists()
    assert program("service", "list").code == 1


def test_a_state_folder_that_cannot_be_made(program: Khutulun, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = program("serve", "--user", "--state", str(tmp_path / "file" / "state"))
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert f"error: {tmp_path}/file/state" in ended.err
    assert "hint: " in ended.err


@pytest.mark.parametrize("arguments", [("--log-level", "loud"), ("--state",), ("extra",)])
def test_bad_options(arguments: tuple[str, ...], program: Khutulun) -> None:
    ended = program("serve", *arguments)
    assert ended.code == 1
    assert ended.err.startswith("error: ")
