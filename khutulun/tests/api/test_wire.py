"""Structs of the model cross as JSON without loss, whatever values they hold (R77)."""

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floria.values import Call, Value
from khutulun import model
from khutulun.api import wire

SCALARS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.binary()
)
KEYS = st.text() | st.sampled_from(["$", "$x", "$$x", "$bytes", "$a:b"])
CALLS = st.sampled_from(["floria:get", "tosca:call"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.builds(Call, CALLS, st.lists(inner, max_size=3))
    ),
    max_leaves=20,
)


@given(VALUES)
def test_values_cross_without_loss(value: Value) -> None:
    difference = model.Difference("node", "what", value, [value])
    assert wire.decode(model.Difference, wire.encode(model.Difference, difference)) == difference


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_nested_structs_cross_without_loss(values: dict[str, Value]) -> None:
    problem = model.Problem("code", "message", detail=values)
    attributes = {name: model.Attribute(value, problem) for name, value in values.items()}
    relation = model.Relation("r", "t", attributes)
    node = model.Node("i", "n", "t", "s", "h", attributes, {"c": attributes}, (relation,), ("failed",))
    service = model.Service("i", "s", "/", model.ServiceState.RUNNING, 1, 2, 3, values, attributes, (node,))
    data = wire.encode(list[model.Service], [service])
    assert wire.decode(list[model.Service], data, strict=True) == [service]
    assert wire.restore(model.Service, wire.full(model.Service, service)) == service


def test_nan_crosses() -> None:
    found = wire.decode(model.Attribute, wire.encode(model.Attribute, model.Attribute(math.nan)))
    assert isinstance(found.value, float)
    assert math.isnan(found.value)


def test_defaults_are_left_out_on_the_wire_and_shown_to_scripts() -> None:
    assert wire.encode(model.Attribute, model.Attribute()) == b"{}"
    assert wire.full(model.Attribute, model.Attribute()) == {"value": None, "error": None}


def test_a_field_that_a_newer_server_sends_is_not_in_the_way() -> None:
    assert wire.decode(model.Attribute, b'{"value": 1, "colour": "red"}') == model.Attribute(1)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b'{"name": "a", "inputs": {"a": {"$bytes": "?"}}}', "inputs.a.$bytes"),
        (b'{"name": "a", "inputs": {"a": [1, {"$x": 1}]}}', "inputs.a.[1]"),
        (b'{"name": "a", "inputs": {"a": 9223372036854775808}}', "inputs.a"),
        (b'{"name": "a", "grant": [1]}', "grant[0]"),
    ],
)
def test_what_is_wrong_is_found(data: bytes, where: str) -> None:
    with pytest.raises(wire.Malformed) as caught:
        wire.decode(model.DeployRequest, data, strict=True)
    assert caught.value.where == where


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_decoder(data: bytes) -> None:
    with contextlib.suppress(wire.Malformed):
        wire.decode(model.DeployRequest, data, strict=True)


@given(
    st.recursive(SCALARS.filter(lambda v: not isinstance(v, bytes)), lambda i: st.lists(i) | st.dictionaries(KEYS, i))
)
def test_no_json_crashes_the_decoder(data: object) -> None:
    with contextlib.suppress(wire.Malformed):
        wire.restore(list[model.Service], data)
    with contextlib.suppress(wire.Malformed):
        wire.restore(model.DeployRequest, {"name": "a", "inputs": {"a": data}})
