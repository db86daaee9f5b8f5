"""Frames: bytes with a channel, for logs and exec.

On a WebSocket a message is one frame: the channel's byte, then the payload. In a plain stream (logs) each frame begins
with the channel's byte and the payload's length (32 bits, big-endian).
"""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import BinaryIO

MEDIA_TYPE = "application/vnd.khutulun.frames"
WINDOW = 256 * 1024
"""Bytes of stdin that may be on their way before the server has said `ACCEPTED`."""
CHUNK = 32 * 1024

_HEADER = struct.Struct(">BI")
_SIZE = struct.Struct(">HH")
_NUMBER = struct.Struct(">i")


class Channel(IntEnum):
    """What a frame carries. Payload numbers are big-endian."""

    STDIN = 0  # to the program; empty: end of input
    STDOUT = 1
    STDERR = 2
    RESIZE = 3  # rows and columns, 16 bits each
    SIGNAL = 4  # a signal number, 32 bits
    EXIT = 5  # the exit code, 32 bits; the last frame
    ACCEPTED = 6  # bytes of stdin that the program took, 32 bits
    PROBLEM = 7  # a problem as JSON; the last frame


class BadFrame(ValueError):
    """The bytes are not a frame."""


def message(channel: Channel, payload: bytes = b"") -> bytes:
    """Return a WebSocket message."""
    return bytes((channel,)) + payload


def parse(data: bytes) -> tuple[Channel, bytes]:
    """Return the channel and payload of a WebSocket message."""
    if not data:
        raise BadFrame("an empty message has no channel")
    return _channel(data[0]), data[1:]


def framed(channel: Channel, payload: bytes) -> bytes:
    """Return a frame of a plain stream."""
    return _HEADER.pack(channel, len(payload)) + payload


def read(stream: BinaryIO) -> Iterator[tuple[Channel, bytes]]:
    """Yield the frames of a plain stream; `BadFrame` when it ends inside one."""
    while header := stream.read(_HEADER.size):
        if len(header) < _HEADER.size:
            raise BadFrame("the stream ended inside a frame")
        number, length = _HEADER.unpack(header)
        payload = stream.read(length)
        if len(payload) < length:
            raise BadFrame("the stream ended inside a frame")
        yield _channel(number), payload


def number(value: int) -> bytes:
    return _NUMBER.pack(value)


def to_number(payload: bytes) -> int:
    if len(payload) != _NUMBER.size:
        raise BadFrame(f"a number of {_NUMBER.size} bytes was expected, not {len(payload)}")
    return int(_NUMBER.unpack(payload)[0])


def size(rows: int, columns: int) -> bytes:
    return _SIZE.pack(min(rows, 65535), min(columns, 65535))


def to_size(payload: bytes) -> tuple[int, int]:
    if len(payload) != _SIZE.size:
        raise BadFrame(f"rows and columns take {_SIZE.size} bytes, not {len(payload)}")
    rows, columns = _SIZE.unpack(payload)
    return rows, columns


def _channel(number: int) -> Channel:
    try:
        return Channel(number)
    except ValueError as error:
        raise BadFrame(f"there is no channel {number}") from error
