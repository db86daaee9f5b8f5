"""Validation clauses that are made functions of Python say what the function library says of every value (R80)."""

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from floria.evaluation import Context
from floria.values import Call, Value
from puccini import functions
from puccini.semantics import clauses, statics

VALUE = Call("tosca:value", [])
COMPARISONS = ("equal", "greater_than", "greater_or_equal", "less_than", "less_or_equal")
NUMBERS = st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text("ab1é", max_size=3)


def call(function: str, *arguments: Value) -> Call:
    return Call(f"tosca:{function}", list(arguments))


def comparing(operand: st.SearchStrategy[Any], literal: st.SearchStrategy[Any]) -> st.SearchStrategy[Call]:
    sides = st.one_of(operand, literal)
    return st.one_of(
        st.builds(call, st.sampled_from(COMPARISONS), sides, sides),
        st.builds(call, st.just("valid_values"), operand, st.lists(literal, max_size=3)),
    )


def nested(leaves: st.SearchStrategy[Call]) -> st.SearchStrategy[Call]:
    def more(inner: st.SearchStrategy[Call]) -> st.SearchStrategy[Call]:
        several = st.lists(inner, min_size=2, max_size=3)
        return st.one_of(
            st.builds(lambda function, given: call(function, *given), st.sampled_from(("and", "or")), several),
            st.builds(call, st.just("not"), inner),
        )

    return st.recursive(leaves, more, max_leaves=4)


INTEGERS = nested(comparing(st.just(VALUE), NUMBERS))
STRINGS = nested(
    st.one_of(comparing(st.just(VALUE), TEXTS), comparing(st.just(call("length", VALUE)), st.integers(0, 3)))
)


def library(clause: Call, type: str, value: Value) -> Value:
    schema: dict[str, Value] = {"type": type, "validations": [clause]}
    evaluate = functions.evaluator(Context(cast("Any", None), statics._Library()), schema)
    return evaluate(clause, value)


@given(INTEGERS, NUMBERS)
def test_r80_clauses_about_integers(clause: Call, value: int) -> None:
    compiled = clauses.compiled(clause, "integer")
    assert compiled is not None
    assert compiled[0] is int
    assert compiled[1](value) is library(clause, "integer", value)


@given(STRINGS, TEXTS)
def test_r80_clauses_about_strings(clause: Call, value: str) -> None:
    compiled = clauses.compiled(clause, "string")
    assert compiled is not None
    assert compiled[1](value) is library(clause, "string", value)


def test_r80_all_else_is_evaluated() -> None:
    for clause, type in (
        (call("less_than", VALUE, "3"), "integer"),
        (call("less_than", VALUE, 3.5), "integer"),
        (call("less_than", VALUE, 3), "float"),
        (call("less_than", VALUE, "15 cm"), "scalar"),
        (call("equal", VALUE, True), "integer"),
        (call("matches", VALUE, "a"), "string"),
        (call("less_than", call("value", "part"), 3), "integer"),
        (call("less_than", VALUE), "integer"),
        (call("and", call("less_than", VALUE, 3)), "integer"),
        (call("and", VALUE, call("less_than", VALUE, 3)), "integer"),
        (call("valid_values", VALUE, [1, "2"]), "integer"),
        (call("greater_than", call("length", VALUE), 3), "integer"),
        (True, "integer"),
    ):
        assert clauses.compiled(cast("Value", clause), type) is None
