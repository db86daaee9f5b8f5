"""The arguments of each route: what its path, its query and its JSON body hold together.

A field that stands in the route's path is taken from there. The others come from the query of a GET, a DELETE or a
raw upload, and from the JSON body of everything else. Deploys and execs take `model.DeployRequest` and
`model.ExecRequest` in the same way. Field names are those of the conductor's parameters.
"""

import msgspec

from floria.values import Value


class Nothing(msgspec.Struct, frozen=True):
    """No arguments."""


class InDirectory(msgspec.Struct, frozen=True):
    """A directory."""

    directory: str = "/"


class OfService(msgspec.Struct, frozen=True):
    """One service."""

    service: str
    directory: str = "/"


class OfExecution(msgspec.Struct, frozen=True):
    """One execution."""

    id: str


class Done(msgspec.Struct, frozen=True):
    """A service, or one node of it, whose effects are asked for."""

    service: str
    node: str | None = None
    directory: str = "/"


class Operation(msgspec.Struct, frozen=True):
    """An operation to be called by hand. `operation` is ``INTERFACE.OPERATION``."""

    service: str
    node: str
    operation: str
    inputs: dict[str, Value] = {}
    directory: str = "/"


class Running(msgspec.Struct, frozen=True):
    """A workflow of the service's design, to be run."""

    service: str
    workflow: str
    inputs: dict[str, Value] = {}
    directory: str = "/"


class Adoption(msgspec.Struct, frozen=True):
    """What runs under the name `existing` becomes a node."""

    service: str
    node: str
    existing: str
    directory: str = "/"


class Logs(msgspec.Struct, frozen=True):
    """The last `lines` of a node's log, then with `follow` what is still to come."""

    service: str
    node: str
    follow: bool = False
    lines: int = 100
    directory: str = "/"


class Events(msgspec.Struct, frozen=True):
    """Events after a position (none: the newest `limit`), then with `follow` those to come."""

    service: str | None = None
    directory: str = "/"
    after: int | None = None
    follow: bool = False
    limit: int = 1000


class Audit(msgspec.Struct, frozen=True):
    """The newest `limit` entries of the audit log, of a directory or of one service."""

    service: str | None = None
    directory: str = "/"
    limit: int = 100


class Emission(msgspec.Struct, frozen=True):
    """An event to a node, to a service, or to a whole directory."""

    name: str
    service: str | None = None
    node: str | None = None
    data: Value = None
    directory: str = "/"


class OfPlugin(msgspec.Struct, frozen=True):
    """One plugin as it is seen from a directory."""

    name: str
    directory: str = "/"


class Grant(msgspec.Struct, frozen=True):
    """A role (``viewer``, ``operator``, ``owner``, ``none``) for a user, ``group:NAME`` or ``*``."""

    who: str
    role: str
    directory: str = "/"


class OfAccess(msgspec.Struct, frozen=True):
    """Who has a role from a directory."""

    who: str
    directory: str = "/"


class OfSecret(msgspec.Struct, frozen=True):
    """One secret of a directory."""

    name: str
    directory: str = "/"


class PluginFile(msgspec.Struct, frozen=True):
    """A plugin to be looked at. `carrier` is ``wasm``, ``python`` or ``executable``."""

    carrier: str


class NewPlugin(msgspec.Struct, frozen=True):
    """A plugin to be added. `carrier` is ``wasm``, ``python`` or ``executable``; `name` replaces its own."""

    carrier: str
    name: str | None = None
    directory: str = "/"
