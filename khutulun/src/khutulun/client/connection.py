"""HTTP over the unix socket, one connection a request. What goes wrong is a `model.Refused` that says what to do."""

import contextlib
import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec

from khutulun import model
from khutulun.api import wire

PROBLEM = "application/problem+json"


class Problems(msgspec.Struct, frozen=True):
    """An answer that is no success."""

    problems: tuple[model.Problem, ...]


class Connection(http.client.HTTPConnection):
    """To a server's socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = connect(self._path)


def connect(path: Path) -> socket.socket:
    """Return a connection to the server at `path`."""
    channel = socket.socket(socket.AF_UNIX)
    try:
        channel.connect(os.fspath(path))
    except OSError as error:
        channel.close()
        raise _unreachable(path, error) from error
    return channel


def request(
    path: Path, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> http.client.HTTPResponse:
    """Return the answer of a success, its body unread; closing it closes the connection."""
    return stream(path, method, target, body, headers)[0]


def stream(
    path: Path, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[http.client.HTTPResponse, socket.socket]:
    """Return the answer as `request` does, and its socket: shutting it down ends a read in another thread."""
    connection = Connection(path)
    with lost(path):
        connection.connect()
        channel = connection.sock
        with contextlib.suppress(BrokenPipeError):  # refused before all was sent; the answer says why
            connection.request(method, target, body, {"Connection": "close", **(headers or {})})
        response = connection.getresponse()
        if response.status >= 300:
            raise refused(response.status, response.getheader("Content-Type", ""), response.read())
    return response, channel


def refused(status: int, media_type: str, body: bytes) -> model.Refused:
    """Return what an answer that is no success says."""
    if media_type.partition(";")[0] == PROBLEM:
        try:
            return model.Refused(*wire.decode(Problems, body).problems, status=status)
        except wire.Malformed:
            pass  # what it is instead is shown below
    text = body[:200].decode(errors="replace").strip()
    return model.refuse(
        "not-khutulun",
        f"the server answered {status}: {text or 'nothing'}",
        hint="is it khutulun that listens at this socket, and of the same version?",
        status=status,
    )


@contextlib.contextmanager
def lost(path: Path) -> Iterator[None]:
    """Turn a connection that breaks into a refusal."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise broken(path, error) from error


def broken(path: Path, error: Exception) -> model.Refused:
    """Return that the server went away in the middle."""
    detail = "it went away in the middle"
    if isinstance(error, OSError):
        detail = error.strerror or str(error) or detail
    return model.refuse(
        "connection-lost",
        f"the connection to the server ended: {detail}",
        where=str(path),
        hint="what it was asked to do may have been done: look with 'khutulun service show'; "
        "if it is not running, start it with 'khutulun serve'",
        status=503,
    )


def _why(path: Path) -> str:
    """Say what is wrong with a socket that cannot be connected to."""
    if not path.exists():
        return f"there is no socket at {path}"
    return f"nobody listens at {path}" if path.is_socket() else f"{path} is no socket"


def _unreachable(path: Path, error: OSError) -> model.Refused:
    if isinstance(error, PermissionError):
        return model.refuse(
            "not-permitted",
            f"the server's socket {path} is not open to you",
            where=str(path),
            hint="become a member of the group 'khutulun', or run a server of your own with 'khutulun serve --user'",
            status=403,
        )
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return model.refuse(
            "no-server",
            _why(path),
            where=str(path),
            hint="start a server with 'khutulun serve', or name another socket with --socket",
            status=503,
        )
    return model.refuse(
        "no-server", f"{path} cannot be reached: {error.strerror or error}", where=str(path), status=503,
        hint="name the server's socket with --socket",
    )  # fmt: skip
