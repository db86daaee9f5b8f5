"""The bus inside one process: what `khutulun serve` uses on one machine."""

import collections
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

from khutulun.bus import interface

Answer = TypeVar("Answer")

CHANNEL_DEPTH = 256
CLOSING = 5.0
"""Seconds that handlers of channels have to end when the bus closes."""

log = logging.getLogger(__name__)


class LocalBus:
    """Requests run in the asking thread; channels are pairs of bounded queues."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers: dict[str, tuple[type[Any], Callable[[Any], Any]]] = {}
        self._acceptors: dict[str, tuple[type[Any], Callable[[Any, interface.Channel], None]]] = {}
        self._channels: dict[LocalChannel, threading.Thread] = {}

    def serve(self, subject: str, request: type[Any], handler: Callable[[Any], Any]) -> interface.Removal:
        served = (request, handler)
        with self._lock:
            self._servers[subject] = served
        return lambda: self._remove(self._servers, subject, served)

    def request(self, subject: str, message: msgspec.Struct, answer: type[Answer]) -> Answer:
        type_, handler = self._find(self._servers, subject)
        result = handler(msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=type_))
        return msgspec.msgpack.decode(msgspec.msgpack.encode(result), type=answer)

    def accept(
        self, subject: str, request: type[Any], handler: Callable[[Any, interface.Channel], None]
    ) -> interface.Removal:
        accepted = (request, handler)
        with self._lock:
            self._acceptors[subject] = accepted
        return lambda: self._remove(self._acceptors, subject, accepted)

    def open(self, subject: str, message: msgspec.Struct) -> "LocalChannel":
        type_, handler = self._find(self._acceptors, subject)
        request = msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=type_)
        near, far = _pair()

        def run() -> None:
            try:
                with contextlib.closing(far):
                    handler(request, far)
            except Exception:
                log.exception("channel %s", subject)
            finally:
                with self._lock:
                    self._channels.pop(near, None)

        thread = threading.Thread(target=run, name=f"channel {subject}", daemon=True)
        with self._lock:
            self._channels[near] = thread
        thread.start()
        return near

    def close(self) -> None:
        """Close all channels, and wait for those who serve them."""
        with self._lock:
            channels = dict(self._channels)
            self._servers.clear()
            self._acceptors.clear()
        for channel in channels:
            channel.close()
        until = time.monotonic() + CLOSING
        for thread in channels.values():
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                log.warning("%s has not ended", thread.name)

    def _find(self, table: dict[str, Any], subject: str) -> Any:
        with self._lock:
            if subject not in table:
                raise interface.BusError(f"nobody serves {subject}")
            return table[subject]

    def _remove(self, table: dict[str, Any], subject: str, entry: object) -> None:
        with self._lock:
            if table.get(subject) is entry:
                del table[subject]


class LocalChannel:
    """One end of a pair."""

    def __init__(self, inbox: "_Pipe", outbox: "_Pipe") -> None:
        self._inbox, self._outbox = inbox, outbox

    def send(self, message: msgspec.Struct | bytes) -> None:
        self._outbox.put(message if isinstance(message, bytes) else msgspec.msgpack.encode(message))

    def receive(self) -> Iterator[bytes]:
        while (data := self._inbox.take()) is not None:
            yield data

    def on_end(self, then: Callable[[], None]) -> None:
        self._inbox.on_end(then)

    def close(self) -> None:
        self._inbox.abandon()
        self._outbox.end()


class _Pipe:
    """One direction: a bounded queue that either end can close."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._messages: collections.deque[bytes] = collections.deque()
        self._ended = False
        self._then: list[Callable[[], None]] = []

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
            then, self._then = self._then, []
            self._changed.notify_all()
        for one in then:
            one()

    def on_end(self, then: Callable[[], None]) -> None:
        with self._changed:
            if not self._ended:
                self._then.append(then)
                return
        then()

    def abandon(self) -> None:
        """The reader is gone: nothing more is wanted."""
        with self._changed:
            self._ended = True
            self._messages.clear()
            self._then.clear()
            self._changed.notify_all()


def _pair() -> tuple[LocalChannel, LocalChannel]:
    there, back = _Pipe(), _Pipe()
    return LocalChannel(back, there), LocalChannel(there, back)
