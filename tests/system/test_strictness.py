"""How test runs treat what they cannot run: never silently, and in CI not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from testbed import checkout

MIXED = """
import pytest

@pytest.mark.host
def test_real(): pass

def test_plain(): pass
"""
EVASIVE = """
import pytest

def test_plain(): pass

def test_skips(): pytest.skip("no reason")

@pytest.mark.skip
def test_skipped(): pass

@pytest.mark.xfail
def test_may_fail(): raise ValueError
"""
CONFIGURATION = "[pytest]\nmarkers =\n    host: x\n    system: x\n    demo: x\n"


def run(folder: Path, text: str, *options: str, ci: bool, path: str | None = None) -> tuple[int, str]:
    """Run `text` as a test file under the rules; return the run's status and output."""
    (folder / "pytest.ini").write_text(CONFIGURATION)
    (folder / "test_it.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(checkout.ROOT), "CI": str(ci).lower()}
    if path is not None:
        environment["PATH"] = path
    command = [sys.executable, "-m", "pytest", "-p", "testbed.strictness", "-p", "no:cacheprovider", "-v", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_skip_fails_in_ci_only(tmp_path: Path) -> None:
    """A test that does not run, or may fail, is a failure in CI; so is a file that is not collected."""
    (tmp_path / "test_absent.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    status, output = run(tmp_path, EVASIVE, "--continue-on-collection-errors", ci=True)
    assert status == 1, output
    assert "2 failed, 1 passed, 2 errors" in output
    assert output.count("which CI forbids") >= 4
    status, output = run(tmp_path, EVASIVE, ci=False)
    assert status == 0, output


def test_leaving_out_fails_in_ci(tmp_path: Path) -> None:
    """A test that was deselected is a failure in CI, named."""
    status, output = run(tmp_path, "def test_a(): pass\ndef test_b(): pass\n", "-k", "test_a", ci=True)
    assert status == 1
    assert "TESTS WERE LEFT OUT, WHICH CI FORBIDS" in output
    assert "test_it.py::test_b" in output


def test_an_unable_machine_says_so_loudly(tmp_path: Path) -> None:
    """Where the tools are missing, real-backend tests are left out with a loud line; in CI the run does not start."""
    status, output = run(tmp_path, MIXED, ci=False, path=str(tmp_path))
    assert status == 0, output
    assert "REAL-BACKEND TESTS DID NOT RUN" in output
    assert "1 passed" in output
    status, output = run(tmp_path, MIXED, ci=True, path=str(tmp_path))
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "this machine cannot run every test" in output
