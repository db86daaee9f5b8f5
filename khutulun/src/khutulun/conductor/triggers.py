"""Does the actions of triggers (TOSCA 2.0 section 16.5) at a node or an edge; `emission` asks for it."""

from typing import Any

from floria import codec, ids
from floria.entities import Edge, Vertex
from floria.evaluation import Context, EvaluationError
from floria.ids import Id
from floria.store.interface import Reader, Store
from floria.values import Value
from khutulun import model
from khutulun.conductor import definition, nesting, topology
from khutulun.conductor.imperative import Imperative
from khutulun.conductor.operations import Operations
from khutulun.conductor.performing import OperationFailed
from khutulun.conductor.progress import value


class Triggers:
    """Acts; workflows that an action inlines are begun as executions of their own."""

    def __init__(self, store: Store, operations: Operations, imperative: Imperative) -> None:
        self._store, self._operations, self._imperative = store, operations, imperative

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

    def _act(self, entity: Vertex | Edge, action: Any, context: Context, id: Id) -> Value:
        kind, subject = str(action["kind"]), str(action["subject"])
        given: Any = action.get("inputs") or {}
        node = entity.source if isinstance(entity, Edge) else entity.id
        match kind:
            case "call_operation":
                inputs: Any = context.evaluate(given)
                if isinstance(entity, Vertex) and (workflow := nesting.operation(entity, subject)) is not None:
                    return self._begin_inside(entity.id, workflow, inputs, id)
                edge = entity.id if isinstance(entity, Edge) else None
                return codec.from_plain(self._operations.call(node, subject, inputs, id, entity=edge).result)
            case "set_state":
                with self._store.write() as tx:
                    self._imperative.set_state(tx, entity.id, subject)
                return subject
            case "delegate":
                with self._store.read() as reader:
                    found = topology.load(reader, _service(reader, entity))
                inputs = context.evaluate(given)
                for number, verb in enumerate(definition.delegated(found, node, subject)):
                    each = ids.derive("delegate", id, str(number))
                    self._operations.perform(node, verb, each, lambda _: None, inputs)
                return subject
            case "inline":
                return self._begin(entity, subject, context.evaluate(given), id)
            case _:
                raise model.refuse("unsupported-action", f"there is no action {kind!r}")

    def _begin_inside(self, node: Id, workflow: str, inputs: Any, id: Id) -> Value:
        """Start the workflow that an operation of a substituted node is mapped to; once."""
        with self._store.write() as tx:
            if tx.get(id) is None:
                self._imperative.create_inside(tx, node, workflow, inputs, id=id, waits=True)
            execution = tx.get(id)
        if isinstance(execution, Vertex) and value(execution, "state") == "running":
            self._imperative.executions.begin(id)
        return {"execution": id}

    def _begin(self, entity: Vertex | Edge, name: str, inputs: Any, id: Id) -> Value:
        """Start a workflow because of an event; once, also when the handler is resumed."""
        with self._store.write() as tx:
            if tx.get(id) is None:
                self._imperative.create(tx, _service(tx, entity), name, inputs, id=id, waits=True)
            execution = tx.get(id)
        if isinstance(execution, Vertex) and value(execution, "state") == "running":
            self._imperative.executions.begin(id)
        return {"execution": id}


def _service(reader: Reader, entity: Vertex | Edge) -> Vertex:
    found: Any = reader.get(entity.source) if isinstance(entity, Edge) else entity
    roots = {topology.SERVICE, nesting.INSIDE}
    while isinstance(found, Vertex) and not roots & set(found.classes) and found.parent is not None:
        found = reader.get(found.parent)
    assert isinstance(found, Vertex)
    return found
