"""The programs themselves: installed, quick to start, documented (R101)."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from .conftest import Run

PROGRAMS = ["puccini-tosca", "puccini-csar"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_version(program: str, run: Run) -> None:
    """R101: that of the distribution."""
    assert run(program, "--version").out == f"{program} {version('khutulun-puccini')}\n"
    assert run(program, "--version", "nonsense").out == f"{program} {version('khutulun-puccini')}\n"


@pytest.mark.parametrize("program", PROGRAMS)
def test_version_imports_nothing_heavy(program: str) -> None:
    """R101: what makes a command slow to start is not imported for it."""
    module = f"puccini.cli.{program.removeprefix('puccini-')}"
    code = f"import sys; sys.argv[1:] = ['--version']; import {module} as m; m.main(); print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(ran.stdout.splitlines()[1].split())
    assert not modules & {"click", "msgspec", "yaml", "importlib.metadata", "puccini.csar", "puccini.loading", "floria"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["puccini-tosca"],
        ["puccini-tosca", "validate"],
        ["puccini-tosca", "compile"],
        ["puccini-tosca", "instantiate"],
        ["puccini-tosca", "describe"],
        ["puccini-tosca", "format"],
        ["puccini-tosca", "serve"],
        ["puccini-csar"],
        ["puccini-csar", "create"],
        ["puccini-csar", "inspect"],
        ["puccini-csar", "verify"],
        ["puccini-csar", "sign"],
        ["puccini-csar", "extract"],
    ],
)
def test_help(arguments: list[str], run: Run) -> None:
    """R101: every command and every option says what it is for."""
    found = run(*arguments, "--help")
    assert found.code == 0
    assert found.out.startswith(f"Usage: {' '.join(arguments)} ")
    options = [line for line in found.out.splitlines() if line.startswith("  -")]
    assert options


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_typed_wrong(program: str, run: Run) -> None:
    """R101: the command that was meant is named."""
    meant = {"puccini-tosca": "validate", "puccini-csar": "verify"}[program]
    found = run(program, f"{meant[:-1]}")
    assert (found.code, found.out) == (2, "")
    assert found.err == f"error: there is no command '{meant[:-1]}'\nhint: did you mean '{meant}'?\n"


@pytest.mark.parametrize(
    "command", ["puccini-tosca --help", "puccini-tosca validate x.yaml", "puccini-tosca describe tosca-simple:1.3"]
)
def test_output_that_nobody_takes(command: str, place: Path) -> None:
    """R101: a full disk is told in one line; where standard output is closed, the exit code says all."""
    (place / "x.yaml").write_text("tosca_definitions_version: tosca_2_0\nnode_types: { N: { x: 1 } }\n")
    path = Path(sys.executable).parent
    full = subprocess.run(
        f"{path}/{command} > /dev/full", shell=True, check=False, cwd=place, capture_output=True, text=True
    )
    assert (full.returncode, full.stderr) == (3, "error: the output cannot be written: No space left on device\n")
    closed = subprocess.run(f"{path}/{command} >&-", shell=True, check=False, cwd=place, capture_output=True, text=True)
    assert (closed.returncode, closed.stderr) == (int("validate" in command), "")


def test_the_installed_programs(place: Path) -> None:
    """R101: as they are found on the path; a closed pipe is no traceback."""
    program = Path(sys.executable).parent / "puccini-tosca"
    ran = subprocess.run([program, "validate", place / "service.yaml"], check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    command = f"{program} compile {place / 'service.yaml'} | head -c 10"
    ran = subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True)
    assert "Traceback" not in ran.stderr
