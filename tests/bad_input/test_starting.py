"""Servers that cannot start, and sockets that nobody listens at: each says so, and touches nothing."""

import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.bad_input import refusals
from tests.bad_input.served import Here, Served

NEWER = 1000


def files(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def used(tmp_path: Path) -> Served:
    """A state folder that a server has used, and has left."""
    made = Served(Here(tmp_path), str(tmp_path / "state"), tmp_path / "log")
    with made.up():
        pass
    return made


def newer(name: str) -> Callable[[Path], object]:
    def change(state: Path) -> None:
        with sqlite3.connect(state / name) as connection:
            connection.execute(f"PRAGMA user_version = {NEWER}")
        connection.close()

    return change


def garbage(name: str) -> Callable[[Path], object]:
    return lambda state: (state / name).write_bytes(b"garbage " * 4096)


def damaged(name: str) -> Callable[[Path], object]:
    """Overwrite the middle of a database, not its head."""

    def change(state: Path) -> None:
        content = (state / name).read_bytes()
        (state / name).write_bytes(content[:1024] + b"\xff" * (len(content) - 1024))

    return change


def other(name: str) -> Callable[[Path], object]:
    """Put somebody else's database in the place."""

    def change(state: Path) -> None:
        (state / name).unlink()
        with sqlite3.connect(state / name) as connection:
            connection.execute("CREATE TABLE theirs (x)")
        connection.close()

    return change


BROKEN = {
    "a store of a newer version": (newer("floria"), "newer version of Floria", "upgrade"),
    "an agent's memory of a newer version": (newer("agent.sqlite"), "agent.sqlite: it has format 1000", "upgrade"),
    "a store that is none": (garbage("floria"), "floria: it is not a Floria store", "path"),
    "a damaged store": (damaged("floria"), "floria: it is damaged", "restore a backup"),
    "somebody else's store": (other("floria"), "floria: it is not a Floria store", "path"),
    "an agent's memory that is none": (garbage("agent.sqlite"), "agent.sqlite", "move it away"),
    "a damaged agent's memory": (damaged("agent.sqlite"), "agent.sqlite", "move it away"),
    "somebody else's agent's memory": (other("agent.sqlite"), "agent.sqlite", "move it away"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_state_folder_that_cannot_be_used_is_left_as_it_is(used: Served, name: str) -> None:
    change, says, hint = BROKEN[name]
    state = Path(used.state)
    change(state)
    before = {path: content for path, content in files(state).items() if not path.endswith(("lock", "-wal", "-shm"))}
    ended = used.machine.run(["khutulun", "serve", "--user", "--state", used.state], check=False)
    refusals.check(ended, says, hint=hint)
    after = files(state)
    assert {path: after[path] for path in before} == before


def test_two_servers_on_one_folder(used: Served) -> None:
    with used.up(), used.unchanged():
        argv = ["khutulun", "serve", "--user", "--state", used.state]
        ended = used.machine.run([*argv, "--socket", f"{used.state}/other.sock"], check=False)
        refusals.check(ended, "another server uses", used.state, hint="--state")


def test_two_servers_at_one_socket(used: Served, tmp_path: Path) -> None:
    with used.up(), used.unchanged():
        argv = ["khutulun", "serve", "--user", "--state", str(tmp_path / "second"), "--socket", used.socket]
        refusals.check(
            used.machine.run(argv, check=False), f"a server already answers at {used.socket}", hint="--state"
        )


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("/dev/null", "/dev/null"),
        ("/dev/null/below", "/dev/null/below"),
        ("/proc/state", "/proc/state"),
        ("/tmp/" + "x" * 300, "File name too long"),
    ],
)
def test_a_state_folder_that_cannot_be(tmp_path: Path, state: str, says: str) -> None:
    ended = Here(tmp_path).run(["khutulun", "serve", "--user", "--state", state], check=False)
    refusals.check(ended, says, hint="--state" if state != "/dev/null" else "")


def test_a_socket_with_a_path_that_is_too_long(tmp_path: Path) -> None:
    argv = ["khutulun", "serve", "--user", "--state", str(tmp_path / ("x" * 120))]
    refusals.check(Here(tmp_path).run(argv, check=False), "the kernel has 107", hint="--socket")


def missing(path: Path) -> None:
    pass


def stale(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as channel:
        channel.bind(str(path))


def text(path: Path) -> None:
    path.write_text("not a socket")


def folder(path: Path) -> None:
    path.mkdir()


SOCKETS = {
    "missing": (missing, "there is no socket at", "khutulun serve"),
    "stale": (stale, "nobody listens at", "khutulun serve"),
    "a file": (text, "is no socket", "--socket"),
    "a folder": (folder, "is no socket", "--socket"),
}


@pytest.mark.parametrize("name", SOCKETS)
def test_a_command_without_a_server(tmp_path: Path, name: str) -> None:
    make, says, hint = SOCKETS[name]
    path = tmp_path / "khutulun.sock"
    make(path)
    for command in (["service", "list"], ["logs", "a/b", "-f"], ["service", "undeploy", "a"]):
        ended = Here(tmp_path).run(["khutulun", *command], check=False, env={"KHUTULUN_SOCKET": str(path)})
        refusals.check(ended, says, str(path), hint=hint)


def test_a_stale_socket_is_replaced_by_a_server_and_a_file_is_not(used: Served) -> None:
    stale(Path(used.socket))
    with used.up():
        assert used.json("service", "list") == []
    text(Path(used.socket))
    ended = used.machine.run(["khutulun", "serve", "--user", "--state", used.state], check=False)
    refusals.check(ended, f"{used.socket} exists and is no socket", hint="move it away")
    assert Path(used.socket).read_text() == "not a socket"


def test_a_listener_that_is_not_khutulun(tmp_path: Path) -> None:
    path = tmp_path / "other.sock"
    with socket.socket(socket.AF_UNIX) as channel:
        channel.bind(str(path))
        channel.listen(1)
        with Here(tmp_path).popen(
            ["sh", "-c", 'khutulun service list 2>&1; echo "status $?"'], env={"KHUTULUN_SOCKET": str(path)}
        ) as asking:
            answer, _ = channel.accept()
            with answer:
                answer.recv(65536)
                answer.sendall(b"SSH-2.0-Other\r\n")
            out, _ = asking.communicate()
    assert out.startswith("error: ")
    assert "hint: " in out
    assert "Traceback" not in out
    assert out.endswith("status 1\n")


def test_what_a_server_keeps_is_its_users_alone(used: Served) -> None:
    for path in Path(used.state).rglob("*"):
        mode = path.stat().st_mode & 0o777
        assert path.is_dir() or path.name == "lock" or not mode & 0o077, (path, oct(mode))
