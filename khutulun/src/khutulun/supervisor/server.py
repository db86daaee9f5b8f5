"""The supervisor's socket: one JSON line in, one out; a subscriber gets a line for each event."""

import json
import os
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from khutulun.supervisor import loop

NAME = "socket"
LONGEST_REQUEST = 8 * 1024 * 1024
LONGEST_BACKLOG = 4 * 1024 * 1024


class Server:
    """Listens in `folder`. `handle` gets each request and a function that answers it, at once or later.

    Whoever sends ``{"command": "events"}`` gets what `catch_up` returns, then a line ``{"event": "caught-up"}``, then
    everything that is published. One that reads too slowly is disconnected; it catches up when it comes back.
    """

    def __init__(
        self,
        events: "loop.Loop",
        folder: str,
        handle: "Callable[[dict[str, object], Callable[[dict[str, object]], None]], None]",
        catch_up: "Callable[[], list[dict[str, object]]]",
    ) -> None:
        self.loop = events
        self.handle = handle
        self.catch_up = catch_up
        self.subscribers: set[_Client] = set()
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._path = (
            f"/proc/self/fd/{self._folder}/{NAME}"  # keeps the address short, however long the folder's path is
        )
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)

    def listen(self) -> None:
        """Accept clients."""
        if os.path.lexists(self._path):
            os.unlink(self._path)
        self._socket.bind(self._path)
        os.chmod(self._path, 0o600)
        self._socket.listen(64)
        self._socket.setblocking(False)
        self.loop.watch(self._socket.fileno(), self._accept)

    def close(self) -> None:
        """Take the socket away."""
        os.unlink(self._path)
        self._socket.close()

    def publish(self, event: dict[str, object]) -> None:
        """Send an event to all subscribers."""
        for client in list(self.subscribers):
            client.send(event)

    def _accept(self) -> None:
        connection, _ = self._socket.accept()
        connection.setblocking(False)
        _Client(self, connection)


class _Client:
    def __init__(self, server: Server, connection: socket.socket) -> None:
        self._server = server
        self._socket = connection
        self._input = b""
        self._output = b""
        server.loop.watch(connection.fileno(), self._readable)

    def send(self, message: dict[str, object]) -> None:
        """Send a line, now or when the client is able to take it."""
        if self._socket.fileno() < 0:
            return
        self._output += json.dumps(message).encode() + b"\n"
        self._flush()
        if len(self._output) > LONGEST_BACKLOG:
            self._close()

    def _readable(self) -> None:
        try:
            data = self._socket.recv(1 << 16)
        except ConnectionError:
            data = b""
        self._input += data
        if not data or len(self._input) > LONGEST_REQUEST:
            self._close()
            return
        while b"\n" in self._input:
            line, _, self._input = self._input.partition(b"\n")
            self._request(line)

    def _request(self, line: bytes) -> None:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            self.send({"error": "the request is not a JSON object"})
        elif request.get("command") == "events":
            for event in self._server.catch_up():
                self.send(event)
            self.send({"event": "caught-up"})
            self._server.subscribers.add(self)
        else:
            self._server.handle(request, self.send)

    def _flush(self) -> None:
        try:
            sent = self._socket.send(self._output)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close()
            return
        self._output = self._output[sent:]
        if self._output:
            self._server.loop.watch(self._socket.fileno(), self._flush, write=True)
        else:
            self._server.loop.watch(self._socket.fileno(), self._readable)

    def _close(self) -> None:
        self._server.subscribers.discard(self)
        if self._socket.fileno() >= 0:
            self._server.loop.unwatch(self._socket.fileno())
            self._socket.close()
        self._output = b""
