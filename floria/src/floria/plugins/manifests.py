"""The manifest: what a plugin says about itself. It is read with suspicion: nothing is granted because of it."""

import re

import msgspec

from floria.plugins import expressions
from floria.plugins.faults import Fault
from floria.plugins.grants import NONE, Grants

CONTRACT = "0.1"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,126}")


class Function(msgspec.Struct, frozen=True, omit_defaults=True):
    """A function of a plugin. `query` is its word that it only looks; grants decide what it can really do."""

    description: str = ""
    query: bool = False


class DBusSource(msgspec.Struct, frozen=True, omit_defaults=True):
    """Signals that fit any rule of `match` on `bus` (``system``, ``session``, ``scope``).

    `subscribe` are calls to make first. With `distinct`, names of members of a signal's maps, a signal is passed over
    in which all of these are as in the one before of the same object, interface and texts.
    """

    match: tuple[str, ...]
    bus: str = "scope"
    distinct: tuple[str, ...] = ()
    subscribe: tuple[dict[str, object], ...] = ()


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where events come from: the lines of a command, or D-Bus signals, each passed to the function ``translate``.

    `when` says on which hosts; `filter` is a regular expression that a line must contain to be passed on at all.
    """

    name: str
    command: tuple[str, ...] = ()
    dbus: DBusSource | None = None
    when: dict[str, object] = {}
    filter: str = ""


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A plugin in its own words. `artifacts` are the TOSCA artifact classes it processes, `grants` what it asks for."""

    name: str
    version: str
    contract: str
    functions: dict[str, Function]
    description: str = ""
    sources: tuple[Source, ...] = ()
    artifacts: tuple[str, ...] = ()
    grants: Grants = NONE
    readiness: tuple[str, ...] = ()


def parse(data: object) -> Manifest:
    """Read what `describe` returned. Raises the faults ``invalid-manifest`` and ``unsupported-contract``."""
    try:
        manifest = msgspec.convert(data, Manifest, strict=True)
    except msgspec.ValidationError as error:
        raise Fault("invalid-manifest", str(error)) from None
    if manifest.contract != CONTRACT:
        raise Fault("unsupported-contract", f"the plugin speaks contract {manifest.contract}, this host {CONTRACT}")
    _check(_NAME.fullmatch(manifest.name) is not None, f"{manifest.name!r} is not a name of a plugin")
    _check(len(manifest.functions) <= 1000, "more than 1000 functions")
    for name in manifest.functions:
        _check(_FUNCTION.fullmatch(name) is not None, f"{name!r} is not a name of a function")
    for source in manifest.sources:
        _check_source(source, manifest)
    return manifest


def _check_source(source: Source, manifest: Manifest) -> None:
    _check((not source.command) != (source.dbus is None), f"source {source.name!r} needs either a command or D-Bus")
    _check("translate" in manifest.functions, f"source {source.name!r} without a function 'translate'")
    try:
        expressions.check(source.filter)
    except ValueError as error:
        raise Fault("invalid-manifest", f"the filter of source {source.name!r}: {error}") from None


def _check(good: bool, message: str) -> None:
    if not good:
        raise Fault("invalid-manifest", message)
