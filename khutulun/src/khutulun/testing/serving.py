"""The HTTP API in a thread of the test, or in a process of its own."""

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from khutulun.api import server
from khutulun.api.limits import Limits
from khutulun.conductor import interface


@contextlib.contextmanager
def served(conductor: interface.Conductor, socket: Path, limits: Limits | None = None) -> Iterator[None]:
    """Serve `conductor` at `socket` until the block ends."""
    ready = threading.Event()
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    failures: list[BaseException] = []

    async def work() -> None:
        stop = asyncio.Event()
        stops.append((asyncio.get_running_loop(), stop))
        await server.serve(conductor, socket, stop=stop, ready=ready.set, limits=limits)

    def run() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:
            failures.append(error)
            ready.set()

    thread = threading.Thread(target=run, name="served")
    thread.start()
    ready.wait()
    try:
        if failures:
            raise failures[0]
        yield
    finally:
        for loop, stop in stops:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                loop.call_soon_threadsafe(stop.set)
        thread.join()


@contextlib.contextmanager
def process(socket: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Serve a `FakeConductor` at `socket` in a process that may be killed."""
    command = [sys.executable, "-m", "khutulun.testing.conductor", str(socket)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stdout.readline() == b"ready\n"
        try:
            yield running
        finally:
            running.kill()
