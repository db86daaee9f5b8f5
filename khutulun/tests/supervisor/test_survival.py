"""The supervisor itself ends, crashes, and comes back; the machine restarts (R52, R94)."""

import json
import os
import select
import signal
import socket
import struct
import subprocess
from pathlib import Path

from .conftest import Supervisor, alive

FOREVER = ("sleep", "infinity")
ALWAYS = {"policy": "always", "delay": 0}


def test_r52_workloads_go_on_when_the_supervisor_is_stopped(supervisor: Supervisor) -> None:
    shown = supervisor.start("web", *FOREVER)
    supervisor.end()
    assert Path(f"/proc/{shown['pid']}/cmdline").read_bytes() == b"sleep\0infinity\0"
    assert supervisor.command("show", "web", status=3).stderr.startswith("error: no supervisor runs")


def test_r94_a_killed_supervisor_takes_its_workloads_up_again(supervisor: Supervisor) -> None:
    shown = supervisor.start("web", *FOREVER, restart=ALWAYS)
    supervisor.end(signal.SIGKILL)
    supervisor.run()
    events = supervisor.events()
    assert events.caught_up[0]["state"] == "running"
    assert events.caught_up[0]["pid"] == shown["pid"]
    assert supervisor.show("web")["restarts"] == 0
    os.kill(shown["pid"], signal.SIGKILL)
    failed = events.next("web", "failed")
    assert failed["detail"]["status"] == "unknown"
    assert failed["detail"]["exit_code"] is None
    assert events.next("web", "restarted")["pid"] != shown["pid"]


def test_r94_a_workload_taken_up_again_is_stopped_like_any_other(supervisor: Supervisor) -> None:
    shown = supervisor.start("web", "sh", "-c", "setsid sleep infinity & exec sleep infinity")
    supervisor.end(signal.SIGKILL)
    supervisor.run()
    assert supervisor.stop("web")["processes"] == []
    assert not alive(shown["pid"])


def test_r94_what_ended_while_no_supervisor_ran_is_seen_at_its_start(supervisor: Supervisor) -> None:
    shown = supervisor.start("web", *FOREVER, restart={"policy": "never"})
    supervisor.end(signal.SIGKILL)
    os.kill(shown["pid"], signal.SIGKILL)
    supervisor.run()
    again = supervisor.show("web")
    assert again["state"] == "failed"
    assert again["result"] == {"exit_code": None, "signal": None, "status": "unknown"}


def test_a_pid_that_belongs_to_another_process_now_is_not_taken_up(supervisor: Supervisor) -> None:
    shown = supervisor.start("web", *FOREVER, restart={"policy": "never"})
    supervisor.end()
    with subprocess.Popen(FOREVER) as stranger:
        supervisor.edit("web", process={**shown["process"], "pid": stranger.pid})
        supervisor.run()
        assert supervisor.show("web")["state"] == "failed"
        supervisor.command("remove", "web")
        assert stranger.poll() is None
        stranger.kill()


def test_r94_a_supervisor_killed_while_a_workload_gets_ready_goes_on_waiting(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    script = f"read x < {tmp_path}/gate; echo up; exec sleep infinity"
    spec = {"name": "web", "argv": ["sh", "-c", script], "readiness": {"log": "^up$"}}
    events = supervisor.events()
    client = subprocess.Popen([*supervisor.program, "start", "-"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert client.stdin is not None
    client.stdin.write(json.dumps(spec).encode())
    client.stdin.close()
    pid = events.next("web", "started")["pid"]
    supervisor.end(signal.SIGKILL)
    assert client.wait() == 1
    supervisor.run()
    events = supervisor.events()
    gate = os.open(tmp_path / "gate", os.O_RDWR)
    os.write(gate, b"go\n")
    assert events.next("web", "ready")["pid"] == pid
    os.close(gate)


def test_r52_after_a_reboot_what_should_run_runs_and_nothing_else(supervisor: Supervisor) -> None:
    supervisor.start("wanted", *FOREVER)
    supervisor.start("transient", *FOREVER, transient=True)
    supervisor.start("stopped", *FOREVER)
    supervisor.start("job", "true", kind="job")
    old = {name: supervisor.show(name)["pid"] for name in ("wanted", "transient")}
    supervisor.stop("stopped")
    supervisor.end()
    for name, pid in old.items():
        os.kill(pid, signal.SIGKILL)
        supervisor.edit(name, boot="another")
    supervisor.edit("stopped", boot="another")
    supervisor.edit("job", boot="another")
    supervisor.run()
    shown = {item["name"]: item for item in json.loads(supervisor.command("show", "--all").stdout)["workloads"]}
    assert shown["wanted"]["state"] == "running"
    assert shown["wanted"]["pid"] != old["wanted"]
    assert "transient" not in shown
    assert shown["stopped"]["state"] == "stopped"
    assert shown["job"]["state"] == "finished"
    assert shown["job"]["started"] == shown["job"]["last_run"]


def test_a_job_that_a_reboot_interrupted_has_failed_and_does_not_run_again(supervisor: Supervisor) -> None:
    events = supervisor.events()
    client = subprocess.Popen(
        [*supervisor.program, "start", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert client.stdin is not None
    client.stdin.write(json.dumps({"name": "job", "argv": list(FOREVER), "kind": "job"}).encode())
    client.stdin.close()
    pid = events.next("job", "started")["pid"]
    supervisor.end(signal.SIGKILL)
    client.wait()
    os.kill(pid, signal.SIGKILL)
    supervisor.edit("job", boot="another")
    supervisor.run()
    assert supervisor.show("job")["reason"] == "interrupted by the machine's restart"


def test_the_first_starts_together_start_one_supervisor(supervisor: Supervisor) -> None:
    supervisor.end()
    clients = []
    for number in range(4):
        spec = json.dumps({"name": f"w{number}", "argv": list(FOREVER)})
        client = subprocess.Popen(
            [*supervisor.program, "start", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert client.stdin is not None
        client.stdin.write(spec)
        client.stdin.close()
        clients.append(client)
    for client in clients:
        assert client.stdout is not None
        assert json.loads(client.stdout.read())["state"] == "running"
        client.stdout.close()
        assert client.wait() == 0
    daemon = _daemon(supervisor)
    assert {_parent(supervisor.show(f"w{number}")["pid"]) for number in range(4)} == {daemon}
    handle = os.pidfd_open(daemon)
    os.kill(daemon, signal.SIGTERM)
    assert _readable(handle)


def test_a_second_supervisor_of_a_folder_is_refused(supervisor: Supervisor) -> None:
    done = supervisor.command("run", status=1)
    assert "another supervisor runs" in done.stderr


def _daemon(supervisor: Supervisor) -> int:
    with socket.socket(socket.AF_UNIX) as connection:
        directory = os.open(supervisor.state, os.O_RDONLY)
        connection.connect(f"/proc/self/fd/{directory}/socket")
        os.close(directory)
        return int(struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _readable(handle: int) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    found = bool(poll.poll(30_000))
    os.close(handle)
    return found
