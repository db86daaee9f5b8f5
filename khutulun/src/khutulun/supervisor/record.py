"""What the supervisor writes down of a workload, so that another supervisor goes on from there."""

import json
import os
import signal

from khutulun.supervisor import identity

_CLEAN_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)


class Result:
    """How the main process ended. Without a status, it ended while no supervisor was its parent."""

    __slots__ = ("exit_code", "known", "signal")

    def __init__(self, status: int | None) -> None:
        self.known = status is not None
        self.exit_code = os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None
        self.signal = os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None

    def clean(self, kind: str) -> bool:
        """Whether that was a success, by systemd's rules."""
        return self.exit_code == 0 or (kind == "process" and self.signal in _CLEAN_SIGNALS)

    def plain(self) -> dict[str, object]:
        """For JSON."""
        name = signal.Signals(self.signal).name if self.signal else None
        return {"exit_code": self.exit_code, "signal": name, "status": "known" if self.known else "unknown"}


class Record:
    """The state of a workload. Times are Unix seconds; `wanted` says whether it should be running.

    `position` is where the output of its last start begins.
    """

    __slots__ = (
        "boot",
        "last_run",
        "next_run",
        "path",
        "position",
        "process",
        "reason",
        "restarts",
        "result",
        "started",
        "state",
        "wanted",
    )

    def __init__(self, path: str) -> None:
        self.path = path
        self.boot = identity.boot_id()
        self.state = "stopped"
        self.reason = ""
        self.wanted = False
        self.restarts = 0
        self.started = 0.0
        self.last_run = 0.0
        self.next_run = 0.0
        self.position = 0
        self.result: dict[str, object] | None = None
        self.process: identity.Identity | None = None

    def load(self) -> None:
        """Read what an earlier supervisor has written; without any, nothing changes."""
        try:
            with open(self.path, encoding="utf-8") as file:
                data = json.load(file)
        except FileNotFoundError:
            return
        self.process = identity.from_plain(data.pop("process"))
        for key, value in data.items():
            setattr(self, key, value)

    def save(self, durable: bool = False) -> None:
        """Replace the file; `durable` waits until it is on the disk."""
        write(self.path, self.plain() | {"boot": self.boot}, durable)

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return {
            "state": self.state,
            "reason": self.reason,
            "wanted": self.wanted,
            "restarts": self.restarts,
            "started": self.started,
            "last_run": self.last_run,
            "next_run": self.next_run,
            "position": self.position,
            "result": self.result,
            "process": self.process.plain() if self.process else None,
        }


def write(path: str, data: object, durable: bool) -> None:
    """Replace the JSON file at `path` at once; `durable` waits until it is on the disk."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(data, file)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.replace(path + ".new", path)
