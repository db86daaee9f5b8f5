"""Waits until a started workload is ready: what its dependents wait for.

A log line is pushed. A port and a command have to be asked, because nothing tells that a port was opened: attempts
begin at 5 ms and slow down to one in half a second, only between a start and its readiness, and end at the timeout or
as soon as the workload is known to have failed.
"""

import re
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
    """The ``readiness`` property of a node: one of `port`, `command` and `log`; `notify` is the driver's own affair."""

    port: int | None = None
    address: str = "127.0.0.1"
    command: list[str] | None = None
    log: str | None = None
    notify: bool = False
    timeout: float = 60.0


class NotReady(Exception):
    """The workload did not become ready; the message says what was waited for and what was seen."""


class Interrupted(Exception):
    """The wait was ended for a reason that is not the workload's."""


class Watch:
    """What is known of the workload meanwhile; `fail` ends the waiting."""

    def __init__(self) -> None:
        self.failed = threading.Event()
        self.reason = ""
        self._interrupted = False

    def fail(self, reason: str) -> None:
        self.reason = reason
        self.failed.set()

    def interrupt(self) -> None:
        self._interrupted = True
        self.failed.set()

    def check(self) -> None:
        if self._interrupted:
            raise Interrupted
        if self.failed.is_set():
            raise NotReady(self.reason)


Specify = Callable[[str, dict[str, Any]], programs.Specification]
"""Asks the driver how to run something: (``exec`` or ``logs``, inputs) -> what to run."""


def wait(probe: Probe, watch: Watch, specify: Specify) -> None:
    """Return when the workload is ready. Raises `NotReady`, `Interrupted`."""
    deadline = time.monotonic() + probe.timeout
    if probe.port is not None:
        _ask(f"nothing answers at {probe.address} port {probe.port}", deadline, watch, lambda: _connects(probe))
    elif probe.command is not None:
        what = specify("exec", {"argv": probe.command, "tty": False, "stdin": False})
        _ask(f"{' '.join(probe.command)} does not succeed", deadline, watch, lambda: _succeeds(what, deadline))
    elif probe.log is not None:
        _await_log(
            re.compile(probe.log), specify("logs", {"follow": True, "lines": 1000, "current": True}), deadline, watch
        )
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


def _succeeds(what: programs.Specification, deadline: float) -> bool:
    left = max(0.1, deadline - time.monotonic())
    try:
        done = subprocess.run(
            what.argv,
            env=programs.environment(what),
            cwd=what.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=left,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _await_log(pattern: re.Pattern[str], what: programs.Specification, deadline: float, watch: Watch) -> None:
    process = subprocess.Popen(
        what.argv,
        env=programs.environment(what),
        cwd=what.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    seen = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if pattern.search(line):
                seen.set()
                watch.failed.set()  # wakes the waiting below
                return

    reader = threading.Thread(target=read, name="readiness", daemon=True)
    reader.start()
    try:
        watch.failed.wait(max(0.0, deadline - time.monotonic()))
        if seen.is_set():
            return
        watch.check()
        raise NotReady(f"no line of its log matches {pattern.pattern!r}, and the time for it is over")
    finally:
        process.kill()
        process.wait()
        reader.join()
        if process.stdout is not None:
            process.stdout.close()
