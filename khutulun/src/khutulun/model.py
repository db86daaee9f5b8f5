"""What crosses the API: requests, answers and events, as the CLI, the HTTP API and the conductor see them.

OpenAPI schemas are made from these structs. Times are Unix nanoseconds.
"""

from enum import StrEnum

import msgspec

from floria.values import Value


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong, where, and what to do. `code` is stable; `where` is ``file:line:column`` or names an object."""

    code: str
    message: str
    where: str = ""
    hint: str = ""
    severity: str = "error"
    detail: Value = None


class Refused(Exception):
    """A request that was not done; nothing was changed. `status` is the HTTP status that says why."""

    def __init__(self, *problems: Problem, status: int = 400) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems
        self.status = status


def refuse(code: str, message: str, *, hint: str = "", where: str = "", status: int = 400) -> Refused:
    """Return a `Refused` with one problem."""
    return Refused(Problem(code, message, where, hint), status=status)


class Principal(msgspec.Struct, frozen=True):
    """Who asks: the peer credentials of the socket, or the system itself.

    `within` is the operation whose program asks, of which nobody else is concerned.
    """

    uid: int
    gid: int
    name: str
    within: str = ""


class ServiceState(StrEnum):
    """A service as a whole."""

    DEPLOYING = "deploying"
    RUNNING = "running"
    UPDATING = "updating"
    UNDEPLOYING = "undeploying"
    FAILED = "failed"
    DEGRADED = "degraded"  # a part of it has failed, or is stopped
    STOPPED = "stopped"


class StepState(StrEnum):
    """A step of an execution."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # something it depends on failed


class DeployRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Deploy or update. `archive` is the digest of an uploaded CSAR or Floria bundle; None on update keeps the design.

    `grant` names the plugins, by name or digest, that get what they ask for. Without it, a design that brings plugins
    is refused with the code ``grants-needed``, one problem a plugin, whose `detail` says what it asks for. With
    `rollback`, an update that fails is undone: the service goes back to the design and inputs that it had. `adopt` maps
    nodes to what runs already under another name (a unit, a container) and is taken as it is, without a restart.
    """

    name: str
    archive: str | None = None
    directory: str = "/"
    inputs: dict[str, Value] = {}
    grant: tuple[str, ...] = ()
    rollback: bool = True
    adopt: dict[str, str] = {}


class Effect(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was or will be done on a host: a command, or a file that is written or removed."""

    kind: str
    host: str
    service: str
    node: str
    operation: str
    request: dict[str, Value] = {}
    change: bool = True
    outcome: dict[str, Value] = {}
    time: int = 0
    duration: float = 0.0
    id: str = ""


class NodeChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a plan or update does with one node: unchanged, modified, obsolete or novel (TOSCA 2.0 section 4.4)."""

    node: str
    change: str
    properties: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """What would happen: the changes, and the exact commands and files, in order. Empty: nothing to do.

    `warnings` are what drivers want to be known about the nodes before it is done.
    """

    service: str
    changes: tuple[NodeChange, ...] = ()
    effects: tuple[Effect, ...] = ()
    script: str = ""
    unknown: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """A node's part in an execution; `operation` is the one running or that failed."""

    node: str
    state: StepState
    operation: str = ""
    problem: Problem | None = None


class Execution(msgspec.Struct, frozen=True, omit_defaults=True):
    """A durable run of a workflow over a service: deploy, update, undeploy, or one of its design's own.

    `outputs` are those of the workflow.
    """

    id: str
    service: str
    workflow: str
    state: str  # running | done | failed
    steps: tuple[Step, ...] = ()
    started: int = 0
    ended: int = 0
    problems: tuple[Problem, ...] = ()
    outputs: dict[str, Value] = {}


class Attribute(msgspec.Struct, frozen=True, omit_defaults=True):
    """A property or attribute as it is now; `error` is the last failed evaluation, kept beside the value."""

    value: Value = None
    error: Problem | None = None


class Relation(msgspec.Struct, frozen=True, omit_defaults=True):
    """An edge seen from its source node."""

    name: str
    target: str
    properties: dict[str, Attribute] = {}


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """A node of a service. `name` carries the representation index when there are several (``web-1``).

    `inside` is the name of the substituted node that it is inside of.
    """

    id: str
    name: str
    type: str
    state: str
    host: str = ""
    properties: dict[str, Attribute] = {}
    capabilities: dict[str, dict[str, Attribute]] = {}
    relations: tuple[Relation, ...] = ()
    handlers: tuple[str, ...] = ()
    inside: str = ""


class Service(msgspec.Struct, frozen=True, omit_defaults=True):
    """A service; `nodes` is empty in lists."""

    id: str
    name: str
    directory: str
    state: ServiceState
    created: int
    modified: int
    node_count: int = 0
    inputs: dict[str, Value] = {}
    outputs: dict[str, Attribute] = {}
    nodes: tuple[Node, ...] = ()
    execution: Execution | None = None


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where data and reality, or data and its schema, disagree."""

    node: str
    what: str
    expected: Value = None
    found: Value = None


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened. `position` is the token to resume a stream from; `kind` tells events of workloads and
    users (``event``), handled events (``handling``) and progress of executions (``step``, ``execution``) apart."""

    position: int
    id: str
    kind: str
    name: str
    time: int
    service: str = ""
    node: str = ""
    cause: str = ""
    data: Value = None


class PluginInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A plugin as it is seen from a directory. `grants` are sentences for people, `full_access` those that give all."""

    name: str
    version: str
    carrier: str
    digest: str
    directory: str
    builtin: bool = False
    functions: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    full_access: tuple[str, ...] = ()
    manifest: dict[str, Value] = {}


class Access(msgspec.Struct, frozen=True, omit_defaults=True):
    """A role of a user, of ``group:NAME`` or of everybody (``*``), and the directory that gives it."""

    who: str
    role: str
    directory: str


class Secret(msgspec.Struct, frozen=True, omit_defaults=True):
    """A secret without its value: in which directory it was set, when first and when last."""

    name: str
    directory: str
    created: int = 0
    modified: int = 0


class Audited(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of the audit log: what `by` has asked for at `time`, and what has become of it.

    `outcome` is ``begun`` (and not ended yet), ``done``, ``failed`` or ``denied``; `problem` says why. `data` says what
    belongs to the action, without the values that were given.
    """

    position: int
    time: int
    by: str
    action: str
    outcome: str
    directory: str
    uid: int = -1
    ended: int = 0
    service: str = ""
    node: str = ""
    execution: str = ""
    data: dict[str, Value] = {}
    problem: Problem | None = None


class CallResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an operation called by hand returned."""

    result: Value = None
    effects: tuple[Effect, ...] = ()


class ExecRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Run a program in a node's surroundings. `rows` and `columns` matter with `tty`."""

    service: str
    node: str
    argv: tuple[str, ...]
    directory: str = "/"
    tty: bool = False
    stdin: bool = False
    rows: int = 24
    columns: int = 80


class Info(msgspec.Struct, frozen=True, omit_defaults=True):
    """About the server itself."""

    version: str
    scope: str
    host: str
    state_folder: str
    pid: int
    services: int = 0
