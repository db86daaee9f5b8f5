"""`systemctl` and `systemd-run` as builtins of the agent: their everyday forms without a process for each.

Plugins ask for commands, and plans, history and scripts show commands, because people operate with them. What such a
command does is a few calls to systemd, and the agent makes the same ones itself: ten milliseconds become one. Other
forms, other options, and a systemd that does not talk to us are left to the program.
"""

import functools
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from floria.plugins.effects import processes
from floria.plugins.effects.processes import Limits
from floria.plugins.faults import Fault
from floria.plugins.requests import Output, RunCommand
from khutulun.systemd import links, settings, shown, units
from khutulun.systemd.connection import Connection, Lost, Shared, Unreachable
from khutulun.systemd.wire import WireError

SYSTEM = Path("/run/systemd/private")

_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+\.(service|timer|socket|target|slice|path|mount)")
_JOBS = {"start": "StartUnit", "stop": "StopUnit", "restart": "RestartUnit"}
_LINKS = {"enable": links.enable, "disable": links.disable}

Work = Callable[[Connection, Limits], Output | None]
"""Does a command; None when nothing was done and the program has to be run."""


class Builtin:
    """One command; see `floria.plugins.effects.builtins.Builtin`. `starts` is the unit that it starts, if any."""

    def __init__(self, shared: Shared, address: Path, program: str, work: Work, starts: str | None = None) -> None:
        self._shared, self._address, self._program, self._work, self._starts = shared, address, program, work, starts

    def run(self, limits: Limits) -> Output | None:
        return self._talk(self._work, limits)

    def resume(self, begun: int, limits: Limits) -> Output | None:
        unit = self._starts
        if unit is None:
            return self.run(limits)  # to do it again is the same
        return self._talk(lambda over, limits: self._began(over, limits, unit, begun), limits)

    def _began(self, over: Connection, limits: Limits, unit: str, since: int) -> Output | None:
        found = units.began(over, limits, unit, since)
        if found is None and self._was_started(unit, since):
            return Output(0, "", "")  # it has ended since, and systemd has forgotten it
        return found or self._work(over, limits)

    def _was_started(self, unit: str, since: int) -> bool:
        """Whether the journal tells of a start that was asked for after `since` (Unix ns).

        It is told of right after the crash: what systemd has sent has to be in the journal first. Only root can have
        it so; a user's journal is read as far as it is.
        """
        scope = "UNIT" if self._address == SYSTEM else "USER_UNIT"
        when = f"--since=@{since // 1_000_000_000}.{since // 1000 % 1_000_000:06d}"
        argv = ["journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=1", when, f"{scope}={unit}"]
        try:
            if self._address == SYSTEM:
                subprocess.run(["journalctl", "--sync"], capture_output=True, check=True)
            found = subprocess.run([*argv, "JOB_TYPE=start", "JOB_TYPE=restart"], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            message = f"whether {unit} was started before the restart is unknown: {error}"
            raise Fault("interrupted", message, True) from None
        return bool(found.stdout.strip())

    def _talk(self, work: Work, limits: Limits) -> Output | None:
        try:
            with self._shared.using(self._address) as over:
                return work(over, limits)
        except Unreachable:
            return None
        except TimeoutError:
            raise processes.too_long(self._program, limits) from None
        except (Lost, WireError) as error:
            raise Fault("interrupted", f"{self._program}: {error}", True) from None


class Links:
    """A command that changes links; to do it again is the same."""

    def __init__(self, program: str, work: Callable[[], Output | None]) -> None:
        self._program, self._work = program, work

    def run(self, limits: Limits) -> Output | None:
        try:
            return self._work()
        except OSError as error:
            return Output(1, "", f"{self._program}: {error.filename}: {error.strerror}\n")

    def resume(self, begun: int, limits: Limits) -> Output | None:
        return self.run(limits)


class Builtins:
    """Finds the builtin for a command. `environment` is that of commands."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = processes.environment() if environment is None else environment
        self._shared = Shared()

    def close(self) -> None:
        """Close the conversations."""
        self._shared.close()

    def __call__(self, request: RunCommand) -> Builtin | Links | None:
        """Return what does a command in the agent, None when it has to be run."""
        program, *words = request.argv
        if program not in ("systemctl", "systemd-run") or request.user or request.stdin or request.cwd:
            return None
        match words:
            case ["--root=/", "enable" | "disable" as verb, unit] if _UNIT.fullmatch(unit):
                return Links(program, functools.partial(_LINKS[verb], unit))
        environment = {**self._environment, **request.env}
        address = SYSTEM
        if words[:1] == ["--user"]:
            address, words = units.private_socket(environment.get("XDG_RUNTIME_DIR", "")), words[1:]
        try:
            if program == "systemd-run":
                made = transient(words, environment.get("PATH", processes.PATH))
                return Builtin(self._shared, address, program, made.start, made.name)
            found = systemctl(words)
        except settings.Unknown:
            return None
        starts = words[1] if words[0] in ("start", "restart") else None
        return Builtin(self._shared, address, program, found, starts)


def systemctl(words: Sequence[str]) -> Work:
    """Return what ``systemctl WORDS`` does. Raises `settings.Unknown`."""
    match words:
        case ["daemon-reload"]:
            return units.reload
        case ["reset-failed", unit] if _UNIT.fullmatch(unit):
            return functools.partial(_on, units.reset, unit)
        case ["is-enabled", unit] if _UNIT.fullmatch(unit):
            return functools.partial(_on, units.is_enabled, unit)
        case ["start" | "stop" | "restart" as verb, unit] if _UNIT.fullmatch(unit):
            return lambda over, limits: units.act(over, limits, unit, _JOBS[verb])
        case ["show", names, unit] if names.startswith("--property=") and _UNIT.fullmatch(unit):
            wanted = [
                (interface, name)
                for name in names.removeprefix("--property=").split(",")
                if (interface := shown.interface(name, unit)) is not None or _unknown(name)
            ]
            return lambda over, limits: units.show(over, limits, unit, wanted)
    return _unknown(" ".join(words))


def transient(words: Sequence[str], path: str) -> units.Transient:
    """Return the unit that ``systemd-run WORDS`` makes. Raises `settings.Unknown`."""
    if "--" not in words:
        _unknown("no end of options")
    end = list(words).index("--")
    name = ""
    properties: list[settings.Property] = []
    environment: list[str] = []
    for word in words[:end]:
        option, _, value = word.partition("=")
        match option:
            case "--quiet" if not value:
                pass
            case "--unit" if _UNIT.fullmatch(value):
                name = value
            case "--description":
                properties.append(("Description", ("s", value)))
            case "--service-type":
                properties.append(("Type", ("s", value)))
            case "--setenv" if "=" in value:
                environment.append(value)
            case "--property":
                properties += settings.properties(*value.split("=", 1)) if "=" in value else _unknown(word)
            case _:
                _unknown(word)
    argv = list(words[end + 1 :])
    if not name.endswith(".service") or not argv or "--quiet" not in words[:end]:
        _unknown("a unit of another kind")
    if environment:
        properties.append(("Environment", ("as", environment)))
    return units.Transient(name, properties, argv, path)


def _on(
    work: Callable[[Connection, Limits, str], Output | None], unit: str, over: Connection, limits: Limits
) -> Output | None:
    return work(over, limits, unit)


def _unknown(what: str) -> NoReturn:
    raise settings.Unknown(what)
