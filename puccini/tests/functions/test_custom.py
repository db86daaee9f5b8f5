"""Custom functions: signatures, coercion, what an orchestrator is asked to run (T96, T97)."""

from collections.abc import Callable
from typing import Any

import pytest

from floria.evaluation import Context, EvaluationError, Functions
from floria.values import Call, Value
from puccini import functions
from puccini.functions.custom import Invocation

from . import conftest

INTEGER: dict[str, Any] = {
    "type": "integer",
    "validations": [Call("tosca:greater_or_equal", [Call("tosca:value"), 0])],
}
FLOAT: dict[str, Any] = {"type": "float"}
SCRIPT: dict[str, Any] = {"name": "sqrt.py", "classes": ["Python"], "file": "scripts/sqrt.py", "properties": {}}
SQRT: dict[str, Any] = {
    "function": "sqrt",
    "signatures": [
        {"arguments": [INTEGER], "optional": [], "variadic": False, "result": FLOAT, "artifact": SCRIPT},
        {"arguments": [FLOAT], "optional": [], "variadic": False, "result": FLOAT},
    ],
}
ANY: dict[str, Any] = {"function": "any", "signatures": [{"arguments": [], "optional": [], "variadic": True}]}
NONE: dict[str, Any] = {"function": "none", "signatures": [{"arguments": [], "optional": [], "variadic": False}]}
SOME: dict[str, Any] = {
    "function": "some",
    "signatures": [
        {"arguments": [{"type": "string"}], "optional": [conftest.SIZE], "variadic": True, "dependencies": [SCRIPT]}
    ],
}
Evaluate = Callable[[dict[str, Any], list[Value]], Value]


class Orchestrator:
    """Notes what it is asked to run and answers with `answer`."""

    def __init__(self) -> None:
        self.asked: list[Invocation] = []
        self.answer: Value = 3

    def run(self, context: Context, invocation: Invocation) -> Value:
        self.asked.append(invocation)
        return self.answer


@pytest.fixture
def orchestrator() -> Orchestrator:
    return Orchestrator()


@pytest.fixture
def evaluate(orchestrator: Orchestrator, context: Callable[..., Context]) -> Evaluate:
    registry = Functions()
    functions.register(registry, orchestrator.run)
    within = context("shop").with_(functions=registry)
    return lambda description, arguments: within.evaluate(Call("tosca:call", [description, list(arguments)]))


def test_the_first_signature_that_fits_is_run(evaluate: Evaluate, orchestrator: Orchestrator) -> None:
    """T96: signatures are tried in order; result and arguments get their types."""
    assert evaluate(SQRT, [9]) == 3.0
    assert evaluate(SQRT, [Call("tosca:sum", [4, 5])]) == 3.0
    assert orchestrator.asked == [Invocation("sqrt", [9], SCRIPT)] * 2
    evaluate(SQRT, [9.5])
    evaluate(SQRT, [-9])
    assert orchestrator.asked[2:] == [Invocation("sqrt", [9.5]), Invocation("sqrt", [-9.0])]


def test_how_many_arguments(evaluate: Evaluate, orchestrator: Orchestrator) -> None:
    """T96: arguments, optional ones, variadic."""
    evaluate(ANY, [])
    evaluate(ANY, [1, "a", [True]])
    evaluate(NONE, [])
    evaluate(SOME, ["a"])
    evaluate(SOME, ["a", "1 kB", "2 kB", 5])
    assert [one.arguments for one in orchestrator.asked] == [[], [1, "a", [True]], [], ["a"], ["a", 1000, 2000, 5]]
    assert orchestrator.asked[-1].dependencies == (SCRIPT,)


@pytest.mark.parametrize(
    ("description", "arguments", "why"),
    [
        (SQRT, ["nine"], "no signature fits the arguments: integer was expected"),
        (SQRT, [], "it does not take 0"),
        (SQRT, [1, 2], "it does not take 2"),
        (NONE, [1], "it does not take 1"),
        (SOME, [], "it does not take 0"),
        (SOME, ["a", "b"], "no signature fits"),
        ({"function": "f", "signatures": []}, [], "there is none"),
    ],
)
def test_nothing_fits(description: dict[str, Any], arguments: list[Value], why: str, evaluate: Evaluate) -> None:
    """T96, R81."""
    with pytest.raises(EvaluationError, match=why) as caught:
        evaluate(description, arguments)
    assert caught.value.code == "tosca.type"
    assert caught.value.message.startswith(f"${description['function']}: ")


def test_a_wrong_result(evaluate: Evaluate, orchestrator: Orchestrator) -> None:
    """T97: what an implementation gives is checked."""
    orchestrator.answer = "three"
    with pytest.raises(EvaluationError, match=r"\$sqrt gave a wrong result: float was expected"):
        evaluate(SQRT, [9])


def test_a_broken_call(context: Callable[..., Context]) -> None:
    call = functions.caller(lambda context, invocation: None)
    with pytest.raises(EvaluationError, match="takes a description"):
        call(context("shop"), ["sqrt"])
