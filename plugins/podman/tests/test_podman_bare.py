"""Containers on a machine without systemd (R1, R7, R13, R50, R52)."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from podman_driver.driver import plugin

pytestmark = pytest.mark.system

BIN = str(Path(sys.executable).parent)
SUPERVISOR = [f"{BIN}/khutulun-supervisor", "--folder", "/var/lib/khutulun/supervisor"]
NAME = "hello-web-0"


@pytest.fixture
def machine(bare: Any, ready: Any) -> Any:
    """The bare machine with a Podman that is ready."""
    ready(bare, "bare")
    return bare


def workloads(machine: Any) -> list[str]:
    shown = json.loads(machine.run([*SUPERVISOR, "show", "--all"]).stdout)
    return sorted(one["name"] for one in shown["workloads"])


def test_r1_r13_r50_r52_containers_without_systemd(machine: Any, real_host: Any, node: Any, places: Any) -> None:
    here = {**places, "bin": BIN}
    driver = real_host(machine, plugin, here)
    host = {"init": "none", "paths": here}
    script = "echo hello; echo page >/tmp/index.html; exec httpd -f -p 80 -h /tmp"
    properties = {
        "command": ["sh", "-c", script],
        "init": True,
        "ports": [{"port": 80, "host_port": 18070}],
        "health": {"command": ["test", "-s", "/tmp/index.html"], "interval": 3600.0},
        "restart": {"policy": "always"},
        "limits": {"memory": 64 << 20},
    }
    site = node(properties, host=host, state="started")
    for verb in ("create", "start"):
        driver.call(verb, site)
        driver.call(verb, site)
    fetch = ["curl", "-sS", "--retry", "120", "--retry-connrefused", "--retry-delay", "1", "http://127.0.0.1:18070/"]
    assert machine.run(fetch).stdout == "page\n"
    health = driver.call("health", site)
    assert machine.run(health["argv"]).status == 0
    assert driver.call("inspect", site)["differences"] == []
    assert workloads(machine) == ["khutulun-hello-web-0-boot", "khutulun-hello-web-0-health"]
    machine.run(["podman", "stop", "--time=0", NAME])
    assert {one["what"] for one in driver.call("inspect", site)["differences"]} == {"state"}
    assert machine.run(driver.call("logs", site, {"lines": 5})["argv"]).stdout == "hello\n"
    boot = json.loads(machine.run([*SUPERVISOR, "show", "khutulun-hello-web-0-boot"]).stdout)["spec"]
    machine.run(boot["argv"])
    beside = driver.call("exec", site, {"argv": ["cat", "/tmp/index.html"], "stdin": False})
    assert machine.run(beside["argv"]).stdout == "page\n"
    limited = node({**properties, "limits": {"memory": 70 << 20}}, host=host)
    pid = driver.call("inspect", site)["attributes"]["pid"]
    assert driver.call("update", limited)["attributes"]["pid"] != pid, "Podman 4.3 forgets what it changes in place"
    limited["entity"]["state"] = "started"
    assert driver.call("inspect", limited)["differences"] == []
    pid = driver.call("inspect", limited)["attributes"]["pid"]
    limited["after"] = ["khutulun-hello-base-0"]
    updated = driver.call("update", limited)["attributes"]
    assert (updated["pid"], updated["unit"]) == (pid, "khutulun-hello-web-0-boot")
    boot = json.loads(machine.run([*SUPERVISOR, "show", "khutulun-hello-web-0-boot"]).stdout)
    assert boot["spec"]["after"] == ["khutulun-hello-base-0"]
    changed = node({**properties, "environment": {"A": "1"}}, host=host)
    assert driver.call("update", changed)["attributes"]["pid"] != pid
    for verb in ("stop", "delete"):
        driver.call(verb, changed)
        driver.call(verb, changed)
    assert machine.run(["podman", "ps", "--all", "--quiet"]).stdout == ""
    assert workloads(machine) == []
