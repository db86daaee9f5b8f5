"""In which order workloads come back when the machine restarts (R52)."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from khutulun.supervisor import order

from .conftest import Supervisor

FOREVER = ("sleep", "infinity")
READY = {"log": "^ready", "timeout": 600}


class Gate:
    """Holds programs that read from it, until it lets one through."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._handle = os.open(path, os.O_RDWR)

    def script(self, after: str) -> tuple[str, ...]:
        return "sh", "-c", f"read -r go <{self.path}; {after}"

    def open(self) -> None:
        os.write(self._handle, b"go\n")

    def close(self) -> None:
        os.close(self._handle)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path / "gate")
    yield made
    made.close()


def restart_machine(supervisor: Supervisor, *names: str) -> None:
    """Do to the supervisor and its workloads what a restart of the machine does."""
    pids = {name: supervisor.show(name)["pid"] for name in names}
    supervisor.end()
    for name, pid in pids.items():
        if pid:
            os.killpg(pid, signal.SIGKILL)
        supervisor.edit(name, boot="another")
    supervisor.run()


def _start_both(supervisor: Supervisor, gate: Gate) -> None:
    gate.open()
    supervisor.start("z-base", *gate.script("echo ready; exec sleep infinity"), readiness=READY)
    supervisor.start("a-web", *FOREVER, after=["z-base", "nothing-of-this-name"])
    restart_machine(supervisor, "z-base", "a-web")


def test_r52_what_comes_after_another_waits_until_that_is_ready(supervisor: Supervisor, gate: Gate) -> None:
    _start_both(supervisor, gate)
    held = supervisor.show("a-web")
    assert (held["state"], held["pid"]) == ("starting", 0)
    events = supervisor.events()
    gate.open()
    events.next("a-web", "started")
    assert [(each["name"], each["event"]) for each in events.seen if each["event"] in ("ready", "started")] == [
        ("z-base", "ready"),
        ("a-web", "started"),
    ]


def test_r94_what_waits_is_not_forgotten_when_the_supervisor_is_killed(supervisor: Supervisor, gate: Gate) -> None:
    _start_both(supervisor, gate)
    supervisor.end(signal.SIGKILL)
    supervisor.run()
    assert supervisor.start("a-web", *FOREVER, after=["z-base", "nothing-of-this-name"])["state"] == "running"
    gate.open()
    assert supervisor.start("z-base", *supervisor.show("z-base")["spec"]["argv"], readiness=READY)


def test_what_is_stopped_while_it_waits_is_not_started_later(supervisor: Supervisor, gate: Gate) -> None:
    _start_both(supervisor, gate)
    events = supervisor.events()
    assert supervisor.stop("a-web")["state"] == "stopped"
    gate.open()
    events.next("z-base", "ready")
    assert supervisor.show("a-web")["state"] == "stopped"


def test_what_another_waits_for_may_fail(supervisor: Supervisor, gate: Gate, tmp_path: Path) -> None:
    well = tmp_path / "well"
    well.touch()
    gate.open()
    base = gate.script(f"test -e {well} && echo ready && exec sleep infinity")
    supervisor.start("base", *base, restart={"policy": "never"}, readiness=READY)
    supervisor.start("web", *FOREVER, after=["base"])
    well.unlink()
    restart_machine(supervisor, "base", "web")
    assert supervisor.show("web")["pid"] == 0
    events = supervisor.events()
    gate.open()
    events.next("web", "ready")
    assert supervisor.show("base")["state"] == "failed"


def test_r52_a_job_with_a_delay_runs_after_each_restart_and_others_wait_for_it(
    supervisor: Supervisor, gate: Gate
) -> None:
    events = supervisor.events()
    gate.open()
    supervisor.start("job", *gate.script("echo ran"), kind="job", schedule={"delay": 0.001})
    supervisor.start("web", *FOREVER, after=["job"])
    events.next("job", "exited")
    restart_machine(supervisor, "web", "job")
    assert supervisor.show("web")["pid"] == 0
    events = supervisor.events()
    gate.open()
    events.next("web", "ready")
    assert supervisor.show("job")["state"] == "finished"
    assert supervisor.logs("job") == "ran\nran\n"


def test_a_circle_holds_nobody_up(supervisor: Supervisor) -> None:
    for name, after in (("one", "two"), ("two", "three"), ("three", "one")):
        supervisor.start(name, *FOREVER, after=[after])
    restart_machine(supervisor, "one", "two", "three")
    assert {supervisor.show(name)["state"] for name in ("one", "two", "three")} == {"running"}


def test_the_arrangement() -> None:
    assert list(order.arrange({"a": ["c"], "b": [], "c": ["b"]})) == ["b", "c", "a"]
    assert order.arrange({"a": ["b", "x"], "b": ["a"]}) == {"b": [], "a": ["b"]}
    chain = {f"{number:05}": [f"{number + 1:05}"] for number in range(20_000)}
    assert next(iter(order.arrange(chain))) == "19999"
