"""`kill -9` at any step of a deploy, an update or an undeploy: it finishes and nothing runs twice (R94)."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BUILD = ["create", "start"]
TEAR_DOWN = ["stop", "delete"]
DEPLOYED = {"s-a-0": BUILD, "s-b-0": BUILD, "s-c-0": BUILD}
UPDATED = {"s-a-0": [*BUILD, "update"], "s-b-0": BUILD, "s-c-0": [*BUILD, *TEAR_DOWN], "s-d-0": BUILD}
TOURED = {
    "s-a-0": [*BUILD, "shout hi", "shout in", "shout out"],
    "s-b-0": [*BUILD, "shout quiet", "shout quiet"],
    "s-b-1": [*BUILD, "shout quiet", "shout quiet"],
}
UNDEPLOYED = {name: [*BUILD, *TEAR_DOWN] for name in DEPLOYED}


def start(state: Path, action: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-m", "khutulun.testing.mortal", str(state), action]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def complete(state: Path, action: str) -> str:
    """Run to the end; return the last line."""
    with start(state, action) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.splitlines()[-1]


def kill_after(state: Path, action: str, lines: int) -> bool:
    """Kill the server -9 when it has told so many steps; False when it ended before."""
    with start(state, action) as process:
        assert process.stdout is not None
        for _ in range(lines):
            line = process.stdout.readline()
            if not line or line.startswith("ended"):
                process.communicate(timeout=120)
                return False
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=120)
    return True


def done(state: Path) -> dict[str, list[str]]:
    found = {}
    for file in sorted((state / "notes").glob("*.log")):
        found[file.stem] = [line.partition(" ")[2] for line in file.read_text().splitlines()]
    return found


@pytest.mark.parametrize("step", range(1, 14, 2))
def test_r94_a_deploy_survives_kill_9(tmp_path: Path, step: int) -> None:
    state = tmp_path / "state"
    kill_after(state, "deploy", step)
    assert complete(state, "finish") == "ended running"
    assert done(state) == DEPLOYED


@pytest.mark.parametrize("step", range(13, 26, 3))
def test_r94_an_update_survives_kill_9(tmp_path: Path, step: int) -> None:
    state = tmp_path / "state"
    assert complete(state, "deploy") == "ended running"
    kill_after(state, "update", step)
    assert complete(state, "finish") == "ended running"
    assert done(state) == UPDATED


@pytest.mark.parametrize("step", range(13, 22, 2))
def test_r94_an_undeploy_survives_kill_9(tmp_path: Path, step: int) -> None:
    state = tmp_path / "state"
    assert complete(state, "deploy") == "ended running"
    kill_after(state, "undeploy", step)
    assert complete(state, "finish") == "ended"
    assert done(state) == UNDEPLOYED
    assert not (state / "notes" / "s-a-0").exists()


@pytest.mark.parametrize("step", range(11, 32, 2))
def test_r44_r94_a_workflow_survives_kill_9(tmp_path: Path, step: int) -> None:
    """Inlined workflows and ways out of failures included."""
    state = tmp_path / "state"
    assert complete(state, "keep") == "ended running"
    kill_after(state, "tour", step)
    assert complete(state, "finish") == "ended running"
    assert done(state) == TOURED


@pytest.mark.parametrize(
    ("first", "healed", "did"),
    [
        ("update", "['nothing to do: a was operated after the event, it is started']", [*BUILD, "update"]),
        ("heal", "['heal']", [*BUILD, *TEAR_DOWN, *BUILD, "update"]),
    ],
)
def test_r94_what_waits_for_its_turn_at_a_node_survives_kill_9(
    tmp_path: Path, first: str, healed: str, did: list[str]
) -> None:
    """R45, T155: and so does the order: what had begun is finished first, what waited is decided then."""
    state = tmp_path / "state"
    gate = state / "gate"
    state.mkdir()
    os.mkfifo(gate)
    with meeting(state, first) as killed:
        assert killed.stdout is not None
        assert killed.stdin is not None
        assert killed.stdout.readline() == "begun\n"
        held = gate.open("w")  # when it waits there
        killed.stdin.write("\n")
        killed.stdin.flush()
        assert killed.stdout.readline() == "begun\n"
        killed.send_signal(signal.SIGKILL)
    with held, meeting(state, "finish") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        held.write("go\n")
        held.close()
        out = process.stdout.read()
    assert process.returncode == 0
    assert sorted(out.splitlines()) == ["execution None", f"handling {healed}"]
    assert done(state) == {"s-a-0": did}


@contextlib.contextmanager
def meeting(state: Path, action: str) -> "Iterator[subprocess.Popen[str]]":
    argv = [sys.executable, "-m", "khutulun.testing.contended", str(state), action]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        except BaseException:
            process.kill()  # it would wait at the gate
            raise
