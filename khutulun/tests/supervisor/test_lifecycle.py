"""Starting, crashing, restarting and ending real processes (R2, R14)."""

import json
import os
import signal
import socket
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from .conftest import Supervisor, alive

FOREVER = ("sleep", "infinity")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_r2_a_started_process_runs(supervisor: Supervisor) -> None:
    shown = supervisor.start("web", *FOREVER)
    assert shown["state"] == "running"
    assert Path(f"/proc/{shown['pid']}/cmdline").read_bytes() == b"sleep\0infinity\0"
    assert os.getsid(shown["pid"]) == shown["pid"]


def test_start_twice_is_one_process(supervisor: Supervisor) -> None:
    first = supervisor.start("web", *FOREVER)
    assert supervisor.start("web", *FOREVER)["pid"] == first["pid"]
    supervisor.command("start", "web")
    assert supervisor.show("web")["pid"] == first["pid"]


def test_stop_and_remove_twice_are_the_same_as_once(supervisor: Supervisor) -> None:
    shown = supervisor.start("web", *FOREVER)
    assert supervisor.stop("web")["state"] == "stopped"
    assert supervisor.stop("web")["state"] == "stopped"
    assert not Path(f"/proc/{shown['pid']}").exists()
    supervisor.command("remove", "web")
    supervisor.command("remove", "web")
    assert list((supervisor.state / "workloads").iterdir()) == []


def test_r14_port_readiness_holds_until_the_port_answers(supervisor: Supervisor) -> None:
    port = free_port()
    server = ("/usr/bin/env", "python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", str(port))
    supervisor.start("web", *server, environment={"PATH": os.environ["PATH"]}, readiness={"port": port})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as response:
        assert response.status == 200


def test_r14_command_readiness_runs_until_it_succeeds(supervisor: Supervisor, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    script = f"test -e {flag}.1 && touch {flag}; test -e {flag} || {{ touch {flag}.1; false; }}"
    shown = supervisor.start("web", *FOREVER, readiness={"command": ["sh", "-c", script]})
    assert shown["state"] == "running"
    assert flag.exists()


def test_r14_log_readiness_matches_a_line_of_this_start_only(supervisor: Supervisor, tmp_path: Path) -> None:
    script = f"echo starting; read x < {tmp_path}/gate; echo server is up; exec sleep infinity"
    os.mkfifo(tmp_path / "gate")
    spec: dict[str, Any] = {"readiness": {"log": "server.is up$"}}
    for _ in range(2):
        gate = os.open(tmp_path / "gate", os.O_RDWR)
        os.write(gate, b"go\n")
        assert supervisor.start("web", "sh", "-c", script, **spec)["state"] == "running"
        os.close(gate)
        supervisor.stop("web")
    assert supervisor.logs("web").count("server is up") == 2


def test_r14_notify_readiness_listens_to_the_workload_only(supervisor: Supervisor) -> None:
    code = (
        "import os, socket, signal\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "s.sendto(b'STATUS=up\\nREADY=1', '\\0' + os.environ['NOTIFY_SOCKET'][1:])\n"
        "signal.pause()\n"
    )
    path = {"PATH": os.environ["PATH"]}
    shown = supervisor.start("web", "python3", "-c", code, environment=path, readiness={"notify": True})
    assert shown["state"] == "running"


def test_r14_not_ready_in_time_is_a_failure(supervisor: Supervisor) -> None:
    events = supervisor.events()
    restart = {"policy": "never"}
    shown = supervisor.start("web", *FOREVER, readiness={"notify": True, "timeout": 0.1}, restart=restart, status=1)
    assert shown["state"] == "failed"
    assert shown["reason"] == "not ready within 0.1 s"
    assert shown["processes"] == []
    assert events.next("web", "failed")["detail"]["reason"] == "not ready within 0.1 s"


def test_a_crash_is_an_event_at_once_and_the_policy_acts(supervisor: Supervisor) -> None:
    events = supervisor.events()
    shown = supervisor.start("web", *FOREVER, restart={"policy": "on-failure", "delay": 0.01}, labels={"service": "s"})
    os.kill(shown["pid"], signal.SIGKILL)
    failed = events.next("web", "failed")
    assert failed["detail"]["signal"] == "SIGKILL"
    assert failed["state"] == "restarting"
    assert failed["labels"] == {"service": "s"}
    restarted = events.next("web", "restarted")
    assert restarted["detail"]["restarts"] == 1
    assert restarted["pid"] != shown["pid"]
    events.next("web", "ready")
    assert [event["event"] for event in events.seen] == [
        "caught-up",
        "started",
        "ready",
        "failed",
        "restarted",
        "ready",
    ]


def test_a_clean_exit_is_not_restarted_on_failure(supervisor: Supervisor) -> None:
    events = supervisor.events()
    shown = supervisor.start("web", *FOREVER, restart={"policy": "on-failure"})
    os.kill(shown["pid"], signal.SIGTERM)
    assert events.next("web", "exited")["detail"]["signal"] == "SIGTERM"
    assert supervisor.show("web")["state"] == "exited"


def test_restarts_end_at_the_burst(supervisor: Supervisor) -> None:
    events = supervisor.events()
    restart = {"policy": "always", "delay": 0, "burst": 3, "interval": 60}
    supervisor.command("start", "-", text=_json("web", ["sh", "-c", "exit 7"], restart), status=None)
    last = events.until(lambda event: "started 3 times" in event.get("detail", {}).get("reason", ""))[-1]
    assert last["event"] == "failed"
    assert [event["detail"]["exit_code"] for event in events.seen if event["event"] == "failed"][:3] == [7, 7, 7]
    assert supervisor.show("web")["state"] == "failed"


def test_restart_never_leaves_it_down(supervisor: Supervisor) -> None:
    events = supervisor.events()
    shown = supervisor.start("web", *FOREVER, restart={"policy": "never"})
    supervisor.command("kill", "web", "KILL")
    assert events.next("web", "failed")["state"] == "failed"
    again = supervisor.start("web", *FOREVER, restart={"policy": "never"})
    assert again["pid"] not in (0, shown["pid"])


def test_stop_ends_the_whole_tree_also_what_left_the_session(supervisor: Supervisor, tmp_path: Path) -> None:
    script = f"setsid sleep infinity & sleep infinity & touch {tmp_path}/up; wait"
    supervisor.start("web", "sh", "-c", script, readiness={"command": ["test", "-e", f"{tmp_path}/up"]})
    members = supervisor.show("web")["processes"]
    if os.access("/sys/fs/cgroup/pids", os.W_OK) or os.access("/sys/fs/cgroup/cgroup.procs", os.W_OK):
        assert len(members) == 3
    supervisor.stop("web")
    assert [pid for pid in members if alive(pid)] == []


def test_what_ignores_the_signal_is_killed(supervisor: Supervisor) -> None:
    code = "trap '' TERM; echo up; while :; do sleep 60; done"
    stop = {"signal": "SIGTERM", "timeout": 0.1}
    shown = supervisor.start("web", "sh", "-c", code, readiness={"log": "up"}, stop=stop)
    assert supervisor.stop("web")["result"]["signal"] == "SIGKILL"
    assert not alive(shown["pid"])


def test_children_that_a_crashed_process_leaves_are_ended_before_its_restart(supervisor: Supervisor) -> None:
    events = supervisor.events()
    code = "sleep infinity & echo child $!; wait"
    shown = supervisor.start("web", "sh", "-c", code, readiness={"log": "child"}, restart={"policy": "always"})
    child = int(supervisor.logs("web").split()[-1])
    os.kill(shown["pid"], signal.SIGKILL)
    events.next("web", "restarted")
    assert not alive(child)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"argv": ["/no/such/program"]}, "cannot execute /no/such/program: No such file or directory"),
        ({"argv": ["no-such-program"]}, "cannot execute no-such-program: not found in "),
        ({"argv": ["/etc/passwd"]}, "cannot execute /etc/passwd: Permission denied"),
        ({"argv": ["true"], "directory": "/no/such/folder"}, "cannot enter the folder /no/such/folder"),
        ({"argv": ["true"], "user": "nobody-of-this-name"}, "there is no user 'nobody-of-this-name'"),
        ({"argv": ["true"], "limits": {"open_files": 2**40}}, "cannot set its limits"),
    ],
)
def test_a_program_that_cannot_start_says_why(supervisor: Supervisor, spec: dict[str, object], why: str) -> None:
    done = supervisor.command("start", "-", text=_dumps({"name": "web", **spec}), status=1)
    assert why in done.stderr
    assert supervisor.show("web")["state"] == "failed"


def test_the_environment_is_clean_and_the_folder_is_the_given_one(supervisor: Supervisor, tmp_path: Path) -> None:
    os.environ["LEAK"] = "leak"
    try:
        supervisor.start("job", "sh", "-c", "env; pwd", kind="job", environment={"A": "b c"}, directory=str(tmp_path))
    finally:
        del os.environ["LEAK"]
    lines = supervisor.logs("job").splitlines()
    assert "A=b c" in lines
    assert str(tmp_path) in lines
    assert not any(line.startswith("LEAK") for line in lines)


def _json(name: str, argv: list[str], restart: dict[str, object]) -> str:
    return _dumps({"name": name, "argv": argv, "restart": restart})


def _dumps(spec: object) -> str:
    return json.dumps(spec)
