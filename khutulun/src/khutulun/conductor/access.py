"""Who may do what: roles per directory, decided by the peer credentials of the socket.

The user that the server runs as, and root, own everything. A directory's `access` maps a user name (or ``*``) to a
role; what a directory says holds below it too, unless a nearer one says otherwise.
"""

import os
from enum import IntEnum

from floria.entities import Directory, Kind
from floria.store.interface import Query, Reader
from khutulun import model
from khutulun.conductor import registry


class Role(IntEnum):
    """Each role may do what the ones below it may."""

    NONE = 0
    VIEWER = 1
    OPERATOR = 2
    OWNER = 3


def role(reader: Reader, principal: model.Principal, directory: str) -> Role:
    """Return the role of `principal` in `directory`."""
    if principal.uid in (0, os.geteuid()):
        return Role.OWNER
    for level in registry.upwards(directory):
        found = find(reader, level)
        if found is None:
            continue
        for name in (principal.name, "*"):
            if name in found.access:
                return Role[found.access[name].upper()]
    return Role.NONE


def require(reader: Reader, principal: model.Principal, directory: str, wanted: Role) -> None:
    """Raise `model.Refused` when the role is not enough."""
    has = role(reader, principal, directory)
    if has < wanted:
        raise model.refuse(
            "not-permitted",
            f"user {principal.name} has {_named(has)} in {directory}; {wanted.name.lower()} is needed",
            hint=f"the server's administrator can give a role in {directory}",
            status=403,
        )


def _named(role: Role) -> str:
    return "no role" if role is Role.NONE else f"the role {role.name.lower()}"


def find(reader: Reader, path: str) -> Directory | None:
    """Return the directory entity at `path`."""
    if path == registry.ROOT:
        return None
    parent, _, name = path.rpartition("/")
    query = Query(kinds=(Kind.DIRECTORY,), directory=parent or registry.ROOT, recursive=False, name=name)
    return next((one for one in reader.query(query) if isinstance(one, Directory)), None)
