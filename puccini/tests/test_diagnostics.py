"""docs/diagnostics.md explains every code there is, by an example that yields it (R81)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import puccini

CODE = Path(puccini.__file__).parent
PAGE = (Path(__file__).parents[2] / "docs" / "diagnostics.md").read_text()
VERSION = "tosca_definitions_version"
SECTION = re.compile(r"^## ([a-z-]+)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
EXAMPLE = re.compile(r"^```(yaml|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SECTIONS = {match[1]: match[2] for match in SECTION.finditer(PAGE)}
REPORTERS = {"error", "warn", "ignore", "Problem", "Diagnostic", "_Lost", "_report"}
WITHOUT = {
    "not-formattable": "formatting says it, and its tests show it",
    "unreadable-file": "a file that is not there shows it",
}


def used() -> set[str]:
    """The codes in the source: the first argument, or `code`, of what reports."""
    found: set[str] = set()
    for file in CODE.rglob("*.py"):
        if not {"csar", "cli"} & set(file.parts):
            found.update(_codes(ast.parse(file.read_text())))
    return found


def _codes(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = [one.value for one in node.keywords if one.arg == "code"] or node.args[:1]
            for one in given if name in REPORTERS else ():
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value


def test_every_code_is_explained_and_no_other() -> None:
    """R81: who adds a code adds a section to the page; who removes one, removes it there."""
    assert sorted(used() - SECTIONS.keys()) == []
    assert sorted(SECTIONS.keys() - used()) == []


def test_the_page_is_in_order() -> None:
    assert list(SECTIONS) == sorted(SECTIONS)


@pytest.mark.parametrize("code", sorted(SECTIONS.keys() - WITHOUT.keys()))
def test_the_example_yields_its_code(code: str, memory: Any, catalog: Any) -> None:
    """R81: once, and nothing else."""
    files: dict[str, str | bytes] = {}
    for language, body in EXAMPLE.findall(SECTIONS[code]):
        named = re.match(r"# (\S+\.\w+)\n", body)
        name = named[1] if named else "service.yaml"
        if language == "text":
            files[name] = body.encode().decode("unicode_escape").encode("latin-1")
        elif VERSION in body or not name.endswith(".yaml"):
            files[name] = body
        else:
            files[name] = f"{VERSION}: tosca_2_0\n{body}"
    profiles = {":".join(name.split("/")[1:-1]): text for name, text in files.items() if name.startswith("profiles/")}
    loaded = puccini.load(memory(files), "service.yaml", catalog(profiles))
    found = list(loaded.diagnostics)
    if not found:
        with pytest.raises(puccini.Failed) as failed:
            puccini.compile(loaded)
        found = list(failed.value.diagnostics)
    assert [one.code for one in found] == [code], puccini.render(found, loaded.text)
    assert all(one.message and one.end_line >= one.line for one in found)


def test_a_file_that_is_not_there(memory: Any) -> None:
    """R81."""
    loaded = puccini.load(memory({}), "service.yaml")
    assert [(one.code, one.file, one.line) for one in loaded.diagnostics] == [("unreadable-file", "service.yaml", 0)]


def test_the_fields_are_those_of_the_page() -> None:
    """R81: diagnostics as data have the same fields, always all of them."""
    table = PAGE.partition("| --- | --- |\n")[2].partition("\n\n")[0]
    named = {name for row in table.splitlines() for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    assert named == set(puccini.Diagnostic._fields)
