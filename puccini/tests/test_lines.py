"""What is read line by line is what libyaml reads, with the same places (T1 to T4, T10); anything else is a doubt."""

import random
from pathlib import Path
from typing import Any

import pytest

from puccini import libyaml, lines, yaml

ROOT = Path(__file__).parents[2]
FILES = sorted(
    file
    for folder in ("examples", "profiles", "puccini/src", "puccini/tests", "tests")
    for file in (ROOT / folder).rglob("*.yaml")
)
READ = """# What is read here, all of it.

tosca_definitions_version: tosca_2_0
$list:
- one
-   two words   # and a comment
- - nested
  - a: 1
    b: -1.5

    c:
  - {}
- { key: value, other: [ a, 'b', "c d", 0x1F, ~, min: 3, { x: true } ], url: http://example.com:80/a }
deep:
    # within
    text: a, b [c] {d} "e" it's
    colon: a:b and http://c#d
    literal: |
      first

        more
      # no comment

    folded: >-
      one
      two

      three
    quoted: 'a: #b'   # c
    e: ü
empty:
last: 2025-01-01
"""
PIECES = (
    *(
        " ",
        "  ",
        "\n",
        "\n  ",
        "\n- ",
        "- ",
        ": ",
        ":",
        "a",
        "é",
        "b: 1\n",
        "x y",
        "=",
        "$",
        "1",
        "~",
        ".",
        "-",
        "?",
        "|",
    ),
    *("{", "}", "[", "]", ",", "#", " #", "'", '"', "true", "True", "---\n", "|\n", ">-\n", ": >\n     x\n", "\n\n\n"),
    *("[ a: b ]", "a:b:", "&a ", "*a", "!!str ", "\t", "\r\n", "\u2028", "\\"),
)


def compare(data: bytes) -> bool:
    """Whether something was read; it is compared with what libyaml reads."""
    found, known = yaml.Document("file", data), yaml.Document("file", data)
    try:
        lines.read(found, 0)
    except lines.Doubt:
        assert found.value is None
        return False
    libyaml.read(known, 0)
    assert known.complete, data
    assert not known.problems, data
    assert not known.anchored, data
    assert not known.unusual, data
    assert (found.marks, shape(found.value)) == (known.marks, shape(known.value)), data
    return True


def shape(value: Any) -> Any:
    """Return a value with its places and classes, in order."""
    if isinstance(value, dict):
        return [(key, value.marks[key], shape(item)) for key, item in value.items()]  # type: ignore[attr-defined]
    if isinstance(value, list):
        return [(mark, shape(item)) for mark, item in zip(value.marks, value, strict=True)]  # type: ignore[attr-defined]
    return type(value), repr(value)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_are_read_as_by_libyaml(file: Path) -> None:
    compare(file.read_bytes())


def test_the_profile_that_all_files_of_tosca_1_need_is_read() -> None:
    assert all(compare(file.read_bytes()) for file in (ROOT / "puccini/src/puccini/dialects").rglob("*.yaml"))


def test_all_forms_are_read() -> None:
    assert compare(READ.encode())
    assert yaml.parse(READ.encode(), "file").value["deep"]["folded"] == "one two\nthree"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a: 1\na: 2\n",
            "a: b\n  c\n",
            "a:b\n",
            "- a\n",
            "a: &x 1\n",
            "a: True\n",
            "a: [\n  1 ]\n",
            "? a\n",
            "a: {b}\n",
        ),
        *("a: 'it''s'\n", 'a: "\\n"\n', "a: b: c\n", "a: |2\n    x\n", "a: >\n  x\n   y\n", "1: a\n", "true: a\n", ""),
        *("a: [ 1, ]\n", "a: b\n---\nc: d\n", "a:\n  b: 1\n c: 2\n", "a:\tb\n", "a: b\r\n", "a: \xff\n", "a: 1\n  "),
    ],
)
def test_what_is_doubtful_is_left_to_libyaml(text: str) -> None:
    assert not compare(text.encode("latin-1"))


def test_what_is_too_deep_is_a_doubt() -> None:
    """T4"""
    for text in ("[" * 150 + "]" * 150, "\n".join(" " * one + "a:" for one in range(1, 150))):
        assert not compare(f"a: {text}\n".encode())


@pytest.mark.parametrize("seed", range(20))
def test_mutated_texts_are_read_as_by_libyaml(seed: int) -> None:
    """R81"""
    chance = random.Random(seed)
    texts = [READ, *(text for file in FILES if len(text := file.read_text(errors="replace")) < 10_000)]
    read = 0
    for _ in range(300):
        rows = chance.choice(texts).split("\n")
        begin = chance.randrange(len(rows))
        text = "\n".join(rows[begin : begin + chance.randrange(1, 14)])
        for _ in range(chance.randrange(4)):
            place = chance.randrange(len(text) + 1)
            text = text[:place] + chance.choice(("", *PIECES)) + text[place + chance.randrange(3) :]
        read += compare(text.encode())
    assert read > 20
