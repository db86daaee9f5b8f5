"""YAML 1.2 with positions: `puccini.yaml` (T1 to T4, T10, R81)."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puccini import nodes, yaml


def parse(text: str | bytes) -> yaml.Document:
    return yaml.parse(text.encode() if isinstance(text, str) else text, "file")


def codes(text: str | bytes) -> list[str]:
    return [problem.code for problem in parse(text).problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("~", None),
        ("true", True),
        ("yes", "yes"),
        ("on", "on"),
        ("0o17", 15),
        ("0x1f", 31),
        ("017", 17),
        ("-12", -12),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2025-01-01", "2025-01-01"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 1", "1"),
        ("!!float 1", 1.0),
        ("<<", "<<"),
        ("=", "="),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    """T1"""
    found = parse(f"a: {text}").value["a"]
    assert found == value
    assert type(found) is type(value)


def test_nan() -> None:
    assert math.isnan(parse("a: .nan").value["a"])


def test_places_of_every_node() -> None:
    """T10: keys, values and ends, for maps, lists and scalars."""
    root = nodes.root(parse("first: 1\nsecond:\n- a\n- {x: long text, y: 2}\n"))
    assert root.child("first").origin == "file:1:1"
    assert root.child("second").origin == "file:2:1"
    assert (root.child("first").start.column, root.child("second").start.line) == (7, 2)
    item = root.child("second").child(1)
    assert (item.start.line, item.start.column, item.end.line, item.end.column) == (3, 2, 3, 22)
    text = item.child("x")
    assert (text.start.column, text.end.column) == (6, 15)
    assert text.path == "second/1/x"
    assert text.key_range[0].column == 3


def test_an_alias_is_where_it_stands_and_its_content_where_it_is_written() -> None:
    root = nodes.root(parse("a: &A {x: 1}\nb: *A\n"))
    alias = root.child("b")
    assert (alias.start.line, alias.start.column) == (1, 3)
    assert (alias.child("x").start.line, alias.child("x").start.column) == (0, 10)


def test_duplicate_keys_are_all_reported() -> None:
    """T2"""
    document = parse("a: 1\nb: 2\na: 3\nb: 4\n")
    assert [(problem.code, problem.start.line) for problem in document.problems] == [
        ("duplicate-key", 2),
        ("duplicate-key", 3),
    ]
    assert document.value == {"a": 1, "b": 2}


def test_complex_keys() -> None:
    """T3"""
    value = parse("? [a, 1]\n: x\n? {f: [b]}\n: y\n").value
    assert list(value) == [("a", 1), (("f", ("b",)),)]
    assert isinstance(next(iter(value)), yaml.SequenceKey)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: b: c", "yaml-syntax"),
        ("a: [1, 2", "yaml-syntax"),
        ("a:\n\t- b", "yaml-syntax"),
        ("{", "yaml-syntax"),
        ("%YAML 3.0\n---\na: 1", "yaml-syntax"),
        (b"a: \x00", "yaml-encoding"),
        (b"\xff\xfe\x00", "yaml-encoding"),
        (b"a: \xc3\x28", "yaml-encoding"),
        ("", "empty-file"),
        ("# only a comment\n", "empty-file"),
        ("a: 1\n---\nb: 2\n", "several-documents"),
        ("a: *b", "unknown-alias"),
        ("a: &a [*a]", "recursive-alias"),
        ("a: !!binary aGk=", "yaml-tag"),
        ("a: !mine {}", "yaml-tag"),
        ("a: !!int text", "yaml-tag"),
        ("[" * 200, "too-deep"),
        ("a: " + "{a: " * 200, "too-deep"),
    ],
)
def test_what_is_no_yaml_is_a_problem_with_a_place(text: str | bytes, code: str) -> None:
    """R81"""
    document = parse(text)
    assert document.problems[0].code == code
    assert document.problems[0].start.line >= 0


def test_aliases_have_a_budget() -> None:
    """A billion laughs stay unlaughed."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert codes("\n".join(lines)) == ["alias-budget"]


def test_unusual_spellings_are_remembered() -> None:
    """T50"""
    assert parse("a: True\nb: [Null, false]\n").unusual == {(0, 3): "True", (1, 4): "Null"}


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    document = parse(data)
    assert document.complete or document.problems


@given(st.text(alphabet="ab:-[]{}&*!|>?#,'\"\n \t%@`~0", max_size=60))
def test_no_text_raises(text: str) -> None:
    document = parse(text)
    assert document.complete or document.problems


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["C"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_json_is_yaml(value: Any) -> None:
    """T1: what JSON writes is read back."""
    import json

    assert nodes.plain(parse(json.dumps({"a": value}, ensure_ascii=False)).value["a"]) == value
