"""Every example on docs/store.md does what the page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "store.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def steps(block: str) -> list[tuple[str, str]]:
    """Return the commands of a block, each with what it is said to print."""
    return [(command, said) for command, said in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)]


def fits(said: str, printed: str) -> bool:
    return re.fullmatch(re.escape(said).replace("…", ".*"), printed, re.DOTALL) is not None


def test_the_examples_of_the_store_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in blocks("python"):
        exec(compile(block, PAGE.name, "exec"), {})  # noqa: S102
    commands = [step for block in blocks("console") for step in steps(block)]
    mark = "=== end of command ==="
    script = "".join(f"{command}\necho '{mark}'\n" for command, _ in commands)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "200"}
    result = subprocess.run(
        ["sh"], input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False
    )
    printed = result.stdout.split(f"{mark}\n")[:-1]
    assert len(printed) == len(commands) >= 14
    for (command, said), found in zip(commands, printed, strict=True):
        assert fits(said, found), f"{command}\n{found}"
