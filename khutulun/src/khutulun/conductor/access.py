"""Who may do what: roles per directory, decided by the peer credentials of the socket.

The user that the server runs as, and root, own everything. A directory's `access` maps a user name, ``group:NAME`` or
``*`` to a role; what a directory says of somebody holds below it too, unless a nearer one says otherwise.
"""

import grp
import os
import pwd
from collections.abc import Callable
from enum import IntEnum

import msgspec

from floria import ids
from floria.entities import Directory, Kind, Property, Vertex
from floria.store.interface import Query, Reader, Transaction
from khutulun import model
from khutulun.conductor import registry

EVERYBODY = "*"
GROUP = "group:"
ACCESS = "khutulun:access"
"""Class of the vertex that keeps the roles of the root, which is no directory."""

_AT_ROOT = ids.derive(ACCESS, registry.ROOT)


class Role(IntEnum):
    """Each role may do what the ones below it may."""

    NONE = 0
    VIEWER = 1
    OPERATOR = 2
    OWNER = 3


MaySee = Callable[[str], bool]
"""Says whether what is in a directory may be looked at."""


def anything(directory: str) -> bool:
    """Let everything be seen: for what is done without a user."""
    return True


def sight(reader: Reader, principal: model.Principal) -> MaySee:
    """Return which directories `principal` may look at."""
    return lambda directory: role(reader, principal, directory) >= Role.VIEWER


def role(reader: Reader, principal: model.Principal, directory: str) -> Role:
    """Return the role of `principal` in `directory`."""
    if principal.uid in (0, os.geteuid()):
        return Role.OWNER
    groups: list[str] | None = None
    for level in registry.upwards(directory):
        given = granted(reader, level)
        if principal.name in given:
            return _role(given[principal.name])
        if any(name.startswith(GROUP) for name in given):
            groups = _groups(principal) if groups is None else groups
            if held := [_role(given[name]) for name in groups if name in given]:
                return max(held)
        if EVERYBODY in given:
            return _role(given[EVERYBODY])
    return Role.NONE


def require(reader: Reader, principal: model.Principal, directory: str, wanted: Role) -> None:
    """Raise `model.Refused` when the role is not enough."""
    has = role(reader, principal, directory)
    if has < wanted:
        raise model.refuse(
            "not-permitted",
            f"user {principal.name} has {_named(has)} in {directory}; {wanted.name.lower()} is needed",
            hint=f"an owner of {directory} or the server's administrator can give a role: `khutulun access grant`",
            status=403,
        )


def granted(reader: Reader, directory: str) -> dict[str, str]:
    """Return who has which role, as one directory says."""
    if directory != registry.ROOT:
        found = find(reader, directory)
        return dict(found.access) if found is not None else {}
    vertex = reader.get(_AT_ROOT)
    value = vertex.properties["access"].value if isinstance(vertex, Vertex) else {}
    return msgspec.convert(value, dict[str, str])


def seen(reader: Reader, directory: str) -> list[model.Access]:
    """Return the roles that hold in a directory, the nearest first."""
    found: dict[str, model.Access] = {}
    for level in registry.upwards(directory):
        for who, given in sorted(granted(reader, level).items()):
            found.setdefault(who, model.Access(who, given, level))
    return list(found.values())


def grant(tx: Transaction, directory: str, who: str, given: str) -> None:
    """Give a role; the directory is there. Raises `model.Refused`."""
    _check_role(given)
    _check_name(who)
    _write(tx, directory, {**granted(tx, directory), who: given})


def revoke(tx: Transaction, directory: str, who: str) -> None:
    """Take a role away that a directory gives. Raises `model.Refused`."""
    given = granted(tx, directory)
    if who not in given:
        elsewhere = [one.directory for one in seen(tx, directory) if one.who == who]
        raise model.refuse(
            "not-granted",
            f"{directory} gives {who} no role",
            hint=f"it comes from {elsewhere[0]}: revoke it there" if elsewhere else "see `khutulun access list`",
            status=404,
        )
    _write(tx, directory, {name: role for name, role in given.items() if name != who})


def find(reader: Reader, path: str) -> Directory | None:
    """Return the directory entity at `path`."""
    if path == registry.ROOT:
        return None
    parent, _, name = path.rpartition("/")
    query = Query(kinds=(Kind.DIRECTORY,), directory=parent or registry.ROOT, recursive=False, name=name)
    return next((one for one in reader.query(query) if isinstance(one, Directory)), None)


def _write(tx: Transaction, directory: str, given: dict[str, str]) -> None:
    if directory != registry.ROOT:
        found = find(tx, directory)
        assert found is not None
        tx.put(msgspec.structs.replace(found, access=given))
        return
    before = tx.get(_AT_ROOT)
    vertex = before if isinstance(before, Vertex) else Vertex(id=_AT_ROOT, name="access", classes=(ACCESS,))
    tx.put(msgspec.structs.replace(vertex, properties={"access": Property(value=dict(given))}))


def _role(name: str) -> Role:
    return Role[name.upper()]


def _named(role: Role) -> str:
    return "no role" if role is Role.NONE else f"the role {role.name.lower()}"


def _groups(principal: model.Principal) -> list[str]:
    """Return the groups of a user, as a directory names them."""
    found = []
    for number in {principal.gid, *_lookup(principal)}:
        try:
            found.append(f"{GROUP}{grp.getgrgid(number).gr_name}")
        except KeyError:
            continue
    return found


def _lookup(principal: model.Principal) -> list[int]:
    try:
        return os.getgrouplist(principal.name, principal.gid)
    except OSError:
        return []


def _check_role(given: str) -> None:
    names = [one.name.lower() for one in Role]
    if given not in names:
        raise model.refuse("bad-role", f"there is no role {given!r}", hint=f"the roles are {', '.join(names)}")


def _check_name(who: str) -> None:
    if who == EVERYBODY:
        return
    try:
        if who.startswith(GROUP):
            grp.getgrnam(who.removeprefix(GROUP))
        else:
            pwd.getpwnam(who)
    except (KeyError, ValueError):
        kind = f"group {who.removeprefix(GROUP)}" if who.startswith(GROUP) else f"user {who}"
        hint = "name a user of this machine, a group as group:NAME, or '*' for everybody"
        raise model.refuse("unknown-user", f"there is no {kind}", hint=hint, status=404) from None
