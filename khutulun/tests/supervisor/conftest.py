"""A real supervisor in a folder of its own, operated with the program's own commands."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import khutulun.supervisor

PROGRAM = [sys.executable, "-I", "-S", os.path.dirname(khutulun.supervisor.__file__)]
Event = dict[str, Any]


class Events:
    """The stream of `khutulun-supervisor events`, read line by line."""

    def __init__(self, program: list[str]) -> None:
        self._popen = subprocess.Popen([*program, "events"], stdout=subprocess.PIPE)
        self.seen: list[Event] = []
        self.caught_up = self.until(lambda event: event["event"] == "caught-up")

    def until(self, fits: Callable[[Event], bool]) -> list[Event]:
        """Read until an event fits; return all that were read, the fitting one last."""
        assert self._popen.stdout is not None
        found = []
        for line in self._popen.stdout:
            found.append(json.loads(line))
            self.seen.append(found[-1])
            if fits(found[-1]):
                return found
        raise AssertionError(f"the stream ended after {found}")

    def next(self, name: str, event: str) -> Event:
        """Read until the event of this name of the workload `name`."""
        return self.until(lambda found: (found["event"], found.get("name")) == (event, name))[-1]

    def close(self) -> None:
        self._popen.kill()
        self._popen.communicate()


class Supervisor:
    """The program with a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.program = [*PROGRAM, "--folder", str(self.state)]
        self.daemon: subprocess.Popen[bytes] | None = None
        self._streams: list[Events] = []

    def run(self) -> None:
        """Start the daemon in the foreground and wait until it serves."""
        reader, writer = os.pipe()
        command = [*self.program, "run", "--ready", str(writer)]
        self.daemon = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.PIPE)
        os.close(writer)
        with open(reader, "rb") as pipe:
            assert pipe.read() == b"ready", self.daemon.communicate()

    def end(self, number: int = signal.SIGTERM) -> None:
        """End the daemon, and nothing else."""
        assert self.daemon is not None
        self.daemon.send_signal(number)
        _, errors = self.daemon.communicate()
        self.daemon = None
        assert errors == b""

    def command(self, *arguments: str, status: int | None = 0, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of the program."""
        done = subprocess.run([*self.program, *arguments], check=False, input=text, capture_output=True, text=True)
        assert status is None or done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def start(self, name: str, *argv: str, status: int = 0, **more: Any) -> Event:
        """Start a workload; return what the program shows of it."""
        spec = {"name": name, "argv": list(argv), **more}
        return dict(json.loads(self.command("start", "-", text=json.dumps(spec), status=status).stdout))

    def show(self, name: str) -> Event:
        return dict(json.loads(self.command("show", name).stdout))

    def stop(self, name: str) -> Event:
        return dict(json.loads(self.command("stop", name).stdout))

    def logs(self, name: str, *options: str) -> str:
        return self.command("logs", *options, name).stdout

    def events(self) -> Events:
        """Subscribe, and read up to the end of the catch-up."""
        self._streams.append(Events(self.program))
        return self._streams[-1]

    def edit(self, name: str, **changes: Any) -> None:
        """Change what the supervisor has written down of a workload."""
        path = self.state / "workloads" / name / "state.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    def close(self) -> None:
        """Remove everything."""
        for stream in self._streams:
            stream.close()
        if self.daemon is None:
            self.run()
        for item in json.loads(self.command("show", "--all").stdout)["workloads"]:
            self.command("remove", item["name"])
        self.end()


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path)
    made.run()
    yield made
    made.close()
