"""What the expressions of a workflow and of its steps see. `khutulun.conductor.imperative` asks."""

import msgspec

from floria import ids, updating
from floria.entities import Property, Vertex
from floria.evaluation import Context, EvaluationError, Functions
from floria.ids import Id
from floria.store.interface import Reader, Transaction
from floria.values import Value, is_literal
from khutulun import model
from khutulun.conductor import definition, topology
from khutulun.conductor.definition import Definition, Entry
from khutulun.conductor.performing import OperationFailed
from khutulun.conductor.progress import value


class Scopes:
    """Makes the scopes of workflows."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def of_workflow(self, reader: Reader, found: Definition, inputs: dict[str, Value]) -> Vertex:
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

    def check_precondition(self, tx: Transaction, service: topology.Topology, found: Definition, scope: Vertex) -> None:
        condition = found.given.get("precondition")
        if condition is None:
            return
        updating.update(tx, [service.root.id, *service.owner], self._functions)
        try:
            met = is_met(Context(tx, self._functions, entity=scope), condition)
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

    def of_step(self, reader: Reader, step: Vertex, entry: Entry) -> Context:
        """Return what expressions of a step see: inputs are the workflow's, SELF is the step's target."""
        run, _ = execution(reader, step)
        vertex = reader.get(ids.parse(str(value(run, "definition"))))
        if not isinstance(vertex, Vertex):
            message = f"the workflow {run.name} is gone"
            raise OperationFailed(model.Problem("unknown-workflow", message, step.name))
        inputs = value(run, "inputs")
        assert isinstance(inputs, dict)
        given = {
            name: msgspec.structs.replace(one, value=inputs[name], updater=msgspec.UNSET)
            for name, one in vertex.properties.items()
            if name in inputs
        }
        scope = msgspec.structs.replace(vertex, properties={**vertex.properties, **given})
        return Context(reader, self._functions, entity=scope, candidate=reader.get(entry.entity))


def is_met(context: Context, condition: Value) -> bool:
    """Whether a condition is true. Raises `EvaluationError`."""
    met = context.evaluate(condition)
    if not isinstance(met, bool):
        raise EvaluationError("bad-condition", f"a condition is true or false, and this is {met!r}")
    return met


def execution(reader: Reader, step: Vertex) -> tuple[Vertex, Id]:
    """Return the execution of a step and the root of its service."""
    assert step.parent is not None
    found = reader.get(step.parent)
    assert isinstance(found, Vertex)
    return found, ids.parse(str(value(found, "root")))
