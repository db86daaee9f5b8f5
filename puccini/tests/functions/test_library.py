"""The library as a whole: complete, registered, and open to what an orchestrator adds."""

from collections.abc import Callable

import pytest

from floria.evaluation import Context, EvaluationError, Functions
from floria.values import Call, Value
from puccini import functions
from puccini.functions import directives, periods, substitution
from puccini.functions.signatures import SIGNATURES, Scope


def test_every_function_of_the_standard_is_there() -> None:
    """T75-T92, T101: all of section 10.2 and nothing more, but for what the compiler itself writes."""
    written = {
        "prepare",
        "valid",
        "map",
        "filter",
        "typed",
        *directives.FUNCTIONS,
        *periods.FUNCTIONS,
        *substitution.FUNCTIONS,
    }
    assert set(functions.library()) - set(SIGNATURES) == written
    assert set(SIGNATURES) <= set(functions.library())
    assert len(SIGNATURES) == 42
    assert "in_range" not in SIGNATURES


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_each_counts_its_arguments(name: str, context: Callable[..., Context]) -> None:
    """T75-T92: the table that the parser checks against is the one that counts at run time."""
    signature = SIGNATURES[name]
    wrong = signature.minimum - 1 if signature.minimum else (signature.maximum or 0) + 1
    if signature.maximum is None and not signature.minimum:
        return
    with pytest.raises(EvaluationError, match="takes") as caught:
        context("shop.web").evaluate(Call(f"tosca:{name}", [1] * wrong))
    assert caught.value.code == "tosca.arguments"


def test_signatures_say_what_is_expected() -> None:
    assert SIGNATURES["join"].expectation == "1 to 2 arguments"
    assert SIGNATURES["not"].expectation == "exactly 1 argument"
    assert SIGNATURES["and"].expectation == "at least 2 arguments"
    assert SIGNATURES["node_index"].expectation == "no arguments"
    assert SIGNATURES["value"].scope is Scope.VALIDATION
    assert [name for name, one in SIGNATURES.items() if one.bare] == ["get_input"]


def test_what_an_orchestrator_registers_wins(context: Callable[..., Context]) -> None:
    """T97: a custom function is run by whoever can; only where nobody can is it an error."""
    registry = Functions()
    functions.register(registry)

    def run(context: Context, arguments: list[Value]) -> Value:
        return ["ran", *arguments]

    registry.resolver("tosca", lambda context, name: run if name == "tosca:call" else None)
    within = context("shop").with_(functions=registry)
    assert within.evaluate(Call("tosca:call", ["f", []])) == ["ran", "f", []]
    with pytest.raises(EvaluationError, match="executed by an orchestrator"):
        within.evaluate(Call("tosca:operation", [{}]))


def test_a_missing_relationship_may_come_yet(context: Callable[..., Context]) -> None:
    """T123: what is not there yet can be asked for again; a wrong name cannot."""
    with pytest.raises(EvaluationError) as caught:
        context("shop.web").evaluate(Call("tosca:get_property", ["SELF", "RELATIONSHIP", "database", 3, "weight"]))
    assert caught.value.retryable
    assert caught.value.detail == ["SELF", "RELATIONSHIP", "database", 3, "weight"]
    with pytest.raises(EvaluationError) as caught:
        context("shop.web").evaluate(Call("tosca:get_property", ["nope", "weight"]))
    assert not caught.value.retryable


def test_values_are_pulled_through_other_properties(context: Callable[..., Context]) -> None:
    """T167: a property that is an expression is evaluated when somebody asks for it."""
    assert context("shop").property(context("shop").entity.id, "url") == "10.2.0.1"  # type: ignore[union-attr]
