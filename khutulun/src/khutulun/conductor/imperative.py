"""Runs imperative workflows (TOSCA 2.0 section 13.2) and the actions of triggers (section 16.5), durably.

A workflow becomes an execution like the declarative ones, with steps laid out by `khutulun.conductor.definition`. The
conductor runs workflows that users ask for; `khutulun.conductor.emission` has triggers act.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from floria import codec, ids, updating
from floria.entities import Edge, Property, Vertex
from floria.evaluation import Context, EvaluationError, Functions
from floria.ids import Id
from floria.store.interface import Reader, Store, Transaction
from floria.values import Value, is_literal
from khutulun import model
from khutulun.conductor import definition, progress, site, topology
from khutulun.conductor.definition import Definition, Entry
from khutulun.conductor.executions import Executions
from khutulun.conductor.operations import Operations
from khutulun.conductor.performing import Deferred, OperationFailed, Record
from khutulun.conductor.progress import change, value

KEPT = 50
"""Executions of a service's own workflows that stay in the graph after their end; older ones are in the journal."""

SELF = "SELF"


class Imperative:
    """Creates executions of workflows, and performs what their steps consist of."""

    def __init__(self, store: Store, functions: Functions, operations: Operations) -> None:
        self._store, self._functions, self._operations = store, functions, operations
        self.executions: Executions

    def create(
        self,
        tx: Transaction,
        root: Vertex,
        name: str,
        inputs: dict[str, Value],
        *,
        id: Id | None = None,
        within: Vertex | None = None,
        attempt: int = 0,
        waits: bool = False,
    ) -> Id:
        """Write an execution of the workflow `name`, which `Executions.begin` starts after the commit.

        While another one is going on it is refused or, when it `waits`, begins after that. Raises `model.Refused`.
        """
        found = definition.find(tx, root, name)
        definition.check_inlining(tx, root, found)
        scope = self._scope(tx, found, inputs)
        service = topology.load(tx, root)
        self._check_precondition(tx, service, found, scope)
        busy = self.executions.is_running(tx, root.directory) if within is None else None
        if busy is not None and not waits:
            raise model.refuse(
                "service-busy",
                f"{root.name}: {busy.name} is going on",
                hint=f"wait for it: `khutulun service events {root.name} -f`",
                status=409,
            )
        prefix = f"{within.name}/" if within is not None else ""
        layout = definition.lay_out(tx, service, found, prefix)
        if within is None:
            _forget_old(tx, root.directory)
        given = {key: one.value for key, one in scope.properties.items() if one.value is not msgspec.UNSET}
        return self.executions.create(
            tx,
            root,
            name,
            layout.steps,
            layout.names,
            id=id,
            within=within,
            classes=(progress.EXECUTION, progress.IMPERATIVE),
            state=progress.WAITING if busy is not None else "running",
            data={"inputs": given, "definition": found.vertex.id, "attempt": attempt},
        )

    def perform(self, step: Vertex, number: int, id: str, record: Record) -> None:
        """Do one thing of a step of any workflow; see `executions.Perform`."""
        work = value(step, "work")
        if work is None:
            node = ids.parse(str(value(step, "node")))
            self._operations.perform(node, progress.operations(step)[number], id, record)
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

    def act(self, entity: Vertex | Edge, actions: list[Any], context: Context, id: str) -> Value:
        """Do the actions of a trigger at a node or an edge, in order. Raises `EvaluationError`."""
        results: list[Value] = []
        try:
            for number, action in enumerate(actions):
                results.append(self._act(entity, action, context, ids.derive("action", id, str(number))))
        except OperationFailed as failure:
            problem = failure.problem
            raise EvaluationError(problem.code, problem.message, failure.retryable, problem.detail) from None
        except model.Refused as refused:
            raise EvaluationError(refused.problems[0].code, str(refused)) from None
        return results

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
                    context = self._context(tx, step, entry)
                    passed = all(_is_met(context, condition) for condition in conditions)
                    record(tx, dropped=dropped if passed else [*dropped, entry.entity])
            case "set_state":
                with self._store.write() as tx:
                    self._set_state(tx, entry.entity, entry.subject)
                    record(tx)
            case "operation":
                self._operations.perform(entry.node, entry.subject, id, record)
            case "call_operation":
                self._call(step, entry, id, record)
            case "inline":
                self._inline(step, number, entry, record)
            case kind:
                raise model.refuse("unsupported-activity", f"there is no activity {kind!r}")

    def _call(self, step: Vertex, entry: Entry, id: str, record: Record) -> None:
        after: list[Callable[[], None]] = []

        def recorded(tx: Transaction, result: Any) -> None:
            record(tx)
            outputs = result.get("outputs") if isinstance(result, dict) else None
            if isinstance(outputs, dict) and outputs:
                self._keep_outputs(tx, step, entry, outputs, id, after)

        with self._store.write() as tx:
            self._refresh(tx, entry.node)
            inputs: Any = self._context(tx, step, entry).evaluate(codec.from_plain(entry.inputs))
        edge = entry.entity if entry.entity != entry.node else None
        self._operations.call(entry.node, entry.subject, inputs, id, recorded, edge)
        for one in after:
            one()

    def _inline(self, step: Vertex, number: int, entry: Entry, record: Record) -> None:
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
                inputs: Any = self._context(tx, step, entry).evaluate(codec.from_plain(entry.inputs))
                root = tx.get(_execution(tx, step)[1])
                assert isinstance(root, Vertex)
                self.create(tx, root, entry.subject, inputs, id=id, within=step, attempt=attempt)
        self.executions.begin(id)
        raise Deferred

    def _act(self, entity: Vertex | Edge, action: Any, context: Context, id: Id) -> Value:
        kind, subject = str(action["kind"]), str(action["subject"])
        given: Any = action.get("inputs") or {}
        node = entity.source if isinstance(entity, Edge) else entity.id
        match kind:
            case "call_operation":
                inputs: Any = context.evaluate(given)
                edge = entity.id if isinstance(entity, Edge) else None
                return codec.from_plain(self._operations.call(node, subject, inputs, id, entity=edge).result)
            case "set_state":
                with self._store.write() as tx:
                    self._set_state(tx, entity.id, subject)
                return subject
            case "delegate":
                with self._store.read() as reader:
                    vertex = reader.get(node)
                assert isinstance(vertex, Vertex)
                for number, verb in enumerate(definition.delegated(vertex, subject)):
                    self._operations.perform(node, verb, ids.derive("delegate", id, str(number)), lambda _: None)
                return subject
            case "inline":
                return self._begin(entity, subject, context.evaluate(given), id)
            case _:
                raise model.refuse("unsupported-action", f"there is no action {kind!r}")

    def _begin(self, entity: Vertex | Edge, name: str, inputs: Any, id: Id) -> Value:
        """Start a workflow because of an event; once, also when the handler is resumed."""
        with self._store.write() as tx:
            if tx.get(id) is None:
                self.create(tx, _service(tx, entity), name, inputs, id=id, waits=True)
            execution = tx.get(id)
        if isinstance(execution, Vertex) and value(execution, "state") == "running":
            self.executions.begin(id)
        return {"execution": id}

    def _scope(self, reader: Reader, found: Definition, inputs: dict[str, Value]) -> Vertex:
        """Return the workflow's vertex with its inputs, prepared. Raises `model.Refused`, with all that is wrong."""
        vertex, problems = found.vertex, []
        takes = {name: one for name, one in vertex.properties.items() if definition.INPUT in one.classes}
        context = Context(reader, self._functions, entity=vertex)
        given: dict[str, Property] = {}
        for name, one in inputs.items():
            where = f"workflow {vertex.name}, input {name}"
            if name not in takes:
                hint = f"its inputs are: {', '.join(sorted(takes)) or 'none'}"
                problems.append(model.Problem("unknown-input", f"there is no input {name!r}", where, hint))
            elif not is_literal(one):
                problems.append(model.Problem("bad-input", "inputs are literal, and this holds a call", where))
            else:
                try:
                    prepared = context.prepare(vertex, name, one)
                except EvaluationError as error:
                    problems.append(model.Problem(error.code, str(error), where))
                else:
                    given[name] = msgspec.structs.replace(takes[name], value=prepared, updater=msgspec.UNSET)
        where = f"workflow {vertex.name}"
        problems += [
            model.Problem("missing-input", f"{name!r} needs a value", where, f"--input {name}=VALUE")
            for name in found.required
            if name not in inputs
        ]
        if problems:
            raise model.Refused(*problems)
        return msgspec.structs.replace(vertex, properties={**vertex.properties, **given})

    def _check_precondition(
        self, tx: Transaction, service: topology.Topology, found: Definition, scope: Vertex
    ) -> None:
        condition = found.given.get("precondition")
        if condition is None:
            return
        updating.update(tx, [service.root.id, *service.owner], self._functions)
        try:
            met = _is_met(Context(tx, self._functions, entity=scope), condition)
        except EvaluationError as error:
            raise model.refuse(error.code, str(error), where=f"precondition of {scope.name}", status=409) from None
        if not met:
            raise model.refuse(
                "precondition-not-met",
                f"the precondition of the workflow {scope.name} is not met",
                hint="nothing was done; see the condition in the design",
                where=str(scope.metadata.get("tosca.origin") or ""),
                status=409,
            )

    def _context(self, reader: Reader, step: Vertex, entry: Entry) -> Context:
        """Return what expressions of a step see: inputs are the workflow's, SELF is the step's target."""
        execution, _ = _execution(reader, step)
        vertex = reader.get(ids.parse(str(value(execution, "definition"))))
        if not isinstance(vertex, Vertex):
            message = f"the workflow {execution.name} is gone"
            raise OperationFailed(model.Problem("unknown-workflow", message, step.name))
        inputs = value(execution, "inputs")
        assert isinstance(inputs, dict)
        given = {
            name: msgspec.structs.replace(one, value=inputs[name], updater=msgspec.UNSET)
            for name, one in vertex.properties.items()
            if name in inputs
        }
        scope = msgspec.structs.replace(vertex, properties={**vertex.properties, **given})
        return Context(reader, self._functions, entity=scope, candidate=reader.get(entry.entity))

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
        execution, root = _execution(tx, step)
        vertex = tx.get(ids.parse(str(value(execution, "definition"))))
        service = tx.get(root)
        assert isinstance(vertex, Vertex)
        assert isinstance(service, Vertex)
        mapped = definition.of(vertex).given.get("outputs") or {}
        kept: dict[str, Value] = {name: codec.from_plain(outputs[name]) for name in mapped if name in outputs}
        if not kept:
            return
        nodes = topology.load(tx, service).nodes
        for name in kept:
            whose, attribute = map(str, mapped[name])
            concerned = [
                node for node in nodes.values() if (node.id == entry.node if whose == SELF else node.name == whose)
            ]
            after += [self._operations.attributes.write(tx, node, {attribute: outputs[name]}, id) for node in concerned]
        before = value(execution, "outputs")
        tx.put(change(execution, outputs={**(before if isinstance(before, dict) else {}), **kept}))

    def _set_state(self, tx: Transaction, id: Id, state: str) -> None:
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


def _is_met(context: Context, condition: Value) -> bool:
    met = context.evaluate(condition)
    if not isinstance(met, bool):
        raise EvaluationError("bad-condition", f"a condition is true or false, and this is {met!r}")
    return met


def _execution(reader: Reader, step: Vertex) -> tuple[Vertex, Id]:
    """Return the execution of a step and the root of its service."""
    assert step.parent is not None
    execution = reader.get(step.parent)
    assert isinstance(execution, Vertex)
    return execution, ids.parse(str(value(execution, "root")))


def _service(reader: Reader, entity: Vertex | Edge) -> Vertex:
    found: Any = reader.get(entity.source) if isinstance(entity, Edge) else entity
    while isinstance(found, Vertex) and topology.SERVICE not in found.classes and found.parent is not None:
        found = reader.get(found.parent)
    assert isinstance(found, Vertex)
    return found


def _forget_old(tx: Transaction, directory: str) -> None:
    ended = [
        one
        for one in progress.every(tx, directory)
        if progress.is_imperative(one) and value(one, "state") in ("done", "failed")
    ]
    ended.sort(key=lambda one: one.created, reverse=True)
    for one in ended[KEPT - 1 :]:
        tx.delete(one.id)
