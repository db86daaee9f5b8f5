"""A reader who follows a page on a machine of the test bed: writes its files, types its commands in one shell.

``khutulun serve`` is typed in a terminal of its own, as pages say. Used by the tests beside this module.
"""

import contextlib
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from testbed import drivers
from testbed.machine import Machine, Process
from tests.docs import matching, pages

HOME = "/root/khutulun"
SERVE = "khutulun serve"
END = "\x01"

# Reads commands, each ended by a zero byte; says the status of each. Programs get no standard input.
SHELL = f"""
exec 3<&0 </dev/null 2>&1
status=0
while IFS= read -r -d '' command <&3; do
    (exit "$status"); eval "$command" 3<&-
    status=$?
    printf '{END}%s\\n' "$status"
done
"""


@dataclass(frozen=True)
class Seen:
    """What a command has printed, and its status."""

    lines: list[str]
    status: int


class Reader:
    """Types into one shell whose folder holds the examples."""

    def __init__(self, machine: Machine, shell: Process) -> None:
        self._machine, self._shell = machine, shell
        self._servers = contextlib.ExitStack()
        self._server: Process | None = None

    def follow(self, page: str) -> Iterator[tuple[pages.Command, Seen, str | None]]:
        """Do what a page says; yield each command with what was seen, and what differs from the page.

        What is typed is printed as well, so that a test that does not end shows where. Where a page starts no server,
        there is one already.
        """
        if f"$ {SERVE}" not in page:
            self.serve()
        for step in pages.steps(page):
            if isinstance(step, pages.File):
                self._machine.write(f"{self.type('pwd').lines[0]}/{step.path}", step.text)
                continue
            print(f"$ {step.typed}", flush=True)
            seen = self.serve(step.typed) if step.typed.startswith(SERVE) else self.type(step.typed)
            yield step, seen, _judge(step, seen)

    def type(self, command: str) -> Seen:
        """Run one command in the shell."""
        stdin = self._shell.popen.stdin
        assert stdin is not None
        stdin.write(command.encode() + b"\0")
        stdin.flush()
        lines: list[str] = []
        while line := self._shell.read_line():
            text, end, status = line.partition(END)
            if end:
                return Seen([*lines, *([text] if text else [])], int(status))
            lines.append(text.rstrip("\n"))
        raise AssertionError(f"the shell ended: {lines}")

    def serve(self, command: str = SERVE) -> Seen:
        """Start a server in a terminal of its own; return when it can be used.

        The terminal is free for the next one when the one before has ended.
        """
        if self._server is not None and command == SERVE:
            self._server.wait()
        log = self._servers.enter_context(_log())
        server = self._servers.enter_context(self._machine.popen(command.split(), stderr=log))
        self._servers.callback(_stop, server)
        lines: list[str] = []
        while line := server.read_line():
            lines.append(line.rstrip("\n"))
            if "serving at" in line:
                self._server = server
                return Seen(lines, 0)
        status = server.wait()
        log.seek(0)
        return Seen([*lines, *log.read().decode(errors="replace").splitlines()], status)

    def close(self) -> None:
        """Stop the servers that were started."""
        self._servers.close()


@contextlib.contextmanager
def reading(machine: Machine) -> Iterator[Reader]:
    """Sit down at a machine, in a folder with a copy of the examples, those of drivers included."""
    for folder in ("examples", *(str(folder.relative_to(pages.ROOT)) for folder in drivers.examples())):
        machine.copy_in(pages.ROOT / folder, f"{HOME}/{folder}")
    with machine.popen(["bash", "-c", SHELL], cwd=HOME, stdin=subprocess.PIPE) as shell:
        reader = Reader(machine, shell)
        try:
            yield reader
        finally:
            reader.close()


@contextlib.contextmanager
def _log() -> Iterator[IO[bytes]]:
    """Yield a file for what a server says, which nobody reads while it runs; print it in the end."""
    with tempfile.TemporaryFile() as log:
        try:
            yield log
        finally:
            log.seek(0)
            print(log.read().decode(errors="replace"), end="")


def _stop(server: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        server.signal(signal.SIGTERM)
    server.wait()


def _judge(step: pages.Command, seen: Seen) -> str | None:
    """Return what is wrong. A command may fail when the page shows what it says then."""
    problem = matching.difference(step.seen, seen.lines) if step.seen else None
    if problem is None and seen.status and set(step.seen) <= {matching.ANY}:
        problem = "it ended with status {}:\n{}".format(seen.status, "\n".join(seen.lines))
    return problem
