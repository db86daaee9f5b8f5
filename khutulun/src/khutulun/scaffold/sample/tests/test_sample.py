"""The driver `sample` without a machine: state goes in, a verb is called, effects come out."""

import runpy
from pathlib import Path
from typing import Any

from floria_plugin.testing import FakeHost

plugin = runpy.run_path(str(Path(__file__).parents[1] / "plugin.py"))["plugin"]
FOLDER = "/var/lib/khutulun/sample"
FILE = f"{FOLDER}/available/hello-greeting-0"


def site(text: str) -> dict[str, Any]:
    return {
        "entity": {"properties": {"text": text}},
        "names": {"machine": "hello-greeting-0"},
        "host": {"paths": {"state": "/var/lib/khutulun"}},
    }


def test_create_writes_the_text() -> None:
    host = FakeHost()
    assert host.call(plugin, "create", site("hi"), [{}])["attributes"] == {"path": FILE}
    assert host.files[FILE] == "hi\n"


def test_a_change_by_hand_is_a_difference() -> None:
    host = FakeHost(files={FILE: "mine\n"}, commands={("test", "-L", f"{FOLDER}/enabled/hello-greeting-0"): ""})
    found = host.call(plugin, "inspect", site("hi"), [{}])
    assert found["differences"] == [{"what": "text", "expected": "hi\n", "found": "mine\n"}]
