"""Conditions that say why they do not hold: ``tosca:filter``, for node filters and other predicates of finders.

A Floria finder takes true for an accepted candidate and a text for the reason against it, which the user then reads.
"""

from collections.abc import Iterator, Mapping

from floria.evaluation import Context, EvaluationError, Function
from floria.values import Call, Value
from puccini.data.coercion import describe

MALFORMED = "tosca.arguments"
_READING = frozenset(f"tosca:{name}" for name in ("get_input", "get_property", "get_attribute", "available_allocation"))
_DEFINITE = ("tosca.", "floria.no-property")
_MAX_SHOWN = 4


def condition(context: Context, arguments: list[Value]) -> Value:
    """``tosca:filter(clause…)``: true when every clause is, else a text that says which is not, and what it saw.

    A clause that can never be evaluated on this candidate is a reason against it; one that waits for a value fails.
    """
    for clause in arguments:
        try:
            found = context.evaluate(clause)
        except EvaluationError as error:
            if error.retryable or not error.code.startswith(_DEFINITE):
                raise
            return f"{describe(clause)}: {error.message}"
        if found is True:
            continue
        if found is not False:
            raise EvaluationError(MALFORMED, f"{describe(clause)} is neither true nor false")
        return _reason(context, clause)
    return True


def holds(context: Context, clauses: Value) -> bool:
    """Whether every clause of a list is true; what cannot be evaluated is not."""
    try:
        return condition(context, clauses if isinstance(clauses, list) else [clauses]) is True
    except EvaluationError:
        return False


def _reason(context: Context, clause: Value) -> str:
    decisive = _decisive(context, clause)
    seen = dict.fromkeys(_seen(context, decisive))
    shown = "; ".join([*seen][:_MAX_SHOWN])
    return f"{describe(decisive)} is false" + (f" ({shown})" if shown else "")


def _decisive(context: Context, clause: Value) -> Value:
    """Return the part of a conjunction that is false."""
    if isinstance(clause, Call) and clause.function == "tosca:and":
        for part in clause.arguments:
            if context.evaluate(part) is False:
                return _decisive(context, part)
    return clause


def _seen(context: Context, clause: Value) -> Iterator[str]:
    """Yield what the calls in a clause that read the graph have read."""
    if not isinstance(clause, Call):
        return
    if clause.function in _READING:
        yield f"{describe(clause)} = {describe(context.evaluate(clause))}"
        return
    for argument in clause.arguments:
        for part in argument if isinstance(argument, list) else [argument]:
            try:
                yield from _seen(context, part)
            except EvaluationError as error:
                yield f"{describe(part)}: {error}"


FUNCTIONS: Mapping[str, Function] = {"filter": condition}
