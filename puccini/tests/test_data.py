"""Values against schemas: `puccini.data` (section 9)."""

from typing import Any

import pytest

from floria.values import Call, Value
from puccini import data
from puccini.data import InvalidData, scalars, timestamps, versions

SIZE = {
    "type": "scalar",
    "name": "Size",
    "number": {"type": "integer"},
    "units": {"B": 1, "kB": 1000},
    "canonical": "B",
}


def above_zero(clause: Value, value: Value) -> Value:
    """Stands for the evaluator of a runtime: the only clause here is 'above zero'."""
    assert clause == Call("test:above-zero")
    return isinstance(value, int | float) and value > 0


@pytest.mark.parametrize(
    ("schema", "value", "stored"),
    [
        ({"type": "string"}, "x", "x"),
        ({"type": "integer"}, -5, -5),
        ({"type": "float"}, 5, 5.0),
        ({"type": "boolean"}, False, False),
        ({"type": "bytes"}, "aGVs\nbG8=", b"hello"),
        ({"type": "bytes"}, b"hello", b"hello"),
        ({"type": "nil"}, None, None),
        ({"type": "timestamp"}, "2025-04-12T23:20:50.52Z", "2025-04-12T23:20:50.52Z"),
        ({"type": "version"}, "1.2.3.beta-4", "1.2.3.beta-4"),
        (SIZE, "5 kB", 5000),
        (SIZE, 5000, 5000),
        ({"type": "any"}, {"a": [1]}, {"a": [1]}),
        ({"type": "list", "entry": SIZE}, ["1 B", "1 kB"], [1, 1000]),
        ({"type": "map", "entry": {"type": "float"}}, {"a": 1}, {"a": 1.0}),
    ],
)
def test_values_are_stored(schema: dict[str, Any], value: Value, stored: Value) -> None:
    """T47 to T58; storing what is stored changes nothing."""
    found = data.coerce(value, schema)
    assert found == stored
    assert type(found) is type(stored)
    assert data.coerce(found, schema) == stored


@pytest.mark.parametrize(
    ("schema", "value", "code"),
    [
        ({"type": "string"}, 1, "wrong-type"),
        ({"type": "integer"}, True, "wrong-type"),
        ({"type": "integer"}, 2**63, "out-of-range"),
        ({"type": "float"}, 10**400, "out-of-range"),
        ({"type": "boolean"}, "true", "wrong-type"),
        ({"type": "bytes"}, "!", "wrong-type"),
        ({"type": "nil"}, 0, "wrong-type"),
        ({"type": "timestamp"}, "yesterday", "wrong-type"),
        ({"type": "version"}, 1.0, "wrong-type"),
        (SIZE, "5 GB", "unknown-unit"),
        (SIZE, "1.5 kB", "wrong-type"),
        (SIZE, 1.5, "wrong-type"),
        ({"type": "list"}, {}, "wrong-type"),
        ({"type": "map"}, [], "wrong-type"),
    ],
)
def test_what_does_not_fit_is_refused(schema: dict[str, Any], value: Value, code: str) -> None:
    with pytest.raises(InvalidData) as caught:
        data.coerce(value, schema)
    assert [problem.code for problem in caught.value.problems] == [code]


POINT = {
    "type": "complex",
    "name": "Point",
    "properties": {
        "x": {"schema": {"type": "integer"}, "required": True},
        "y": {"schema": {"type": "integer"}, "required": True, "default": 7},
        "z": {"schema": {"type": "integer"}, "required": False},
        "kind": {"schema": {"type": "string"}, "required": True, "value": "point"},
    },
}


def test_complex_data_gets_its_defaults() -> None:
    """T61, T66"""
    assert data.coerce({"x": 1}, POINT) == {"x": 1, "y": 7, "kind": "point"}


def test_every_problem_is_named_with_its_place() -> None:
    """R81: all of them at once."""
    with pytest.raises(InvalidData) as caught:
        data.coerce([{"y": "text", "w": 1}, {"x": 1, "kind": "other"}], {"type": "list", "entry": POINT})
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [
        ("unknown-property", (0, "w")),
        ("missing-property", (0,)),
        ("wrong-type", (0, "y")),
        ("fixed-value", (1, "kind")),
    ]
    assert "1.kind" in str(caught.value)


def test_schemas_that_hold_themselves() -> None:
    """T62"""
    schema: dict[str, Any] = {
        "ref": "Tree",
        "types": {
            "Tree": {
                "type": "complex",
                "properties": {
                    "value": {"schema": {"type": "integer"}, "required": True},
                    "more": {"schema": {"type": "list", "entry": {"ref": "Tree"}}, "required": False},
                },
            }
        },
    }
    value: Value = {"value": 1, "more": [{"value": 2, "more": []}]}
    assert data.coerce(value, schema) == value
    deep: dict[str, Any] = {"value": 1}
    for _ in range(200):
        deep = {"value": 1, "more": [deep]}
    with pytest.raises(InvalidData, match="deeper"):
        data.coerce(deep, schema)


def test_clauses_are_asked_only_for_values_of_the_right_type() -> None:
    """T72"""
    schema = {"type": "integer", "validations": [Call("test:above-zero")]}
    assert data.coerce(5, schema, above_zero) == 5
    with pytest.raises(InvalidData, match="does not satisfy"):
        data.coerce(-5, schema, above_zero)
    with pytest.raises(InvalidData, match="expected"):
        data.coerce("text", schema, above_zero)


def test_problems_are_bounded() -> None:
    with pytest.raises(InvalidData) as caught:
        data.coerce(["x"] * 1000, {"type": "list", "entry": {"type": "integer"}})
    assert len(caught.value.problems) == 50


def test_versions() -> None:
    """T27, T57"""
    order = ["0.9", "1.0.0.alpha-1", "1.0.0.alpha-2", "1.0", "1.0.1", "1.2", "1.10"]
    for index, one in enumerate(order[:-1]):
        assert versions.compare(one, order[index + 1]) == -1
        assert versions.compare(order[index + 1], one) == 1
    assert versions.compare("1.0", "1.0.0") == 0
    with pytest.raises(ValueError, match="no order"):
        versions.compare("1.0.0.alpha", "1.0.0.beta")
    for text in ("1", "1.0.0-beta", "v1.0", "1.0.", "1.٣"):
        with pytest.raises(ValueError, match="not a version"):
            versions.parse(text)


def test_timestamps() -> None:
    """T53"""
    assert timestamps.parse("1996-12-19T16:39:57-08:00") == timestamps.parse("1996-12-20T00:39:57Z")
    assert timestamps.parse("2025-01-01") == timestamps.parse("2025-01-01t00:00:00-00:00")
    assert timestamps.parse("1990-12-31T23:59:60Z") == timestamps.parse("1991-01-01T00:00:00Z")
    for text in ("2025-13-01T00:00:00Z", "2025-01-01 00:00:00Z", "2025-01-01T00:00:00", "2025-01-01T00:00:00+25:00"):
        with pytest.raises(ValueError):
            timestamps.parse(text)


def test_scalars() -> None:
    """T54"""
    assert scalars.split("0x10 B") == (16, "B")
    assert scalars.split("1e3\tkB") == (1000.0, "kB")
    assert scalars.canonical(125.3, 0.001, whole=False) == 0.1253
    assert scalars.units({"g": 1}, {"": 1, "k": 1000}) == {"g": 1, "kg": 1000}
    for text in ("1kB", "kB", "1", "one kB", "true kB", "1 2 kB"):
        with pytest.raises(ValueError):
            scalars.split(text)
