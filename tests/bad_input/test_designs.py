"""Designs that cannot be deployed: each is refused with what, where and what to do, and nothing changes (R83)."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.bad_input import refusals
from tests.bad_input.served import Served

CASES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("designs.yaml").read_text())
HEAD = "tosca_definitions_version: tosca_2_0\nimports: [ profile: khutulun:1.0 ]"


def write(case: dict[str, Any], folder: Path) -> Path:
    """Write the design of a case."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    text = str(case.get("file", "")).replace("HEAD", HEAD)
    if "repeat" in case:
        count = case["repeat"].pop("count", None) or case["count"]
        case["count"] = count
        for old, new in case["repeat"].items():
            text = text.replace(old, new * count)
    content = bytes(case["bytes"]) if "bytes" in case else text.encode()
    file = folder / "service.yaml"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("command", ["deploy", "plan"])
def test_r83_a_bad_design_is_refused_and_nothing_changes(
    served: Served, tmp_path: Path, name: str, command: str
) -> None:
    case = CASES[name]
    file = write(case, tmp_path / "design")
    inputs = [part for given in case.get("inputs", []) for part in ("--input", given)]
    with served.unchanged():
        ended = served.run("service", command, str(file), "--name", "x", *inputs)
    refusals.check(ended, *case["says"], hint=case.get("hint", ""))
    for hint in case.get("hints", []):
        refusals.check(ended, hint=hint)
