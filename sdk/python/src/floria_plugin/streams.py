"""How logs are read and programs run beside a workload: commands whose output, and input, the host passes through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from floria_plugin.context import Json
from floria_plugin.faults import Permanent


@dataclass(frozen=True)
class Stream:
    """A command that the host runs with its output, and for `exec` its input, passed through."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    user: str | None = None

    def to_plain(self) -> Json:
        return {"argv": list(self.argv), "env": dict(self.env), "cwd": self.cwd, "user": self.user}


@dataclass(frozen=True)
class Reading:
    """What is asked of a log: whether to wait for more, how many lines at the most, only those since the last start."""

    follow: bool = False
    lines: int | None = None
    current: bool = False

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> "Reading":
        """Read the inputs of the verb `logs`."""
        lines = inputs.get("lines")
        return cls(bool(inputs.get("follow")), None if lines is None else int(lines), bool(inputs.get("current")))

    def options(self, follow: str = "--follow", lines: str = "--lines={}", everything: str = "") -> list[str]:
        """Return the options of a tool, in its words: `everything` is for no upper bound, when the tool has one."""
        number = everything if self.lines is None else lines.format(self.lines)
        return [*number.split(), *([follow] if self.follow else [])]


@dataclass(frozen=True)
class Program:
    """What is to be run beside a workload; `stdin` and `tty`: it gets input, and a terminal."""

    argv: Sequence[str]
    stdin: bool = True
    tty: bool = False

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> "Program":
        """Read the inputs of the verb `exec`. Raises `Permanent` when they name no program."""
        argv = list(inputs.get("argv") or inputs.get("command") or [])
        if not argv or not all(isinstance(word, str) for word in argv):
            raise Permanent("invalid-inputs", "exec needs the input argv: the program and its arguments")
        return cls(argv, bool(inputs.get("stdin", True)), bool(inputs.get("tty")))
