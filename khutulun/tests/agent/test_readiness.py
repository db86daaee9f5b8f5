"""Waits for readiness: what is asked, and how they end (R14)."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from khutulun.agent import programs, readiness

Specify = readiness.Specify
LONG = 100_000.0


def running(*argv: str) -> Specify:
    return lambda verb, inputs: programs.Specification(list(argv))


def shell(script: str) -> Specify:
    return running("sh", "-c", script)


COMMAND, LOG = readiness.Probe(command=["it"], timeout=LONG), readiness.Probe(log="ready|now", timeout=LONG)


@pytest.mark.parametrize(
    ("probe", "specify"),
    [
        (COMMAND, shell("exit 0")),
        (LOG, shell("echo it is; echo ready; sleep 1000")),
        (readiness.Probe(notify=True), shell("exit 1")),
    ],
)
def test_r14_what_is_ready_is_waited_for_no_longer(probe: readiness.Probe, specify: Specify) -> None:
    readiness.wait(probe, readiness.Watch(), specify)


@pytest.mark.parametrize("probe", [COMMAND, LOG])
@pytest.mark.parametrize("how", ["fail", "interrupt"])
def test_r14_a_wait_ends_at_once_also_in_the_midst_of_a_command(
    probe: readiness.Probe, how: str, tmp_path: Path
) -> None:
    """Whatever the command is doing: it is ended with all that it has started."""
    watch, begun = readiness.Watch(), tmp_path / "begun"
    os.mkfifo(begun)
    end: Callable[[], None] = {"fail": lambda: watch.fail("it broke"), "interrupt": watch.interrupt}[how]

    def specify(verb: str, inputs: object) -> programs.Specification:
        threading.Thread(target=_when, args=(begun, end)).start()
        return programs.Specification(["sh", "-c", f"trap '' TERM; : >{begun}; sleep 1000 & wait; sleep 1000"])

    with pytest.raises(readiness.NotReady if how == "fail" else readiness.Interrupted):
        readiness.wait(probe, watch, specify)


def _when(begun: Path, then: Callable[[], None]) -> None:
    """Wait until the command has begun, as the pipe that it opens tells."""
    begun.read_text()
    then()


@pytest.mark.parametrize(
    ("probe", "specify", "said"),
    [
        (readiness.Probe(command=["it"], timeout=0.1), shell("exit 1"), "it does not succeed, and the time"),
        (readiness.Probe(command=["it"], timeout=0.1), shell("sleep 1000"), "it does not succeed, and the time"),
        (readiness.Probe(log="x", timeout=0.1), shell("sleep 1000"), "no line of its log matches 'x'"),
        (COMMAND, running("/no/such"), "/no/such cannot run: No such file"),
        (LOG, running("/no/such"), "/no/such cannot run: No such file"),
        (readiness.Probe(log="(", timeout=LONG), shell("sleep 1000"), "'[(]' is no regular expression"),
    ],
)
def test_what_is_not_ready_is_said(probe: readiness.Probe, specify: Specify, said: str) -> None:
    with pytest.raises(readiness.NotReady, match=said):
        readiness.wait(probe, readiness.Watch(), specify)
