"""The examples in docs/csar.md run as they stand there."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from puccini.csar import Refusal

from .conftest import Run

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "csar.md").read_text()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the examples in it."""
    shutil.copytree(ROOT / "examples" / "hello", tmp_path / "examples" / "hello")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PUCCINI_PROFILES", str(ROOT / "profiles"))
    return tmp_path


def test_the_commands(checkout: Path, run: Run) -> None:
    block, *_ = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines():
        found = run(*shlex.split(line, comments=True))
        assert found.code == 0, found.err
    assert (checkout / "hello" / "service.yaml").is_file()


def test_the_commands_about_signatures(checkout: Path) -> None:
    """T165: made by ours, checked by ours and by OpenSSH's own."""
    _, making, checking = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    programs = Path(sys.executable).parent
    script = f"set -eu -o pipefail; PATH={programs}:$PATH\n{making}\n{checking}"
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "signed.csar: valid, signed by alice" in ran.stdout


def test_the_code(checkout: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    ran = subprocess.run([sys.executable, "-W", "error", "-c", block], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("service.yaml ['TOSCA.meta', ")


def test_every_refusal_is_explained() -> None:
    internal = {Refusal.UNREADABLE, Refusal.TARGET}
    assert not [refusal for refusal in set(Refusal) - internal if f"`{refusal.value}`" not in PAGE]
