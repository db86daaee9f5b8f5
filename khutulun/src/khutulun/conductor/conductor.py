"""The conductor: what clients ask for (`interface.Conductor`), and what agents tell.

Stateless above its store: everything it knows is in the graph, and it goes on where another left off.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from floria import codec, ids, naming, plugins, updating
from floria.entities import Vertex
from floria.evaluation import Functions
from floria.ids import Id
from floria.plugins import effects
from floria.store.interface import NotFound, Reader, Store
from floria.values import Value
from khutulun import model, paths
from khutulun.agent import messages
from khutulun.agent.effects import untold
from khutulun.bus import interface as bus
from khutulun.conductor import (
    access,
    designs,
    executions,
    feeds,
    journals,
    planning,
    progress,
    registry,
    services,
    streams,
    topology,
    validating,
    views,
)
from khutulun.conductor import plugins as administration
from khutulun.conductor.access import Role
from khutulun.conductor.emission import Emission
from khutulun.conductor.graphaccess import GraphAccess
from khutulun.conductor.imperative import Imperative
from khutulun.conductor.operations import Operations, find_handler
from khutulun.conductor.performing import OperationFailed
from khutulun.conductor.workflow import Workflow

CHUNK = 1 << 20
HISTORY_LIMIT = 100_000

log = logging.getLogger(__name__)


class Conductor:
    """See `khutulun.conductor.interface.Conductor` for what each method does."""

    def __init__(
        self, store: Store, over: bus.Bus, where: paths.Paths, host: plugins.PluginHost, functions: Functions
    ) -> None:
        self._store, self._bus, self._paths, self._functions = store, over, where, functions
        self._registry = registry.Registry()
        self._admin = administration.Administration(store, host)
        self._bell = feeds.Bell()
        self._operations = Operations(store, over, functions, self._registry)
        self._imperative = Imperative(store, functions, self._operations)
        self._emission = Emission(store, functions, self._operations, self._imperative, self._bell.ring)
        self._executions = executions.Executions(
            store, self._imperative.perform, self._finished, self._bell.ring, self._ending
        )
        self._imperative.executions = self._executions
        self._services = services.Services(store, functions, self._executions, self._registry, self._admin)
        self._graph = GraphAccess(store, functions, self._emission.told)
        self._planner = planning.Planner(store, over, functions, self._registry, self._admin)
        self._rolling_back = ThreadPoolExecutor(1, "roll back")
        self._removals = [
            over.serve("conductor.hello", messages.Hello, self._hello),
            over.serve("conductor.happened", messages.Happened, self._happened),
            over.serve("conductor.graph", messages.Graph, self._graph_request),
            over.accept("conductor.blob", messages.Blob, self._blob),
        ]

    def start(self) -> None:
        """Go on with executions and events that were not finished. The agents are there."""
        self._emission.resume()
        with self._store.read() as reader:
            ended = [
                progress.last(reader, root.directory, declarative=True) for root in self._services.roots(reader, "/")
            ]
        for execution in ended:
            if execution is not None and progress.value(execution, "state") == "failed":
                self._roll_back(execution)
        self._executions.begin_all()

    def install_built_in(self, blobs: Mapping[str, Path]) -> None:
        self._admin.install_built_in(blobs)

    def halt(self) -> None:
        """Begin no operation of an execution any more; those on their way go on until `close`."""
        self._executions.halt()

    def close(self) -> None:
        """Stop. Operations on their way are waited for; what is left goes on at the next start."""
        self._executions.close()
        self._emission.close()
        self._rolling_back.shutdown(wait=True)
        for removal in self._removals:
            removal()
        self._bell.ring()

    # What clients ask for

    def info(self) -> model.Info:
        with self._store.read() as reader:
            hosts = self._registry.hosts(reader)
            count = len(self._services.roots(reader, registry.ROOT))
        return model.Info(
            version=metadata.version("khutulun"),
            scope=self._paths.scope.value,
            host=hosts[0].name if hosts else "",
            state_folder=str(self._paths.state),
            pid=os.getpid(),
            services=count,
        )

    def upload(self, principal: model.Principal, content: bytes) -> str:
        return self._store.put_blob(content)

    def deploy(self, principal: model.Principal, request: model.DeployRequest) -> model.Execution:
        self._require(principal, request.directory, Role.OPERATOR)
        design = self._design(request)
        with self._services.lock, self._store.write() as tx:
            id = self._services.deploy(tx, request, design)
        return self._begin(id)

    def plan(self, principal: model.Principal, request: model.DeployRequest) -> model.Plan:
        self._require(principal, request.directory, Role.OPERATOR)
        design = self._design(request) if request.archive is not None else None
        return self._planner.plan(request, design)

    def update(self, principal: model.Principal, request: model.DeployRequest) -> model.Execution:
        self._require(principal, request.directory, Role.OPERATOR)
        design = self._design(request) if request.archive is not None else None
        with self._services.lock, self._store.write() as tx:
            root = self._services.root(tx, request.name, request.directory)
            updated = self._services.update(tx, root, request, design)
        self._emission.handle(*updated.recorded)
        if updated.execution is not None:
            return self._begin(updated.execution)
        now = time.time_ns()
        return model.Execution("", request.name, Workflow.UPDATE.value, "done", (), now, now)

    def undeploy(self, principal: model.Principal, service: str, directory: str = "/") -> model.Execution:
        self._require(principal, directory, Role.OPERATOR)
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
        return self._begin(id)

    def execution(self, principal: model.Principal, id: str) -> model.Execution:
        with self._store.read() as reader:
            found = reader.get(_parsed(id))
            if isinstance(found, Vertex):
                access.require(reader, principal, found.directory, Role.VIEWER)
                return progress.view(reader, found)
            ended = progress.ended(reader, id)
        if ended is None:
            raise model.refuse("unknown-execution", f"there is no execution {id}", status=404)
        return ended

    def resume(self, principal: model.Principal, service: str, directory: str = "/") -> model.Execution:
        self._require(principal, directory, Role.OPERATOR)
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
        return self._begin(last.id)

    def run(
        self,
        principal: model.Principal,
        service: str,
        workflow: str,
        inputs: dict[str, Value],
        directory: str = "/",
    ) -> model.Execution:
        self._require(principal, directory, Role.OPERATOR)
        with self._services.lock, self._store.write() as tx:
            id = self._imperative.create(tx, self._services.root(tx, service, directory), workflow, inputs)
        return self._begin(id)

    def services(self, principal: model.Principal, directory: str = "/") -> list[model.Service]:
        services.check_directory(directory)
        with self._store.read() as reader:
            roots = self._services.roots(reader, directory)
            seen = [root for root in roots if access.role(reader, principal, root.directory) >= Role.VIEWER]
            return sorted((views.summary(reader, root) for root in seen), key=lambda one: (one.directory, one.name))

    def service(self, principal: model.Principal, service: str, directory: str = "/") -> model.Service:
        self._require(principal, directory, Role.VIEWER)
        with self._store.read() as reader:
            root = self._services.root(reader, service, directory)
            return views.service(reader, root, topology.load(reader, root), self._outputs(reader, root))

    def validate(self, principal: model.Principal, service: str, directory: str = "/") -> list[model.Difference]:
        self._require(principal, directory, Role.VIEWER)
        with self._store.read() as reader:
            root = self._services.root(reader, service, directory)
            found = topology.load(reader, root)
        return validating.differences(self._store, self._functions, self._operations, found)

    def call(
        self,
        principal: model.Principal,
        service: str,
        node: str,
        operation: str,
        inputs: dict[str, Value],
        directory: str = "/",
    ) -> model.CallResult:
        vertex = self._node(principal, service, node, directory, Role.OPERATOR)
        return self._called(lambda: self._operations.call(vertex.id, operation, inputs, ids.new()))

    def adopt(
        self, principal: model.Principal, service: str, node: str, existing: str, directory: str = "/"
    ) -> model.CallResult:
        vertex = self._node(principal, service, node, directory, Role.OPERATOR)
        inputs: dict[str, Value] = {"existing": existing}
        name = f"{topology.LIFECYCLE}adopt"
        return self._called(lambda: self._operations.call(vertex.id, name, inputs, ids.new()))

    def history(
        self, principal: model.Principal, service: str, node: str | None = None, directory: str = "/"
    ) -> list[model.Effect]:
        self._require(principal, directory, Role.VIEWER)
        self._require_known(service, directory)
        subject = services.path(directory, service)
        with self._store.read() as reader:
            if node is not None:
                root = self._services.root(reader, service, directory)
                subject = naming.subject(reader, topology.load(reader, root).find(node))
            found = reader.journal(journals.Topic.EFFECT, subject=subject, limit=HISTORY_LIMIT)
        return [msgspec.convert(record.body, model.Effect) for record in found]

    def script(self, principal: model.Principal, service: str, node: str | None = None, directory: str = "/") -> str:
        return effects.script(untold(effect) for effect in self.history(principal, service, node, directory))

    def events(
        self,
        principal: model.Principal,
        *,
        service: str | None = None,
        directory: str = "/",
        after: int | None = None,
        follow: bool = False,
        limit: int = 1000,
    ) -> feeds.Feed:
        self._require(principal, directory, Role.VIEWER)
        if service is not None:
            self._require_known(service, directory)
        subject = services.path(directory, service) if service is not None else directory.rstrip("/")
        return feeds.Feed(self._store, self._bell, subject, after, follow, limit)

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
        self._require(principal, directory, Role.OPERATOR)
        if not name.strip():
            raise model.refuse("bad-name", f"{name!r} is no name for an event", hint="name it: a letter at least")
        with self._store.read() as reader:
            if service is None:
                raise model.refuse(
                    "no-target", "an event is emitted to a service or a node", hint="name it: SERVICE or SERVICE/NODE"
                )
            root = self._services.root(reader, service, directory)
            target = topology.load(reader, root).find(node) if node is not None else root
        return self._emission.emit(target, name, data)

    def logs(
        self,
        principal: model.Principal,
        service: str,
        node: str,
        *,
        follow: bool = False,
        lines: int = 100,
        directory: str = "/",
    ) -> streams.ChannelStream:
        vertex = self._node(principal, service, node, directory, Role.VIEWER)
        inputs: dict[str, Value] = {"follow": follow, "lines": lines}
        return self._stream(vertex, "logs", inputs)

    def execute(self, principal: model.Principal, request: model.ExecRequest) -> streams.ChannelStream:
        vertex = self._node(principal, request.service, request.node, request.directory, Role.OPERATOR)
        if not request.argv:
            raise model.refuse("no-command", "there is no command to run", hint="write it after --")
        inputs: dict[str, Value] = {"argv": list(request.argv), "tty": request.tty, "stdin": request.stdin}
        return self._stream(vertex, "exec", inputs, request)

    def plugins(self, principal: model.Principal, directory: str = "/") -> list[model.PluginInfo]:
        self._require(principal, directory, Role.VIEWER)
        with self._store.read() as reader:
            found = administration.visible(self._registry.visible(reader, directory))
        return [administration.info(plugin) for plugin in found]

    def plugin(self, principal: model.Principal, name: str, directory: str = "/") -> model.PluginInfo:
        found = {one.name: one for one in self.plugins(principal, directory)}
        if name not in found:
            raise model.refuse(
                "unknown-plugin",
                f"there is no plugin {name!r} in {directory}",
                hint=f"there are: {', '.join(found) or 'none'}",
                status=404,
            )
        return found[name]

    def inspect_plugin(self, principal: model.Principal, content: bytes, carrier: str) -> model.PluginInfo:
        return administration.info(self._admin.describe(content, carrier))

    def add_plugin(
        self, principal: model.Principal, content: bytes, carrier: str, name: str | None, directory: str = "/"
    ) -> model.PluginInfo:
        self._require(principal, directory, Role.OWNER)
        plugin = self._admin.describe(content, carrier, name, directory)
        with self._store.write() as tx:
            return administration.info(self._admin.put(tx, plugin))

    def remove_plugin(self, principal: model.Principal, name: str, directory: str = "/") -> None:
        self._require(principal, directory, Role.OWNER)
        with self._store.write() as tx:
            administration.remove(tx, self._registry.entity(tx, name, directory), name, directory)

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

    # Parts

    def _require(self, principal: model.Principal, directory: str, role: Role) -> None:
        services.check_directory(directory)
        with self._store.read() as reader:
            access.require(reader, principal, directory, role)

    def _require_known(self, service: str, directory: str) -> None:
        """Raise `model.Refused` for a service that is not there and of which nothing is kept."""
        subject = services.path(directory, service)
        with self._store.read() as reader:
            topics = (*feeds.TOPICS, journals.Topic.EFFECT)
            if not any(reader.journal(topic, subject=subject, limit=1) for topic in topics):
                self._services.root(reader, service, directory)

    def _design(self, request: model.DeployRequest) -> designs.Design:
        if request.archive is None:
            raise model.refuse("no-archive", "a service is deployed from a file", hint="upload it first")
        return designs.load(self._store, request.archive, request.name)

    def _begin(self, id: Id) -> model.Execution:
        with self._store.read() as reader:
            found = reader.get(id)
            assert isinstance(found, Vertex)
            shown = progress.view(reader, found)
        self._bell.ring()
        self._executions.begin(id)
        return shown

    def _ending(self, execution: Vertex, well: bool) -> None:
        """Have the hosts forget a service before its name is free for another one."""
        if progress.is_of(execution, Workflow.UNDEPLOY) and well:
            with self._store.read() as reader:
                hosts = self._registry.hosts(reader)
            for host in hosts:
                self._forget(host.name, str(progress.value(execution, "service")))

    def _finished(self, tx: Any, execution: Vertex, well: bool) -> Callable[[], None]:
        self._services.finished(tx, execution, well)

        def after() -> None:
            if progress.is_of(execution, Workflow.UPDATE) and not well:
                self._rolling_back.submit(self._guarded_roll_back, execution)

        return after

    def _guarded_roll_back(self, execution: Vertex) -> None:
        try:
            self._roll_back(execution)
        except Exception:
            log.exception("rolling back execution %s", execution.id)

    def _roll_back(self, execution: Vertex) -> None:
        """Undo an update that failed, if it is to be undone and nothing came after it."""
        before = progress.value(execution, "before")
        if not isinstance(before, dict):
            return
        service, directory = str(progress.value(execution, "service")), execution.directory.rpartition("/")[0] or "/"
        inputs = before["inputs"]
        assert isinstance(inputs, dict)
        request = model.DeployRequest(service, str(before["archive"]), directory, inputs)
        try:
            design = self._design(request)
            with self._services.lock, self._store.write() as tx:
                root = self._services.root(tx, service, directory)
                last = progress.last(tx, root.directory, declarative=True)
                if last is None or last.id != execution.id:
                    return
                updated = self._services.roll_back(tx, root, request, design)
        except model.Refused as refused:
            log.error("%s cannot be rolled back: %s", service, refused)
            return
        self._emission.handle(*updated.recorded)
        if updated.execution is not None:
            self._begin(updated.execution)

    def _forget(self, host: str, service: str) -> None:
        try:
            self._bus.request(f"agent.{host}.forget", messages.Forget(service=service), messages.Done)
        except (bus.BusError, bus.Remote) as error:
            log.warning("files of %s stay on %s: %s", service, host, error)

    def _node(self, principal: model.Principal, service: str, node: str, directory: str, role: Role) -> Vertex:
        self._require(principal, directory, role)
        with self._store.read() as reader:
            return topology.load(reader, self._services.root(reader, service, directory)).find(node)

    def _called(self, call: Callable[[], messages.Operated]) -> model.CallResult:
        try:
            answer = call()
        except OperationFailed as failure:
            raise model.Refused(failure.problem, status=409) from None
        self._bell.ring()
        return model.CallResult(codec.from_plain(answer.result), answer.effects)

    def _stream(
        self,
        vertex: Vertex,
        verb: str,
        inputs: dict[str, Value],
        request: model.ExecRequest | None = None,
    ) -> streams.ChannelStream:
        handler = find_handler(vertex, f"{topology.LIFECYCLE}{verb}")
        if handler is None:
            raise model.refuse("no-stream", f"{vertex.name} has no {verb}", hint="its driver does not provide it")
        try:
            operate, _ = self._operations.prepare(vertex.id, handler, id="", operation=verb, inputs=inputs)
        except OperationFailed as failure:
            raise model.Refused(failure.problem, status=409) from None
        host = operate.site["host"]["name"]
        run = messages.Run(operate=operate)
        if request is not None:
            run = messages.Run(
                operate=operate, tty=request.tty, stdin=request.stdin, rows=request.rows, columns=request.columns
            )
        try:
            return streams.ChannelStream(self._bus.open(f"agent.{host}.run", run))
        except bus.BusError as error:
            raise model.refuse("host-unreachable", str(error), status=502) from None

    def _outputs(self, reader: Reader, root: Vertex) -> dict[str, model.Attribute]:
        """Evaluate a service's outputs, which are as late as the question."""
        results = updating.evaluate(reader, [root.id], self._functions)
        found = {}
        for name, property in root.properties.items():
            if views.OUTPUT not in property.classes:
                continue
            result = results.get((root.id, name), property.value)
            if isinstance(result, Exception):
                problem = model.Problem(getattr(result, "code", "failed"), str(result))
                found[name] = model.Attribute(None, problem)
            else:
                found[name] = model.Attribute(None if result is msgspec.UNSET else result)
        return found


def _parsed(id: str) -> Id:
    try:
        return ids.parse(id)
    except ids.InvalidId as error:
        raise model.refuse("bad-id", str(error)) from None
