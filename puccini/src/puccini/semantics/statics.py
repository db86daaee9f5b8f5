"""Evaluates what can be known before there is a service: validation clauses of literals.

The only place where the loader meets the function library at work.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from floria.failing import EvaluationError
from floria.values import Call, Value, calls
from puccini import functions
from puccini.data import Evaluate
from puccini.functions.signatures import SIGNATURES, Scope
from puccini.semantics import clauses

if TYPE_CHECKING:
    from floria.evaluation import Context, Function
    from floria.store.interface import Reader

MAX_RESULTS: Final = 1000
"""How many results are kept for the values of one schema: many templates say the same."""

_SIMPLE = frozenset({str, int, bool})


class Statics:
    """Evaluates clauses that are calls of pure functions; others count as fulfilled until there is a service."""

    def __init__(self) -> None:
        self._context: Context | None = None
        self._evaluators: dict[int, tuple[Mapping[str, Any], Evaluate]] = {}
        self._pure: dict[int, tuple[Value, bool]] = {}
        self._refused: dict[int, Call] = {}

    def refuse(self, call: Call) -> None:
        """Have clauses with `call`, with which something is wrong that was reported, count as fulfilled."""
        self._refused[id(call)] = call

    def evaluator(self, schema: Mapping[str, Any]) -> Evaluate:
        """Return what coercion with `schema` needs; it raises `EvaluationError` for clauses that make no sense."""
        known = self._evaluators.get(id(schema))
        if known is None:
            known = self._evaluators[id(schema)] = (schema, self._evaluator(schema))
        return known[1]

    def evaluate(self, schema: Mapping[str, Any], clause: Value, value: Value) -> Value:
        """Return what one clause makes of one value; nothing of it is kept."""
        return functions.evaluator(self._base(), cast("Mapping[str, Value]", schema))(clause, value)

    def _evaluator(self, schema: Mapping[str, Any]) -> Evaluate:
        inner: Evaluate | None = None
        results: dict[tuple[int, type, Value], Value] = {}
        tests = {
            id(clause): test
            for clause in schema.get("validations", ())
            if (test := clauses.compiled(clause, schema.get("type"))) is not None
        }

        def evaluate(clause: Value, value: Value) -> Value:
            nonlocal inner
            if not self._is_pure(clause):
                return True
            test = tests.get(id(clause))
            if test is not None and value.__class__ is test[0]:
                return test[1](value)  # type: ignore[no-any-return]
            if inner is None:
                inner = functions.evaluator(self._base(), cast("Mapping[str, Value]", schema))
            if value.__class__ not in _SIMPLE:
                return inner(clause, value)
            key = (id(clause), value.__class__, value)
            if key not in results and len(results) < MAX_RESULTS:
                results[key] = inner(clause, value)
            return results[key] if key in results else inner(clause, value)

        return evaluate

    def _is_pure(self, clause: Value) -> bool:
        known = self._pure.get(id(clause))
        if known is None:
            refused = self._refused and any(id(call) in self._refused for call in calls(clause))
            known = self._pure[id(clause)] = (clause, not refused and pure(clause))
        return known[1]

    def _base(self) -> "Context":
        if self._context is None:
            from floria.evaluation import Context

            self._context = Context(cast("Reader", None), _Library())
        return self._context


class _Library:
    def find(self, context: "Context", name: str) -> "tuple[Function, bool]":
        function = functions.find(name.removeprefix(f"{functions.NAMESPACE}:"))
        if function is None:
            raise EvaluationError("tosca.not-a-function", f"there is no function {name}")
        return function, False


def pure(value: Value) -> bool:
    """Whether `value` depends on nothing but itself and ``$value``."""
    return all(_pure(call) for call in calls(value))


def _pure(call: Call) -> bool:
    signature = SIGNATURES.get(call.function.removeprefix("tosca:"))
    return signature is not None and signature.scope in (Scope.ANYWHERE, Scope.VALIDATION)
