"""Operations of nodes: from a handler to the agent that runs it, and from its answer back into the graph.

The declarative workflows, calls by hand and event handlers all come through here.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from floria import codec, ids, updating
from floria.entities import Edge, Entity, Handler, Vertex
from floria.evaluation import EvaluationError, Library
from floria.ids import Id
from floria.store.interface import Axis, Step, Store, Transaction
from floria.values import Value
from khutulun import model
from khutulun.agent import messages
from khutulun.bus import interface as bus
from khutulun.conductor import calls, ends, nesting, operated, registry, sequence, simple, site, topology
from khutulun.conductor.asking import Asking
from khutulun.conductor.calls import MAPPED, find_handler
from khutulun.conductor.hooks import Hooks
from khutulun.conductor.performing import OperationFailed
from khutulun.conductor.results import Results, is_attribute
from khutulun.conductor.states import ERROR, INTENDED, STALE, STATES
from khutulun.conductor.turns import Turns
from khutulun.conductor.workflow import ADOPTS, APPLY, READY, REFRESH, REMOVE, TEAR_DOWN, modification

BUILDING = ("create", "update", "adopt")
"""Operations that write down what comes before a node when its host starts."""


class Operations:
    """Runs operations for the conductor; in plan mode on a copy of the graph, keeping the answers in `planned`."""

    def __init__(
        self,
        store: Store,
        over: bus.Bus,
        functions: Library,
        plugins: registry.Registry,
        mode: messages.Mode = messages.Mode.LIVE,
        turns: Turns | None = None,
    ) -> None:
        self._store, self._functions, self._plugins, self._mode = store, functions, plugins, mode
        self._results = Results(store, functions)
        self.hooks = Hooks(store, functions, self.handle, is_plan=mode is messages.Mode.PLAN)
        self._asking = Asking(store, over, functions, plugins, self._results, mode, turns or Turns())
        self.attributes, self.planned = self._results.attributes, self._asking.planned
        self.prepare, self.set_state = self._asking.prepare, self._results.set_state

    def perform(
        self,
        node: Id,
        operation: str,
        id: str,
        record: Callable[[Transaction], None],
        inputs: dict[str, Value] | None = None,
    ) -> None:
        """Run a step of a workflow; see `performing.Perform`. `inputs` go before those of the operation."""
        if operation == REMOVE:
            with self._store.write() as tx:
                record(tx)
                _remove(tx, node)
            return
        vertex = self._vertex(node)
        if operation == READY:
            self._asking.await_ready(vertex, id)
            self._results.conclude(node, None, operation, record)
            return
        if operation == REFRESH:
            self._refresh(node, record)
            return
        if operation == APPLY:
            self._bring_up_to_date(vertex, id, record)
            return
        handler = find_handler(vertex, f"{topology.LIFECYCLE}{operation}")
        if handler is not None and handler.call.function == MAPPED:
            handler = None  # a workflow, which the step has had
        hooks = self._ends(vertex)
        if operation == "create" and simple.is_simple(vertex):
            self._introduce(vertex, id)
        self.hooks.run(vertex, f"before-{operation}", id, hooks)
        after = f"after-{operation}"
        hooked = any(one.event == after for one in vertex.handlers) or any(one.hook == after for one in hooks)
        done: Callable[[Transaction], None] = (lambda tx: None) if hooked else record
        if handler is None:
            self._results.conclude(node, STATES[operation][1] if operation in STATES else None, operation, done)
        else:
            self._operate(vertex, handler, operation, id, done, inputs or {})
        if hooked:  # only then it is done: should it end here, the agent knows what it did
            self.hooks.run(vertex, after, id, hooks)
            self._results.conclude(node, None, operation, record)

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
        self._results.evaluate(node, None, begins=entity is None and operated.is_change(name))
        edge = holder if holder is not vertex else None
        request, target = self.prepare(node, handler, id=id, operation=name, inputs=inputs, entity=edge)
        answer = self._asking.ask(request, vertex)
        verb = operation_name(name)
        if verb != "adopt" and edge is None:
            self._asking.attend(verb, request, answer)
        switches = edge is None and name in (f"{topology.LIFECYCLE}start", f"{topology.LIFECYCLE}stop")
        state = STATES[verb][1] if switches else None
        if name == f"{topology.LIFECYCLE}update" and edge is None:
            state = _mended(vertex, verb)
        self._results.apply(
            node, answer, target, verb, id, state=state, record=lambda tx: record(tx, answer.result), entity=entity
        )
        if verb == "adopt":
            self._asking.attend(verb, request, answer)
        return answer

    def query(self, request: messages.Operate, vertex: Vertex) -> messages.Operated:
        """Run a function that only looks: whatever it would change is not done."""
        return self._asking.ask(msgspec.structs.replace(request, mode=messages.Mode.PLAN), vertex)

    def handle(self, handler: Handler, entity: Entity, event: dict[str, Value], id: str, at: Id | None = None) -> Value:
        """Run an event's handler, at the node `at` if that is given; its result, or raises `EvaluationError`."""
        if (mapping := calls.notification(handler.call)) is not None:
            data = event.get("data")
            self._results.notified(entity.id, data if isinstance(data, dict) else {}, mapping, id)
            return None
        owner = self._owner(entity) if at is None else self._vertex(at)
        if owner is None:
            raise EvaluationError("no-host", f"{entity.name}: its handler has no node whose host could run it")
        try:
            request, target = self.prepare(
                owner.id, handler, id=id, operation=handler.event, inputs={}, event=event, entity=entity
            )
            answer = self._asking.ask(request, owner)
            self._results.apply(owner.id, answer, target, handler.event, id, entity=entity.id)
        except OperationFailed as failure:
            problem = failure.problem
            raise EvaluationError(problem.code, problem.message, failure.retryable, problem.detail) from None
        except model.Refused as refused:
            raise EvaluationError(refused.problems[0].code, str(refused)) from None
        return codec.from_plain(answer.result)

    def _operate(
        self,
        vertex: Vertex,
        handler: Handler,
        operation: str,
        id: str,
        record: Callable[[Transaction], None],
        given: dict[str, Value],
    ) -> None:
        during, after = STATES.get(operation, (None, _mended(vertex, operation)))
        self._results.evaluate(vertex.id, during, needed=operation not in TEAR_DOWN, begins=True)
        try:
            inputs = {"existing": _literal(vertex, ADOPTS)} if operation == "adopt" else given
            request, target = self.prepare(vertex.id, handler, id=id, operation=operation, inputs=inputs)
            answer = self._asking.ask(request, vertex)
        except (OperationFailed, model.Refused) as failure:
            self._results.failed(vertex.id)
            if isinstance(failure, model.Refused):
                raise OperationFailed(failure.problems[0]) from None
            raise
        record = self._with_order(record, vertex.id, operation, request)
        if operation == "adopt":  # under other names, which are in the graph first
            self._results.apply(vertex.id, answer, target, operation, id, state=after, record=record)
            self._asking.attend(operation, request, answer)
        else:
            self._asking.attend(operation, request, answer)
            self._results.apply(vertex.id, answer, target, operation, id, state=after, record=record)

    def _with_order(
        self, record: Callable[[Transaction], None], node: Id, operation: str, request: messages.Operate
    ) -> Callable[[Transaction], None]:
        """Return a record that keeps what the driver was told of what comes before the node, when it acts on that."""
        after = request.site["after"]

        def recorded(tx: Transaction) -> None:
            record(tx)
            vertex = tx.get(node)
            assert isinstance(vertex, Vertex)
            if operation in BUILDING and sequence.told(vertex) != after:
                self.attributes.write(tx, vertex, {sequence.TOLD: after}, operation)

        return recorded

    def _refresh(self, node: Id, record: Callable[[Transaction], None]) -> None:
        """Evaluate a node's properties, and mark it when what its driver was told is no longer so."""
        with self._store.write() as tx:
            record(tx)
            vertex = tx.get(node)
            assert isinstance(vertex, Vertex)
            around = site.surroundings(tx, vertex)
            updated = updating.update(tx, around.ids, self._functions)
            own = set(around.ids)
            designed = any(id in own and not is_attribute(around, id, name) for id, name in updated.changed)
            if designed or sequence.before(tx, vertex) != sequence.told(vertex):
                self.attributes.write(tx, vertex, {STALE: True}, "refresh")

    def _bring_up_to_date(self, vertex: Vertex, id: str, record: Callable[[Transaction], None]) -> None:
        """Apply what `_refresh` found, if anything, as an update of the node would."""

        def conclude(tx: Transaction) -> None:
            record(tx)
            current = tx.get(vertex.id)
            assert isinstance(current, Vertex)
            self.attributes.write(tx, current, {STALE: None}, "refresh")

        if STALE not in vertex.properties or _literal(vertex, STALE) is not True:
            self._results.conclude(vertex.id, None, APPLY, record)
            return
        *first, last = modification(vertex)
        for name in first:
            self.perform(vertex.id, name, ids.derive("apply", id, name), lambda tx: None)
        self.perform(vertex.id, last, ids.derive("apply", id, last), conclude)

    def _introduce(self, vertex: Vertex, cause: str) -> None:
        """Tell a node of TOSCA 1.x who it is, and where."""
        with self._store.write() as tx:
            address = str(self._plugins.host(tx, vertex).facts["address"])
            self.attributes.write(tx, vertex, simple.told(site.surroundings(tx, vertex), address), cause)

    def _ends(self, vertex: Vertex) -> tuple[ends.End, ...]:
        with self._store.read() as reader:
            return ends.hooks(reader, vertex)

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


def _remove(tx: Transaction, node: Id) -> None:
    """Take a node out of the graph; with the last one of it, the service inside of another node."""
    vertex = tx.get(node)
    tx.delete(node)
    service = tx.get(vertex.parent) if isinstance(vertex, Vertex) and vertex.parent is not None else None
    if service is None or nesting.INSIDE not in service.classes:
        return
    left = tx.get_many(tx.path([service.id], [Step(axis=Axis.CHILDREN)]))
    if not any(isinstance(one, Vertex) and topology.is_node(one) for one in left):
        tx.delete(service.id)


def _mended(vertex: Vertex, operation: str) -> str | None:
    """Return the state of a node when an update succeeds that had failed before: the one that it was to have then."""
    intended = vertex.properties.get(INTENDED)
    broken = operation == "update" and vertex.state == ERROR and intended is not None
    return intended.value if broken and intended is not None and isinstance(intended.value, str) else None


def _literal(vertex: Vertex, name: str) -> Value:
    found = vertex.properties[name].value
    return None if found is msgspec.UNSET else found


def operation_name(name: str) -> str:
    """Return the verb of ``INTERFACE.OPERATION``."""
    return name.rpartition(".")[2]
