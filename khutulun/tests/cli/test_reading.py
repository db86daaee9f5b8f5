"""What is read by people (R101): a command that follows ends with its reader, events are told in words."""

import subprocess
import sys

import pytest

from floria.values import Value
from khutulun import model
from khutulun.cli import happenings, reading

FOLLOWS = "import threading; from khutulun.cli import reading; reading.end_with_reader(); threading.Event().wait()"


def test_r101_what_follows_ends_when_nobody_reads_it() -> None:
    with subprocess.Popen([sys.executable, "-c", FOLLOWS], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == reading.ABANDONED


def _told(kind: str, name: str, data: Value) -> str:
    event = model.Event(7, "id", kind, name, 0, "hello", "web", data=data)
    return happenings.line(event).partition("hello/web  ")[2]


@pytest.mark.parametrize(
    ("kind", "name", "data", "shown"),
    [
        ("event", "failed", {"detail": {"status": 1, "signal": None}, "state": "failed"}, "failed  (failed) status=1"),
        ("event", "started", {"detail": {"pid": 7, "ended": {"code": 2}}}, "started  pid=7 ended.code=2"),
        ("event", "said", {"detail": "good day", "count": 12}, 'said  detail="good day" 12 times'),
        ("event", "go", {"a": "b c", "list": [1, {"x": None}]}, 'go  a="b c" list=[1,{"x":null}]'),
        ("event", "go", "text", "go  text"),
        ("event", "go", None, "go"),
        ("event", "loop", {"refused": {"code": "floria.hop-limit", "message": "too far"}}, "loop  refused: too far"),
        ("step", "running", {"execution": "x", "operation": "create"}, "running  create"),
        (
            "step",
            "failed",
            {"operation": "start", "problem": {"message": "no", "where": "s/a"}},
            "failed  start s/a: no",
        ),
        ("execution", "deploy-done", {"execution": "x", "state": "done", "started": 1}, "deploy-done"),
        ("execution", "deploy-failed", {"problems": [{"message": "no room"}]}, "deploy-failed  no room"),
        ("handling", "failed", {"status": "done", "result": {"output": "x\n"}}, 'failed  done result.output="x\\n"'),
        ("handling", "failed", {"status": "failed", "error": {"message": "\x1b[1m"}}, "failed  failed \\x1b[1m"),
    ],
)
def test_r101_events_are_told_in_words(kind: str, name: str, data: Value, shown: str) -> None:
    assert _told(kind, name, data) == shown
