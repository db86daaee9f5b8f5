"""Grants: what a plugin may do, written down by whoever installs it, checked before every effect.

A plugin asks for grants in its manifest and gets those that a person or policy gave it. Whether a command, a D-Bus
call or a web request is a *query* or a *change* is decided by the grant it matches, never by the plugin's word; the
first grant that matches decides.
"""

import fnmatch
import string
from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec

from floria.plugins import requests, urls
from floria.plugins.faults import Fault

REST = "..."


class Effect(StrEnum):
    """Whether something that is granted only looks, or changes something."""

    QUERY = "query"
    CHANGE = "change"


class Access(StrEnum):
    """What is granted on files (`write` includes `read`) and entities."""

    READ = "read"
    WRITE = "write"
    EMIT = "emit"


class Scope(StrEnum):
    """Which entities a grant is about, as seen from the site of the call."""

    OWN = "own"
    SERVICE = "service"
    DIRECTORY = "directory"
    ALL = "all"


class CommandGrant(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`program` with arguments that fit the patterns, one each; ``...`` as the last one stands for any rest.

    A pattern (``*``, ``?``, ``[…]``) never fits an argument that begins with ``-`` unless it does so itself, nor one
    that steps upwards (``..``). `environment` and `users` are patterns of the variables and users it may name.
    """

    program: str
    arguments: tuple[str, ...] = ()
    effect: Effect = Effect.CHANGE
    environment: tuple[str, ...] = ("LANG", "LC_*", "TZ", "NO_COLOR")
    users: tuple[str, ...] = ()


class FileGrant(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Files at and below the folder `path` whose first name below it fits `pattern`."""

    path: str
    access: Access = Access.READ
    pattern: str = "*"


class DBusGrant(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Methods of a destination, by patterns."""

    destination: str
    bus: str = "system"
    path: str = "*"
    interface: str = "*"
    member: str = "*"
    effect: Effect = Effect.CHANGE


class HttpGrant(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """URLs that begin with `url`. Without `effect`, GET, HEAD and OPTIONS are queries and the rest are changes."""

    url: str
    methods: tuple[str, ...] = ("*",)
    effect: Effect | None = None


class GraphGrant(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Entities in `scope`: `write` includes `read` and `emit`."""

    access: Access = Access.READ
    scope: Scope = Scope.SERVICE


class Grants(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Everything a plugin may do besides computing and logging. Empty: nothing."""

    commands: tuple[CommandGrant, ...] = ()
    files: tuple[FileGrant, ...] = ()
    dbus: tuple[DBusGrant, ...] = ()
    http: tuple[HttpGrant, ...] = ()
    graph: tuple[GraphGrant, ...] = ()
    secrets: tuple[str, ...] = ()
    evaluate: bool = False


NONE = Grants()


class Permit(msgspec.Struct, frozen=True):
    """A request that was granted. `change`: it changes something. `root`: the granted folder. `scope`: of entities."""

    change: bool
    root: str = ""
    pattern: str = "*"
    scope: Scope = Scope.ALL


class InvalidGrants(ValueError):
    """The grants cannot be read; the message says where and why."""


def parse(data: object) -> Grants:
    """Return grants from their plain form (see docs/plugins.md). Raises `InvalidGrants`."""
    try:
        return msgspec.convert(data, Grants, strict=True)
    except msgspec.ValidationError as error:
        raise InvalidGrants(f"grants: {error}") from None


def fill(grants: Grants, places: Mapping[str, str]) -> Grants:
    """Put real folders in place of ``{state}`` and the like. Raises `InvalidGrants` for an unknown placeholder."""

    def place(text: str) -> str:
        try:
            names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
        except ValueError:
            return text
        unknown = sorted(names - places.keys())
        if unknown:
            known = ", ".join(sorted(places)) or "none"
            raise InvalidGrants(f"grants: {text!r} names the place {unknown[0]!r}; known places: {known}")
        for name in names:
            text = text.replace("{" + name + "}", places[name])
        return text

    replace = msgspec.structs.replace
    commands = (replace(c, program=place(c.program), arguments=tuple(map(place, c.arguments))) for c in grants.commands)
    return replace(
        grants,
        commands=tuple(commands),
        files=tuple(replace(f, path=place(f.path)) for f in grants.files),
        dbus=tuple(replace(d, bus=place(d.bus)) for d in grants.dbus),
        http=tuple(replace(h, url=_place_in_url(h.url, place)) for h in grants.http),
    )


def permit(grants: Grants, request: requests.Request) -> Permit:
    """Return the permit for `request`, or raise the fault ``denied``."""
    match request:
        case requests.RunCommand():
            return _permit_command(grants, request)
        case requests.ReadFile() | requests.ListFolder() | requests.KindOf():
            return permit_path(grants, request.path, Access.READ)
        case requests.WriteFile() | requests.MakeFolder() | requests.Remove():
            return permit_path(grants, request.path, Access.WRITE)
        case requests.CallDBus():
            return _permit_dbus(grants, request)
        case requests.SendHttp():
            return _permit_http(grants, request)
        case requests.Evaluate():
            return _allow(grants.evaluate, "evaluate expressions")
        case requests.GetSecret():
            known = any(fnmatch.fnmatchcase(request.name, pattern) for pattern in grants.secrets)
            return _allow(known, f"read the secret {request.name!r}")
        case requests.WriteLog():
            return Permit(change=False)
        case requests.GetEntity() | requests.QueryGraph() | requests.ListClaims():
            return _permit_graph(grants, {Access.READ, Access.WRITE}, "read entities", change=False)
        case requests.EmitEvent():
            return _permit_graph(grants, {Access.EMIT, Access.WRITE}, "emit events", change=True)
        case _:
            return _permit_graph(grants, {Access.WRITE}, "change entities", change=True)


def permit_path(grants: Grants, path: str, access: Access) -> Permit:
    """Return the permit for a path, or raise the fault ``denied``. Paths are absolute, without ``..`` or ``//``."""
    segments = path.split("/")
    if not path.startswith("/") or ".." in segments or "." in segments or "\0" in path:
        raise Fault("denied", f"{path!r} is not an absolute path without '.' and '..'")
    normal = "/" + "/".join(segment for segment in segments if segment)
    for grant in grants.files:
        root = "/" + grant.path.strip("/")
        if access is Access.WRITE and grant.access is not Access.WRITE:
            continue
        if normal == root:
            return Permit(access is Access.WRITE, root, grant.pattern)
        below = normal.removeprefix(root.rstrip("/") + "/")
        if below != normal and fnmatch.fnmatchcase(below.split("/", 1)[0], grant.pattern):
            return Permit(access is Access.WRITE, root, grant.pattern)
    raise Fault("denied", f"not granted: {access} {normal}")


def fits(patterns: tuple[str, ...], arguments: tuple[str, ...]) -> bool:
    """Whether the arguments fit the patterns, one by one."""
    if patterns and patterns[-1] == REST:
        patterns = patterns[:-1]
        arguments = arguments[: len(patterns)] if len(arguments) >= len(patterns) else arguments
    if len(patterns) != len(arguments):
        return False
    return all(_fits_one(pattern, argument) for pattern, argument in zip(patterns, arguments, strict=True))


def is_pattern(text: str) -> bool:
    """Whether the text stands for more than itself."""
    return any(character in text for character in "*?[")


def _fits_one(pattern: str, argument: str) -> bool:
    if pattern == argument:
        return True
    if argument.startswith("-") and not pattern.startswith("-"):
        return False
    if ".." in argument.replace("=", "/").split("/"):
        return False
    return is_pattern(pattern) and fnmatch.fnmatchcase(argument, pattern)


def _permit_command(grants: Grants, request: requests.RunCommand) -> Permit:
    if not request.argv or any("\0" in text for text in (*request.argv, *request.env, *request.env.values())):
        raise Fault("invalid-request", "a command needs a program and texts without NUL")
    grant = next((g for g in grants.commands if _fits_command(g, request)), None)
    if grant is None:
        raise Fault("denied", f"not granted: run {' '.join(request.argv)}")
    for name in request.env:
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in grant.environment) or "=" in name:
            raise Fault("denied", f"not granted: set the variable {name} for {grant.program}")
    if request.user is not None and not any(fnmatch.fnmatchcase(request.user, p) for p in grant.users):
        raise Fault("denied", f"not granted: run {grant.program} as user {request.user}")
    if request.cwd not in (None, "/"):
        permit_path(grants, str(request.cwd), Access.READ)
    return Permit(change=grant.effect is Effect.CHANGE)


def _fits_command(grant: CommandGrant, request: requests.RunCommand) -> bool:
    return grant.program == request.argv[0] and fits(grant.arguments, request.argv[1:])


def _permit_dbus(grants: Grants, request: requests.CallDBus) -> Permit:
    for grant in grants.dbus:
        pairs = (
            (request.bus, grant.bus),
            (request.destination, grant.destination),
            (request.path, grant.path),
            (request.interface, grant.interface),
            (request.member, grant.member),
        )
        if all(fnmatch.fnmatchcase(found, pattern) for found, pattern in pairs):
            return Permit(change=grant.effect is Effect.CHANGE)
    raise Fault("denied", f"not granted: D-Bus {request.destination} {request.interface}.{request.member}")


def _permit_http(grants: Grants, request: requests.SendHttp) -> Permit:
    url = urls.parse(request.url)
    for grant in grants.http:
        method = any(fnmatch.fnmatchcase(request.method, pattern) for pattern in grant.methods)
        if method and urls.covers(urls.parse(grant.url), url):
            query = request.method in {"GET", "HEAD", "OPTIONS"}
            return Permit(change=not query if grant.effect is None else grant.effect is Effect.CHANGE)
    raise Fault("denied", f"not granted: {request.method} {request.url}")


def _permit_graph(grants: Grants, access: set[Access], what: str, *, change: bool) -> Permit:
    scopes = [grant.scope for grant in grants.graph if grant.access in access]
    if not scopes:
        raise Fault("denied", f"not granted: {what}")
    return Permit(change, scope=max(scopes, key=list(Scope).index))


def _allow(granted: bool, what: str) -> Permit:
    if not granted:
        raise Fault("denied", f"not granted: {what}")
    return Permit(change=False)


def _place_in_url(url: str, place: Callable[[str], str]) -> str:
    if not url.startswith("http+unix://"):
        return place(url)
    socket, slash, rest = url.removeprefix("http+unix://").partition("/")
    return f"http+unix://{place(socket).replace('/', '%2F')}{slash}{rest}"
