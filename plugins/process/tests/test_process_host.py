"""Processes and jobs in a booted systemd host (R2, R14, R50-R54, R61, R62)."""

import queue
import threading
from typing import Any

import pytest
from process_driver.driver import plugin

from floria.plugins import manifests
from floria_plugin import signals
from floria_plugin.faults import Permanent
from khutulun.agent import sources

pytestmark = pytest.mark.host

UNIT = "khutulun-hello-web-0.service"
PLACES = {"units": "/etc/systemd/system", "state": "/var/lib/khutulun", "bin": "/opt/khutulun/bin"}
FOREVER = {"command": ["/bin/sleep", "infinity"], "restart": {"policy": "always", "delay": 0.05}}


@pytest.fixture
def driver(host: Any, real_host: Any) -> Any:
    """The driver on the host."""
    return real_host(host, plugin, PLACES)


def _show(host: Any, *names: str, unit: str = UNIT) -> list[str]:
    shown = host.run(["systemctl", "show", f"--property={','.join(names)}", unit]).stdout.splitlines()
    values = dict(line.split("=", 1) for line in shown)
    return [values.get(name, "") for name in names]


def test_r50_the_unit_is_a_unit_like_any_other(host: Any, driver: Any, make_site: Any) -> None:
    site = make_site({**FOREVER, "limits": {"memory": 64 << 20, "tasks": 5, "open_files": 99}, "user": "daemon"})
    driver.call("create", site)
    assert _show(host, "ActiveState") == ["inactive"]
    started = driver.call("start", site)["attributes"]
    shown = (
        "ActiveState",
        "NeedDaemonReload",
        "MainPID",
        "UnitFileState",
        "User",
        "TasksMax",
        "MemoryMax",
        "LimitNOFILE",
    )
    assert _show(host, *shown) == [
        "active",
        "no",
        str(started["pid"]),
        "enabled",
        "daemon",
        "5",
        str(64 << 20),
        "99",
    ]
    assert ["systemctl", "daemon-reload"] not in driver.argvs
    driver.call("delete", site)


def test_every_verb_twice_is_the_same_as_once(host: Any, driver: Any, make_site: Any) -> None:
    site = make_site(FOREVER)
    for verb in ("create", "start", "update"):
        first = driver.call(verb, site)
        assert driver.call(verb, site) == first
    pid = _show(host, "MainPID")
    done = len(driver.changes)
    driver.call("create", site)
    driver.call("update", site)
    assert driver.changes[done:] == []
    assert _show(host, "MainPID") == pid
    for verb in ("stop", "delete"):
        first = driver.call(verb, site)
        assert driver.call(verb, site) == first


def test_what_is_not_started_yet_is_created_and_not_stopped(host: Any, driver: Any, make_site: Any) -> None:
    driver.call("create", make_site(FOREVER))
    assert driver.call("inspect", make_site(FOREVER, state="creating"))["state"] == "created"
    assert driver.call("inspect", make_site(FOREVER, state="started"))["state"] == "stopped"
    driver.call("delete", make_site(FOREVER))


def test_delete_leaves_nothing_even_of_a_failed_unit(host: Any, driver: Any, make_site: Any) -> None:
    site = make_site({"command": ["/bin/false"], "restart": {"policy": "never"}})
    driver.call("create", site)
    driver.call("start", site)
    driver.call("delete", site)
    assert _show(host, "LoadState", "ActiveState") == ["not-found", "inactive"]
    found = host.run(["find", "/etc/systemd", "-name", "khutulun-*"]).stdout
    assert found == ""


def test_r51_r52_the_unit_comes_back_at_boot_without_khutulun(fresh_host: Any, real_host: Any, make_site: Any) -> None:
    driver = real_host(fresh_host, plugin, PLACES)
    site = make_site(FOREVER)
    driver.call("create", site)
    driver.call("start", site)
    job = make_site({"command": ["/usr/bin/touch", "/run/job-ran"]}, kind="Job", node="job")
    driver.call("create", job)
    driver.call("start", job)
    assert fresh_host.exists("/run/job-ran")
    fresh_host.reboot()
    assert _show(fresh_host, "ActiveState") == ["active"]
    assert not fresh_host.exists("/run/job-ran")
    driver.call("delete", site)
    driver.call("delete", job)
    assert _show(fresh_host, "LoadState") == ["not-found"]


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"command": ["/no/such/program"]}, "its program could not be executed"),
        ({"command": ["/bin/sleep", "9"], "user": "nobody-of-this-name"}, "its user does not exist"),
        ({"command": ["/bin/sleep", "9"], "working_directory": "/no/such"}, "its working directory cannot be entered"),
        ({"command": ["/bin/sleep", "9"], "readiness": {"notify": True, "timeout": 0.1}}, "it was not ready in time"),
    ],
)
def test_what_does_not_start_says_why(
    host: Any, driver: Any, make_site: Any, properties: dict[str, Any], message: str
) -> None:
    site = make_site({**properties, "restart": {"policy": "never"}})
    driver.call("create", site)
    with pytest.raises(Permanent) as failed:
        driver.call("start", site)
    assert message in str(failed.value)
    driver.call("delete", site)


def test_r14_notify_readiness(host: Any, driver: Any, make_site: Any) -> None:
    script = "systemd-notify --ready; exec sleep infinity"
    site = make_site({"command": ["/bin/sh", "-c", script], "readiness": {"notify": True}})
    driver.call("create", site)
    driver.call("start", site)
    assert _show(host, "ActiveState") == ["active"]
    driver.call("delete", site)


def test_arguments_and_environment_arrive_unchanged(host: Any, driver: Any, make_site: Any) -> None:
    words = ['a "b"', "$HOME ${HOME}", "100%n", "back\\slash", "line\nbreak", "tab\t", "'quoted'", ";", "é \x01", ""]
    variables = {"A": 'x "y" $HOME %n \\', "B": "two\nlines"}
    script = 'printf "%s\\0" "$@" > /run/words; printf "%s\\0%s" "$A" "$B" > /run/variables'
    properties = {"command": ["/bin/sh", "-c", script, "sh"], "arguments": words, "environment": variables}
    site = make_site(properties, kind="Job")
    driver.call("create", site)
    driver.call("start", site)
    assert host.read("/run/words").split("\0")[:-1] == words
    assert host.read("/run/variables").split("\0") == list(variables.values())
    driver.call("delete", site)


def test_an_update_restarts_only_when_it_must(host: Any, driver: Any, make_site: Any) -> None:
    driver.call("create", make_site(FOREVER))
    driver.call("start", make_site(FOREVER))
    pid = _show(host, "MainPID")
    changed = {**FOREVER, "limits": {"memory": 128 << 20}}
    driver.call("update", make_site(changed))
    assert _show(host, "MainPID", "MemoryMax") == [*pid, str(128 << 20)]
    changed = {**changed, "environment": {"NEW": "1"}}
    driver.call("update", make_site(changed))
    after = _show(host, "MainPID")
    assert after != pid
    assert "NEW=1" in host.run(["cat", f"/proc/{after[0]}/environ"]).stdout.split("\0")
    driver.call("delete", make_site(changed))


def test_r61_r62_a_change_by_hand_is_a_difference_and_stays(host: Any, driver: Any, make_site: Any) -> None:
    site = make_site({**FOREVER, "limits": {"tasks": 10}}, state="started")
    driver.call("create", site)
    driver.call("start", site)
    assert driver.call("inspect", site)["differences"] == []
    path = f"/etc/systemd/system/{UNIT}"
    host.write(path, host.read(path).replace("TasksMax=10", "TasksMax=11"))
    host.write(f"/etc/systemd/system/{UNIT}.d/mine.conf", "[Service]\nNice=5\n")
    host.run(["systemctl", "daemon-reload"])
    host.run(["systemctl", "stop", UNIT])
    before = len(driver.changes)
    found = driver.call("inspect", site)
    assert [difference["what"] for difference in found["differences"]] == ["TasksMax", "drop-in", "state"]
    assert found["state"] == "stopped"
    assert len(driver.changes) == before
    assert "TasksMax=11" in host.read(path)
    host.run(["rm", "-r", f"/etc/systemd/system/{UNIT}.d"])
    driver.call("delete", site)


def test_r54_a_unit_of_another_name_is_adopted_without_a_restart(host: Any, driver: Any, make_site: Any) -> None:
    host.write("/etc/systemd/system/mine.service", "[Service]\nExecStart=/bin/sleep infinity\n")
    host.run(["systemctl", "start", "mine"])
    (pid,) = _show(host, "MainPID", unit="mine")
    found = driver.call("adopt", make_site(FOREVER), {"existing": "mine"})["attributes"]
    assert (found["unit"], found["pid"]) == ("mine.service", int(pid))
    adopted = make_site({**FOREVER, "unit": "mine.service"}, state="started")
    inspection = driver.call("inspect", adopted)
    assert (inspection["exists"], inspection["differences"]) == (True, [])
    assert driver.changes == []
    driver.call("delete", adopted)
    assert host.exists("/etc/systemd/system/mine.service")
    host.run(["systemctl", "start", "mine"])
    declared = make_site({"existing": "mine"}, kind="Unit")
    before = len(driver.changes)
    assert driver.call("create", declared)["attributes"]["unit"] == "mine.service"
    assert driver.call("inspect", declared)["exists"]
    driver.call("delete", declared)
    assert driver.changes[before:] == []
    assert _show(host, "ActiveState", unit="mine") == ["active"]
    host.run(["systemctl", "stop", "mine"])
    host.run(["rm", "/etc/systemd/system/mine.service"])
    with pytest.raises(Permanent, match="there is no unit nothing"):
        driver.call("adopt", make_site(FOREVER), {"existing": "nothing"})


def test_jobs_run_once_and_their_failure_is_told(host: Any, driver: Any, make_site: Any) -> None:
    job = make_site({"command": ["/bin/sh", "-c", "echo run >> /run/runs"]}, kind="Job")
    driver.call("create", job)
    driver.call("start", job)
    driver.call("start", job)
    assert host.read("/run/runs") == "run\n"
    driver.call("delete", job)
    broken = make_site({"command": ["/bin/sh", "-c", "exit 3"]}, kind="Job")
    driver.call("create", broken)
    with pytest.raises(Permanent, match="it ended with 3"):
        driver.call("start", broken)
    driver.call("delete", broken)


def test_a_scheduled_job_is_a_timer(host: Any, driver: Any, make_site: Any) -> None:
    host.run(["mkfifo", "/run/ticks"])
    properties = {"command": ["/bin/sh", "-c", "echo tick > /run/ticks"], "schedule": {"interval": 0.05}}
    site = make_site(properties, kind="Job", state="started")
    driver.call("create", site)
    driver.call("start", site)
    timer = UNIT.replace(".service", ".timer")
    assert _show(host, "ActiveState", "UnitFileState", unit=timer) == ["active", "enabled"]
    with host.popen(["sh", "-c", "exec cat <>/run/ticks"]) as ticks:
        for _ in range(3):
            assert ticks.read_line() == "tick\n"
    assert driver.call("inspect", site)["state"] == "started"
    driver.call("stop", site)
    assert _show(host, "ActiveState", unit=timer) == ["inactive"]
    driver.call("delete", site)
    assert host.run(["find", "/etc/systemd", "-name", "khutulun-*"]).stdout == ""


def test_a_transient_process_leaves_no_file(host: Any, driver: Any, make_site: Any) -> None:
    site = make_site({**FOREVER, "transient": True, "environment": {"A": "b c"}, "limits": {"tasks": 7}})
    driver.call("create", site)
    first = driver.call("start", site)["attributes"]
    assert driver.call("start", site)["attributes"] == first
    assert _show(host, "Transient", "TasksMax", "Restart") == ["yes", "7", "always"]
    assert "A=b c" in host.run(["cat", f"/proc/{first['pid']}/environ"]).stdout.split("\0")
    assert host.run(["find", "/etc/systemd", "-name", "khutulun-*"]).stdout == ""
    driver.call("delete", site)
    assert _show(host, "LoadState") == ["not-found"]


def test_r13_logs_and_exec(host: Any, driver: Any, make_site: Any) -> None:
    script = "echo hello from $$; systemd-notify --ready; exec sleep infinity"
    properties = {"command": ["/bin/sh", "-c", script], "user": "daemon", "environment": {"A": "1"}}
    site = make_site({**properties, "readiness": {"notify": True}})
    driver.call("create", site)
    driver.call("start", site)
    host.run(["systemctl", "restart", UNIT])
    host.run(["journalctl", "--sync"])
    (pid,) = _show(host, "MainPID")
    shown = driver.call("logs", site, {"current": True})
    assert host.run(shown["argv"]).stdout == f"hello from {pid}\n"
    everything = driver.call("logs", site, {"lines": 100})
    assert host.run(everything["argv"]).stdout.count("hello from") == 2
    beside = driver.call("exec", site, {"argv": ["/bin/sh", "-c", "id -un; echo $A; pwd"]})
    assert host.run(beside["argv"], env=beside["env"], cwd=beside["cwd"]).stdout == "daemon\n1\n/\n"
    driver.call("delete", site)


def test_the_endpoint_is_that_of_the_reserved_port(host: Any, driver: Any, make_site: Any) -> None:
    port = {"address": "127.0.0.1", "port": 8080, "protocol": "tcp", "authority": "127.0.0.1:8080"}
    site = make_site(FOREVER, edges=[{"name": "port", "target": {"node": "http", "properties": port}}])
    driver.call("create", site)
    assert driver.call("start", site)["attributes"]["capability/endpoint"] == port
    driver.call("delete", site)


def test_user_scope(host: Any, real_host: Any, make_site: Any) -> None:
    host.run(["useradd", "--create-home", "worker"], check=False)
    host.log_in("worker")
    uid = host.user("worker").uid
    units = "/home/worker/.config/systemd/user"
    driver = real_host(host, plugin, {**PLACES, "units": units}, user="worker")
    scope = {"scope": "user", "paths": {"units": units, "state": "/x", "bin": "/x", "runtime": f"/run/user/{uid}"}}
    site = make_site(FOREVER, host=scope)
    driver.call("create", site)
    pid = driver.call("start", site)["attributes"]["pid"]
    assert host.run(["stat", "-c", "%U", f"/proc/{pid}"]).stdout == "worker\n"
    driver.call("delete", site)
    assert host.run(["find", "/home/worker/.config", "-name", "khutulun-*"]).stdout == ""
    host.run(["loginctl", "disable-linger", "worker"])


def test_what_systemd_really_sends_becomes_the_right_events(
    host: Any, driver: Any, make_site: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", host.bus_address)
    site = make_site({**FOREVER, "restart": {"policy": "always", "delay": 0.01}})
    driver.call("create", site)
    declared = manifests.parse(plugin.describe()).sources[0]
    lines: queue.Queue[str] = queue.Queue()
    listening = threading.Event()
    source = sources.make(declared, site["host"], lines.put, listening.set, lambda line: False)
    assert source is not None
    request.addfinalizer(source.stop)
    source.start()
    assert listening.wait(60)
    driver.call("start", site)
    seen: dict[tuple[str, str | None], Any] = {}
    killed = stopped = False
    while "stopped" not in (names := [name for name, _ in seen]):
        if names.count("ready") == 1 and not killed:
            killed = True
            host.run(["systemctl", "kill", "--signal=KILL", UNIT])
        if names.count("ready") == 2 and not stopped:
            stopped = True
            host.run(["systemctl", "--no-block", "stop", UNIT])
        for event in signals.translate(lines.get(timeout=60)):
            seen.setdefault((event.event, event.id), event)
    assert [name for name, _ in seen] == [
        "started",
        "ready",
        "failed",
        "restarted",
        "ready",
        "exited",
        "stopped",
    ]
    driver.call("delete", site)
