"""The conductor: what clients ask for (`interface.Conductor`), and what agents tell.

Stateless above its store: everything it knows is in the graph, and it goes on where another left off.
"""

import logging
import time
from collections.abc import Mapping
from pathlib import Path

from floria import codec, ids, naming, plugins
from floria.entities import Vertex
from floria.evaluation import Functions
from floria.ids import Id
from floria.store.interface import NotFound, Store, Transaction
from floria.values import Value
from khutulun import model, paths
from khutulun.agent import messages
from khutulun.bus import interface as bus
from khutulun.conductor import (
    access,
    auditing,
    nesting,
    operated,
    progress,
    registry,
    retention,
    topology,
    views,
)
from khutulun.conductor.access import Role
from khutulun.conductor.administering import Administering
from khutulun.conductor.auditing import Outcome
from khutulun.conductor.looking import Looking
from khutulun.conductor.performing import OperationFailed
from khutulun.conductor.streaming import Streaming
from khutulun.conductor.turns import Actor
from khutulun.conductor.workflow import Workflow

CHUNK = 1 << 20
LONGEST = 200
"""Characters of the name of a user's event."""

log = logging.getLogger(__name__)


class Conductor(Looking, Streaming, Administering):
    """See `khutulun.conductor.interface.Conductor` for what each method does."""

    def __init__(
        self,
        store: Store,
        over: bus.Bus,
        where: paths.Paths,
        host: plugins.PluginHost,
        functions: Functions,
        keep: retention.Retention = retention.DEFAULT,
        trusted: Path | None = None,
    ) -> None:
        super().__init__(store, over, where, host, functions, keep, trusted)
        self._removals = [
            over.serve("conductor.hello", messages.Hello, self._hello),
            over.serve("conductor.happened", messages.Happened, self._happened),
            over.serve("conductor.secret", messages.Secret, self._secrets.answer),
            over.serve("conductor.graph", messages.Graph, self._graph_request),
            over.accept("conductor.blob", messages.Blob, self._blob),
        ]

    def start(self) -> None:
        """Go on with executions and events that were not finished. The agents are there."""
        self._executions.begin_all(self._emission.reserve)
        self._emission.resume()
        with self._store.read() as reader:
            ended = [
                progress.last(reader, root.directory, declarative=True) for root in self._services.roots(reader, "/")
            ]
        for execution in ended:
            if execution is not None and progress.value(execution, "state") == "failed":
                self._endings.roll_back(execution)
        self._housekeeping.begin()

    def install_built_in(self, blobs: Mapping[str, Path]) -> None:
        self._admin.install_built_in(blobs)

    def halt(self) -> None:
        """Begin no operation of an execution any more; those on their way go on until `close`."""
        self._executions.halt()
        self._turns.close()
        self._bell.ring()

    def close(self) -> None:
        """Stop. Operations on their way are waited for; what is left goes on at the next start."""
        self._housekeeping.close()
        self._executions.close()
        self._turns.close()
        self._emission.close()
        self._endings.close()
        for removal in self._removals:
            removal()
        self._bell.ring()

    # What clients ask for

    def upload(self, principal: model.Principal, content: bytes) -> str:
        return self._store.put_blob(content)

    def deploy(self, principal: model.Principal, request: model.DeployRequest) -> model.Execution:
        self._require(principal, request.directory, Role.OPERATOR, "deploy")
        design = self._design(request)
        with self._services.lock, self._store.write() as tx:
            id = self._services.deploy(tx, request, design, access.sight(tx, principal))
            self._know_within(tx, principal, id)
            auditing.begin_execution(tx, principal, "deploy", id, _given(request))
        return self._begin(id)

    def plan(self, principal: model.Principal, request: model.DeployRequest) -> model.Plan:
        self._require(principal, request.directory, Role.OPERATOR)
        design = self._design(request) if request.archive is not None else None
        return self._planner.plan(request, design)

    def update(self, principal: model.Principal, request: model.DeployRequest) -> model.Execution:
        self._require(principal, request.directory, Role.OPERATOR, "update")
        design = self._design(request) if request.archive is not None else None
        with self._services.lock, self._store.write() as tx:
            root = self._services.root(tx, request.name, request.directory)
            updated = self._services.update(tx, root, request, design, access.sight(tx, principal))
            if updated.execution is not None:
                self._know_within(tx, principal, updated.execution)
                auditing.begin_execution(tx, principal, "update", updated.execution, _given(request))
            else:  # nothing runs for it, but the design or the inputs are others
                subject = naming.subject(tx, root)
                auditing.end(tx, auditing.ask(principal, "update", subject, _given(request)), Outcome.DONE)
        self._emission.handle(*updated.recorded)
        if updated.execution is not None:
            return self._begin(updated.execution)
        now = time.time_ns()
        return model.Execution("", request.name, Workflow.UPDATE.value, "done", (), now, now)

    def undeploy(self, principal: model.Principal, service: str, directory: str = "/") -> model.Execution:
        self._require(principal, directory, Role.OPERATOR, "undeploy")
        with self._services.lock, self._store.write() as tx:
            root = self._services.root(tx, service, directory)
            last = views.last_execution(tx, root.directory)
            if (
                last is not None
                and progress.is_of(last, Workflow.UNDEPLOY)
                and progress.value(last, "state") == "failed"
            ):
                self._executions.again(tx, last)
                id = last.id
            else:
                id = self._services.undeploy(tx, root)
            self._know_within(tx, principal, id)
            auditing.begin_execution(tx, principal, "undeploy", id)
        return self._begin(id)

    def resume(self, principal: model.Principal, service: str, directory: str = "/") -> model.Execution:
        self._require(principal, directory, Role.OPERATOR, "resume")
        with self._services.lock, self._store.write() as tx:
            root = self._services.root(tx, service, directory)
            last = views.last_execution(tx, root.directory)
            if last is not None and progress.is_imperative(last) and progress.value(last, "state") == "done":
                last = progress.last(tx, root.directory, declarative=True)
            if last is None or progress.value(last, "state") != "failed":
                raise model.refuse(
                    "nothing-to-resume",
                    f"{service}: its last execution has not failed",
                    hint=f"look at it with `khutulun service show {service}`",
                    status=409,
                )
            self._executions.again(tx, last)
            self._know_within(tx, principal, last.id)
            auditing.begin_execution(tx, principal, "resume", last.id)
        return self._begin(last.id)

    def run(
        self,
        principal: model.Principal,
        service: str,
        workflow: str,
        inputs: dict[str, Value],
        directory: str = "/",
    ) -> model.Execution:
        self._require(principal, directory, Role.OPERATOR, "run")
        with self._services.lock, self._store.write() as tx:
            id = self._imperative.create(tx, self._services.root(tx, service, directory), workflow, inputs)
            data: dict[str, Value] = {"workflow": workflow, "inputs": [*sorted(inputs)]}
            self._know_within(tx, principal, id)
            auditing.begin_execution(tx, principal, "run", id, data)
        return self._begin(id)

    def call(
        self,
        principal: model.Principal,
        service: str,
        node: str,
        operation: str,
        inputs: dict[str, Value],
        directory: str = "/",
    ) -> model.CallResult:
        vertex = self._node(principal, service, node, directory, Role.OPERATOR, "call")
        data: dict[str, Value] = {"operation": operation, "inputs": [*sorted(inputs)]}
        if (workflow := nesting.operation(vertex, operation)) is not None:
            with self._services.lock, self._store.write() as tx:
                id = self._imperative.create_inside(tx, vertex.id, workflow, inputs)
                self._know_within(tx, principal, id)
                auditing.begin_execution(tx, principal, "call", id, data)
            ended = self._ended(principal, self._begin(id).id)
            if ended.state == "failed":
                raise model.Refused(*ended.problems, status=409)
            return model.CallResult({"workflow": workflow, "execution": id, "outputs": ended.outputs})
        return self._called(principal, "call", vertex, operation, inputs, data)

    def adopt(
        self, principal: model.Principal, service: str, node: str, existing: str, directory: str = "/"
    ) -> model.CallResult:
        vertex = self._node(principal, service, node, directory, Role.OPERATOR, "adopt")
        given: dict[str, Value] = {"existing": existing}
        return self._called(principal, "adopt", vertex, f"{topology.LIFECYCLE}adopt", given, given)

    def emit(
        self,
        principal: model.Principal,
        name: str,
        *,
        service: str | None = None,
        node: str | None = None,
        data: Value = None,
        directory: str = "/",
    ) -> model.Event:
        self._require(principal, directory, Role.OPERATOR, "emit")
        if not name.strip() or len(name) > LONGEST:
            hint = f"name it: from a letter to {LONGEST} of them"
            raise model.refuse("bad-name", f"{name[:LONGEST]!r} is no name for an event", hint=hint)
        with self._store.read() as reader:
            if service is None:
                raise model.refuse(
                    "no-target", "an event is emitted to a service or a node", hint="name it: SERVICE or SERVICE/NODE"
                )
            root = self._services.root(reader, service, directory)
            target = topology.find(reader, root, node) if node is not None else root
            asked = auditing.ask(principal, "emit", naming.subject(reader, target), {"event": name})
        return self._emission.emit(target, name, data, lambda tx: auditing.end(tx, asked, Outcome.DONE))

    # What agents tell

    def _hello(self, hello: messages.Hello) -> messages.Done:
        with self._store.write() as tx:
            registry.register_host(tx, hello)
        return messages.Done()

    def _happened(self, happened: messages.Happened) -> messages.Done:
        self._emission.happened(happened)
        return messages.Done()

    def _graph_request(self, request: messages.Graph) -> messages.GraphAnswer:
        planned = self._planner.graph(request.plan)
        return (planned or self._graph).answer(request)

    def _blob(self, request: messages.Blob, channel: bus.Channel) -> None:
        try:
            with self._store.open_blob(request.digest) as file:
                while chunk := file.read(CHUNK):
                    channel.send(chunk)
        except (NotFound, bus.BusError) as error:
            log.warning("blob %s: %s", request.digest, error)

    def _called(
        self,
        principal: model.Principal,
        action: str,
        vertex: Vertex,
        operation: str,
        inputs: dict[str, Value],
        data: dict[str, Value],
    ) -> model.CallResult:
        """Call an operation for a user, when nobody else operates the node."""
        actor = Actor(ids.new(), within=self._turns.around(principal.within))
        with self._store.write() as tx:
            asked = auditing.ask(principal, action, naming.subject(tx, vertex), data)
            auditing.begin(tx, asked)
        try:
            with self._turns.holding(vertex.id, actor, vertex.name), self._turns.acting(actor):
                self._require_staying(vertex, operation)
                answer = self._operations.call(
                    vertex.id, operation, inputs, ids.new(), lambda tx, _: auditing.end(tx, asked, Outcome.DONE)
                )
        except (OperationFailed, model.Refused) as failure:
            problems = failure.problems if isinstance(failure, model.Refused) else (failure.problem,)
            with self._store.write() as tx:
                auditing.end(tx, asked, Outcome.FAILED, problems)
            if isinstance(failure, model.Refused):
                raise
            raise model.Refused(failure.problem, status=409) from None
        self._bell.ring()
        return model.CallResult(codec.from_plain(answer.result), answer.effects)

    def _require_staying(self, vertex: Vertex, operation: str) -> None:
        """Refuse to bring back what is being undeployed."""
        with self._store.read() as reader:
            running = self._executions.is_running(reader, vertex.directory)
        if running is not None and progress.is_of(running, Workflow.UNDEPLOY) and operated.is_change(operation):
            hint = "what is undeployed can be deployed again"
            raise model.refuse("service-busy", f"{vertex.name} is being undeployed", hint=hint, status=409)

    def _know_within(self, tx: Transaction, principal: model.Principal, execution: Id) -> None:
        """Write who waits for an execution that a program of an operation has asked for."""
        if around := self._turns.around(principal.within):
            found = tx.get(execution)
            assert isinstance(found, Vertex)
            tx.put(progress.change(found, within=[*around]))


def _given(request: model.DeployRequest) -> dict[str, Value]:
    """Return what of a request stands in the audit log."""
    return {"archive": request.archive, "inputs": [*sorted(request.inputs)], "adopt": [*sorted(request.adopt)]}
