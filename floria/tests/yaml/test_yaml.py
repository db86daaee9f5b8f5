"""The YAML 1.2 core loader and the dumper."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floria import yaml
from floria.testing import strategies
from floria.yaml import Position, YamlError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("Null", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("NO", "NO"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("+12", 12),
        ("-0", 0),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.INF", -math.inf),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2020-01-01", "2020-01-01"),
        ("0b1", "0b1"),
        ("'1'", "1"),
        ("! 1", "1"),
        ("!!str 1", "1"),
        ("!!float 1", 1.0),
        ("!!int 0x10", 16),
        ("{<<: {a: 1}, b: 2}", {"<<": {"a": 1}, "b": 2}),
        ("[&a [1], *a]", [[1], [1]]),
        ("1: a", {1: "a"}),
        ("? a\n: b", {"a": "b"}),
        ("%YAML 1.2\n---\na\n...\n", "a"),
    ],
)
def test_the_core_schema(text: str, value: Any) -> None:
    assert repr(yaml.load(text)[0]) == repr(value)
    assert repr(yaml.load(text.encode())[0]) == repr(value)


def test_positions_are_found_by_path() -> None:
    value, positions = yaml.load("a:\n  b: [x, {c: 1}]\n? d\n: |\n  text\n")
    assert value == {"a": {"b": ["x", {"c": 1}]}, "d": "text\n"}
    assert positions.at(()) == Position(1, 1)
    assert positions.key(("a",)) == Position(1, 1)
    assert positions.at(("a", "b")) == Position(2, 6)
    assert positions.key(("a", "b")) == Position(2, 3)
    assert positions.at(("a", "b", 1, "c")) == Position(2, 14)
    assert positions.key(("a", "b", 1)) == positions.at(("a", "b", 1)) == Position(2, 10)
    assert positions.at(("a", "missing", "deeper")) == positions.at(("a",))
    assert positions.at(("d",)) == Position(4, 3)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: 1\nb: 2\na: 3", 3, 1, "the key 'a' stands here a second time"),
        ("{1: a, 0x1: b}", 1, 8, "the key 1 stands here a second time"),
        ("? [a]\n: b", 1, 3, "a key must be a scalar"),
        ("? &x {a: 1}\n: b", 1, 3, "a key must be a scalar"),
        ("a: !mine b", 1, 4, "the tag !mine is not known here"),
        ("a: !!python/object:os.system {}", 1, 4, "the tag tag:yaml.org,2002:python/object:os.system is not known"),
        ("!!int abc", 1, 1, "'abc' does not fit its tag"),
        ("a: *b", 1, 4, "the alias .b has no anchor"),
        ("a: &a [*a]", 1, 8, "the alias .a stands inside its own content"),
        ("a: [1\nb: 2", 2, 2, "expected ',' or '\\]'|flow"),
        ("a: b: c", 1, 5, "mapping values are not allowed"),
        ("a\n---\nb", 3, 1, "a second document begins here"),
        ("a: \x01", 1, 4, "character"),
        ("a: \ud800", 1, 4, "not Unicode|surrogates"),
        ("a: " + "9" * 5000, 1, 4, "a number of 5000 digits"),
        ("[" * 300, 1, 201, "nested too deep"),
    ],
)
def test_what_is_refused_is_told_with_its_place(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(YamlError, match=message) as caught:
        yaml.load(text, "file.yaml")
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).startswith(f"file.yaml:{line}:{column}: ")


def test_aliases_cannot_expand_without_end() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(YamlError, match="the aliases expand to too much data"):
        yaml.load("\n".join(lines))


def test_every_document_is_loaded() -> None:
    documents = yaml.load_all("a\n---\n&x b\n---\n- c\n")
    assert [value for value, _ in documents] == ["a", "b", ["c"]]
    assert documents[2][1].at((0,)) == Position(5, 3)
    with pytest.raises(YamlError, match="has no anchor"):
        yaml.load_all("&x a\n---\n*x\n")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | strategies.texts | strategies.tricky,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(strategies.keys, inner, max_size=4),
    max_leaves=12,
)


@given(data=plain)
def test_what_is_dumped_is_loaded_unchanged(data: Any) -> None:
    assert repr(yaml.load(yaml.dump(data))[0]) == repr(data)


@given(data=st.binary(max_size=60) | st.text(max_size=60))
def test_no_text_crashes_the_loader(data: bytes | str) -> None:
    try:
        yaml.load_all(data)
    except YamlError as error:
        assert error.line >= 1  # noqa: PT017
        assert error.column >= 1  # noqa: PT017
