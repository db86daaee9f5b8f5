"""``tosca:prepare``: what a property stores, and what it refuses (T66, T72, R76)."""

from collections.abc import Callable
from typing import Any

import pytest

from floria.evaluation import Context, EvaluationError
from floria.values import Call, Value
from puccini import data, functions

from . import conftest

PORT: dict[str, Any] = {
    "type": "integer",
    "validations": [
        Call("tosca:greater_or_equal", [Call("tosca:value"), 1]),
        Call("tosca:less_than", [Call("tosca:value"), 65536]),
    ],
}
WIDTH: dict[str, Any] = {
    **conftest.LENGTH,
    "validations": [Call("tosca:less_than", [Call("tosca:value"), "15 cm"])],
}
RANGE: dict[str, Any] = {
    "type": "complex",
    "name": "Range",
    "properties": {"low": {"schema": WIDTH, "required": True}, "high": {"schema": WIDTH, "required": True}},
    "validations": [
        Call("tosca:greater_or_equal", [Call("tosca:value", ["high"]), Call("tosca:value", ["low"])]),
    ],
}
TREE: dict[str, Any] = {
    "ref": "Tree",
    "types": {
        "Tree": {
            "type": "complex",
            "name": "Tree",
            "properties": {
                "width": {"schema": WIDTH, "required": True},
                "parts": {"schema": {"type": "list", "entry": {"ref": "Tree"}}, "required": False},
            },
        }
    },
}


@pytest.fixture
def prepare(context: Callable[..., Context]) -> Callable[[Any, Any], Value]:
    def run(schema: dict[str, Value], value: Value) -> Value:
        return context("shop.web", value=value).evaluate(Call("tosca:prepare", [schema]))

    return run


def test_a_value_is_coerced(prepare: Callable[[Any, Any], Value]) -> None:
    """T54: scalars are stored in their canonical unit; storing twice changes nothing."""
    assert prepare(conftest.SIZE, "3 MB") == 3_000_000
    assert prepare(conftest.SIZE, 3_000_000) == 3_000_000
    assert prepare({"type": "float"}, 10) == 10.0


def test_validation_clauses_hold(prepare: Callable[[Any, Any], Value]) -> None:
    """T72: every clause must be true of the value."""
    assert prepare(PORT, 80) == 80
    with pytest.raises(EvaluationError, match="70000 does not satisfy") as caught:
        prepare(PORT, 70000)
    assert caught.value.code == "tosca.invalid"
    assert isinstance(caught.value.detail, list)
    assert caught.value.detail[0]["code"] == "not-valid"  # type: ignore[index,call-overload]


def test_a_clause_knows_the_unit_of_its_value(prepare: Callable[[Any, Any], Value]) -> None:
    """T54, T72: ``15 cm`` in a clause is a length because the value is one."""
    assert prepare(WIDTH, "125 mm") == pytest.approx(0.125)
    with pytest.raises(EvaluationError, match="does not satisfy"):
        prepare(WIDTH, "16 cm")


def test_clauses_inside_complex_data_are_about_their_part(prepare: Callable[[Any, Any], Value]) -> None:
    """T61, T62, T72: nested and recursive data types."""
    assert prepare(RANGE, {"low": "1 cm", "high": "20 mm"}) == {"low": 0.01, "high": 0.02}
    with pytest.raises(EvaluationError, match="does not satisfy"):
        prepare(RANGE, {"low": "3 cm", "high": "20 mm"})
    with pytest.raises(EvaluationError, match="high: "):
        prepare(RANGE, {"low": "3 cm", "high": "20 cm"})
    with pytest.raises(EvaluationError, match=r"parts\.0\.width"):
        prepare(TREE, {"width": "1 cm", "parts": [{"width": "1 m"}]})


def test_a_clause_may_ask_the_graph(prepare: Callable[[Any, Any], Value]) -> None:
    """T72: a clause refers to other properties of its node."""
    clause = Call("tosca:has_prefix", [Call("tosca:value"), Call("tosca:get_property", ["SELF", "name"])])
    schema: dict[str, Value] = {"type": "string", "validations": [clause]}
    assert prepare(schema, "web-0-a") == "web-0-a"
    with pytest.raises(EvaluationError, match="does not satisfy"):
        prepare(schema, "db-a")


def test_valid_only_tells(context: Callable[..., Context]) -> None:
    """T122: a predicate for filters."""
    within = context("shop.web")
    assert within.evaluate(Call("tosca:valid", [PORT, 80])) is True
    assert within.evaluate(Call("tosca:valid", [PORT, Call("tosca:sum", [65535, 1])])) is False


def test_a_compiler_evaluates_without_a_graph(context: Callable[..., Context]) -> None:
    """T72: what is pure is checked when a file is loaded."""
    evaluate = functions.evaluator(context(), WIDTH)
    assert data.coerce("1 cm", WIDTH, evaluate) == 0.01
    with pytest.raises(data.InvalidData):
        data.coerce("1 m", WIDTH, evaluate)


@pytest.mark.parametrize("arguments", [[], ["text"], [{}, 1, 2]])
def test_a_broken_preparer_is_an_error(arguments: list[Value], context: Callable[..., Context]) -> None:
    for name in ("prepare", "valid"):
        with pytest.raises(EvaluationError, match="begins with a schema"):
            context().evaluate(Call(f"tosca:{name}", list(arguments)))
