"""Contexts: names for a server and a directory of it, so that one option or variable chooses both.

``system`` and ``user`` are there always. More stand in ``contexts.yaml`` in the user's configuration folder::

    contexts:
      team: { socket: /run/khutulun/khutulun.sock, directory: /team }
    current: team
"""

from pathlib import Path
from typing import Any

import msgspec

from floria import yaml
from khutulun import model, paths

FILE = "contexts.yaml"


class Context(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A server, and the directory that commands work in when they are not told."""

    socket: str | None = None
    directory: str = "/"


class Contexts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    contexts: dict[str, Context] = {}
    current: str | None = None


def find(name: str | None) -> Context:
    """Return the context `name`; without one the current one of the file; else the server that is there."""
    place = paths.paths(paths.Scope.USER).config / FILE
    known = _load(place)
    name = name or known.current
    if name is None:
        return Context(str(_present()))
    if name in known.contexts:
        found = known.contexts[name]
        return found if found.socket else msgspec.structs.replace(found, socket=str(_present()))
    if name in list(paths.Scope):
        return Context(str(paths.paths(paths.Scope(name)).socket))
    names = ", ".join([*known.contexts, *paths.Scope])
    raise model.refuse("no-such-context", f"there is no context {name!r}", where=str(place), hint=f"there are: {names}")


def _present() -> Path:
    """Return the socket of the own scope, or the one of the other scope when only that is there."""
    own = paths.default_scope()
    sockets = [paths.paths(scope).socket for scope in sorted(paths.Scope, key=lambda scope: scope is not own)]
    return next((socket for socket in sockets if _exists(socket)), sockets[0])


def _exists(socket: Path) -> bool:
    try:
        return socket.exists()
    except PermissionError:
        return False


def _load(place: Path) -> Contexts:
    try:
        data: Any = yaml.load(place.read_bytes(), str(place))[0]
        return msgspec.convert(data or {}, Contexts)
    except FileNotFoundError:
        return Contexts()
    except OSError as error:
        raise _unusable(place, error.strerror or str(error)) from error
    except (yaml.YamlError, msgspec.ValidationError) as error:
        raise _unusable(place, str(error)) from error


def _unusable(place: Path, why: str) -> model.Refused:
    return model.refuse("contexts", f"the contexts cannot be read: {why}", where=str(place), hint="mend the file")
