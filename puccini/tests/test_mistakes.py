"""One mistake is one error: nothing is reported that only follows from something else that was (R81).

Each word of a service that refers to something, or says what something is, is misspelt in turn.
"""

import re
from pathlib import Path
from typing import Any

import pytest

import puccini

FILES = {one.stem: one.read_text() for one in (Path(__file__).parent / "mistakes").glob("*.yaml")}
SERVICE = FILES["service"]
KEYNAMES = re.compile(
    r"\b(types?|derived_from|properties|attributes|capabilit(?:y|ies)|requirements|interfaces|operations|units"
    r"|node_templates|entry_schema|relationship|imports|steps|targets)(?=:)"
)


@pytest.fixture
def check(memory: Any, catalog: Any) -> Any:
    def run(**changed: str) -> list[str]:
        files = {f"{name}.yaml": text for name, text in {**FILES, **changed}.items()}
        loaded = puccini.load(memory({**files, "run.sh": "x"}), "service.yaml", catalog({}))
        return [str(one) for one in loaded.diagnostics]

    return run


def test_the_service_is_right(check: Any) -> None:
    assert check() == []


def test_a_misspelt_name_is_one_error(check: Any) -> None:
    """R81: whatever it is the name of, and whatever else would need it."""
    more = []
    for word in re.finditer(r"[A-Za-z_.:]+", SERVICE):
        if word.start() < SERVICE.index("imports") or word[0].endswith(":"):
            continue
        found = check(service=f"{SERVICE[: word.end()]}Zz{SERVICE[word.end() :]}")
        more += [found] if len(found) > 1 else []
    assert more == []


def test_a_misspelt_keyname_is_one_error(check: Any) -> None:
    """R81: what was meant to be there is not missing, too, nor is what it would have defined."""
    more = []
    for word in KEYNAMES.finditer(SERVICE):
        found = check(service=f"{SERVICE[: word.start()]}x{SERVICE[word.start() :]}")
        assert found, word
        more += [found] if len(found) > 1 else []
    assert more == []


@pytest.mark.parametrize("name", ["types", "more"])
def test_what_a_broken_import_would_have_defined_is_not_missed(name: str, check: Any) -> None:
    """R81, T15: only that the import failed is told, and why."""
    found = check(**{name: "a: ["})
    assert [one.rpartition(" ")[2] for one in found] == ["[import-failed]", "[yaml-syntax]"]


def test_a_definition_that_cannot_be_read_is_there(load: Any) -> None:
    """R81: nothing else is said about its users."""
    loaded = load(
        "node_types: { N: 5 }\n"
        "service_template:\n"
        "  inputs: { i: [] }\n"
        "  node_templates:\n"
        "    a: { type: N }\n"
        "    b: 5\n"
        "  groups: { g: { type: G, members: [ b ] } }\n"
        "  outputs: { o: { value: { $get_property: [ b, p ] } }, i: { value: { $get_input: i } } }\n"
        "group_types: { G: {} }\n"
    )
    assert [one.code for one in loaded.diagnostics] == ["wrong-kind", "not-a-refinement", "wrong-kind"]


def test_errors_in_imports_say_how_they_were_reached(load: Any) -> None:
    """R81: the import that asked for the file, and the imports above it."""
    version = "tosca_definitions_version: tosca_2_0\n"
    files = {
        "a.yaml": version + "imports:\n- b/b.yaml\n",
        "b/b.yaml": version + "node_types: { N: { derived_from: M } }\n",
    }
    loaded = load("imports: [ a.yaml ]\n", files)
    (found,) = loaded.diagnostics
    assert found.file == "b/b.yaml"
    assert [(one.file, one.line, one.column) for one in found.imports] == [("a.yaml", 3, 3), ("main.yaml", 2, 12)]
    shown = puccini.render(loaded.diagnostics, loaded.text)
    assert "  imported by a.yaml:3:3\n  imported by main.yaml:2:12\n" in shown


def test_the_end_is_where_the_thing_ends(load: Any) -> None:
    """R81: of blocks over several lines, of quoted keys; blanks and comments after them are not part of them."""
    loaded = load(
        "node_types:\n"
        "  N: { properties: { p: { type: string } } }\n"
        "service_template:\n"
        "  node_templates:\n"
        "    n:\n"
        "      type: N\n"
        "      properties:\n"
        "        p:\n"
        "          a: 1\n"
        "          b: 2  \n"
        "\n"
        "        # about q\n"
        '        "q q": 1\n'
    )
    one, two = loaded.diagnostics
    assert (one.line, one.column, one.end_line, one.end_column) == (10, 11, 11, 15)
    assert (two.line, two.column, two.end_line, two.end_column) == (14, 9, 14, 14)
