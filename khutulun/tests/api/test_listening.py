"""The socket: its owner and mode, a stale one, a live one, and what else may stand in its place."""

import grp
import os
import socket as sockets
import stat
from pathlib import Path

import pytest

from khutulun import model
from khutulun.api import listening
from khutulun.client import Client
from khutulun.testing import serving
from khutulun.testing.conductor import FakeConductor


def refused(path: Path, scope: str = "user") -> model.Problem:
    with pytest.raises(model.Refused) as caught:
        listening.listen(path, scope)
    return caught.value.problems[0]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_in_the_user_scope_only_the_user_reaches_it(socket: Path) -> None:
    with listening.listen(socket, "user"):
        assert mode(socket) == 0o600
        assert socket.stat().st_uid == os.getuid()


def test_in_the_system_scope_the_group_reaches_it(socket: Path) -> None:
    group = grp.getgrgid(os.getgid()).gr_name
    with listening.listen(socket, "system", group):
        assert mode(socket) == 0o660
        assert socket.stat().st_gid == os.getgid()


def test_in_the_system_scope_without_the_group_only_root_reaches_it(socket: Path) -> None:
    with listening.listen(socket, "system", "no-such-group"):
        assert mode(socket) == 0o600


def test_the_folder_is_made(tmp_path: Path) -> None:
    with listening.listen(tmp_path / "a" / "b" / "s", "user"):
        assert mode(tmp_path / "a" / "b") == 0o700


def test_a_stale_socket_is_replaced(socket: Path) -> None:
    with sockets.socket(sockets.AF_UNIX) as dead:
        dead.bind(str(socket))
    with listening.listen(socket, "user"):
        assert listening.is_live(socket)


def test_a_live_server_is_left_alone(client: Client) -> None:
    problem = refused(client.path)
    assert problem.code == "already-serving"
    assert problem.hint
    assert client.info()
    assert list(client.path.parent.iterdir()) == [client.path]


def test_what_is_no_socket_is_left_alone(socket: Path) -> None:
    socket.write_text("precious")
    assert refused(socket).code == "not-a-socket"
    assert socket.read_text() == "precious"


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    problem = refused(tmp_path / ("x" * 120))
    assert problem.code == "socket"
    assert "107" in problem.message


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    problem = refused(tmp_path / "file" / "s")
    assert problem.code == "socket"
    assert "--socket" in problem.hint


def test_a_server_removes_its_socket_but_not_its_successors(socket: Path) -> None:
    with serving.served(FakeConductor(), socket):
        socket.unlink()
        successor = listening.listen(socket, "user")
    assert socket.exists()
    successor.close()


def test_a_served_socket_is_gone_afterwards(socket: Path) -> None:
    with serving.served(FakeConductor(), socket):
        assert socket.exists()
    assert list(socket.parent.iterdir()) == []


def test_a_socket_that_is_not_ours_to_use(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(self: object, address: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("khutulun.client.connection.socket.socket.connect", deny)
    with pytest.raises(model.Refused) as caught:
        client.info()
    assert caught.value.problems[0].code == "not-permitted"
    assert "group 'khutulun'" in caught.value.problems[0].hint
