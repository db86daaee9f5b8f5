"""Waits until a started workload is ready: what its dependents wait for.

A log line is pushed. A port and a command have to be asked, because nothing tells that a port was opened: attempts
begin at 5 ms and slow down to one in half a second, only between a start and its readiness, and end at the timeout or
as soon as the workload is known to have failed.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from khutulun.agent import programs

FIRST_PAUSE = 0.005
LONGEST_PAUSE = 0.5
CONNECT_TIMEOUT = 2.0


class Probe(msgspec.Struct, frozen=True):
    """The ``readiness`` property of a node: one of `port`, `command`, `log` and `health`; `notify` is the driver's own.

    `health` is asked as `command` is, with what the driver's function of that name says.
    """

    port: int | None = None
    address: str = "127.0.0.1"
    command: list[str] | None = None
    log: str | None = None
    health: bool = False
    notify: bool = False
    timeout: float = 60.0


class NotReady(Exception):
    """The workload did not become ready; the message says what was waited for and what was seen."""


class Interrupted(Exception):
    """The wait was ended for a reason that is not the workload's."""


class Watch:
    """What is known of the workload meanwhile; `fail` and `interrupt` end the waiting."""

    def __init__(self) -> None:
        self.failed = threading.Event()
        self.reason = ""
        self._interrupted = False
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def fail(self, reason: str) -> None:
        self.reason = reason
        self._end()

    def interrupt(self) -> None:
        self._interrupted = True
        self._end()

    def check(self) -> None:
        if self._interrupted:
            raise Interrupted
        if self.failed.is_set():
            raise NotReady(self.reason)

    @contextlib.contextmanager
    def running(self, what: programs.Specification, stdout: int) -> Iterator["subprocess.Popen[str]"]:
        """Run a program that ends when the waiting does, at the latest with the ``with`` block. Raises `NotReady`."""
        with self._lock:
            try:
                process = self._process = subprocess.Popen(
                    what.argv,
                    env=programs.environment(what),
                    cwd=what.cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    errors="replace",
                    start_new_session=True,
                )
            except OSError as error:
                raise NotReady(f"{what.argv[0]} cannot run: {error.strerror}") from None
            if self.failed.is_set():
                _kill(process)
        try:
            yield process
        finally:
            with self._lock:
                self._process = None
                _kill(process)
            process.wait()

    def _end(self) -> None:
        with self._lock:
            self.failed.set()
            if self._process is not None:
                _kill(self._process)


def _kill(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


Specify = Callable[[str, dict[str, Any]], programs.Specification]
"""Asks the driver how to run something: (``exec`` or ``logs``, inputs) -> what to run."""


def wait(probe: Probe, watch: Watch, specify: Specify) -> None:
    """Return when the workload is ready. Raises `NotReady`, `Interrupted`."""
    deadline = time.monotonic() + probe.timeout
    if probe.port is not None:
        _ask(f"nothing answers at {probe.address} port {probe.port}", deadline, watch, lambda: _connects(probe))
    elif probe.command is not None:
        what = specify("exec", {"argv": probe.command, "tty": False, "stdin": False})
        _ask(f"{' '.join(probe.command)} does not succeed", deadline, watch, lambda: _succeeds(what, deadline, watch))
    elif probe.health:
        what = specify("health", {})
        _ask("its health check does not succeed", deadline, watch, lambda: _succeeds(what, deadline, watch))
    elif probe.log is not None:
        _await_log(probe.log, specify("logs", {"follow": True, "lines": 1000, "current": True}), deadline, watch)
    else:
        watch.check()


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _ask(what: str, deadline: float, watch: Watch, ready: Callable[[], bool]) -> None:
    for pause in _pauses():
        watch.check()
        if ready():
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise NotReady(f"{what}, and the time for it is over")
        watch.failed.wait(min(pause, left))


def _connects(probe: Probe) -> bool:
    assert probe.port is not None
    try:
        with socket.create_connection((probe.address, probe.port), CONNECT_TIMEOUT):
            return True
    except OSError:
        return False


def _succeeds(what: programs.Specification, deadline: float, watch: Watch) -> bool:
    with watch.running(what, subprocess.DEVNULL) as process:
        try:
            return process.wait(max(0.1, deadline - time.monotonic())) == 0
        except subprocess.TimeoutExpired:
            return False


def _await_log(text: str, what: programs.Specification, deadline: float, watch: Watch) -> None:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise NotReady(f"{text!r} is no regular expression: {error}") from None
    seen = threading.Event()

    def read(process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                if pattern.search(line):
                    seen.set()
                    watch.failed.set()  # wakes the waiting below
                    return

    with watch.running(what, subprocess.PIPE) as process:
        reader = threading.Thread(target=read, args=(process,), name="readiness", daemon=True)
        reader.start()
        watch.failed.wait(max(0.0, deadline - time.monotonic()))
    reader.join()
    if not seen.is_set():
        watch.check()
        raise NotReady(f"no line of its log matches {text!r}, and the time for it is over")
