"""Operations of nodes: from a handler to the agent that runs it, and from its answer back into the graph.

The declarative workflows, calls by hand and event handlers all come through here.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from floria import codec, ids, naming, updating
from floria.entities import Edge, Entity, Handler, Property, Vertex
from floria.evaluation import Context, EvaluationError, Library
from floria.ids import Id
from floria.store.interface import Axis, Step, Store, StoreError, Transaction
from floria.values import Value
from khutulun import model
from khutulun.agent import messages
from khutulun.bus import interface as bus
from khutulun.conductor import calls, journals, registry, site, topology
from khutulun.conductor.attributes import Attributes
from khutulun.conductor.performing import OperationFailed
from khutulun.conductor.workflow import ADOPTS, APPLY, READY, REFRESH, REMOVE, TEAR_DOWN, modification

ATTRIBUTE = "tosca:attribute"
STALE = "khutulun.stale"
"""Property of a node whose driver has to be told of other property values."""

DEFAULT_TIMEOUT = 300.0
ERROR = "error"
"""State of a node whose operation has failed."""

FAILED = "failed"
"""State of a node whose workload has failed by itself, as its events tell."""

INTENDED = "khutulun.intended"
"""Property of a node: the state that its last operation was to bring about, whatever became of it (R61)."""


STATES = {
    "create": ("creating", "created"),
    "configure": ("configuring", "configured"),
    "start": ("starting", "started"),
    "stop": ("stopping", "stopped"),
    "delete": ("deleting", "deleted"),
    "adopt": ("creating", "started"),
}
"""Of an operation: the node's state while it runs, and after it (TOSCA 2.0 section 11.2 leaves them to us)."""


class Operations:
    """Runs operations for the conductor; in plan mode on a copy of the graph, keeping the answers in `planned`."""

    def __init__(
        self,
        store: Store,
        bus: bus.Bus,
        functions: Library,
        plugins: registry.Registry,
        mode: messages.Mode = messages.Mode.LIVE,
    ) -> None:
        self._store, self._bus, self._functions, self._plugins, self._mode = store, bus, functions, plugins, mode
        self.planned: list[messages.Operated] = []
        self.attributes = Attributes(functions)

    def perform(self, node: Id, operation: str, id: str, record: Callable[[Transaction], None]) -> None:
        """Run a step of a workflow; see `executions.Perform`."""
        if operation == REMOVE:
            with self._store.write() as tx:
                record(tx)
                tx.delete(node)
            return
        vertex = self._vertex(node)
        if operation == READY:
            self._await_ready(vertex, id)
            self._conclude(node, None, operation, record)
            return
        if operation == REFRESH:
            self._refresh(node, record)
            return
        if operation == APPLY:
            self._bring_up_to_date(vertex, id, record)
            return
        handler = find_handler(vertex, f"{topology.LIFECYCLE}{operation}")
        self._hook(vertex, f"before-{operation}", id)
        hooked = any(handler.event == f"after-{operation}" for handler in vertex.handlers)
        done: Callable[[Transaction], None] = (lambda tx: None) if hooked else record
        if handler is None:
            self._conclude(node, STATES[operation][1] if operation in STATES else None, operation, done)
        else:
            self._operate(vertex, handler, operation, id, done)
        if hooked:  # only then it is done: should it end here, the agent knows what it did
            self._hook(vertex, f"after-{operation}", id)
            self._conclude(node, None, operation, record)

    def call(
        self,
        node: Id,
        name: str,
        inputs: dict[str, Value],
        id: str,
        record: Callable[[Transaction, Any], None] = lambda tx, result: None,
        entity: Id | None = None,
    ) -> messages.Operated:
        """Call INTERFACE.OPERATION of a node, or of an edge `entity` that begins in it, and apply what it returns.

        `record` is called with what it returned, in the transaction that applies that. Raises `OperationFailed`,
        `model.Refused`.
        """
        vertex = self._vertex(node)
        holder = self._edge(entity) if entity is not None else vertex
        handler = find_handler(holder, name)
        if handler is None:
            known = sorted({handler.event for handler in holder.handlers})
            raise model.refuse(
                "unknown-operation",
                f"{holder.name} has no operation {name!r}",
                hint=f"it has: {', '.join(known) or 'none'}",
                status=404,
            )
        self._evaluate(node, None)
        edge = holder if holder is not vertex else None
        request, target = self.prepare(node, handler, id=id, operation=name, inputs=inputs, entity=edge)
        answer = self._ask(request, vertex)
        verb = operation_name(name)
        if verb != "adopt" and edge is None:
            self._attend(verb, request)
        self._apply(node, answer, target, verb, id, record=lambda tx: record(tx, answer.result))
        if verb == "adopt":
            self._attend(verb, request)
        return answer

    def query(self, request: messages.Operate, vertex: Vertex) -> messages.Operated:
        """Run a function that only looks: whatever it would change is not done."""
        return self._ask(msgspec.structs.replace(request, mode=messages.Mode.PLAN), vertex)

    def set_state(self, tx: Transaction, node: Id, state: str) -> None:
        """Write a node's state."""
        vertex = tx.get(node)
        if isinstance(vertex, Vertex) and vertex.state != state:
            tx.put(msgspec.structs.replace(vertex, state=state))

    def handle(self, handler: Handler, entity: Entity, event: dict[str, Value], id: str) -> Value:
        """Run an event's handler; its result, or raises `EvaluationError`."""
        owner = self._owner(entity)
        if owner is None:
            raise EvaluationError("no-host", f"{entity.name}: its handler has no node whose host could run it")
        try:
            request, target = self.prepare(
                owner.id, handler, id=id, operation=handler.event, inputs={}, event=event, entity=entity
            )
            answer = self._ask(request, owner)
            self._apply(owner.id, answer, target, handler.event, id)
        except OperationFailed as failure:
            problem = failure.problem
            raise EvaluationError(problem.code, problem.message, failure.retryable, problem.detail) from None
        except model.Refused as refused:
            raise EvaluationError(refused.problems[0].code, str(refused)) from None
        return codec.from_plain(answer.result)

    def prepare(
        self,
        node: Id,
        handler: Handler,
        *,
        id: str,
        operation: str,
        inputs: dict[str, Value],
        event: Value = None,
        entity: Entity | None = None,
    ) -> tuple[messages.Operate, calls.Target]:
        """Return the request to the agent. Raises `model.Refused`, `OperationFailed`."""
        with self._store.read() as reader:
            vertex = reader.get(node)
            if not isinstance(vertex, Vertex):
                raise model.refuse("unknown-node", f"node {node} is gone", status=404)
            around = site.surroundings(reader, vertex)
            target = calls.resolve(handler.call, lambda label: self._plugins.processor(reader, label, vertex.directory))
            plugin = self._plugins.find(reader, target.plugin, vertex.directory)
            host = self._plugins.host(reader, vertex)
            context = Context(reader, self._functions, entity=entity or vertex, event=_event(event))
            try:
                given = context.evaluate({**target.inputs, **inputs})
            except EvaluationError as error:
                raise OperationFailed(_problem(error, vertex, operation)) from None
            built = site.build(reader, around, host.facts, _told(event))
            files = {**around.files(), **target.files}
        if target.artifact is not None:
            built["artifact"] = codec.to_plain(journals.body(target.artifact))
        return (
            messages.Operate(
                id=id,
                plugin=plugin,
                function=target.function,
                workload=around.workload(),
                operation=operation,
                site=built,
                arguments=[codec.to_plain(given)],
                artifacts=files,
                mode=self._mode,
                timeout=target.timeout or DEFAULT_TIMEOUT,
            ),
            target,
        )

    def _operate(
        self, vertex: Vertex, handler: Handler, operation: str, id: str, record: Callable[[Transaction], None]
    ) -> None:
        during, after = STATES.get(operation, (None, None))
        self._evaluate(vertex.id, during, needed=operation not in TEAR_DOWN)
        try:
            inputs = {"existing": _literal(vertex, ADOPTS)} if operation == "adopt" else {}
            request, target = self.prepare(vertex.id, handler, id=id, operation=operation, inputs=inputs)
            answer = self._ask(request, vertex)
        except (OperationFailed, model.Refused) as failure:
            self._failed(vertex.id)
            if isinstance(failure, model.Refused):
                raise OperationFailed(failure.problems[0]) from None
            raise
        if operation == "adopt":  # under other names, which are in the graph first
            self._apply(vertex.id, answer, target, operation, id, state=after, record=record)
            self._attend(operation, request)
        else:
            self._attend(operation, request)
            self._apply(vertex.id, answer, target, operation, id, state=after, record=record)

    def _refresh(self, node: Id, record: Callable[[Transaction], None]) -> None:
        """Evaluate a node's properties, and mark it when what its driver was told is no longer so."""
        with self._store.write() as tx:
            record(tx)
            vertex = tx.get(node)
            assert isinstance(vertex, Vertex)
            around = site.surroundings(tx, vertex)
            updated = updating.update(tx, around.ids, self._functions)
            own = set(around.ids)
            if any(id in own and not _is_attribute(around, id, name) for id, name in updated.changed):
                self.attributes.write(tx, vertex, {STALE: True}, "refresh")

    def _bring_up_to_date(self, vertex: Vertex, id: str, record: Callable[[Transaction], None]) -> None:
        """Apply what `_refresh` found, if anything, as an update of the node would."""

        def conclude(tx: Transaction) -> None:
            record(tx)
            current = tx.get(vertex.id)
            assert isinstance(current, Vertex)
            self.attributes.write(tx, current, {STALE: None}, "refresh")

        if STALE not in vertex.properties or _literal(vertex, STALE) is not True:
            self._conclude(vertex.id, None, APPLY, record)
            return
        *first, last = modification(vertex)
        for name in first:
            self.perform(vertex.id, name, ids.derive("apply", id, name), lambda tx: None)
        self.perform(vertex.id, last, ids.derive("apply", id, last), conclude)

    def _evaluate(self, node: Id, state: str | None, *, needed: bool = True) -> None:
        """Bring a node's properties up to date, before an operation sees them.

        Unless they are `needed`, those that cannot be evaluated keep their values: whatever is wrong with a node, it
        can be taken down.
        """
        with self._store.write() as tx:
            vertex = tx.get(node)
            assert isinstance(vertex, Vertex)
            around = site.surroundings(tx, vertex)
            updated = updating.update(tx, around.ids, self._functions)
            if state is not None:
                self.set_state(tx, node, state)
        own = set(around.ids)
        problems = [
            model.Problem(failure.code, failure.message, where=f"{around.service.name}/{vertex.name}.{name}")
            for (id, name), failure in updated.failed.items()
            if needed and id in own and not _is_attribute(around, id, name)
        ]
        if problems:
            self._failed(node)
            raise OperationFailed(problems[0])

    def _ask(self, request: messages.Operate, vertex: Vertex) -> messages.Operated:
        where = f"{request.workload.service}/{vertex.name}"
        try:
            answer = self._bus.request(self._subject(vertex, "operate"), request, messages.Operated)
        except bus.Remote as error:
            raise StoreError(error.message, str(error.detail or "")) from None
        except bus.BusError as error:
            raise OperationFailed(
                model.Problem("host-unreachable", str(error), where, "is the agent of its host running?"), True
            ) from None
        if answer.problem is not None:
            self._keep_effects(request, answer)
            problem = msgspec.structs.replace(
                answer.problem, where=answer.problem.where or f"{where}, operation {request.operation}"
            )
            raise OperationFailed(problem, answer.retryable)
        if self._mode is messages.Mode.PLAN:
            self.planned.append(answer)
        return answer

    def _await_ready(self, vertex: Vertex, id: str) -> None:
        found = vertex.properties.get("readiness")
        handler = find_handler(vertex, f"{topology.LIFECYCLE}exec") or find_handler(
            vertex, f"{topology.LIFECYCLE}start"
        )
        if found is None or found.value is msgspec.UNSET or found.value is None or handler is None:
            return
        if self._mode is messages.Mode.PLAN:
            return
        request, _ = self.prepare(vertex.id, handler, id=id, operation=READY, inputs={})
        probe = codec.to_plain(found.value)
        timeout = probe.get("timeout") if isinstance(probe, dict) else None
        wanted = messages.Ready(operate=request, probe=probe, timeout=float(timeout or 60.0))
        try:
            self._bus.request(self._subject(vertex, "ready"), wanted, messages.Done)
        except bus.Remote as error:
            self._failed(vertex.id)
            where = f"{request.workload.service}/{vertex.name}"
            hint = f"see `khutulun logs {where}`"
            raise OperationFailed(model.Problem(error.code, error.message, where, hint), error.retryable) from None
        except bus.BusError as error:
            raise OperationFailed(model.Problem("host-unreachable", str(error), vertex.name), True) from None

    def _attend(self, operation: str, request: messages.Operate) -> None:
        """Have the agent know the workload from its creation on, and forget it when it is deleted."""
        if self._mode is messages.Mode.PLAN:
            return
        host = str(request.site["host"]["name"])
        if operation == "delete":
            self._bus.request(f"agent.{host}.forget", messages.Forget(entity=request.workload.entity), messages.Done)
        elif operation in ("create", "start", "update", "adopt"):
            with self._store.read() as reader:
                vertex = reader.get(Id(request.workload.entity))
            assert isinstance(vertex, Vertex)
            renamed, watch = site.realised(vertex)
            attend = messages.Attend(
                workload=msgspec.structs.replace(request.workload, names={**request.workload.names, **renamed}),
                plugin=request.plugin,
                site=request.site,
                watch=watch,
                state=STATES.get(operation, ("", str(request.site["entity"]["state"])))[1],
            )
            self._bus.request(f"agent.{host}.attend", attend, messages.Done)

    def _apply(
        self,
        node: Id,
        answer: messages.Operated,
        target: calls.Target,
        operation: str,
        id: str,
        *,
        state: str | None = None,
        record: Callable[[Transaction], None] = lambda tx: None,
    ) -> None:
        """Write what an operation returned: attributes, outputs, state, and its effects into the journal."""
        result = answer.result if isinstance(answer.result, dict) else {}
        told = dict(result.get("attributes") or {})
        outputs = result.get("outputs") or {}
        for name, path in target.outputs.items():
            if name in outputs and len(path) == 2 and path[0] == "SELF":
                told[str(path[1])] = outputs[name]
        try:
            with self._store.write() as tx:
                record(tx)
                vertex = tx.get(node)
                assert isinstance(vertex, Vertex)
                after = self.attributes.write(tx, vertex, told, id)
                if result.get("names"):
                    adopted = {"names": dict(result["names"]), "watch": list(result.get("watch") or [])}
                    self.attributes.write(tx, vertex, {site.REALISED: adopted}, id)
                failed_meanwhile = state is not None and vertex.state == FAILED
                if (reached := result.get("state") or state) is not None and not failed_meanwhile:
                    self.set_state(tx, node, str(reached))
                if reached is not None:
                    self.attributes.write(tx, vertex, {INTENDED: str(reached)}, id)
                self._journal(tx, answer.effects, vertex)
        except EvaluationError as error:
            self._failed(node)
            where = f"plugin {target.plugin}, operation {operation}"
            raise OperationFailed(
                model.Problem(error.code, str(error), where, "the driver told a wrong value")
            ) from None
        after()

    def _conclude(self, node: Id, state: str | None, operation: str, record: Callable[[Transaction], None]) -> None:
        with self._store.write() as tx:
            record(tx)
            if state is not None:
                self.set_state(tx, node, state)

    def _failed(self, node: Id) -> None:
        with self._store.write() as tx:
            self.set_state(tx, node, ERROR)

    def _hook(self, vertex: Vertex, event: str, operation: str) -> None:
        """Run the user's code before or after an operation, which has this id.

        A failure before it refuses the operation.
        """
        for number, handler in enumerate(vertex.handlers):
            if handler.event != event:
                continue
            plan = self._mode is messages.Mode.PLAN  # whose graph goes by its id
            id = operation if plan else ids.derive("hook", operation, event, str(number))
            try:
                self.handle(handler, vertex, {"name": event}, id)
            except EvaluationError as error:
                problem = model.Problem(
                    "refused-by-hook", f"{event}: {error}", vertex.name, "the hook's handler failed: see its message"
                )
                raise OperationFailed(problem, error.retryable) from None

    def _keep_effects(self, request: messages.Operate, answer: messages.Operated) -> None:
        with self._store.write() as tx:
            vertex = tx.get(Id(request.workload.entity))
            if isinstance(vertex, Vertex):
                self._journal(tx, answer.effects, vertex)

    def _journal(self, tx: Transaction, effects: tuple[model.Effect, ...], vertex: Vertex) -> None:
        subject = naming.subject(tx, vertex)
        for effect in effects:
            tx.append(journals.Topic.EFFECT, effect.id, journals.body(effect), subject=subject)

    def _owner(self, entity: Entity) -> Vertex | None:
        with self._store.read() as reader:
            found: Entity | None = entity
            if isinstance(found, Edge):
                found = reader.get(found.source)
            while isinstance(found, Vertex) and not topology.is_node(found):
                found = reader.get(found.parent) if found.parent is not None else None
            if isinstance(found, Vertex):
                return found
            members = reader.path([entity.id], [Step(axis=Axis.DESCENDANTS)])
            nodes = (one for one in reader.get_many(members) if isinstance(one, Vertex) and topology.is_node(one))
            return next(nodes, None)

    def _vertex(self, node: Id) -> Vertex:
        with self._store.read() as reader:
            vertex = reader.get(node)
        if not isinstance(vertex, Vertex):
            raise OperationFailed(model.Problem("unknown-node", f"node {node} is gone"))
        return vertex

    def _edge(self, id: Id) -> Edge:
        with self._store.read() as reader:
            edge = reader.get(id)
        if not isinstance(edge, Edge):
            raise OperationFailed(model.Problem("unknown-relationship", f"relationship {id} is gone"))
        return edge

    def _subject(self, vertex: Vertex, verb: str) -> str:
        with self._store.read() as reader:
            return f"agent.{self._plugins.host(reader, vertex).name}.{verb}"


def find_handler(vertex: Vertex | Edge, event: str) -> Handler | None:
    """Return the handler that implements an operation: the last declared wins."""
    return next((handler for handler in reversed(vertex.handlers) if handler.event == event), None)


def _literal(vertex: Vertex, name: str) -> Value:
    found = vertex.properties[name].value
    return None if found is msgspec.UNSET else found


def operation_name(name: str) -> str:
    """Return the verb of ``INTERFACE.OPERATION``."""
    return name.rpartition(".")[2]


def _is_attribute(around: site.Surroundings, id: Id, name: str) -> bool:
    for one in (around.node, *around.capabilities.values(), *around.artifacts.values(), *around.edges):
        if one.id == id:
            return ATTRIBUTE in one.properties.get(name, Property()).classes
    return False


def _told(event: Value) -> Value:
    """Return an event as drivers and scripts see it."""
    if not isinstance(event, dict):
        return None
    return {name: event[name] for name in ("id", "name", "time", "cause", "count", "data") if name in event}


def _event(event: Value) -> dict[str, Value] | None:
    return event if isinstance(event, dict) else None


def _problem(error: EvaluationError, vertex: Vertex, operation: str) -> model.Problem:
    return model.Problem(error.code, str(error), where=f"{vertex.name}, operation {operation}")
