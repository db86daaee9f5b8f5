"""The bus: everything that agents and conductors say to each other.

Messages are msgspec structs, encoded as MessagePack also when both ends are in one process, so that a network transport
changes nothing but the transport. Subjects are dotted names.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import msgspec

Answer = TypeVar("Answer")
Removal = Callable[[], None]


class BusError(Exception):
    """The other side cannot be reached, or went away. Temporary: the message may be sent again."""


class Remote(Exception):
    """The other side answered with a failure."""

    def __init__(self, code: str, message: str, detail: object = None, retryable: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.detail, self.retryable = code, message, detail, retryable


class Channel(Protocol):
    """One end of a two-way stream of messages. Sending blocks when the other end does not keep up."""

    def send(self, message: msgspec.Struct | bytes) -> None:
        """Send, or raise `BusError` when the other end is closed."""
        ...

    def receive(self) -> Iterator[bytes]:
        """Yield messages until the other end closes."""
        ...

    def on_end(self, then: Callable[[], None]) -> None:
        """Have `then` called once, when the other end closes; at once when it has. For who cannot receive just then."""
        ...

    def close(self) -> None: ...


class Bus(Protocol):
    def serve(self, subject: str, request: type[Any], handler: Callable[[Any], Any]) -> Removal:
        """Answer requests on `subject`, in the threads of those who ask. `Remote` raised by the handler crosses."""
        ...

    def request(self, subject: str, message: msgspec.Struct, answer: type[Answer]) -> Answer:
        """Ask and wait for the answer. Raises `BusError`, `Remote`."""
        ...

    def accept(self, subject: str, request: type[Any], handler: Callable[[Any, Channel], None]) -> Removal:
        """Serve channels on `subject`; `handler` runs in a thread of its own and owns its end."""
        ...

    def open(self, subject: str, message: msgspec.Struct) -> Channel:
        """Open a channel. Raises `BusError`."""
        ...

    def close(self) -> None: ...
