"""Processes and jobs on a machine without systemd (R2, R13, R14, R52, R54, R61)."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from process_driver.driver import plugin

from floria_plugin.faults import Permanent

pytestmark = pytest.mark.system

NAME = "khutulun-hello-web-0"
BIN = str(Path(sys.executable).parent)
HOST = {"init": "none", "paths": {"units": "/x", "state": "/var/lib/khutulun", "bin": BIN, "runtime": ""}}
PLACES = {"units": "/etc/systemd/system", "state": "/var/lib/khutulun", "bin": BIN}
FOREVER = {"command": ["/bin/sleep", "infinity"], "restart": {"policy": "always", "delay": 0.0}}
SUPERVISOR = [f"{BIN}/khutulun-supervisor", "--folder", "/var/lib/khutulun/supervisor"]


@pytest.fixture
def driver(bare: Any, real_host: Any) -> Any:
    """The driver on the bare machine."""
    return real_host(bare, plugin, PLACES)


def _show(bare: Any) -> dict[str, Any]:
    return dict(json.loads(bare.run([*SUPERVISOR, "show", NAME]).stdout))


def test_r2_the_verbs_twice_are_the_same_as_once(bare: Any, driver: Any, make_site: Any) -> None:
    site = make_site(FOREVER, host=HOST)
    for verb in ("create", "start", "update", "stop", "delete"):
        first = driver.call(verb, site)
        assert driver.call(verb, site) == first
    assert bare.run([*SUPERVISOR, "show", "--all"]).stdout.split() == ["{", '"workloads":', "[]", "}"]


def test_r50_the_workload_is_operated_by_hand(bare: Any, driver: Any, make_site: Any) -> None:
    site = make_site({**FOREVER, "limits": {"open_files": 99}, "user": "daemon"}, host=HOST, state="started")
    driver.call("create", site)
    attributes = driver.call("start", site)["attributes"]
    shown = _show(bare)
    assert shown["pid"] == attributes["pid"]
    assert shown["spec"]["labels"] == {"khutulun.service": "hello", "khutulun.node": "web"}
    bare.run([*SUPERVISOR, "stop", NAME])
    found = driver.call("inspect", site)
    assert (found["state"], [one["what"] for one in found["differences"]]) == ("stopped", ["state"])
    assert _show(bare)["state"] == "stopped"
    driver.call("delete", site)
    assert not driver.call("inspect", site)["exists"]


def test_an_update_restarts_only_when_it_must(bare: Any, driver: Any, make_site: Any) -> None:
    driver.call("create", make_site(FOREVER, host=HOST))
    pid = driver.call("start", make_site(FOREVER, host=HOST))["attributes"]["pid"]
    changed = {**FOREVER, "restart": {"policy": "never"}}
    assert driver.call("update", make_site(changed, host=HOST))["attributes"]["pid"] == pid
    ordered = make_site(changed, host=HOST, after=["khutulun-hello-base-0"])
    assert driver.call("update", ordered)["attributes"]["pid"] == pid
    assert _show(bare)["spec"]["after"] == ["khutulun-hello-base-0"]
    assert [one["what"] for one in driver.call("inspect", make_site(changed, host=HOST))["differences"]] == ["after"]
    changed = {**changed, "environment": {"A": "1"}}
    assert driver.call("update", make_site(changed, host=HOST))["attributes"]["pid"] != pid
    driver.call("delete", make_site(changed, host=HOST))


def test_r54_a_workload_of_the_supervisor_is_adopted(bare: Any, driver: Any, make_site: Any) -> None:
    with pytest.raises(Permanent, match="has no workload"):
        driver.call("adopt", make_site(FOREVER, host=HOST))
    bare.run([*SUPERVISOR, "start", "-"], input=json.dumps({"name": NAME, "argv": ["/bin/sleep", "infinity"]}))
    pid = _show(bare)["pid"]
    assert driver.call("adopt", make_site(FOREVER, host=HOST))["attributes"]["pid"] == pid
    declared = make_site({"existing": NAME}, host=HOST, kind="Unit", node="other")
    assert driver.call("create", declared)["attributes"]["pid"] == pid
    assert driver.call("inspect", declared)["differences"] == []
    driver.call("delete", declared)
    assert _show(bare)["pid"] == pid
    driver.call("delete", make_site(FOREVER, host=HOST))


def test_r13_logs_and_exec(bare: Any, driver: Any, make_site: Any) -> None:
    script = "echo hello from $$; exec sleep infinity"
    site = make_site({"command": ["/bin/sh", "-c", script], "environment": {"A": "1"}, "user": "daemon"}, host=HOST)
    driver.call("create", site)
    pid = driver.call("start", site)["attributes"]["pid"]
    shown = driver.call("logs", site, {"current": True, "lines": 5})
    assert bare.run(shown["argv"]).stdout in (f"hello from {pid}\n", "")
    beside = driver.call("exec", site, {"argv": ["/bin/sh", "-c", "id -un; echo $A; pwd"]})
    assert bare.run(beside["argv"], env=beside["env"], cwd=beside["cwd"]).stdout == "daemon\n1\n/\n"
    driver.call("delete", site)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"command": ["/no/such/program"]}, "cannot execute /no/such/program"),
        ({"command": ["/bin/sleep", "9"], "user": "nobody-of-this-name"}, "there is no user"),
        ({"command": ["/bin/sleep", "9"], "readiness": {"notify": True, "timeout": 0.1}}, "not ready within 0.1 s"),
    ],
)
def test_what_does_not_start_says_why(driver: Any, make_site: Any, properties: dict[str, Any], message: str) -> None:
    site = make_site({**properties, "restart": {"policy": "never"}}, host=HOST)
    driver.call("create", site)
    with pytest.raises(Permanent) as failed:
        driver.call("start", site)
    assert message in str(failed.value)
    driver.call("delete", site)


def test_jobs(bare: Any, driver: Any, make_site: Any) -> None:
    site = make_site({"command": ["/bin/sh", "-c", "echo run"]}, kind="Job", host=HOST)
    driver.call("create", site)
    assert driver.call("start", site)["attributes"]["exit_code"] == 0
    driver.call("start", site)
    assert bare.run(driver.call("logs", site)["argv"]).stdout == "run\n"
    driver.call("delete", site)
    broken = make_site({"command": ["/bin/sh", "-c", "exit 3"]}, kind="Job", host=HOST)
    driver.call("create", broken)
    with pytest.raises(Permanent, match="it ended with 3"):
        driver.call("start", broken)
    driver.call("delete", broken)
    later = make_site({"command": ["true"], "schedule": {"delay": 3600.0}}, kind="Job", host=HOST)
    driver.call("create", later)
    assert driver.call("start", later)["attributes"]["state"] == "waiting"
    driver.call("delete", later)
    assert os.path.exists(SUPERVISOR[0])
