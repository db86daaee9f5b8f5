"""Push sources: what tells the agent that something happened to a workload.

A plugin declares its sources (see docs/plugins.md): a command whose lines it translates, or D-Bus signals. A source
that ends is opened again after a pause that doubles up to a minute, and each time it (re)opens `connected` is called,
so that the agent catches up on what it missed.
"""

import asyncio
import collections
import contextlib
import json
import logging
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from floria.plugins import manifests

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 60.0
LONGEST_LINE = 64 * 1024
SINCE = "{since}"
"""In a source's command: the time (seconds since 1970) up to which everything was heard."""

OBJECTS = 4096
"""Of the last objects it is known what was told of them."""

GRACE = 2.0
"""Seconds between asking a source's command to end and ending it."""

OPENING = 5.0
"""Seconds that a start waits for a subscription; it goes on in the background after them."""

STEADY = 10.0
"""Seconds after which a source counts as having worked, so that its next pause is short again."""


log = logging.getLogger(__name__)


class Source(Protocol):
    def start(self) -> None:
        """Begin to listen. What happens after this returns is told, unless there is nobody to listen to yet."""
        ...

    def stop(self) -> None: ...


_ADD_MATCH = {
    "destination": "org.freedesktop.DBus",
    "path": "/org/freedesktop/DBus",
    "interface": "org.freedesktop.DBus",
    "member": "AddMatch",
    "signature": "s",
}

Line = Callable[[str], None]
Connected = Callable[[], None]
Watched = Callable[[str], bool]
"""Whether a line is wanted although the filter does not let it through."""


def make(
    declaration: manifests.Source, facts: dict[str, Any], line: Line, connected: Connected, watched: Watched
) -> Source | None:
    """Return the source, not yet started; None when it is not for this host."""
    if any(facts.get(key) != value for key, value in declaration.when.items()):
        return None
    wanted = re.compile(declaration.filter) if declaration.filter else None

    def filtered(text: str) -> None:
        if wanted is None or wanted.search(text) or watched(text):
            _guarded(declaration.name, lambda: line(text))

    def reached() -> None:
        _guarded(declaration.name, connected)

    if declaration.dbus is not None:
        return DBusSource(declaration.name, declaration.dbus, facts, filtered, reached)
    return CommandSource(declaration.name, list(declaration.command), filtered, reached)


def _guarded(name: str, work: Callable[[], None]) -> None:
    """Keep a source alive whatever one line leads to."""
    try:
        work()
    except Exception:
        log.exception("source %s", name)


class _Pauses:
    """How long to wait before a source is opened again."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE

    def take(self, worked: float) -> float:
        """Return the pause after a source that worked for so many seconds."""
        pause = FIRST_PAUSE if worked >= STEADY else self._next
        self._next = min(pause * 2, LONGEST_PAUSE)
        return pause


class CommandSource:
    """Each line that the command prints is told."""

    def __init__(self, name: str, argv: list[str], line: Line, connected: Connected) -> None:
        self._argv, self._line, self._connected = argv, line, connected
        self._heard = time.time()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name=f"source {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._signal(signal.SIGTERM)
        if self._thread.ident is not None:
            self._thread.join(GRACE)
            self._signal(signal.SIGKILL)
            self._thread.join()

    def _signal(self, number: int) -> None:
        with self._lock:
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)

    def _run(self) -> None:
        pauses = _Pauses()
        while not self._stopped.is_set():
            began = time.monotonic()
            self._read()
            self._stopped.wait(pauses.take(time.monotonic() - began))

    def _read(self) -> None:
        with self._lock:
            if self._stopped.is_set():
                return
            try:
                since = f"{self._heard:.3f}"
                self._process = process = subprocess.Popen(
                    [argument.replace(SINCE, since) for argument in self._argv],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                log.warning("source %s cannot run: %s", self._thread.name, error)
                return
        assert process.stdout is not None
        self._connected()
        with process.stdout:
            while data := process.stdout.readline(LONGEST_LINE):
                self._heard = time.time()
                self._line(data.decode(errors="replace").rstrip("\n"))
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:  # its number is another's from now on
            process.wait()
            self._process = None


class DBusSource:
    """Each signal is told as JSON: path, interface, member, body."""

    def __init__(
        self, name: str, what: manifests.DBusSource, facts: dict[str, Any], line: Line, connected: Connected
    ) -> None:
        self._what, self._line, self._connected = what, line, connected
        self._kind = facts["scope"] if what.bus == "scope" else what.bus
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._stopped = threading.Event()
        self._opened = threading.Event()
        self._seen = _Seen(what.distinct)
        self._thread = threading.Thread(target=self._run, name=f"source {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._opened.wait(OPENING)

    def stop(self) -> None:
        self._stopped.set()
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        if self._stopped.is_set():
            return
        pauses = _Pauses()
        while not self._stopped.is_set():
            began = self._loop.time()
            try:
                await self._listen(self._stop)
            except Exception as error:  # whatever it is, the source is opened again
                log.warning("%s: %s: %s", self._thread.name, type(error).__name__, error)
            self._opened.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pauses.take(self._loop.time() - began))

    async def _listen(self, stop: asyncio.Event) -> None:
        from dbus_fast import BusType, Message, MessageType
        from dbus_fast.aio import MessageBus

        kind = BusType.SYSTEM if self._kind == "system" else BusType.SESSION
        bus = await MessageBus(bus_type=kind).connect()
        try:

            def receive(message: Message) -> None:
                theirs = message.message_type is MessageType.SIGNAL and message.sender != "org.freedesktop.DBus"
                if theirs and self._seen.is_new(message):
                    self._line(_signal(message))

            bus.add_message_handler(receive)
            for rule in self._what.match:
                await _call(bus, {**_ADD_MATCH, "body": [rule]})
            for call in self._what.subscribe:
                await _call(bus, call)
            self._opened.set()
            await asyncio.to_thread(self._connected)
            gone = asyncio.ensure_future(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]
            halt = asyncio.ensure_future(stop.wait())
            done, waiting = await asyncio.wait({gone, halt}, return_when=asyncio.FIRST_COMPLETED)
            for future in waiting:
                future.cancel()
            for future in done:
                future.exception()
        finally:
            bus.disconnect()
            self._seen.clear()


class _Seen:
    """What was told last of each object: signals repeat it, some several times for one change.

    `names` are the members of a signal's maps that make the difference.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._last: collections.OrderedDict[tuple[str, str, str], list[Any]] = collections.OrderedDict()

    def is_new(self, message: Any) -> bool:
        """Whether any of the members is another one than in the signal before it, of this object and this kind."""
        if not self._names:
            return True
        maps = [item for item in message.body if isinstance(item, dict)]
        told = [one.get(name) for one in maps for name in self._names]
        about = "".join(item for item in message.body if isinstance(item, str))
        key = (message.path, f"{message.interface}.{message.member}", about)
        if self._last.get(key) == told:
            return False
        self._last[key] = told
        self._last.move_to_end(key)
        if len(self._last) > OBJECTS:
            self._last.popitem(last=False)
        return True

    def clear(self) -> None:
        """Nothing is known of what was said meanwhile."""
        self._last.clear()


class DBusFailure(Exception):
    """A call on the bus was refused."""


async def _call(bus: Any, call: dict[str, Any]) -> None:
    from dbus_fast import Message, MessageType

    reply = await bus.call(Message(**{"signature": "", "body": [], **call}))
    if reply is None or reply.message_type is MessageType.ERROR:
        raise DBusFailure(f"{call['member']}: {reply.error_name if reply else 'no answer'}")


def _signal(message: Any) -> str:
    return json.dumps(
        {
            "path": message.path,
            "interface": message.interface,
            "member": message.member,
            "body": [_plain(item) for item in message.body],
        },
        separators=(",", ":"),
    )


def _plain(value: Any) -> Any:
    if hasattr(value, "signature") and hasattr(value, "value"):
        return _plain(value.value)
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case bytes():
            return list(value)
        case _:
            return value
