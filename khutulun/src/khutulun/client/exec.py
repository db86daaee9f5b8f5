"""A program that runs in a node's surroundings, seen from the client."""

import contextlib
import os
from pathlib import Path

from khutulun import model
from khutulun.api import frames, wire
from khutulun.api.frames import Channel
from khutulun.client import connection, websocket


class Exec:
    """Feed it and drain it from one thread: wait for `fileno` (and, while `room`, for your input)."""

    def __init__(self, path: Path, target: str) -> None:
        self._path = path
        self.room = frames.WINDOW
        self.exit_code: int | None = None
        channel = connection.connect(path)
        try:
            with connection.lost(path):
                self._socket = websocket.WebSocket(channel, target)
        except BaseException:
            channel.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def ended(self) -> bool:
        """Whether the exit code is known."""
        return self.exit_code is not None

    def pending(self) -> bool:
        """Whether `receive` has something without waiting."""
        return self._socket.pending()

    def receive(self) -> list[tuple[Channel, bytes]]:
        """Return the output that has come; raises `model.Refused` when the server says a problem or goes away."""
        with connection.lost(self._path):
            messages = self._socket.receive()
        output: list[tuple[Channel, bytes]] = []
        for channel, payload in map(frames.parse, messages):
            if channel in (Channel.STDOUT, Channel.STDERR):
                output.append((channel, payload))
            else:
                self._control(channel, payload)
        if self._socket.closed and not self.ended:
            raise connection.broken(self._path, ConnectionError("the server closed it before the program ended"))
        return output

    def write(self, data: bytes) -> None:
        """Send input, at most `room` bytes; empty ends the input."""
        self.room -= len(data)
        self._send(Channel.STDIN, data)

    def resize(self, size: os.terminal_size) -> None:
        self._send(Channel.RESIZE, frames.size(size.lines, size.columns))

    def signal(self, number: int) -> None:
        self._send(Channel.SIGNAL, frames.number(number))

    def close(self) -> None:
        self._socket.close()

    def _control(self, channel: Channel, payload: bytes) -> None:
        match channel:
            case Channel.EXIT:
                self.exit_code = frames.to_number(payload)
            case Channel.ACCEPTED:
                self.room += frames.to_number(payload)
            case Channel.PROBLEM:
                raise model.Refused(*wire.decode(connection.Problems, payload).problems)
            case _:
                raise frames.BadFrame(f"channel {channel.name} is for the client to send")

    def _send(self, channel: Channel, payload: bytes) -> None:
        if not self._socket.closed:
            with contextlib.suppress(ConnectionError):  # what was received says why it is closed
                self._socket.send(frames.message(channel, payload))
