"""Executions and their steps as they are in the graph, and what the journal is told of them.

Each is a vertex in its service's directory. `khutulun.conductor.executions` and `khutulun.conductor.running` write
them; plans, views and workflows read them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from floria import ids
from floria.entities import Kind, Property, Vertex
from floria.ids import Id
from floria.store.interface import Query, Reader, Transaction
from floria.values import Value
from khutulun import model
from khutulun.conductor import journals
from khutulun.conductor.turns import Actor
from khutulun.conductor.workflow import Step, Workflow
from khutulun.model import StepState

EXECUTION = "khutulun:execution"
STEP = "khutulun:step"
IMPERATIVE = "khutulun:imperative"
"""Class of an execution of a workflow that its service's design brings."""

WAITING = "waiting"
"""State of an execution that begins when those before it in its service have ended."""

KEPT = 20
"""Executions that have ended, of each service."""


def every(reader: Reader, directory: str) -> list[Vertex]:
    """Return the executions of a service that are no part of another one."""
    query = Query(kinds=(Kind.VERTEX,), classes=(EXECUTION,), directory=directory, recursive=False)
    return [found for found in reader.query(query) if isinstance(found, Vertex) and found.parent is None]


def drop_old(tx: Transaction, directory: str) -> None:
    """Delete all but the last executions of a service that have ended, with their steps."""
    ended = [one for one in every(tx, directory) if value(one, "state") in ("done", "failed")]
    for one in sorted(ended, key=_age)[:-KEPT]:
        tx.delete(one.id)


def last(reader: Reader, directory: str, *, declarative: bool = False) -> Vertex | None:
    """Return the newest execution of a service that has begun; with `declarative` of those that change the service."""
    found = [one for one in every(reader, directory) if value(one, "state") != WAITING]
    return max((one for one in found if not (declarative and is_imperative(one))), key=_age, default=None)


def is_imperative(execution: Vertex) -> bool:
    """Whether an execution is of a workflow that its service's design brings."""
    return IMPERATIVE in execution.classes


def is_of(execution: Vertex, workflow: Workflow) -> bool:
    """Whether an execution is of a declarative workflow."""
    return execution.name == workflow and not is_imperative(execution)


def steps(reader: Reader, execution: Id) -> list[Vertex]:
    """Return the steps of an execution."""
    query = Query(kinds=(Kind.VERTEX,), classes=(STEP,), parent=execution)
    return [found for found in reader.query(query) if isinstance(found, Vertex)]


def view(reader: Reader, execution: Vertex) -> model.Execution:
    """Return an execution as users see it."""
    query = Query(kinds=(Kind.VERTEX,), classes=(STEP,), within=execution.id)
    found = [one for one in reader.query(query) if isinstance(one, Vertex)]
    outputs = value(execution, "outputs")
    return model.Execution(
        id=execution.id,
        service=str(value(execution, "service")),
        workflow=execution.name,
        state=str(value(execution, "state")),
        steps=tuple(
            model.Step(
                step.name,
                StepState(str(value(step, "state"))),
                str(value(step, "operation")),
                problem(step),
            )
            for step in found
        ),
        started=execution.created,
        ended=int(str(value(execution, "ended") or 0)),
        problems=problems(found),
        outputs=outputs if isinstance(outputs, dict) else {},
    )


def ended(reader: Reader, id: str) -> model.Execution | None:
    """Return an execution that is no longer in the graph, as the journal tells of it."""
    for record in reversed(reader.journal(journals.Topic.PROGRESS, limit=10_000, newest=True)):
        body = record.body
        if isinstance(body, dict) and body.get("execution") == id and body.get("kind") == "execution":
            return model.Execution(
                id=id,
                service=str(body.get("service")),
                workflow=str(body.get("workflow")),
                state=str(body.get("state")),
                started=int(str(body.get("started"))),
                ended=record.time,
                problems=msgspec.convert(body.get("problems"), tuple[model.Problem, ...]),
            )
    return None


def problems(found: Iterable[Vertex]) -> tuple[model.Problem, ...]:
    """Return why steps have failed."""
    return tuple(one for step in found if (one := problem(step)) is not None)


def operations(step: Vertex) -> list[str]:
    """Return the operations of a step, in order."""
    return msgspec.convert(value(step, "operations"), list[str])


def key(step: Vertex) -> Id:
    """Return what other steps of the execution call a step: its key or, where it is a node's only one, the node."""
    return ids.parse(str(value(step, "key") or value(step, "node")))


def value(vertex: Vertex, name: str) -> Value:
    """Return a property's value, None when it has none."""
    found = vertex.properties.get(name)
    return None if found is None or found.value is msgspec.UNSET else found.value


def change(vertex: Vertex, **changes: Value) -> Vertex:
    """Return `vertex` with these property values."""
    return msgspec.structs.replace(vertex, properties={**vertex.properties, **literal(changes)})


def problem(step: Vertex) -> model.Problem | None:
    """Return why a step has failed."""
    found = value(step, "problem")
    return msgspec.convert(found, model.Problem) if found is not None else None


def step_vertex(execution: Vertex, step: Step, name: str) -> Vertex:
    return Vertex(
        id=ids.new(),
        name=name,
        directory=execution.directory,
        parent=execution.id,
        classes=(STEP,),
        properties=literal(
            {
                "service": value(execution, "service"),
                "node": step.node,
                "key": step.key or step.node,
                "operations": list(step.operations),
                "after": sorted(step.after),
                "otherwise": sorted(step.otherwise),
                "handled": step.handled,
                "state": StepState.PENDING.value,
                "operation": "",
                "done": 0,
                "attempt": 0,
                "problem": None,
                **step.data,
            }
        ),
    )


def has_failed(step: Vertex) -> bool:
    """Whether a step has failed, and no other step deals with that."""
    return value(step, "state") == StepState.FAILED and not value(step, "handled")


def keys(step: Vertex, name: str) -> frozenset[Id]:
    """Return the steps that are listed in the property `name` of a step."""
    found = value(step, name) or []
    assert isinstance(found, list)
    return frozenset(ids.parse(str(item)) for item in found)


def acts_on(step: Vertex, number: int) -> Id:
    """Return the node that an operation of a step acts upon."""
    work = value(step, "work")
    entry = work[number] if isinstance(work, list) else None
    return ids.parse(str(entry["node"] if isinstance(entry, dict) else value(step, "node")))


def actor(reader: Reader, execution: Id) -> Actor:
    """Return who acts when an execution does: the outermost that it is a part of, within what waits for its end."""
    found = reader.get(execution)
    assert isinstance(found, Vertex)
    while found.parent is not None and isinstance(step := reader.get(found.parent), Vertex) and step.parent is not None:
        outer = reader.get(step.parent)
        if not isinstance(outer, Vertex):
            break
        found = outer
    around = value(found, "within")
    return Actor(found.id, within=tuple(str(one) for one in around) if isinstance(around, list) else ())


def done(step: Vertex) -> int:
    """Return how many operations of a step are done."""
    return int(str(value(step, "done")))


def _age(execution: Vertex) -> int:
    return execution.created


def literal(properties: Mapping[str, Any]) -> dict[str, Property]:
    return {name: Property(value=value) for name, value in properties.items()}


def tell(tx: Transaction, execution: Vertex, state: str, found: tuple[model.Problem, ...] = ()) -> None:
    """Write into the journal that an execution has reached a state."""
    body: dict[str, Value] = {
        "kind": "execution",
        "name": f"{execution.name}-{state}",
        "service": value(execution, "service"),
        "execution": execution.id,
        "workflow": execution.name,
        "state": state,
        "started": execution.created,
        "problems": journals.body(found),
    }
    subject = journals.service(execution.directory, str(value(execution, "service")))
    tx.append(journals.Topic.PROGRESS, f"{execution.id}/{ids.new()}", body, subject=subject)


def tell_step(tx: Transaction, step: Vertex) -> None:
    """Write into the journal which state a step has now."""
    node = str(value(step, "label") or step.name)
    body: dict[str, Value] = {
        "kind": "step",
        "name": value(step, "state"),
        "service": value(step, "service"),
        "node": node,
        "step": step.name if step.name != node else None,
        "execution": step.parent,
        "operation": value(step, "operation"),
        "problem": value(step, "problem"),
    }
    subject = f"{journals.service(step.directory, str(value(step, 'service')))}/{node}"
    tx.append(journals.Topic.PROGRESS, f"{step.id}/{step.revision}", body, subject=subject)
