"""Runs imperative workflows (TOSCA 2.0 section 13.2), durably.

A workflow becomes an execution like the declarative ones, with steps laid out by `khutulun.conductor.definition`. The
conductor runs workflows that users ask for; `khutulun.conductor.triggers` those that events do.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from floria import codec, ids, updating
from floria.entities import Edge, Handler, Vertex
from floria.evaluation import EvaluationError, Functions
from floria.ids import Id
from floria.store.interface import Store, Transaction
from floria.values import Call, Value
from khutulun import model
from khutulun.conductor import definition, nesting, progress, scopes, site, states, topology
from khutulun.conductor import outputs as written
from khutulun.conductor.beginnings import Beginnings
from khutulun.conductor.calls import OPERATION
from khutulun.conductor.definition import Entry
from khutulun.conductor.operations import Operations
from khutulun.conductor.performing import Deferred, OperationFailed, Record
from khutulun.conductor.progress import change, value

SELF = "SELF"


class Imperative(Beginnings):
    """Creates executions of workflows, and performs what their steps consist of."""

    def __init__(self, store: Store, functions: Functions, operations: Operations) -> None:
        super().__init__(functions)
        self._store, self._functions, self._operations = store, functions, operations

    def perform(self, step: Vertex, number: int, id: str, record: Record) -> None:
        """Do one thing of a step of any workflow; see `performing.Perform`."""
        work = value(step, "work")
        if work is None:
            node = ids.parse(str(value(step, "node")))
            name = progress.operations(step)[number]
            if not self._inside(step, number, node, f"{topology.LIFECYCLE}{name}", {}, record):
                self._operations.perform(node, name, id, record)
            return
        assert isinstance(work, list)
        entry = msgspec.convert(work[number], Entry)
        dropped = value(step, "dropped") or []
        assert isinstance(dropped, list)
        try:
            self._do(step, number, _at_kept(entry, work, dropped), id, record, dropped)
        except EvaluationError as error:
            problem = model.Problem(error.code, str(error), where=f"{step.name}, {entry.shown}")
            raise OperationFailed(problem, error.retryable) from None
        except model.Refused as refused:
            raise OperationFailed(refused.problems[0]) from None

    def _do(
        self, step: Vertex, number: int, entry: Entry | None, id: str, record: Record, dropped: list[Value]
    ) -> None:
        if entry is None:
            with self._store.write() as tx:
                record(tx)
            return
        match entry.kind:
            case "filter":
                with self._store.write() as tx:
                    self._refresh(tx, entry.node)
                    conditions: Any = codec.from_plain(entry.inputs["filter"])
                    context = self._scopes.of_step(tx, step, entry)
                    passed = all(scopes.is_met(context, condition) for condition in conditions)
                    record(tx, dropped=dropped if passed else [*dropped, entry.entity])
            case "set_state":
                with self._store.write() as tx:
                    self.set_state(tx, entry.entity, entry.subject)
                    record(tx)
            case "operation":
                name = f"{topology.LIFECYCLE}{entry.subject}"
                with self._store.read() as reader:
                    inputs: Any = self._scopes.of_step(reader, step, entry).evaluate(codec.from_plain(entry.inputs))
                if not self._inside(step, number, entry.node, name, inputs, record):
                    self._operations.perform(entry.node, entry.subject, id, record, inputs)
            case definition.IMPLEMENTATION:
                self._implementation(step, entry, id, record)
            case "call_operation":
                self._call(step, number, entry, id, record)
            case "inline":
                self._inline(step, number, entry, record)
            case kind:
                raise model.refuse("unsupported-activity", f"there is no activity {kind!r}")

    def _call(self, step: Vertex, number: int, entry: Entry, id: str, record: Record) -> None:
        after: list[Callable[[], None]] = []

        def recorded(tx: Transaction, result: Any) -> None:
            record(tx)
            outputs = result.get("outputs") if isinstance(result, dict) else None
            if isinstance(outputs, dict) and outputs:
                self._keep_outputs(tx, step, entry, outputs, id, after)

        with self._store.write() as tx:
            self._refresh(tx, entry.node)
            inputs: Any = self._scopes.of_step(tx, step, entry).evaluate(codec.from_plain(entry.inputs))
        edge = entry.entity if entry.entity != entry.node else None
        if edge is None and self._inside(step, number, entry.node, entry.subject, inputs, record):
            return
        self._operations.call(entry.node, entry.subject, inputs, id, recorded, edge)
        for one in after:
            one()

    def _implementation(self, step: Vertex, entry: Entry, id: str, record: Record) -> None:
        """Have the artifact of a workflow run, on the host of the service's first node."""
        with self._store.read() as reader:
            execution, root = scopes.execution(reader, step)
            found = reader.get(ids.parse(str(value(execution, "definition"))))
            service = reader.get(root)
            assert isinstance(found, Vertex)
            assert isinstance(service, Vertex)
            nodes = sorted(topology.load(reader, service).nodes.values(), key=lambda one: (one.name, one.index))
        if not nodes:
            raise model.refuse("no-host", f"{service.name}: there is no node whose host could run {found.name}")
        given: Any = {"interface": "workflow", "operation": found.name, **(definition.of(found).implementation or {})}
        call = Call(OPERATION, [{**given, "inputs": value(execution, "inputs"), "outputs": {}}])
        handler = Handler(event=found.name, call=call, name=found.name)
        result = self._operations.handle(handler, service, {"name": found.name}, id, nodes[0].id)
        outputs = result.get("outputs") if isinstance(result, dict) else None
        after: list[Callable[[], None]] = []
        with self._store.write() as tx:
            record(tx)
            if isinstance(outputs, dict) and outputs:
                self._keep_outputs(
                    tx, step, entry, {name: codec.to_plain(one) for name, one in outputs.items()}, id, after
                )
        for one in after:
            one()

    def _inline(self, step: Vertex, number: int, entry: Entry, record: Record) -> None:
        """Have an execution of another workflow of the service within the step."""

        def create(tx: Transaction, id: Id, attempt: int) -> None:
            inputs: Any = self._scopes.of_step(tx, step, entry).evaluate(codec.from_plain(entry.inputs))
            root = tx.get(scopes.execution(tx, step)[1])
            assert isinstance(root, Vertex)
            self.create(tx, root, entry.subject, inputs, id=id, within=step, attempt=attempt)

        self._part(step, number, record, create)

    def _inside(
        self, step: Vertex, number: int, node: Id, operation: str, inputs: dict[str, Value], record: Record
    ) -> bool:
        """Have the workflow that an operation of a substituted node is mapped to within the step; False: it is not."""
        with self._store.read() as reader:
            vertex = reader.get(node)
            workflow = nesting.operation(vertex, operation) if isinstance(vertex, Vertex) else None
        if workflow is None:
            return False
        reached = states.STATES.get(operation.removeprefix(topology.LIFECYCLE), ("", ""))[1]

        def recorded(tx: Transaction, /, **changes: Value) -> None:
            record(tx, **changes)
            if reached and operation.startswith(topology.LIFECYCLE):
                self._operations.set_state(tx, node, reached)

        def create(tx: Transaction, id: Id, attempt: int) -> None:
            self.create_inside(tx, node, workflow, inputs, id=id, within=step, attempt=attempt)

        self._part(step, number, recorded, create)
        return True

    def _part(self, step: Vertex, number: int, record: Record, create: Callable[[Transaction, Id, int], None]) -> None:
        """Have an execution within the step; the step goes on when that has ended."""
        id = ids.derive("inline", step.id, str(number))
        attempt = int(str(value(step, "attempt")))
        with self._store.write() as tx:
            part = tx.get(id)
            state = value(part, "state") if isinstance(part, Vertex) else None
            if state == "done":
                record(tx)
                return
            if state == "running":
                raise Deferred
            if isinstance(part, Vertex):
                if value(part, "attempt") == attempt:
                    problem = model.Problem("inlined-failed", f"the workflow {part.name} failed", where=step.name)
                    raise OperationFailed(problem)
                self.executions.again(tx, part)
                again = tx.get(id)
                assert isinstance(again, Vertex)
                tx.put(change(again, attempt=attempt))
            else:
                create(tx, id, attempt)
        self.executions.begin(id)
        raise Deferred

    def _keep_outputs(
        self,
        tx: Transaction,
        step: Vertex,
        entry: Entry,
        outputs: dict[str, Any],
        id: str,
        after: list[Callable[[], None]],
    ) -> None:
        """Write the workflow's outputs to the attributes they are mapped to, and to its execution."""
        execution, root = scopes.execution(tx, step)
        vertex = tx.get(ids.parse(str(value(execution, "definition"))))
        service = tx.get(root)
        assert isinstance(vertex, Vertex)
        assert isinstance(service, Vertex)
        mapped = definition.of(vertex).given.get("outputs") or {}
        kept: dict[str, Value] = {name: codec.from_plain(outputs[name]) for name in mapped if name in outputs}
        if not kept:
            return
        around = topology.load(tx, service)
        for name in kept:
            whose, *path = mapped[name]
            concerned = [
                node
                for node in around.nodes.values()
                if (node.id == entry.node if whose == SELF else node.name == whose and node.id in around.own)
            ]
            after += [
                written.write(tx, node, [(path, outputs[name])], self._operations.attributes, id) for node in concerned
            ]
        before = value(execution, "outputs")
        tx.put(change(execution, outputs={**(before if isinstance(before, dict) else {}), **kept}))

    def set_state(self, tx: Transaction, id: Id, state: str) -> None:
        """Write the state of a node or an edge."""
        entity = tx.get(id)
        if isinstance(entity, Edge):
            tx.put(msgspec.structs.replace(entity, state=state))
        else:
            self._operations.set_state(tx, id, state)

    def _refresh(self, tx: Transaction, node: Id) -> None:
        """Bring what is evaluated up to date; what cannot be evaluated says so where it is used."""
        vertex = tx.get(node)
        if isinstance(vertex, Vertex) and topology.is_node(vertex):
            updating.update(tx, site.surroundings(tx, vertex).ids, self._functions)


def _at_kept(entry: Entry, work: list[Any], dropped: list[Value]) -> Entry | None:
    """Return what is to be done, None where a filter has excluded its target; inlining is for all targets at once."""
    if entry.entity not in dropped:
        return entry
    if entry.kind != "inline":
        return None
    others = (msgspec.convert(one, Entry) for one in work)
    kept = next((one for one in others if one.entity not in dropped), None)
    return msgspec.structs.replace(entry, entity=kept.entity, node=kept.node) if kept is not None else None
