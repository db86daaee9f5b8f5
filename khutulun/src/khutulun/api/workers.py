"""Threads for the conductor, which is synchronous: a bounded pool for answers, one thread for each open stream.

The event loop never runs conductor code. A stream is pushed from its thread, item by item: the thread waits until the
client has taken the last one, so a slow reader slows its own stream and costs no memory.
"""

import asyncio
import concurrent.futures
import functools
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from khutulun import model
from khutulun.api.limits import Limits

T = TypeVar("T")


class Stopped(Exception):
    """The server stops, and the stream with it."""


class Workers:
    """Made by the server, inside its event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pool = concurrent.futures.ThreadPoolExecutor(limits.threads, thread_name_prefix="api")
        self._loop = asyncio.get_running_loop()
        self._pending = 0
        self._pumps: set[Pump] = set()

    async def run(self, function: Callable[[], T], discard: Callable[[T], object] | None = None) -> T:
        """Return what `function` returns in the pool, or refuse when too many wait already.

        Who waits may be cancelled; the function ends nevertheless, and `discard` gets what it returned.
        """
        if self._pending >= self._limits.threads + self._limits.waiting:
            raise _busy("requests")
        self._pending += 1
        future = self._pool.submit(function)
        future.add_done_callback(lambda _: self._loop.call_soon_threadsafe(self._finished))
        try:
            return await asyncio.shield(asyncio.wrap_future(future))
        except asyncio.CancelledError:
            future.add_done_callback(functools.partial(_dispose, discard))
            raise

    def check_stream(self) -> None:
        """Refuse when too many streams are open."""
        if len(self._pumps) >= self._limits.streams:
            raise _busy("streams")

    async def pump(self, items: Iterable[T], sink: Callable[[T], Awaitable[object]], close: Callable[[], None]) -> None:
        """Send `items` to `sink` until they end; `close` must end them. Raises what either raises."""
        pump = Pump(close)
        self._pumps.add(pump)
        try:
            await pump.run(items, sink)
        finally:
            self._pumps.discard(pump)

    def stop_streams(self) -> None:
        """End all streams that are open."""
        for pump in tuple(self._pumps):
            pump.stop()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _finished(self) -> None:
        self._pending -= 1


def _dispose(discard: Callable[[T], object] | None, future: "concurrent.futures.Future[T]") -> None:
    if discard is not None and not future.cancelled() and future.exception() is None:
        discard(future.result())


class Pump:
    """One thread that takes items from an iterator and hands each to the event loop."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._close = close
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._sending: concurrent.futures.Future[object] | None = None
        self._stopped = threading.Event()

    async def run(self, items: Iterable[T], sink: Callable[[T], Awaitable[object]]) -> None:
        """Raises `Stopped` when the pump is stopped."""
        threading.Thread(target=self._work, args=(items, sink), name="api-stream", daemon=True).start()
        try:
            await self._done
        finally:
            self._stopped.set()
            if self._sending is not None:
                self._sending.cancel()
            await asyncio.shield(self._loop.run_in_executor(None, self._close))

    def stop(self) -> None:
        """End the pump from the event loop."""
        self._end(Stopped("the server stops"))

    def _work(self, items: Iterable[T], sink: Callable[[T], Awaitable[object]]) -> None:
        try:
            for item in items:
                if self._stopped.is_set():
                    return
                self._sending = asyncio.run_coroutine_threadsafe(_send(sink, item), self._loop)
                self._sending.result()
        except concurrent.futures.CancelledError:
            return
        except Exception as error:
            self._tell(error)
        else:
            self._tell(None)

    def _tell(self, error: Exception | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end, error)

    def _end(self, error: Exception | None) -> None:
        if self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)


async def _send(sink: Callable[[T], Awaitable[object]], item: T) -> object:
    return await sink(item)


def _busy(what: str) -> model.Refused:
    return model.refuse("busy", f"too many {what} at once", hint="try again in a moment", status=503)
