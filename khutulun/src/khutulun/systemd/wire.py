"""Messages of D-Bus as bytes: as much of the wire format as conversations with systemd need.

`khutulun.systemd.connection` sends and receives them. Values are read from a signature, as in the specification of
D-Bus, section "Type System"; a variant is written as ``(signature, value)`` and read as its value.
"""

import functools
import struct
from enum import IntEnum
from typing import Any

import msgspec

LARGEST = 128 << 20
"""Bytes of a message, by the specification."""

_HEAD = struct.Struct("<cBBBIII")
_SERIAL, _FIELDS = 8, 12
"""Where the serial and the header fields lie."""

_REPLY = 5
"""Number of the header field that says which call is answered."""

_ALIGNMENT = {"y": 1, "g": 1, "v": 1, "n": 2, "q": 2, "b": 4, "i": 4, "u": 4, "s": 4, "o": 4, "a": 4, "h": 4}
_FIXED = {
    "y": struct.Struct("<B"),
    "n": struct.Struct("<h"),
    "q": struct.Struct("<H"),
    "b": struct.Struct("<I"),
    "i": struct.Struct("<i"),
    "u": struct.Struct("<I"),
    "h": struct.Struct("<I"),
    "x": struct.Struct("<q"),
    "t": struct.Struct("<Q"),
    "d": struct.Struct("<d"),
}
_LENGTH = _FIXED["u"]


class WireError(Exception):
    """Bytes are no message, or a value does not fit its type."""


class Kind(IntEnum):
    """What a message is."""

    CALL = 1
    RETURN = 2
    ERROR = 3
    SIGNAL = 4


class Message(msgspec.Struct, frozen=True):
    """A message that was received. `body` is read by `arguments`, when somebody wants to know."""

    kind: Kind
    reply_to: int
    path: str
    interface: str
    member: str
    error: str
    signature: str
    body: bytes

    def arguments(self) -> list[Any]:
        """Return the values of the body. Raises `WireError`."""
        reader = Reader(self.body)
        try:
            return [reader.value(one) for one in types(self.signature)]
        except (struct.error, IndexError, ValueError, RecursionError) as wrong:
            raise WireError(str(wrong)) from None


def call(serial: int, path: str, interface: str, member: str, signature: str, arguments: list[Any], to: str) -> bytes:
    """Return a method call; `to` is its destination, nothing on a connection without a bus. Raises `WireError`."""
    try:
        data = _encoded(path, interface, member, signature, tuple(arguments), to)
    except TypeError:  # arguments that hold lists
        data = _encode(path, interface, member, signature, tuple(arguments), to)
    return b"".join((data[:_SERIAL], _LENGTH.pack(serial), data[_SERIAL + 4 :]))


def _encode(path: str, interface: str, member: str, signature: str, arguments: tuple[Any, ...], to: str) -> bytes:
    body = Writer()
    for one, value in zip(types(signature), arguments, strict=True):
        body.value(one, value)
    fields = [(1, ("o", path)), (2, ("s", interface)), (3, ("s", member))]
    fields += [(6, ("s", to))] if to else []
    fields += [(8, ("g", signature))] if signature else []
    head = Writer()
    head.data += _HEAD.pack(b"l", Kind.CALL, 0, 1, len(body.data), 0, 0)[:_FIELDS]
    head.value("a(yv)", fields)
    head.align(8)
    return bytes(head.data + body.data)


_encoded = functools.lru_cache(512)(_encode)
"""The same few properties are asked for again and again."""


def length(data: bytes | bytearray) -> int:
    """Return how long the message is that begins with `data`, 0 when that cannot be known yet. Raises `WireError`."""
    if len(data) < _HEAD.size:
        return 0
    order, _, _, version, body, _, fields = _HEAD.unpack_from(data)
    if order != b"l" or version != 1:
        raise WireError("not the beginning of a message")
    total = int(_HEAD.size + _aligned(fields, 8) + body)
    if total > LARGEST:
        raise WireError(f"a message of {total} bytes")
    return total


def message(data: bytes) -> Message:
    """Return the message in `data`, which holds exactly one. Raises `WireError`."""
    try:
        _, kind, _, _, body, _, size = _HEAD.unpack_from(data)
        texts, reply_to = _fields(data, _HEAD.size + size)
        path, interface, member, error, signature = (texts.get(number, "") for number in (1, 2, 3, 4, 8))
        start = len(data) - body
        return Message(Kind(kind), reply_to, path, interface, member, error, signature, data[start:])
    except (struct.error, IndexError, ValueError) as wrong:
        raise WireError(str(wrong)) from None


def _fields(data: bytes, end: int) -> tuple[dict[int, str], int]:
    """Return the header fields that are texts, and the serial of the call that is answered."""
    texts: dict[int, str] = {}
    reply_to, place = 0, _HEAD.size
    while place < end:
        place += -place % 8
        number, length, kind = data[place], data[place + 1], data[place + 2 : place + 3]
        place += 4
        if length != 1 or kind not in b"sogu":
            raise WireError("a header field of a strange type")
        if kind == b"g":
            size, place = data[place], place + 1
        else:
            place += -place % 4
            (size,) = _LENGTH.unpack_from(data, place)
            place += 4
        if kind == b"u":
            reply_to = size if number == _REPLY else reply_to
            continue
        texts[number] = data[place : place + size].decode("utf-8", "replace")
        place += size + 1
    return texts, reply_to


@functools.lru_cache(512)
def types(signature: str) -> tuple[str, ...]:
    """Return the complete types that a signature consists of. Raises `WireError`."""
    found = []
    while signature:
        end = _end(signature, 0)
        found.append(signature[:end])
        signature = signature[end:]
    return tuple(found)


class Writer:
    """Writes values behind each other."""

    def __init__(self) -> None:
        self.data = bytearray()

    def align(self, size: int) -> None:
        """Fill up to a multiple of `size`."""
        self.data += bytes(-len(self.data) % size)

    def value(self, kind: str, value: Any) -> None:
        """Write one value of a complete type. Raises `WireError`."""
        self.align(_alignment(kind))
        first = kind[0]
        try:
            if first in _FIXED:
                self.data += _FIXED[first].pack(value)
            elif first in "so":
                encoded = value.encode()
                self.data += _LENGTH.pack(len(encoded)) + encoded + b"\0"
            elif first == "g":
                self.data += bytes([len(value)]) + value.encode() + b"\0"
            elif first == "v":
                self.value("g", value[0])
                self.value(value[0], value[1])
            elif first == "a":
                self._array(kind[1:], value)
            else:
                for one, item in zip(types(kind[1:-1]), value, strict=True):
                    self.value(one, item)
        except (struct.error, AttributeError, TypeError, ValueError) as error:
            raise WireError(f"{value!r} is no {kind}: {error}") from None

    def _array(self, kind: str, values: Any) -> None:
        place = len(self.data)
        self.data += b"\0\0\0\0"
        self.align(_alignment(kind))
        start = len(self.data)
        for item in values:
            self.value(kind, item)
        _LENGTH.pack_into(self.data, place, len(self.data) - start)


class Reader:
    """Reads values behind each other."""

    def __init__(self, data: bytes) -> None:
        self._data, self.place = data, 0

    def value(self, kind: str) -> Any:
        """Read one value of a complete type: arrays are lists, also of dictionary entries, and structures tuples."""
        first = kind[0]
        size = _alignment(kind)
        self.place += -self.place % size
        if first in _FIXED:
            (found,) = _FIXED[first].unpack_from(self._data, self.place)
            self.place += _FIXED[first].size
            return bool(found) if first == "b" else found
        if first in "so":
            return self._text(self.value("u"))
        if first == "g":
            return self._text(self.value("y"))
        if first == "v":
            return self.value(self.value("g"))
        if first == "a":
            return self._array(kind[1:])
        return tuple(self.value(one) for one in types(kind[1:-1]))

    def _text(self, size: int) -> str:
        start, self.place = self.place, self.place + size + 1
        return self._data[start : start + size].decode("utf-8", "replace")

    def _array(self, kind: str) -> Any:
        size = self.value("u")
        self.place += -self.place % _alignment(kind)
        end = self.place + size
        if end > len(self._data):
            raise WireError("an array is longer than its message")
        if kind == "y":
            start, self.place = self.place, end
            return self._data[start:end]
        found = []
        while self.place < end:
            found.append(self.value(kind))
        return found


def _alignment(kind: str) -> int:
    return _ALIGNMENT.get(kind[0], 8)


def _aligned(size: int, to: int) -> int:
    return size + -size % to


def _end(signature: str, start: int) -> int:
    """Return where the complete type ends that begins at `start`."""
    try:
        first = signature[start]
        if first == "a":
            return _end(signature, start + 1)
        if first in "({":
            depth = 0
            for place in range(start, len(signature)):
                depth += (signature[place] in "({") - (signature[place] in ")}")
                if depth == 0:
                    return place + 1
            raise IndexError
        if first not in _FIXED and first not in "sogv":
            raise WireError(f"{first!r} is no type")
    except IndexError:
        raise WireError(f"the signature {signature!r} is not complete") from None
    return start + 1
