"""A conversation with the systemd of a scope, over its private socket, as `systemctl` has it.

Opened by the first who has something to ask and closed by the last: nothing is kept that would have to be read while
nothing happens. Many threads share it, because systemd tells everybody who is connected everything; whoever waits
reads for all.
"""

import collections
import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from khutulun.systemd import wire
from khutulun.systemd.wire import Kind, Message

MANAGER = "org.freedesktop.systemd1.Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"
ROOT = "/org/freedesktop/systemd1"
CHUNK = 64 << 10
GREETING = 5.0
"""Seconds that systemd has to say that it knows this user."""

LINGER = 0.25
"""Seconds for which a connection that nobody uses stays open."""

REMEMBERED = 4096
"""Results of jobs, also those of others."""

Call = tuple[str, str, str, str, list[Any]]
"""Path, interface, member, signature and arguments."""


class Unreachable(Exception):
    """There is no such systemd, or it does not talk to this user. Nothing was asked."""


class Lost(Exception):
    """The conversation has ended in its midst: what was asked for last may have been done."""


class Refused(Exception):
    """systemd answered with an error; `name` is D-Bus's for it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Connection:
    """Thread-safe. Whatever waits does so until a `deadline` on the monotonic clock, and then raises TimeoutError."""

    def __init__(self, address: Path) -> None:
        """Raises `Unreachable`."""
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._reading = False
        self._serial = 0
        self._waited: set[int] = set()
        self._answers: dict[int, Message] = {}
        self._ended: dict[str, str] = {}
        self._lost: str | None = None
        self._received = bytearray()
        self.used = time.monotonic()
        self._socket = _connect(address)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    @property
    def is_lost(self) -> bool:
        """Whether nothing can be asked any more."""
        return self._lost is not None

    def close(self) -> None:
        self._socket.close()

    def call(self, deadline: float, member: str, signature: str = "", *arguments: Any) -> list[Any]:
        """Call a method of the manager. Raises `Refused`, `Lost`."""
        (serial,) = self._send([(ROOT, MANAGER, member, signature, list(arguments))])
        return self._answer(serial, deadline)

    def properties(self, deadline: float, path: str, wanted: list[tuple[str, str]]) -> list[Any]:
        """Return properties, (interface, name) each, of an object; None for what it does not have. Raises `Lost`."""
        serials = self._send([(path, PROPERTIES, "Get", "ss", list(one)) for one in wanted])
        found: list[Any] = []
        for serial in serials:
            try:
                found.append(self._answer(serial, deadline)[0])
            except Refused:
                found.append(None)
        return found

    def job(self, deadline: float, path: str) -> str:
        """Wait until a job has ended that was asked for here; return its result. Raises `Lost`."""
        self._wait(deadline, lambda: path in self._ended)
        return self._ended.pop(path)

    def _send(self, calls: list[Call]) -> list[int]:
        with self._sending:
            serials = [self._serial + number for number in range(1, len(calls) + 1)]
            data = b"".join(wire.call(serial, *call, "") for serial, call in zip(serials, calls, strict=True))
            self._serial = serials[-1]
            with self._changed:
                self._waited.update(serials)
            try:
                self._socket.sendall(data)
            except OSError as error:
                raise Lost(f"systemd does not listen any more: {error.strerror}") from None
        return serials

    def _answer(self, serial: int, deadline: float) -> list[Any]:
        self._wait(deadline, lambda: serial in self._answers)
        found = self._answers.pop(serial)
        arguments = found.arguments()
        if found.kind is Kind.ERROR:
            raise Refused(found.error, str(next(iter(arguments), found.error)))
        return arguments

    def _wait(self, deadline: float, come: Callable[[], bool]) -> None:
        """Return when something has come. One of those who wait reads; when it has what it wants, another one does."""
        with self._changed:
            while not come():
                if self._lost is not None:
                    raise Lost(self._lost)
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                if self._reading:
                    self._changed.wait(left)
                    continue
                self._reading = True
                self._changed.release()
                try:
                    lost = self._read(left)
                finally:
                    self._changed.acquire()
                    self._reading = False
                    self._changed.notify_all()
                self._lost = lost or self._sort()

    def _read(self, seconds: float) -> str | None:
        """Wait for more and read what there is; return why there will be no more."""
        if not self._poll.poll(seconds * 1000):
            return None
        try:
            chunk = self._socket.recv(CHUNK)
        except OSError as error:
            return f"systemd does not answer any more: {error.strerror}"
        self._received += chunk
        return None if chunk else "systemd has hung up"

    def _sort(self) -> str | None:
        place = 0
        try:
            while 0 < (size := wire.length(self._received[place : place + 16])) <= len(self._received) - place:
                data = bytes(self._received[place : place + size])
                place += size
                if data[1] != Kind.SIGNAL or b"JobRemoved" in data:  # much else is told that nobody waits for
                    self._take(wire.message(data))
        except wire.WireError as error:
            return f"systemd says something strange: {error}"
        del self._received[:place]
        return None

    def _take(self, found: Message) -> None:
        if found.kind is Kind.SIGNAL:
            if found.member == "JobRemoved" and found.interface == MANAGER:
                _, path, _, result = found.arguments()
                self._ended[path] = result
                if len(self._ended) > REMEMBERED:
                    del self._ended[next(iter(self._ended))]
        elif found.reply_to in self._waited:
            self._waited.discard(found.reply_to)
            self._answers[found.reply_to] = found


def _connect(address: Path) -> socket.socket:
    """Connect, and say who this is. Raises `Unreachable`."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        made.settimeout(GREETING)
        made.connect(str(address))
        who = str(os.geteuid()).encode().hex().encode()
        made.sendall(b"\0AUTH EXTERNAL " + who + b"\r\nBEGIN\r\n")
        line = b""
        while not line.endswith(b"\r\n") and len(line) < CHUNK:
            byte = made.recv(1)
            if not byte:
                break
            line += byte
        if not line.startswith(b"OK "):
            raise Unreachable(f"{address}: this user is not known there")
        made.settimeout(None)
    except OSError as error:
        made.close()
        raise Unreachable(f"{address}: {error.strerror or error}") from None
    except Unreachable:
        made.close()
        raise
    return made


class Shared:
    """Connections by address. Each is closed when nobody has used it for a moment: to open one costs systemd more than
    most answers.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: dict[Path, Connection] = {}
        self._users: collections.Counter[Connection] = collections.Counter()
        self._closer: threading.Thread | None = None
        self._parked = self._closed = False

    @contextlib.contextmanager
    def using(self, address: Path) -> Iterator[Connection]:
        """Have a conversation within the ``with`` block. Raises `Unreachable`."""
        with self._changed:
            connection = self._take(address)
            self._users[connection] += 1
        try:
            yield connection
        finally:
            with self._changed:
                self._users[connection] -= 1
                connection.used = time.monotonic()
                if not self._users[connection]:
                    self._leave(address, connection)

    def close(self) -> None:
        """Close what nobody uses, and what is used when its users leave it."""
        with self._changed:
            self._closed = True
            self._close_since(float("inf"))
            self._changed.notify_all()
        if self._closer is not None:
            self._closer.join()

    def _take(self, address: Path) -> Connection:
        connection = self._open.get(address)
        if connection is None or connection.is_lost:
            if connection is not None and not self._users[connection]:
                connection.close()
            connection = self._open[address] = Connection(address)
        return connection

    def _leave(self, address: Path, connection: Connection) -> None:
        if self._open.get(address) is not connection or connection.is_lost or self._closed:
            if self._open.get(address) is connection:
                del self._open[address]
            del self._users[connection]
            connection.close()
            return
        if self._closer is None:
            self._closer = threading.Thread(target=self._run, name="systemd", daemon=True)
            self._closer.start()
        elif self._parked:
            self._changed.notify_all()

    def _run(self) -> None:
        """Close connections some time after their last use; sleep without a timeout while there are none."""
        with self._changed:
            while not self._closed:
                unused = [one.used for one in self._open.values() if not self._users[one]]
                self._parked = not unused
                self._changed.wait(max(0.0, min(unused) + LINGER - time.monotonic()) if unused else None)
                self._close_since(time.monotonic() - LINGER)

    def _close_since(self, moment: float) -> None:
        for address, connection in list(self._open.items()):
            if not self._users[connection] and connection.used <= moment:
                del self._open[address]
                del self._users[connection]
                connection.close()


def path_of(unit: str) -> str:
    """Return the object path of a unit; it is loaded when it is asked for anything."""
    escaped = "".join(
        character
        if character.isascii() and character.isalnum() and (place or not character.isdigit())
        else "".join(f"_{byte:02x}" for byte in character.encode())
        for place, character in enumerate(unit)
    )
    return f"{ROOT}/unit/{escaped}"
