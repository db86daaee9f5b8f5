"""Khutulun on a machine of the test bed, as a user runs it: `khutulun serve` and the command line."""

import contextlib
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from typing import Any

from testbed import checkout
from testbed.machine import Completed, Machine

LAST_WORDS = 4000
HELLO = str(checkout.ROOT / "examples/hello/service.yaml")


class Installation:
    """A server on a machine. `user` is who runs it: root in the system scope, anybody else in the user scope."""

    def __init__(self, machine: Machine, user: str = "root") -> None:
        self.machine, self._user = machine, user

    @contextlib.contextmanager
    def serving(self) -> Iterator["Installation"]:
        """Have the server run; it is ended by SIGTERM, as a service manager would."""
        with (
            tempfile.TemporaryFile() as words,  # which nobody reads while it runs: a pipe could be full
            self.machine.popen(["khutulun", "serve"], user=self._user, stderr=words) as server,
        ):
            lines: list[str] = []
            while "serving at" not in (line := server.read_line()):
                assert line, [*lines, os.pread(words.fileno(), LAST_WORDS, 0).decode(errors="replace")]
                lines.append(line)
            yield self
            server.signal(signal.SIGTERM)
            server.wait()

    def run(self, *arguments: str, check: bool = True) -> Completed:
        return self.machine.run(["khutulun", *arguments], user=self._user, check=check)

    def json(self, *arguments: str) -> Any:
        """Run a command with ``--output json`` and return what it says."""
        return json.loads(self.run(*arguments, "--output", "json").stdout)

    def wait_for_event(self, service: str, name: str, kind: str = "event", *, after: int = 0) -> dict[str, Any]:
        """Return the first event of that name after a position, now or as soon as it comes."""
        argv = ["khutulun", "service", "events", service, "-f", "--after", str(after), "--output", "json"]
        with self.machine.popen(argv, user=self._user) as following:
            while line := following.read_line():
                event: dict[str, Any] = json.loads(line)
                if (event["kind"], event["name"]) == (kind, name):
                    return event
        raise AssertionError(f"the events of {service} ended without {name}")
