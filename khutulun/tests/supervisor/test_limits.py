"""Limits, users, what an idle supervisor costs, and refusals."""

import json
import os
import pwd
import select
from pathlib import Path
from typing import Any

import pytest

from khutulun.supervisor import cgroups, spec

from .conftest import Supervisor

FOREVER = ("sleep", "infinity")


def test_open_files_are_limited(supervisor: Supervisor) -> None:
    supervisor.start("job", "sh", "-c", "ulimit -n", kind="job", limits={"open_files": 77})
    assert supervisor.logs("job") == "77\n"


@pytest.mark.system
def test_memory_is_limited_for_all_processes_together(supervisor: Supervisor) -> None:
    limits = {"memory": 32 * 1024 * 1024}
    hungry = "x=$(head -c 100000000 /dev/zero | tr '\\0' x); echo survived"
    shown = supervisor.start("job", "sh", "-c", f"{hungry}", kind="job", limits=limits, status=1)
    assert "survived" not in supervisor.logs("job")
    assert shown["result"]["signal"] == "SIGKILL" or shown["result"]["exit_code"]


@pytest.mark.system
def test_tasks_are_limited(supervisor: Supervisor) -> None:
    limits = {"tasks": 3}
    shown = supervisor.start(
        "job", "sh", "-c", "for i in 1 2 3 4 5; do sleep 5 & done", kind="job", limits=limits, status=1
    )
    assert "fork" in supervisor.logs("job").lower(), shown


@pytest.mark.system
def test_processor_time_is_limited(supervisor: Supervisor) -> None:
    supervisor.start("web", *FOREVER, limits={"cpu": 0.5})
    groups = Path(f"/proc/{supervisor.show('web')['pid']}/cgroup").read_text().splitlines()
    places = {controller: path for _, controller, path in (line.split(":", 2) for line in groups)}
    if "cpu" in places:
        assert Path(f"{cgroups.ROOT}/cpu{places['cpu']}/cpu.cfs_quota_us").read_text() == "50000\n"
    else:
        assert Path(f"{cgroups.ROOT}{places['']}/cpu.max").read_text() == "50000 100000\n"


@pytest.mark.parametrize(("limit", "name"), [("memory", "memory"), ("cpu", "cpu"), ("tasks", "tasks")])
def test_a_limit_that_nothing_enforces_is_refused(tmp_path: Path, limit: str, name: str) -> None:
    hierarchy = cgroups.Hierarchy("khutulun", str(tmp_path))
    wanted: dict[str, Any] = {"memory": 0, "cpu": 0.0, "tasks": 0, limit: 1}
    with pytest.raises(cgroups.LimitRefused, match=f"cannot limit {name}"):
        hierarchy.group("web", **wanted)


@pytest.mark.system
def test_a_workload_runs_as_its_user(supervisor: Supervisor) -> None:
    supervisor.start("job", "sh", "-c", "id -un; id -gn; echo $HOME", kind="job", user="nobody", group="daemon")
    home = pwd.getpwnam("nobody").pw_dir
    assert supervisor.logs("job") == f"nobody\ndaemon\n{home}\n"


@pytest.mark.system
def test_groups_are_gone_after_the_last_workload(supervisor: Supervisor) -> None:
    supervisor.start("web", *FOREVER)
    place = supervisor.state.stat()
    name = f"khutulun-{place.st_dev:x}-{place.st_ino:x}"
    assert list(Path(cgroups.ROOT).glob(f"*/{name}")) or list(Path(cgroups.ROOT).glob(name))
    supervisor.command("remove", "web")
    assert not list(Path(cgroups.ROOT).glob(f"*/{name}"))
    assert not list(Path(cgroups.ROOT).glob(name))


def test_r60_an_idle_supervisor_never_wakes_up(supervisor: Supervisor) -> None:
    for number in range(5):
        supervisor.start(f"w{number}", *FOREVER)
    stream = supervisor.events()
    assert supervisor.daemon is not None
    process = Path(f"/proc/{supervisor.daemon.pid}")
    status, opened = process / "status", len(list((process / "fd").iterdir()))
    supervisor.show("w0")

    def switches() -> list[str]:
        return [line for line in status.read_text().splitlines() if "ctxt_switches" in line]

    def busy() -> bool:
        asleep = process.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "S"
        return not asleep or len(list((process / "fd").iterdir())) > opened

    while busy():  # the last request's connection is not closed yet
        select.select([], [], [], 0.01)
    before = switches()
    select.select([], [], [], 2)
    assert switches() == before
    assert stream.seen[-1]["event"] == "caught-up"


def test_the_supervisor_is_small(supervisor: Supervisor) -> None:
    supervisor.start("web", *FOREVER)
    assert supervisor.daemon is not None
    lines = Path(f"/proc/{supervisor.daemon.pid}/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
    assert own <= 8 * 1024


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../etc"}, "the name '../etc' is not usable"),
        ({"name": 7}, "spec.name is 7; it is text"),
        ({"argv": []}, "spec.argv is empty"),
        ({"argv": ["a", 1]}, "spec.argv[1] is 1"),
        ({"argv": ["a\0b"]}, "zero byte"),
        ({"environment": {"A=B": "c"}}, "spec.environment.A=B"),
        ({"directory": "relative"}, "absolute path"),
        ({"restart": {"policy": "sometimes"}}, "it is one of never, on-failure, always"),
        ({"restart": {"polcy": "never"}}, "spec.restart.polcy is not known"),
        ({"restart": "never"}, "spec.restart is not a map"),
        ({"limits": {"memory": -1}}, "spec.limits.memory is -1"),
        ({"limits": {"cpu": True}}, "spec.limits.cpu is True; it is a number"),
        ({"readiness": {}}, "exactly one of port, command, log and notify"),
        ({"readiness": {"port": 1, "notify": True}}, "exactly one of port, command, log and notify"),
        ({"readiness": {"port": 70000}}, "ports go up to 65535"),
        ({"readiness": {"log": "("}}, "not a regular expression"),
        ({"stop": {"signal": "SIGNOTHING"}}, "signals are named like SIGTERM"),
        ({"schedule": {"delay": 1}}, "set spec.kind to 'job'"),
        ({"kind": "job", "readiness": {"port": 1}}, "spec.readiness is for processes"),
        ({"kind": "job", "restart": {"policy": "always"}}, "repeated with spec.schedule"),
        ({"surprise": 1}, "spec.surprise is not known"),
    ],
)
def test_a_wrong_spec_is_refused_with_place_and_reason(change: dict[str, object], message: str) -> None:
    with pytest.raises(spec.SpecError) as refused:
        spec.Spec({"name": "web", "argv": ["true"], **change})
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "text", "status", "message"),
    [
        (["start", "-"], "{", 1, "-:1:2: not JSON"),
        (["start", "-"], "[]", 1, "spec is not a map"),
        (["start", "/no/such.json"], "", 1, "/no/such.json: No such file or directory"),
        (["start", "nothing"], "", 4, "there is no workload 'nothing'"),
        (["stop", "nothing"], "", 4, "there is no workload 'nothing'"),
        (["show", "nothing"], "", 4, "there is no workload 'nothing'"),
        (["logs", "nothing"], "", 4, "there is no workload 'nothing'"),
        (["logs", "../x"], "", 4, "there is no workload"),
        (["kill", "nothing", "FOO"], "", 2, "'FOO' is not a signal"),
        (["dance"], "", 2, "'dance' is not a command"),
        ([], "", 2, ""),
    ],
)
def test_wrong_use_ends_in_an_error_and_changes_nothing(
    supervisor: Supervisor, arguments: list[str], text: str, status: int, message: str
) -> None:
    assert message in supervisor.command(*arguments, status=status, text=text).stderr
    assert json.loads(supervisor.command("show", "--all").stdout) == {"workloads": []}


def test_define_keeps_a_workload_and_starts_it_later(supervisor: Supervisor) -> None:
    text = json.dumps({"name": "web", "argv": list(FOREVER)})
    assert json.loads(supervisor.command("define", "-", text=text).stdout)["state"] == "stopped"
    supervisor.command("start", "web")
    pid = supervisor.show("web")["pid"]
    changed = json.dumps({"name": "web", "argv": [*FOREVER], "environment": {"A": "1"}})
    supervisor.command("define", "-", text=changed)
    assert supervisor.show("web")["pid"] == pid
    supervisor.command("restart", "web")
    again = supervisor.show("web")["pid"]
    assert b"A=1" in Path(f"/proc/{again}/environ").read_bytes().split(b"\0")


def test_the_folder_is_for_its_owner_only(supervisor: Supervisor) -> None:
    assert supervisor.state.stat().st_mode & 0o777 == 0o700
    assert (supervisor.state / "socket").stat().st_mode & 0o777 == 0o600
    assert os.access(supervisor.state / "workloads", os.R_OK)
