"""A server and its command line, as somebody uses them; and a look at everything that is kept, to compare.

Used by the fixtures of ``conftest.py``: `Here` is the machine of the tests itself, as one user; the machines of the
test bed stand in its place where a test needs users, disks or processes of its own.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from testbed import cache
from testbed.machine import Completed, Process

BIN = Path(sys.executable).parent

LOOK = """
import hashlib, json, os, subprocess, sys
state = sys.argv[1]
running = [f"supervisor/{name}" for name in ("lock", "spawning", "supervisor.log", "socket")]
ignored = ("floria", "agent.sqlite", "lock", "run/", "cache/", *running)
def digest(path):
    return os.readlink(path) if os.path.islink(path) else hashlib.sha256(open(path, "rb").read()).hexdigest()
files = {}
for top in (state, *sys.argv[2:]):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.relpath(path, state).startswith(ignored) and (os.path.isfile(path) or os.path.islink(path)):
                files[path] = digest(path)
graph = subprocess.run([os.path.join(os.path.dirname(sys.executable), "floria"), "export", "--store",
                        os.path.join(state, "floria"), "-"], capture_output=True, text=True, check=True).stdout
attempts = ('{"record":{"topic":"asked"', '{"record":{"topic":"denied"')
print(json.dumps({"files": files, "graph": [line for line in graph.splitlines() if not line.startswith(attempts)]}))
"""
"""Prints what a server keeps: its files but databases, and the whole graph with journals, claims and allocations.

That somebody has tried something is in the audit log, and is none of it.
"""


class Runs(Protocol):
    """A machine as far as it is needed here: this one, or one of the test bed's."""

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        cwd: str = "/",
    ) -> Completed: ...

    def popen(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, user: str = "root", stderr: Any = None
    ) -> Process: ...


class Here:
    """This machine, with a home of its own."""

    def __init__(self, home: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KHUTULUN_", "XDG_"))}
        self._environment = {**kept, "HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}"}
        self._environment["KHUTULUN_CACHE"] = str(cache.folder())

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        cwd: str = "/",
    ) -> Completed:
        """See `testbed.machine.Machine.run`; `user` is always the one who runs the tests."""
        ended = subprocess.run(
            argv,
            input=(input or "").encode(),
            capture_output=True,
            env={**self._environment, **(env or {})},
            cwd=cwd,
            check=False,
        )
        out, err = ended.stdout.decode(errors="replace"), ended.stderr.decode(errors="replace")
        assert not check or ended.returncode == 0, (argv, out, err)
        return Completed(tuple(argv), ended.returncode, out, err)

    def popen(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, user: str = "root", stderr: Any = None
    ) -> Process:
        """See `testbed.machine.Machine.popen`."""
        environment = {**self._environment, **(env or {})}
        started = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, env=environment, cwd="/"
        )
        return Process(started.pid, started)


class Served:
    """A server that keeps everything below `state`, and commands to it. `log` is where its stderr goes."""

    def __init__(self, machine: Runs, state: str, log: Path, *, scope: str = "--user", user: str = "root") -> None:
        self.machine, self.state, self.log_file, self.scope, self.user = machine, state, log, scope, user
        self.process: Process
        self._seen: dict[str, Any] = {}

    @property
    def socket(self) -> str:
        return f"{self.state}/run/khutulun.sock"

    @contextlib.contextmanager
    def up(self) -> Iterator["Served"]:
        """Have the server run; it is ended as a service manager would."""
        with self.started():
            yield self
            self.process.signal(signal.SIGTERM)
            assert self.process.wait() == 0
        self.check_log()

    @contextlib.contextmanager
    def started(self) -> Iterator["Served"]:
        """Have the server run until the block ends, which kills it if nothing else has."""
        argv = ["khutulun", "serve", self.scope, "--state", self.state]
        with self.log_file.open("ab") as log, self.machine.popen(argv, user=self.user, stderr=log) as self.process:
            line = self.process.read_line()
            assert "serving at" in line, self.log()
            yield self

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def wait_for_log(self, text: str) -> None:
        """Return as soon as the server's log says `text`."""
        with subprocess.Popen(["tail", "-n", "+1", "-F", self.log_file], stdout=subprocess.PIPE) as tail:
            assert tail.stdout
            for line in tail.stdout:
                if text in line.decode(errors="replace"):
                    break
            tail.kill()

    def wait_for_event(self, service: str, name: str) -> dict[str, Any]:
        """Return the first event of that name, now or as soon as it comes."""
        argv = ["khutulun", "service", "events", service, "-f", "--output", "json"]
        environment = {"KHUTULUN_SOCKET": self.socket}
        with self.machine.popen(argv, env=environment, user=self.user, stderr=subprocess.DEVNULL) as events:
            while line := events.read_line():
                event: dict[str, Any] = json.loads(line)
                if event["name"] == name:
                    return event
        raise AssertionError(f"the events of {service} ended without {name}")

    def check_log(self) -> None:
        """A server says nothing of its own insides, whatever it was asked."""
        assert "Traceback" not in self.log(), self.log()

    def run(self, *arguments: str, input: str | None = None, user: str | None = None, cwd: str = "/") -> Completed:
        """Run a command of the command line against the server."""
        env = {"KHUTULUN_SOCKET": self.socket}
        argv = ["khutulun", *arguments]
        return self.machine.run(argv, check=False, input=input, env=env, user=user or self.user, cwd=cwd)

    def do(self, *arguments: str) -> Completed:
        """Run a command that has to succeed."""
        done = self.run(*arguments)
        assert done.status == 0, done
        return done

    def json(self, *arguments: str) -> Any:
        return json.loads(self.do(*arguments, "--output", "json").stdout)

    def look(self) -> dict[str, Any]:
        """Return everything that is kept: files by digest, and the graph."""
        argv = [sys.executable, "-c", LOOK, self.state, "/etc/systemd/system"]
        self._seen = json.loads(self.machine.run(argv, user=self.user).stdout)
        return self._seen

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[None]:
        """Require that nothing of what is kept changes in the block. What the last block saw is not read again."""
        before = self._seen or self.look()
        yield
        after = self.look()
        difference = _difference(before, after)
        assert not difference, difference
        self.check_log()

    def forget(self) -> None:
        """Something was changed on purpose."""
        self._seen = {}


def _difference(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    files = {path for path, _ in before["files"].items() ^ after["files"].items()}
    return [*sorted(files), *sorted(set(before["graph"]) ^ set(after["graph"]))]
