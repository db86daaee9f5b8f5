"""What a driver tells the conformance kit about itself: ``tests/kit/kit.yaml`` in its folder (docs/drivers.md)."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from floria.values import Value
from khutulun import model, shipped

FILE = "tests/kit/kit.yaml"
_WITH, _WITHOUT = "with_systemd", "without_systemd"


class Row(StrEnum):
    """A line of the table."""

    PLAN = "plan"
    TWICE = "twice"
    LOGS = "logs"
    EXEC = "exec"
    DIFFERENCES = "differences"
    UPDATE = "update"
    EVENTS = "events"
    OFF = "off"
    MISSED = "missed"
    LEFT = "left"
    KILLED = "killed"
    MISSING = "missing"
    OLD = "old"
    DEAD = "dead"
    FORBIDDEN = "forbidden"
    FULL = "full"
    NAMES = "names"
    SCRIPT = "script"
    ADOPT = "adopt"


TITLES = {
    Row.PLAN: "what the plan says is what happens",
    Row.TWICE: "every verb twice is the same as once",
    Row.LOGS: "its log is read",
    Row.EXEC: "a program runs in its surroundings",
    Row.DIFFERENCES: "a change by hand is told, and mended on demand",
    Row.UPDATE: "an update changes it, as planned",
    Row.EVENTS: "a failure is pushed as an event",
    Row.OFF: "it goes on without Khutulun",
    Row.MISSED: "what happened while Khutulun was off is told",
    Row.LEFT: "nothing is left behind",
    Row.KILLED: "killed in the middle of each verb, it finishes, and nothing runs twice",
    Row.MISSING: "tool missing",
    Row.OLD: "tool too old",
    Row.DEAD: "daemon or socket dead",
    Row.FORBIDDEN: "no permission",
    Row.FULL: "no space",
    Row.NAMES: "names with every legal character",
    Row.SCRIPT: "`history --script` by hand gives the same",
    Row.ADOPT: "what runs already is adopted without a restart",
}
ALWAYS = (Row.PLAN, Row.TWICE, Row.UPDATE, Row.OFF, Row.LEFT, Row.KILLED, Row.NAMES)
"""Rows that mean something for whatever a driver makes, so that none can be omitted."""

FAULTS = (Row.MISSING, Row.OLD, Row.DEAD, Row.FORBIDDEN, Row.FULL)


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a server is started that cannot do its work; its deploy has to fail with words that say so.

    `hide`: programs that are not there. `instead`: shell texts that stand for programs; ``$REAL`` is the real one.
    `run`: shell text run before the server in mounts of its own, as root. `says`: what the problem has to match.
    """

    hide: tuple[str, ...] = ()
    instead: dict[str, str] = {}
    run: str = ""
    says: str = ""


class Program(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A program that is run by ``exec``, and a regular expression for what it prints."""

    argv: tuple[str, ...]
    says: str


class Adoption(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What runs already: texts that make and remove it, its name, and what prints something else once restarted."""

    make: str
    existing: str
    same: str
    remove: str


class Kit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The description. Texts are shell; `look` prints what the everyday tool shows and fails when there is nothing."""

    node: str
    look: str
    updated: dict[str, Value]
    inputs: dict[str, Value] = {}
    same: str = ""
    left: str = ""
    log: str = ""
    exec: Program | None = None
    change: str = ""
    fail: str = ""
    failed: str = "failed"
    recovered: str = ""
    end: str = ""
    ended: str = "stopped"
    adopt: Adoption | None = None
    prepare: str = ""
    cleanup: str = ""
    version: str = ""
    faults: dict[Row, Fault] = {}
    omit: dict[Row, str] = {}


class Driver(msgspec.Struct, frozen=True):
    """A driver's folder, with its description for this machine."""

    folder: Path
    kit: Kit

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def service(self) -> Path:
        """The file of the small service."""
        return self.folder / FILE.replace("kit.yaml", "service.yaml")

    @property
    def profiles(self) -> Path:
        return self.folder / "profiles"


def read(folder: Path) -> Driver:
    """Return the driver in `folder`. Raises `model.Refused` when its description is missing or wrong."""
    from floria import yaml

    folder = Path(os.path.realpath(folder))  # a link to itself is told when it is read
    file = folder / FILE
    try:
        plain, _ = yaml.load(file.read_text(), FILE)
        if not isinstance(plain, dict):
            raise ValueError("it is no map")
        driver = Driver(folder, _checked(msgspec.convert(_here(plain), Kit)))
        driver.service.open("rb").close()
    except OSError as error:
        raise _wrong(Path(error.filename or file), f"it cannot be read: {error.strerror}") from None
    except (ValueError, yaml.YamlError) as error:
        raise _wrong(file, str(error)) from None
    return driver


def systemd() -> bool:
    """Whether this machine runs systemd."""
    return Path("/run/systemd/system").is_dir()


def _here(plain: dict[str, Any]) -> dict[str, Any]:
    """Return the description with what is different on this machine; a map is merged into the map of that name."""
    others = {name: plain.pop(name, None) or {} for name in (_WITH, _WITHOUT)}
    for name, value in others[_WITH if systemd() else _WITHOUT].items():
        both = isinstance(value, dict) and isinstance(plain.get(name), dict)
        plain[name] = {**plain[name], **value} if both else value
    return plain


def _checked(kit: Kit) -> Kit:
    for row, reason in kit.omit.items():
        if row in ALWAYS:
            raise ValueError(f"the row {row.value!r} cannot be omitted: it applies to every driver")
        if not reason.strip():
            raise ValueError(f"why the row {row.value!r} is omitted is not said")
    return kit


def _wrong(file: Path, why: str) -> model.Refused:
    return model.refuse("bad-kit", why, where=str(file), hint="docs/drivers.md tells what stands in it")


def plugin(driver: Driver, given: Path | None) -> Path | None:
    """Return the file to add as the plugin; None when it is the built-in driver of this folder's name.

    Without `given`: the source, when it is a single file; else what is built from the folder.
    """
    if given is not None:
        return given
    if driver.name in shipped.plugins() and driver.folder.parent == shipped.checkout() / "plugins":
        return None
    if not any(file.parent.name != "tests" for file in driver.folder.glob("*/__init__.py")):
        return driver.folder / "plugin.py"
    from floria.plugins import build

    try:
        return build.component(driver.folder, progress=lambda text: print(text, file=sys.stderr))
    except build.BuildError as error:
        hint = "name a plugin that is built already with --plugin FILE"
        raise model.refuse("not-built", str(error), where=str(driver.folder), hint=hint) from None
