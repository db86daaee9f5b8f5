"""TOSCA 1.0 to 1.3 by example and counter-example (R86, T6): the files in ``cases/``.

A case is as in ``../test_cases.py``, without its version line; ``minor`` is the version's second number, 3 when it is
not given. ``in`` is in the path of the first diagnostic, ``says`` in its message.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

import puccini
from puccini.diagnostics import Diagnostic, Severity

FOLDER = Path(__file__).parent / "cases"


def cases() -> list[Any]:
    found = []
    for file in sorted(FOLDER.glob("*.yaml")):
        found += [pytest.param(one, id=f"{file.stem}: {one['name']}") for one in yaml.safe_load(file.read_text())]
    return found


def text(case: dict[str, Any]) -> str:
    """Return the file of a case."""
    return f"tosca_definitions_version: tosca_simple_yaml_1_{case.get('minor', 3)}\n{case['tosca']}"


@pytest.mark.parametrize("case", cases())
def test_r86_case(case: dict[str, Any], memory: Any, catalog: Any) -> None:
    source = memory({"main.yaml": text(case), **case.get("files", {})})
    strict = case.get("strict", False)
    loaded = puccini.load(source, "main.yaml", catalog(case.get("profiles", {})), strict=strict)
    diagnostics = list(loaded.diagnostics)
    if case.get("compile") and not loaded.failed:
        try:
            puccini.compile(loaded, "test")
        except puccini.Failed as failed:
            diagnostics += failed.diagnostics
    expected = [str(one) for one in case.get("expect", [])]
    found = [_shown(one, " " in wanted) for one, wanted in zip(diagnostics, expected, strict=False)]
    found += [_shown(one, True) for one in diagnostics[len(expected) :]]
    rendered = "\n" + puccini.render(diagnostics, loaded.text)
    assert found == expected, rendered
    assert case.get("in", "") in (diagnostics[0].path if diagnostics else ""), rendered
    assert case.get("says", "") in (diagnostics[0].message if diagnostics else ""), rendered
    for one in diagnostics:
        assert one.line > 0
        assert "$" not in one.message.replace("$value", ""), one.message
    if not strict and any(one.severity is Severity.WARNING for one in diagnostics):
        again = puccini.load(source, "main.yaml", catalog(case.get("profiles", {})), strict=True)
        assert all(one.severity is Severity.ERROR for one in again.diagnostics)


def _shown(found: Diagnostic, with_line: bool) -> str:
    mark = "?" if found.severity is Severity.WARNING else ""
    line = found.line - 1 if found.file == "main.yaml" else f"{found.file}:{found.line}"
    return f"{mark}{found.code} {line}" if with_line else f"{mark}{found.code}"
