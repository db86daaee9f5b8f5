"""What commands write where: colours on terminals alone, the same as data for programs (R81, R83, R101)."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import SERVICE, Run

WRONG = SERVICE.replace("type: Machine, cap", "type: Machina, cap", 1)
PROGRAM = Path(sys.executable).parent / "puccini-tosca"


def on_a_terminal(*arguments: str | Path, **environment: str) -> str:
    """Run the program with a terminal for its output, and return what it wrote there."""
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb", buffering=0) as terminal:
        ran = subprocess.Popen(
            [PROGRAM, *arguments],
            stdout=follower,
            stderr=follower,
            env={**os.environ, "TERM": "xterm", **environment},
        )
        os.close(follower)
        parts = []
        while True:
            try:
                part = terminal.read(4096)
            except OSError:
                break
            if not part:
                break
            parts.append(part)
        ran.wait()
    return b"".join(parts).decode()


def test_the_line_is_shown_with_its_span_marked(run: Run, place: Path) -> None:
    """R81: without colours where nobody sees them."""
    (place / "service.yaml").write_text(WRONG)
    found = run("puccini-tosca", "validate", place / "service.yaml")
    assert "\x1b" not in found.out
    line, marks = found.out.splitlines()[2:4]
    assert line[marks.index("^") : marks.rindex("^") + 1] == "Machina"


def test_colours(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R81, R101: on a terminal, unless NO_COLOR is set."""
    (place / "service.yaml").write_text(WRONG)
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = on_a_terminal("validate", place / "service.yaml")
    assert "\x1b[1;31merror\x1b[0m" in shown
    assert "\x1b[1;31m^^^^^^^\x1b[0m" in shown
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_a_terminal("validate", place / "service.yaml", **environment)


def test_nothing_in_a_file_controls_the_terminal(run: Run, tmp_path: Path) -> None:
    """R81: escape sequences and changes of direction in names and values are shown as question marks."""
    file = tmp_path / "evil.yaml"
    file.write_text('tosca_definitions_version: tosca_2_0\nnode_types: { "\\e[31mN\\u202e": 5 } # \u202e\n')
    found = run("puccini-tosca", "validate", file)
    assert found.code == 1
    assert not {"\x1b", "\u202e"} & set(found.out)


def test_wide_characters_are_marked_where_they_are(run: Run, tmp_path: Path) -> None:
    """R81: two places each."""
    file = tmp_path / "wide.yaml"
    file.write_text("tosca_definitions_version: tosca_2_0\nnode_types: { 日本: { derived_from: 東京 } }\n")
    lines = run("puccini-tosca", "validate", file).out.splitlines()
    assert lines[2].index("東京") + len("日本") == lines[3].index("^^^^")


@pytest.mark.parametrize("command", ["compile", "instantiate"])
def test_errors_as_data(command: str, run: Run, place: Path) -> None:
    """R81, R101: the same as validate gives."""
    (place / "service.yaml").write_text(WRONG)
    found = run("puccini-tosca", command, place / "service.yaml", "--output", "json")
    assert found.code == 1
    assert found.data["valid"] is False
    assert [one["code"] for one in found.data["diagnostics"]] == ["unknown-type"]
    (validated,) = run("puccini-tosca", "validate", place / "service.yaml", "--output", "json").data
    assert validated == found.data


def test_unsatisfied_requirements_as_data(run: Run, place: Path) -> None:
    """R83: requirement, node, every candidate and the reason against it."""
    found = run("puccini-tosca", "instantiate", place / "service.yaml", "--input", "copies=3", "--output", "json")
    assert found.code == 1
    (problem,) = found.data["problems"]
    assert problem["where"].startswith("service/web[2]")
    refusals = {one["candidate"]: one["reason"] for one in problem["refusals"]}
    assert refusals["service/big/host"].startswith("memory: 3000000000 asked")
    assert set(refusals) == {"service/big/host", "service/small/host"}


def test_imports_of_an_archive_say_where_they_are(run: Run, place: Path) -> None:
    """R81, R84: the chain of imports, in an archive as in a folder."""
    (place / "types.yaml").write_text("tosca_definitions_version: tosca_2_0\nnode_types: { A: { derived_from: B } }\n")
    (place / "service.yaml").write_text(
        SERVICE.replace("artifact_types:", "imports: [ types.yaml ]\nartifact_types:", 1)
    )
    run("puccini-csar", "create", place, "--entry", "service.yaml", "--file", "a.csar")
    (found,) = run("puccini-tosca", "validate", "a.csar", "--output", "json").data[0]["diagnostics"]
    assert found["file"] == "types.yaml"
    assert [(one["file"], one["line"]) for one in found["imports"]] == [("service.yaml", 2)]
