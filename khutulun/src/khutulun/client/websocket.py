"""The client side of WebSockets (RFC 6455), as much as exec needs: whole binary messages over one socket.

Sending blocks until the kernel has taken everything; receiving reads once and returns what is complete, so the caller
can wait for the socket together with others.
"""

import base64
import os
import socket
import struct

from khutulun import model
from khutulun.client import connection

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_FINAL = 0x80
_READ = 64 * 1024
_MAX_HEADER = 64 * 1024


class ProtocolError(ConnectionError):
    """The server said something that is no WebSocket."""


class WebSocket:
    """Connected to the route `target` of the server at the other end of `channel`."""

    def __init__(self, channel: socket.socket, target: str) -> None:
        self._channel = channel
        self._message = b""
        self.closed = False
        self._buffer = bytearray(_handshake(channel, target))

    def fileno(self) -> int:
        return self._channel.fileno()

    def send(self, payload: bytes) -> None:
        """Send one binary message."""
        self._channel.sendall(_frame(_BINARY, payload))

    def receive(self) -> list[bytes]:
        """Read once, and return the messages that are complete; `closed` is set when no more will come."""
        if not (messages := self._complete()) and not self.closed:
            data = self._channel.recv(_READ)
            self.closed = not data
            self._buffer += data
            messages = self._complete()
        return messages

    def pending(self) -> bool:
        """Whether something was read already with the handshake, so that waiting for the socket may be in vain."""
        return bool(self._buffer)

    def close(self) -> None:
        self._channel.close()

    def _complete(self) -> list[bytes]:
        messages = []
        while (frame := _parse(self._buffer)) is not None:
            final, code, payload, length = frame
            del self._buffer[:length]
            if code in (_BINARY, _TEXT, _CONTINUATION):
                self._message += payload
                if final:
                    messages.append(self._message)
                    self._message = b""
            elif code == _PING:
                self._channel.sendall(_frame(_PONG, payload))
            elif code == _CLOSE:
                self.closed = True
        return messages


def _handshake(channel: socket.socket, target: str) -> bytes:
    """Ask to upgrade; return what came after the answer's head, or raise what the answer says."""
    key = base64.b64encode(os.urandom(16)).decode()
    channel.sendall(
        f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(channel)
        if len(received) > _MAX_HEADER:
            raise ProtocolError("the answer's head does not end")
    head, _, rest = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = first.split(" ")[1] if " " in first else ""
    if status == "101":
        return rest
    raise _refusal(channel, status, headers, rest)


def _refusal(channel: socket.socket, status: str, headers: dict[str, str], rest: bytes) -> model.Refused:
    if not status.isdigit():
        raise ProtocolError("the answer is not HTTP")
    length = headers.get("content-length", "0")
    while length.isdigit() and len(rest) < int(length):
        rest += _more(channel)
    return connection.refused(int(status), headers.get("content-type", ""), rest)


def _more(channel: socket.socket) -> bytes:
    data = channel.recv(_READ)
    if not data:
        raise ProtocolError("the server closed the connection")
    return data


def _frame(code: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        header = struct.pack(">BB", _FINAL | code, 0x80 | length)
    elif length < 65536:
        header = struct.pack(">BBH", _FINAL | code, 0x80 | 126, length)
    else:
        header = struct.pack(">BBQ", _FINAL | code, 0x80 | 127, length)
    key = os.urandom(4)
    return header + key + _masked(payload, key)


def _masked(payload: bytes, key: bytes) -> bytes:
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


def _parse(data: bytearray) -> tuple[bool, int, bytes, int] | None:
    """Return (last of its message, code, payload, bytes taken) of the first frame, or None while it is not whole."""
    if len(data) < 2:
        return None
    length, start = data[1] & 0x7F, 2
    if data[1] & 0x80:
        raise ProtocolError("a server does not mask")
    if length >= 126:
        start = 4 if length == 126 else 10
        if len(data) < start:
            return None
        length = int.from_bytes(data[2:start], "big")
    if len(data) < start + length:
        return None
    return bool(data[0] & _FINAL), data[0] & 0x0F, bytes(data[start : start + length]), start + length
