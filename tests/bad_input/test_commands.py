"""Commands that cannot be done: each says what, where and what to do, and nothing changes."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.bad_input import refusals
from tests.bad_input.served import Served
from tests.bad_input.test_designs import HEAD

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("commands.yaml").read_text())

GOOD = f"{HEAD}\nservice_template:\n  node_templates:\n    a: {{ type: Task }}\n"
WANTS = """
from floria_sdk import plugin

@plugin.function
def work(site):
    return None
"""
FILES = {
    "good.yaml": GOOD.encode(),
    "ünï.yaml": GOOD.encode(),
    "bad.yaml": GOOD.replace("Task", "Tusk").encode(),
    "garbage.txt": bytes(range(256)) * 16,
    "garbage.wasm": b"\0asm" + bytes(range(256)) * 16,
    "empty.wasm": b"",
    "module.wasm": b"\0asm\x01\0\0\0",
    "garbage.py": bytes(range(256)),
    "nothing.py": b"x = 1\n",
    "raises.py": b"raise RuntimeError('no')\n",
    "endless.py": b"while True:\n    pass\n",
    "list.yaml": b"- 1\n",
    "half.yaml": b"a: [1,\n",
    "none/readme.txt": b"nothing\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that commands name."""
    made = tmp_path_factory.mktemp("files")
    for name, content in FILES.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_bytes(content)
    wants = Path(__file__).parents[2] / "examples/python-plugin/plugins"
    (made / "wants.py").write_bytes(next(wants.glob("*.py")).read_bytes())
    return made


@pytest.fixture(scope="module")
def busy(served: Served, folder: Path) -> Iterator[Served]:
    """The server, with one service."""
    served.do("service", "deploy", str(folder / "good.yaml"), "--name", "running")
    served.forget()
    yield served
    served.do("service", "undeploy", "running")


@pytest.mark.parametrize("case", CASES, ids=[case["command"] for case in CASES])
def test_a_command_that_cannot_be_done_changes_nothing(busy: Served, folder: Path, case: dict[str, Any]) -> None:
    arguments = [word.replace("FOLDER", str(folder)) for word in shlex.split(case["command"])]
    with busy.unchanged():
        ended = busy.run(*arguments)
    refusals.check(ended, case["says"], hint=case.get("hint", ""), status=case.get("status", 1))
