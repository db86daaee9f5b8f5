"""The client's side of the socket, and starting the supervisor when it is not there."""

import fcntl
import json
import os
import socket
import sys

from khutulun.supervisor import server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class NotRunning(Exception):
    """No supervisor serves the folder."""


class Failed(Exception):
    """The supervisor refused, or could not be reached; the message says why."""


def default_folder() -> str:
    """The supervisor's folder of the system scope for root, else of the user's."""
    if "KHUTULUN_SUPERVISOR" in os.environ:
        return os.environ["KHUTULUN_SUPERVISOR"]
    if os.getuid() == 0:
        return "/var/lib/khutulun/supervisor"
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return f"{state}/khutulun/supervisor"


def request(folder: str, message: dict[str, object], spawn: bool = False) -> dict[str, object]:
    """Send a request and return the answer. Raises `NotRunning` (unless it may `spawn`) and `Failed`."""
    with _connect(folder, spawn) as connection:
        _send(connection, message)
        with connection.makefile("rb") as stream:
            line = stream.readline()
    if not line:
        raise Failed("the supervisor ended before it has answered; its workloads go on running, so ask again")
    answer: dict[str, object] = json.loads(line)
    if "error" in answer:
        raise Failed(str(answer["error"]))
    return answer


def events(folder: str, spawn: bool = False) -> "Iterator[bytes]":
    """The lines of the event stream, until the supervisor ends."""
    with _connect(folder, spawn) as connection:
        _send(connection, {"command": "events"})
        with connection.makefile("rb") as stream:
            yield from stream


def _send(connection: socket.socket, message: dict[str, object]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def _connect(folder: str, spawn: bool) -> socket.socket:
    try:
        return _open(folder)
    except NotRunning:
        if not spawn:
            raise
    os.makedirs(folder, mode=0o700, exist_ok=True)
    lock = os.open(f"{folder}/spawning", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return _open(folder)
        except NotRunning:
            _spawn(folder)
            return _open(folder)
    finally:
        os.close(lock)


def _open(folder: str) -> socket.socket:
    try:
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotRunning(folder) from None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{directory}/{server.NAME}")
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        raise NotRunning(folder) from None
    finally:
        os.close(directory)
    return connection


def _spawn(folder: str) -> None:
    """Start the daemon in a session of its own and wait until it serves."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    package = os.path.dirname(os.path.abspath(__file__))
    command = [sys.executable, "-I", "-S", package, "--folder", folder, "run", "--ready", str(writer)]
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                os.chdir("/")
                log = os.open(f"{folder}/supervisor.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                null = os.open("/dev/null", os.O_RDONLY)
                for source, target in ((null, 0), (log, 1), (log, 2)):
                    os.dup2(source, target)
                os.execv(command[0], command)
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with open(reader, "rb") as pipe:
        answer = pipe.read()
    if answer != b"ready":
        reason = answer.decode(errors="replace") or f"see {folder}/supervisor.log"
        raise Failed(f"the supervisor did not start: {reason}")
