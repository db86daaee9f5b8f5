"""``puccini-tosca format`` and ``describe`` (R101)."""

import io
import sys
from pathlib import Path

import pytest

from .conftest import Run

UGLY = "tosca_definitions_version:   tosca_2_0\nnode_types: {N: {}} # n\n"
NEAT = "tosca_definitions_version: tosca_2_0\nnode_types: { N: {} }  # n\n"


def test_files_are_put_in_form(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R101: in place, once; permissions stay."""
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(UGLY)
    Path("a.yaml").chmod(0o640)
    found = run("puccini-tosca", "format", "--check", "a.yaml")
    assert (found.code, found.out) == (1, "a.yaml: not in form\n")
    assert Path("a.yaml").read_text() == UGLY
    found = run("puccini-tosca", "format", "a.yaml")
    assert (found.code, found.out) == (0, "a.yaml: put in form\n")
    assert Path("a.yaml").read_text() == NEAT
    assert Path("a.yaml").stat().st_mode & 0o777 == 0o640
    before = Path("a.yaml").stat().st_ino
    found = run("puccini-tosca", "format", "a.yaml", "--output", "json")
    assert found.data == [{"file": "a.yaml", "changed": False, "diagnostics": []}]
    assert Path("a.yaml").stat().st_ino == before
    assert run("puccini-tosca", "format", "--check", "a.yaml").code == 0


def test_standard_input_and_output(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """R101."""
    for arguments, code, out in [((), 0, NEAT), (("-",), 0, NEAT), (("--check",), 1, "")]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(UGLY.encode())))
        found = run("puccini-tosca", "format", *arguments)
        assert (found.code, found.out) == (code, out)


def test_what_cannot_be_read_is_left_alone(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R101: 3 for what is not there, 1 for what is not YAML; the rest is done."""
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(UGLY)
    Path("b.yaml").write_text("a: [\n")
    Path("c.yaml").write_bytes(b"\xff\xfe\xff")
    found = run("puccini-tosca", "format", "b.yaml", "a.yaml", "c.yaml")
    assert found.code == 1
    assert "b.yaml:2:1: error: this is not YAML" in found.err
    assert "c.yaml:1:1: error: the file cannot be read as text" in found.err
    assert Path("a.yaml").read_text() == NEAT
    assert Path("b.yaml").read_text() == "a: [\n"
    assert run("puccini-tosca", "format", "nope.yaml", "a.yaml").code == 3


def test_describe_a_service(run: Run, place: Path) -> None:
    """R101: what goes in, what comes out, what is inside."""
    found = run("puccini-tosca", "describe", place / "service.yaml")
    assert found.code == 0
    assert "port    integer, always there, default 80, $less_than: [ $value, 65536 ]" in found.out
    assert "urls" in found.out
    data = run("puccini-tosca", "describe", place / "service.yaml", "--output", "json").data
    assert data["inputs"]["copies"] == {"type": "integer", "required": True, "default": 2}
    assert data["node_templates"]["web"]["type"] == "Web"
    assert data["node_templates"]["web"]["requirements"] == [{"host": "any Machine"}]


def test_describe_a_type(run: Run, place: Path) -> None:
    """R101: with all that it inherits."""
    service = (place / "service.yaml").read_text()
    (place / "service.yaml").write_text(
        service.replace("node_types:\n", "node_types:\n  Fast: { derived_from: Web, description: Quick. }\n", 1)
    )
    found = run("puccini-tosca", "describe", place / "service.yaml", "Fast", "--output", "json").data
    assert found["derived_from"] == ["Web"]
    assert found["description"] == "Quick."
    assert found["properties"] == {"port": {"type": "integer", "required": True}}
    assert found["requirements"]["host"]["capability"] == "Host"
    assert found["interfaces"]["standard"]["operations"]["start"]["inputs"]["port"]["type"] == "integer"
    assert "port  integer, required" in run("puccini-tosca", "describe", place / "service.yaml", "Fast").out
    wrong = run("puccini-tosca", "describe", place / "service.yaml", "Fats")
    assert (wrong.code, wrong.out) == (1, "")
    assert "hint: did you mean 'Fast'?" in wrong.err


def test_describe_a_profile(run: Run, place: Path) -> None:
    """R101: all of its types, by the file or by name."""
    folder = place.parent / "profiles" / "acme" / "1.0"
    folder.mkdir(parents=True)
    (folder / "profile.yaml").write_text(
        "tosca_definitions_version: tosca_2_0\nprofile: acme:1.0\nimports: [ more.yaml ]\nnode_types: { A: {} }\n"
    )
    (folder / "more.yaml").write_text("tosca_definitions_version: tosca_2_0\nnode_types: { B: {} }\n")
    for what in (folder / "profile.yaml", "acme:1.0"):
        found = run("puccini-tosca", "describe", what, "--profiles", "profiles", "--output", "json").data
        assert [one["name"] for one in found] == ["A", "B"]
        assert found[0]["class"] == "acme:1.0::A"
    assert run("puccini-tosca", "describe", "acme:2.0", "--profiles", "profiles").code == 3
