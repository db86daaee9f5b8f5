"""No input crashes the processor (R81): valid files, broken in every way that chance finds."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import puccini
from puccini import nodes
from puccini import yaml as puccini_yaml

CASES = Path(__file__).parent / "cases"
VERSION = "tosca_definitions_version: tosca_2_0\n"


def sources() -> list[tuple[str, dict[str, str], dict[str, str]]]:
    found = []
    for file in sorted(CASES.glob("*.yaml")):
        for case in yaml.safe_load(file.read_text()):
            prefix = "" if case.get("raw") else VERSION
            found.append((prefix + case["tosca"], case.get("files", {}), case.get("profiles", {})))
    return found


SOURCES = sources()
KEYWORDS = ["derived_from", "type", "properties", "node", "scalar", "list", "map", "SELF", "UNBOUNDED", "select"]
SIGNS = [
    "",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "\n",
    "  ",
    "$",
    "$$",
    "&a ",
    "*a",
    "!!int ",
    "0",
    "'",
    "\x00",
    "é",
    "null",
]
_PIECES = st.sampled_from([*KEYWORDS, *SIGNS, "$value", "true"])


def check(text: bytes, files: dict[str, str], profiles: dict[str, str], memory: Any, catalog: Any) -> None:
    loaded = puccini.load(memory({"main.yaml": text, **files}), "main.yaml", catalog(profiles))
    puccini.render(loaded.diagnostics, loaded.text)
    with contextlib.suppress(puccini.Failed):
        puccini.compile(loaded, "test")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_broken_files(memory: Any, catalog: Any, data: st.DataObject) -> None:
    text, files, profiles = data.draw(st.sampled_from(SOURCES))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.sampled_from([0, 0, 1, 2, 5, 20])))
        text = text[:start] + data.draw(_PIECES) + text[end:]
    check(text.encode("utf-8", "replace"), files, profiles, memory, catalog)


_SCALARS = st.sampled_from([None, True, 0, -1, 1.5, "", "text", "$value", "$$x", "SELF", "N", "scalar", "integer"])
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "$and", "type", "node"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key, item in value.items():
            found += places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*path, index))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


PARSED = [
    (nodes.plain(document.value), files, profiles)
    for document, files, profiles in (
        (puccini_yaml.parse(text.encode(), "main.yaml"), files, profiles) for text, files, profiles in SOURCES
    )
    if document.complete
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_files_with_something_else_at_a_place(memory: Any, catalog: Any, data: st.DataObject) -> None:
    tree, files, profiles = data.draw(st.sampled_from(PARSED))
    for _ in range(data.draw(st.integers(1, 2))):
        tree = replaced(tree, data.draw(st.sampled_from(places(tree))), data.draw(_VALUES))
        if not isinstance(tree, dict | list):
            break
    check(yaml.safe_dump(tree, sort_keys=False).encode(), files, profiles, memory, catalog)


@pytest.mark.parametrize("depth", [50, 99, 150, 5000])
def test_deeply_nested_expressions(memory: Any, catalog: Any, depth: int) -> None:
    expression = "{ $not: [ " * (depth // 2) + "true" + " ] }" * (depth // 2)
    text = VERSION + "node_types: { N: { properties: { p: { type: boolean, default: " + expression + " } } } }\n"
    check(text.encode(), {}, {}, memory, catalog)
