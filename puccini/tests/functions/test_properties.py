"""Laws of the functions, for any values (T84, T90, T91, T92)."""

import math
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floria.evaluation import Context
from floria.values import Call, Value
from puccini.functions import operands

scalars = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(-5, 5), st.text("ab", max_size=2))
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("ab"), inner, max_size=2))
)
lists = st.lists(values, max_size=5)
integers = st.integers(-(2**40), 2**40)
relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _call(context: Callable[..., Context], name: str, *arguments: Any) -> Value:
    return context().evaluate(Call(f"tosca:{name}", list(arguments)))


def _keys(found: Value) -> list[object]:
    assert isinstance(found, list)
    return [operands.key(item, None) for item in found]


@relaxed
@given(st.lists(lists, min_size=1, max_size=3))
def test_union_has_everything_once(context: Callable[..., Context], parts: list[list[Value]]) -> None:
    """T90."""
    found = _keys(_call(context, "union", *parts))
    assert len(found) == len(set(found))
    assert set(found) == {operands.key(item, None) for part in parts for item in part}


@relaxed
@given(lists, lists)
def test_intersection_is_in_both(context: Callable[..., Context], one: list[Value], other: list[Value]) -> None:
    """T90."""
    found = _keys(_call(context, "intersection", one, other))
    assert set(found) == set(_keys(one)) & set(_keys(other))


@relaxed
@given(values)
def test_everything_equals_itself(context: Callable[..., Context], value: Value) -> None:
    """T84."""
    assert _call(context, "equal", value, value) is True
    assert _call(context, "valid_values", value, [value]) is True


@relaxed
@given(st.floats(-(2**53), 2**53))
def test_rounding(context: Callable[..., Context], number: float) -> None:
    """T92: the closest integer, the lower one of two."""
    found = _call(context, "round", number)
    assert isinstance(found, int)
    assert abs(found - number) <= 0.5
    if abs(found - number) == 0.5:
        assert found < number
    assert _call(context, "floor", number) == math.floor(number)
    assert _call(context, "ceil", number) == math.ceil(number)


@relaxed
@given(integers, integers.filter(bool))
def test_remainder_and_quotient(context: Callable[..., Context], number: int, by: int) -> None:
    """T91: the remainder has the sign of the dividend and is smaller than the divisor."""
    left = _call(context, "remainder", number, by)
    assert isinstance(left, int)
    assert abs(left) < abs(by)
    assert (number - left) % by == 0
    assert left == 0 or (left < 0) == (number < 0)


@relaxed
@given(st.lists(st.text("ab:;"), min_size=1, max_size=4).map(":".join), st.integers(0, 6))
def test_tokens_hold_no_token_character(context: Callable[..., Context], whole: str, index: int) -> None:
    """T89."""
    parts = [part for part in whole.replace(";", ":").split(":") if part]
    if index < len(parts):
        assert _call(context, "token", whole, ":;", index) == parts[index]
