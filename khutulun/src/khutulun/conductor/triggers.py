"""Does the actions of triggers (TOSCA 2.0 section 16.5) at a node or an edge; `emission` asks for it."""

from typing import Any

from floria import codec, ids
from floria.entities import Edge, Vertex
from floria.evaluation import Context, EvaluationError
from floria.ids import Id
from floria.store.interface import Reader, Store
from floria.values import Call, Value
from khutulun import model
from khutulun.conductor import calls, definition, nesting, operated, progress, topology
from khutulun.conductor.imperative import Imperative
from khutulun.conductor.operations import Operations
from khutulun.conductor.performing import OperationFailed
from khutulun.conductor.progress import value
from khutulun.conductor.states import DELETED, FAILED, WELL
from khutulun.conductor.workflow import Workflow

REVIVING = frozenset({"heal", "restart", "update"})
"""What can be delegated for a workload that is there; of one that is deleted nothing is left to do it to."""


def actions(call: Call) -> list[Any]:
    """Return the actions of a trigger. Raises `EvaluationError`."""
    given = call.arguments[0] if call.arguments else None
    found = given.get("actions") if isinstance(given, dict) else None
    if not isinstance(found, list):
        raise EvaluationError("bad-actions", f"{calls.ACTIONS} needs a map with `actions`, a list")
    return found


def targets(reader: Reader, call: Call, entity: Vertex | Edge, source: Id) -> list[Vertex | Edge]:
    """Return where a trigger acts when an event comes from `source` to the entity that has it.

    The policy's targets have the trigger too, and act by themselves when they are told; what only the policy is told
    is done at all of them.
    """
    found = definition.policy_targets(reader, entity) if isinstance(entity, Vertex) else []
    if not found:
        return [entity]
    given = call.arguments[0] if call.arguments else None
    only = given.get("only") if isinstance(given, dict) else None
    return [one for one in found if not isinstance(only, list) or one.name in only] if source == entity.id else []


class Triggers:
    """Acts; workflows that an action inlines are begun as executions of their own."""

    def __init__(self, store: Store, operations: Operations, imperative: Imperative) -> None:
        self._store, self._operations, self._imperative = store, operations, imperative

    def act(self, entity: Vertex | Edge, actions: list[Any], context: Context, id: str) -> Value:
        """Do the actions of a trigger at a node or an edge, in order. Raises `EvaluationError`."""
        results: list[Value] = []
        try:
            overtaken = self._overtaken(entity, actions, context)
            for number, action in enumerate(actions):
                if overtaken and _is_change(action):
                    results.append(f"nothing to do: {overtaken}")
                    continue
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

    def _overtaken(self, entity: Vertex | Edge, actions: list[Any], context: Context) -> str:
        """Say why what a trigger would change is another matter by now; else note that it acts, and say nothing.

        It has waited for what was going on, and that may have been the very thing. What it began before a crash it
        goes on with.
        """
        if not isinstance(entity, Vertex) or not any(map(_is_change, actions)):
            return ""
        about: Any = context.event or {}
        handling, data = str(about.get("handling")), about.get("data")
        with self._store.write() as tx:
            vertex = tx.get(entity.id)
            if not isinstance(vertex, Vertex):
                return f"{entity.name} is gone"
            last = operated.of(vertex)
            if last is not None and last.by == handling:
                return ""
            if last is not None and last.events >= int(str(about.get("position", 0))) > 0:
                return f"{vertex.name} was operated after the event, it is {vertex.state}"
            running = self._imperative.executions.is_running(tx, vertex.directory)
            if running is not None and progress.is_of(running, Workflow.UNDEPLOY):
                return f"{vertex.name} is being undeployed"
            if vertex.state == DELETED and any(str(one["subject"]) in REVIVING for one in actions):
                return f"{vertex.name} is deleted"
            told = data.get("state") if isinstance(data, dict) else None
            if told == FAILED and vertex.state in WELL:
                return f"{vertex.name} is {vertex.state}"
            operated.mark(tx, vertex, handling, context.functions)
        return ""

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


def _is_change(action: Any) -> bool:
    """Whether an action makes a workload another one, runs or stops it."""
    return action["kind"] == "delegate" or (
        action["kind"] == "call_operation" and operated.is_change(str(action["subject"]))
    )


def _service(reader: Reader, entity: Vertex | Edge) -> Vertex:
    found: Any = reader.get(entity.source) if isinstance(entity, Edge) else entity
    roots = {topology.SERVICE, nesting.INSIDE}
    while isinstance(found, Vertex) and not roots & set(found.classes) and found.parent is not None:
        found = reader.get(found.parent)
    assert isinstance(found, Vertex)
    return found
