"""What conductors and agents say to each other over the bus.

Subjects: ``agent.HOST.VERB`` are served by the agent of a host, ``conductor.VERB`` by the conductor.
"""

from enum import StrEnum
from typing import Any

import msgspec

from floria.values import Value
from khutulun import model

Plain = Any
"""Plain data (JSON types): what crosses to plugins."""


OPERATION = "KHUTULUN_OPERATION"
"""Environment variable of the programs that an operation runs: its id."""

STATE = "agent-state"
"""Code of `bus.Remote`: the agent cannot write down what it does, as on a full disk; `detail` is what to do."""


class PluginReference(msgspec.Struct, frozen=True):
    """A plugin's blob and what it may do."""

    name: str
    digest: str
    carrier: str
    grants: dict[str, Plain]


class Workload(msgspec.Struct, frozen=True):
    """A node as its host knows it. `names` are those of the realised thing (see `khutulun.names`)."""

    entity: str
    service: str
    node: str
    index: int
    directory: str
    names: dict[str, Plain]


class Mode(StrEnum):
    """Whether an operation changes anything."""

    LIVE = "live"
    PLAN = "plan"


WARNING = "warning: "
"""Begins a line of a driver's log that is a warning."""


class Operate(msgspec.Struct, frozen=True, kw_only=True):
    """Run a function of a plugin for a workload (``agent.HOST.operate``).

    The same `id` never runs twice: the agent answers with what it recorded. `artifacts` maps paths inside the
    service's folder to blob digests; they are there before the function runs. What is asked for the same `plan` sees
    the files as they would be by then.
    """

    id: str
    plugin: PluginReference
    function: str
    workload: Workload
    operation: str
    site: dict[str, Plain]
    arguments: list[Plain]
    artifacts: dict[str, str] = {}
    mode: Mode = Mode.LIVE
    plan: str = ""
    timeout: float = 300.0


class Operated(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation came to: `result`, or `problem`."""

    result: Plain = None
    problem: model.Problem | None = None
    retryable: bool = False
    effects: tuple[model.Effect, ...] = ()
    script: str = ""
    log: tuple[str, ...] = ()


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Wait until a workload is ready (``agent.HOST.ready``). `probe` is the node's ``readiness`` property."""

    operate: Operate
    probe: dict[str, Plain]
    timeout: float


class Attend(msgspec.Struct, frozen=True, kw_only=True):
    """Know a workload from now on: its events are told, its plugin's sources are subscribed to.

    Lines of sources that hold a text of `watch` are about it, whatever the sources' filters say.
    """

    workload: Workload
    plugin: PluginReference
    site: dict[str, Plain]
    state: str
    watch: tuple[str, ...] = ()


class Forget(msgspec.Struct, frozen=True):
    """Know a workload no longer, or with `service` everything of a service, its delivered files included.

    A `plan` that was made is forgotten, too.
    """

    entity: str = ""
    service: str = ""
    plan: str = ""


class Done(msgspec.Struct, frozen=True):
    """An answer without content."""


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a workload (``conductor.happened``); `id` is the same when it is told again."""

    id: str
    host: str
    entity: str
    name: str
    time: int
    state: str | None = None
    attributes: dict[str, Plain] = {}
    detail: Value = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Open a stream (``agent.HOST.run``): the plugin's `function` (logs, exec) says what to run."""

    operate: Operate
    tty: bool = False
    stdin: bool = False
    rows: int = 24
    columns: int = 80


class FrameKind(StrEnum):
    """What a frame of a stream carries."""

    STDIN = "stdin"
    STDOUT = "stdout"
    STDERR = "stderr"
    END = "end"
    RESIZE = "resize"
    SIGNAL = "signal"
    EXIT = "exit"
    PROBLEM = "problem"


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """One message of a stream."""

    kind: FrameKind
    data: bytes = b""
    numbers: tuple[int, ...] = ()
    problem: model.Problem | None = None


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin asks the graph (``conductor.graph``), in the name of a workload."""

    workload: Workload
    function: str
    arguments: list[Plain]
    plan: str = ""


class GraphAnswer(msgspec.Struct, frozen=True):
    result: Plain = None
    problem: model.Problem | None = None


class Blob(msgspec.Struct, frozen=True):
    """Fetch a blob (a channel on ``conductor.blob``): its bytes, in order."""

    digest: str


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """An agent tells that it is there (``conductor.hello``) and what its host is."""

    host: str
    facts: dict[str, Plain]


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """Fetch a secret for an operation of a workload (``conductor.secret``).

    By its name, when a plugin may have it, or with the tag of a mark (`khutulun.marks`) in the workload's data.
    """

    workload: Workload
    name: str
    tag: str = ""


class SecretAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Its value and tag; not `known` when the tag is none of this workload's."""

    value: str = ""
    tag: str = ""
    known: bool = True
    problem: model.Problem | None = None
