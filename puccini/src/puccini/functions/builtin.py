"""All functions of the namespace ``tosca``, and what only an orchestrator can execute. See `puccini.functions`."""

from collections.abc import Mapping

from floria.evaluation import Context, EvaluationError, Function
from floria.values import Value
from puccini.functions import (
    arithmetic,
    collections,
    comparison,
    directives,
    filters,
    graph,
    logic,
    periods,
    preparation,
    substitution,
    text,
)

FUNCTIONS: Mapping[str, Function] = {
    **graph.FUNCTIONS,
    **logic.FUNCTIONS,
    **comparison.FUNCTIONS,
    **collections.FUNCTIONS,
    **text.FUNCTIONS,
    **arithmetic.FUNCTIONS,
    **preparation.FUNCTIONS,
    **filters.FUNCTIONS,
    **directives.FUNCTIONS,
    **substitution.FUNCTIONS,
    **periods.FUNCTIONS,
}

NOT_A_FUNCTION = "tosca.not-a-function"
_EXECUTED = {
    "operation": "an operation is executed by an orchestrator, not evaluated",
    "actions": "the actions of a trigger are executed by an orchestrator, not evaluated",
    "workflow": "a workflow is executed by an orchestrator, not evaluated",
    "call": "a custom function is a plugin, and there is nothing here that runs plugins",
}


def refusal(context: Context, name: str) -> Function | None:
    """Resolve what is no function to one that says so; asked only where nobody else knows the name."""
    why = _EXECUTED.get(name.removeprefix("tosca:"))
    if why is None:
        return None

    def refuse(context: Context, arguments: list[Value]) -> Value:
        raise EvaluationError(NOT_A_FUNCTION, f"{name}: {why}{_which(arguments)}")

    return refuse


def _which(arguments: list[Value]) -> str:
    match arguments:
        case [{"interface": str(interface), "operation": str(operation)}, *_]:
            return f" ({interface}.{operation})"
        case [{"function": str(function)}, *_]:
            return f" (${function})"
        case _:
            return ""
