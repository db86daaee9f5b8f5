"""The bus inside one process: what `khutulun serve` uses on one machine."""

import collections
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

from khutulun.bus import interface

Answer = TypeVar("Answer")

CHANNEL_DEPTH = 256


class LocalBus:
    """Requests run in the asking thread; channels are pairs of bounded queues."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers: dict[str, tuple[type[Any], Callable[[Any], Any]]] = {}
        self._acceptors: dict[str, tuple[type[Any], Callable[[Any, interface.Channel], None]]] = {}
        self._channels: set[LocalChannel] = set()

    def serve(self, subject: str, request: type[Any], handler: Callable[[Any], Any]) -> interface.Removal:
        with self._lock:
            self._servers[subject] = (request, handler)
        return lambda: self._remove(self._servers, subject)

    def request(self, subject: str, message: msgspec.Struct, answer: type[Answer]) -> Answer:
        type_, handler = self._find(self._servers, subject)
        result = handler(msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=type_))
        return msgspec.msgpack.decode(msgspec.msgpack.encode(result), type=answer)

    def accept(
        self, subject: str, request: type[Any], handler: Callable[[Any, interface.Channel], None]
    ) -> interface.Removal:
        with self._lock:
            self._acceptors[subject] = (request, handler)
        return lambda: self._remove(self._acceptors, subject)

    def open(self, subject: str, message: msgspec.Struct) -> "LocalChannel":
        type_, handler = self._find(self._acceptors, subject)
        request = msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=type_)
        near, far = _pair(self._forget)
        with self._lock:
            self._channels |= {near, far}

        def run() -> None:
            with contextlib.closing(far):
                handler(request, far)

        threading.Thread(target=run, name=f"channel {subject}", daemon=True).start()
        return near

    def close(self) -> None:
        with self._lock:
            channels = list(self._channels)
            self._servers.clear()
            self._acceptors.clear()
        for channel in channels:
            channel.close()

    def _find(self, table: dict[str, Any], subject: str) -> Any:
        with self._lock:
            if subject not in table:
                raise interface.BusError(f"nobody serves {subject}")
            return table[subject]

    def _remove(self, table: dict[str, Any], subject: str) -> None:
        with self._lock:
            table.pop(subject, None)

    def _forget(self, channel: "LocalChannel") -> None:
        with self._lock:
            self._channels.discard(channel)


class LocalChannel:
    """One end of a pair."""

    def __init__(self, inbox: "_Pipe", outbox: "_Pipe", forget: Callable[["LocalChannel"], None]) -> None:
        self._inbox, self._outbox, self._forget = inbox, outbox, forget

    def send(self, message: msgspec.Struct | bytes) -> None:
        self._outbox.put(message if isinstance(message, bytes) else msgspec.msgpack.encode(message))

    def receive(self) -> Iterator[bytes]:
        while (data := self._inbox.take()) is not None:
            yield data

    def close(self) -> None:
        self._forget(self)
        self._outbox.end()
        self._inbox.abandon()


class _Pipe:
    """One direction: a bounded queue that either end can close."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._messages: collections.deque[bytes] = collections.deque()
        self._ended = False

    def put(self, data: bytes) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(self._messages) < CHANNEL_DEPTH)
            if self._ended:
                raise interface.BusError("the channel is closed")
            self._messages.append(data)
            self._changed.notify_all()

    def take(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._messages)
            if not self._messages:
                return None
            data = self._messages.popleft()
            self._changed.notify_all()
            return data

    def end(self) -> None:
        """The writer is done: what is queued is still read."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """The reader is gone: nothing more is wanted."""
        with self._changed:
            self._ended = True
            self._messages.clear()
            self._changed.notify_all()


def _pair(forget: Callable[[LocalChannel], None]) -> tuple[LocalChannel, LocalChannel]:
    there, back = _Pipe(), _Pipe()
    return LocalChannel(back, there, forget), LocalChannel(there, back, forget)
