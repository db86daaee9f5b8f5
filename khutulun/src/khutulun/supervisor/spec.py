"""What a workload is: the JSON file that a user or a driver gives to the supervisor, checked and with its defaults."""

import json
import re
import signal

from khutulun.supervisor import schedule

MAXIMUM_LOG = 16 * 1024 * 1024
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,199}")
POLICIES = ("never", "on-failure", "always")
KINDS = ("process", "job")
_REQUIRED = object()


class SpecError(ValueError):
    """A spec that cannot be used; the message says where, why and what would do."""


class Spec:
    """A checked spec. Durations are seconds, sizes bytes; `data` is what was given, in full."""

    __slots__ = (
        "after",
        "arguments",
        "data",
        "directory",
        "environment",
        "group",
        "kind",
        "labels",
        "limits",
        "log_maximum",
        "name",
        "readiness",
        "restart",
        "schedule",
        "stop_signal",
        "stop_timeout",
        "timeout",
        "transient",
        "user",
    )

    def __init__(self, data: object) -> None:
        top = _Section("spec", data)
        self.data = top.data
        self.name = check_name(top.text("name"))
        self.kind = top.choice("kind", KINDS, "process")
        self.arguments = top.texts("argv")
        if not self.arguments or not self.arguments[0]:
            raise SpecError("spec.argv is empty; it lists the program and its arguments")
        self.environment = top.text_map("environment")
        self.labels = top.text_map("labels")
        self.after = top.texts("after")
        self.directory = top.text("directory", "/")
        if not self.directory.startswith("/") and self.directory != "~":
            raise SpecError(f"spec.directory is {self.directory!r}; it is an absolute path, or ~ for the user's home")
        self.user = top.text("user", "")
        self.group = top.text("group", "")
        self.transient = top.boolean("transient", False)
        self.timeout = top.number("timeout", 0.0)
        self.restart = Restart(top.section("restart"), self.kind)
        self.limits = Limits(top.section("limits"))
        self.readiness = _readiness(top)
        stop = top.section("stop")
        self.stop_signal = _signal(stop.text("signal", "SIGTERM"))
        self.stop_timeout = stop.number("timeout", 10.0)
        stop.end()
        log = top.section("log")
        self.log_maximum = log.integer("maximum", MAXIMUM_LOG, 64 * 1024)
        log.end()
        self.schedule = _schedule(top)
        top.end()
        if self.schedule and self.kind != "job":
            raise SpecError("spec.schedule is for jobs; set spec.kind to 'job'")
        if self.readiness and self.kind == "job":
            raise SpecError("spec.readiness is for processes; a job is ready when it has succeeded")


class Restart:
    """When an ended process is started again, and how often."""

    __slots__ = ("burst", "delay", "interval", "policy")

    def __init__(self, section: "_Section", kind: str) -> None:
        self.policy = section.choice("policy", POLICIES, "never" if kind == "job" else "on-failure")
        self.delay = section.number("delay", 0.1)
        self.burst = section.integer("burst", 5, 0)
        self.interval = section.number("interval", 10.0)
        section.end()
        if kind == "job" and self.policy == "always":
            raise SpecError("spec.restart.policy is 'always'; a job is repeated with spec.schedule")


class Limits:
    """Upper bounds; 0 is none."""

    __slots__ = ("cpu", "memory", "open_files", "tasks")

    def __init__(self, section: "_Section") -> None:
        self.memory = section.integer("memory", 0, 0)
        self.cpu = section.number("cpu", 0.0)
        self.tasks = section.integer("tasks", 0, 0)
        self.open_files = section.integer("open_files", 0, 0)
        section.end()


class Readiness:
    """When a started process counts as ready: exactly one of port, command, log and notify."""

    __slots__ = ("address", "command", "log", "notify", "port", "timeout")

    def __init__(self, section: "_Section") -> None:
        self.port = section.integer("port", 0, 0)
        self.address = section.text("address", "127.0.0.1")
        self.command = section.texts("command")
        self.notify = section.boolean("notify", False)
        self.timeout = section.number("timeout", 30.0)
        pattern = section.text("log", "")
        section.end()
        given = [bool(self.port), bool(self.command), bool(pattern), self.notify]
        if sum(given) != 1:
            raise SpecError("spec.readiness has to have exactly one of port, command, log and notify")
        if self.port > 65535:
            raise SpecError(f"spec.readiness.port is {self.port}; ports go up to 65535")
        try:
            self.log = re.compile(pattern.encode()) if pattern else None
        except re.error as error:
            raise SpecError(f"spec.readiness.log is not a regular expression: {error}") from error


def read(path: str) -> Spec:
    """The spec in the file at `path` (``-`` is standard input)."""
    try:
        with open(0 if path == "-" else path, encoding="utf-8", closefd=path != "-") as file:
            return Spec(json.load(file))
    except OSError as error:
        raise SpecError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise SpecError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error


def check_name(name: str) -> str:
    """A name is safe as the name of a file and of a control group."""
    if not NAME.fullmatch(name):
        raise SpecError(f"the name {name!r} is not usable: letters, digits and _ . @ : - , not starting with . or -")
    return name


def _readiness(top: "_Section") -> Readiness | None:
    return Readiness(top.section("readiness")) if top.has("readiness") else None


def _schedule(top: "_Section") -> schedule.Schedule | None:
    if not top.has("schedule"):
        return None
    section = top.section("schedule")
    calendar = section.text("calendar", "")
    interval, delay = section.number("interval", 0.0), section.number("delay", 0.0)
    catch_up = section.boolean("catch_up", False)
    section.end()
    try:
        parsed = schedule.Calendar(calendar) if calendar else None
    except ValueError as error:
        raise SpecError(f"spec.schedule.calendar: {error}") from error
    if parsed and (interval or delay):
        raise SpecError("spec.schedule has both calendar and delay or interval; give one or the other")
    return schedule.Schedule(parsed, delay, interval, catch_up)


def _signal(name: str) -> int:
    try:
        return int(signal.Signals[name])
    except KeyError:
        raise SpecError(f"spec.stop.signal is {name!r}; signals are named like SIGTERM") from None


class _Section:
    """A map of the spec that is read key by key; `end` refuses the keys that nobody has read."""

    def __init__(self, where: str, data: object) -> None:
        if not isinstance(data, dict):
            raise SpecError(f"{where} is not a map")
        self.where = where
        self.data: dict[str, object] = data
        self.known: set[str] = set()

    def end(self) -> None:
        unknown = sorted(set(self.data) - self.known)
        if unknown:
            raise SpecError(f"{self.where}.{unknown[0]} is not known; known are {', '.join(sorted(self.known))}")

    def has(self, key: str) -> bool:
        self.known.add(key)
        return self.data.get(key) is not None

    def section(self, key: str) -> "_Section":
        return _Section(f"{self.where}.{key}", self.data.get(key) if self.has(key) else {})

    def _get(self, key: str, default: object, kinds: tuple[type, ...], what: str) -> object:
        if not self.has(key):
            if default is _REQUIRED:
                raise SpecError(f"{self.where}.{key} is missing")
            return default
        value = self.data[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise SpecError(f"{self.where}.{key} is {value!r}; it is {what}")
        return value

    def text(self, key: str, default: object = _REQUIRED) -> str:
        value = str(self._get(key, default, (str,), "text"))
        if "\0" in value:
            raise SpecError(f"{self.where}.{key} holds a zero byte")
        return value

    def boolean(self, key: str, default: bool) -> bool:
        return bool(self._get(key, default, (bool,), "true or false"))

    def number(self, key: str, default: float) -> float:
        value = float(self._get(key, default, (int, float), "a number"))  # type: ignore[arg-type]
        if not 0 <= value < 1e12:
            raise SpecError(f"{self.where}.{key} is {value}; it is not negative and finite")
        return value

    def integer(self, key: str, default: int, minimum: int) -> int:
        value = int(self._get(key, default, (int,), "an integer"))  # type: ignore[call-overload]
        if value < minimum:
            raise SpecError(f"{self.where}.{key} is {value}; the least is {minimum}")
        return int(value)

    def choice(self, key: str, choices: tuple[str, ...], default: str) -> str:
        value = self.text(key, default)
        if value not in choices:
            raise SpecError(f"{self.where}.{key} is {value!r}; it is one of {', '.join(choices)}")
        return value

    def texts(self, key: str) -> list[str]:
        items = self._get(key, [], (list,), "a list of texts")
        assert isinstance(items, list)
        for index, item in enumerate(items):
            if not isinstance(item, str) or "\0" in item:
                raise SpecError(f"{self.where}.{key}[{index}] is {item!r}; it is text without a zero byte")
        return items

    def text_map(self, key: str) -> dict[str, str]:
        items = self._get(key, {}, (dict,), "a map of texts")
        assert isinstance(items, dict)
        for name, item in items.items():
            if not isinstance(item, str) or "\0" in item or "\0" in name or (key == "environment" and "=" in name):
                raise SpecError(f"{self.where}.{key}.{name} is {item!r}; it is text without a zero byte")
        return items
