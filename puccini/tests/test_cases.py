"""Every line of the TOSCA checklist by example and counter-example: the files in ``cases/`` and, by chapter,
``standard/``.

A case has a name (which begins with the lines it shows, such as ``T66``), a TOSCA file without its version line,
further files and profiles, and what is expected: diagnostics as ``code`` or ``code line`` (a line of the text in the
case), with ``?`` before warnings. Nothing expected means that the file is accepted without a word. With ``compile``,
the service is compiled too; ``hints`` are those of all diagnostics.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

import puccini
from puccini.diagnostics import Diagnostic, Severity

FOLDERS = (Path(__file__).parent / "cases", Path(__file__).parent / "standard")
VERSION = "tosca_definitions_version: tosca_2_0\n"


def cases() -> list[Any]:
    found = []
    for file in sorted(file for folder in FOLDERS for file in folder.glob("*.yaml")):
        found += [pytest.param(one, id=f"{file.stem}: {one['name']}") for one in yaml.safe_load(file.read_text())]
    return found


@pytest.mark.parametrize("case", cases())
def test_case(case: dict[str, Any], memory: Any, catalog: Any) -> None:
    prefix = "" if case.get("raw") else VERSION
    source = memory({"main.yaml": prefix + case["tosca"], **case.get("files", {})})
    profiles = catalog(case.get("profiles", {}))
    loaded = puccini.load(source, "main.yaml", profiles, strict=case.get("strict", False))
    diagnostics = list(loaded.diagnostics)
    if case.get("compile"):
        try:
            puccini.compile(loaded, "test")
        except puccini.Failed as failed:
            diagnostics = [d for d in diagnostics if d.severity is Severity.WARNING] + list(failed.diagnostics)
    offset = prefix.count("\n")
    expected = [str(one) for one in case.get("expect", [])]
    found = [_shown(one, offset, " " in wanted) for one, wanted in zip(diagnostics, expected, strict=False)]
    found += [_shown(one, offset, True) for one in diagnostics[len(expected) :]]
    assert found == expected, "\n" + puccini.render(diagnostics, loaded.text)
    if "hints" in case:
        assert [one.hint for one in diagnostics] == case["hints"]
    for one in diagnostics:
        assert one.message
        assert one.file
        assert one.line > 0


def _shown(found: Diagnostic, offset: int, with_line: bool) -> str:
    mark = "?" if found.severity is Severity.WARNING else ""
    line = found.line - offset if found.file == "main.yaml" else f"{found.file}:{found.line}"
    return f"{mark}{found.code} {line}" if with_line else f"{mark}{found.code}"
