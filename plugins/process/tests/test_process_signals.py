"""Signals and lines become events, each of them once."""

import json
import re
from typing import Any

import pytest
from process_driver.driver import plugin

from floria_plugin import signals, supervisor

PATH = "/org/freedesktop/systemd1/unit/khutulun_2dhello_2dweb_2d0_2eservice"
RUNNING = {"MainPID": 7, "NRestarts": 0, "ExecMainStartTimestamp": 100, "ExecMainExitTimestamp": 0, "Result": "success"}
KILLED = {
    "MainPID": 0,
    "NRestarts": 0,
    "ExecMainStartTimestamp": 100,
    "ExecMainExitTimestamp": 200,
    "ExecMainCode": 2,
    "ExecMainStatus": 9,
    "Result": "signal",
}


def _signal(interface: str, changed: dict[str, Any]) -> str:
    body = [f"org.freedesktop.systemd1.{interface}", changed, []]
    data = {"path": PATH, "interface": "org.freedesktop.DBus.Properties", "member": "PropertiesChanged", "body": body}
    return json.dumps(data, separators=(",", ":"))


@pytest.mark.parametrize(
    ("interface", "changed", "expected"),
    [
        ("Service", RUNNING, ("started", "100", None)),
        ("Service", {**RUNNING, "NRestarts": 2}, ("restarted", "100", None)),
        ("Service", KILLED, ("failed", "200-signal", "failed")),
        ("Service", {**KILLED, "Result": "start-limit-hit"}, ("failed", "200-start-limit-hit", "failed")),
        ("Service", {**KILLED, "Result": "success"}, None),
        ("Service", {**KILLED, "Result": "success", "ExecMainStatus": 15}, ("exited", "200", None)),
        (
            "Service",
            {**KILLED, "Result": "success", "ExecMainCode": 1, "ExecMainStatus": 0},
            ("exited", "200", None),
        ),
        ("Service", {**KILLED, "ExecMainExitTimestamp": 0}, None),
        (
            "Unit",
            {"ActiveState": "active", "SubState": "running", "ActiveEnterTimestamp": 5},
            ("ready", "5", "started"),
        ),
        ("Unit", {"ActiveState": "activating", "SubState": "auto-restart", "ActiveEnterTimestamp": 5}, None),
        (
            "Unit",
            {"ActiveState": "inactive", "ActiveEnterTimestamp": 5, "InactiveEnterTimestamp": 6, "Job": [0, "/"]},
            ("stopped", "6", "stopped"),
        ),
        ("Unit", {"ActiveState": "inactive", "ActiveEnterTimestamp": 0, "Job": [0, "/"]}, None),
        ("Unit", {"ActiveState": "inactive", "ActiveEnterTimestamp": 5, "Job": [9, "/x"]}, None),
        ("Timer", {}, None),
    ],
)
def test_systemd(interface: str, changed: dict[str, Any], expected: tuple[str, str, str | None] | None) -> None:
    found = signals.translate(_signal(interface, changed))
    assert [(event.event, event.id, event.state) for event in found] == ([expected] if expected else [])
    assert all(event.unit == "khutulun-hello-web-0.service" for event in found)


@pytest.mark.parametrize("unit", ["mine.service", "0-my_unit@a.service", "khutulun-hello-web-0.service"])
def test_an_adopted_unit_is_watched_under_its_own_name(unit: str) -> None:
    escaped = signals.path_of(unit).removeprefix("/unit/").removesuffix('"')
    line = _signal("Service", RUNNING).replace("khutulun_2dhello_2dweb_2d0_2eservice", escaped)
    assert signals.path_of(unit) in line
    assert [event.unit for event in signals.translate(line)] == [unit]


def test_a_crash_tells_signal_and_restarts() -> None:
    event = signals.translate(_signal("Service", KILLED))[0]
    assert event.detail == {"exit_code": 137, "signal": "SIGKILL", "restarts": 0, "pid": 0, "reason": "signal"}
    assert event.attributes["pid"] == 0


def test_supervisor() -> None:
    line = {
        "event": "failed",
        "name": "khutulun-hello-web-0",
        "time": 1.5,
        "pid": 0,
        "state": "restarting",
        "detail": {"exit_code": 3, "signal": None, "status": "known", "restarts": 1, "reason": ""},
        "labels": {},
    }
    (event,) = supervisor.translate(json.dumps(line))
    assert (event.event, event.unit, event.state) == ("failed", "khutulun-hello-web-0.service", "failed")
    assert event.attributes == {"pid": 0, "restarts": 1, "state": "restarting", "exit_code": 3, "signal": ""}


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (_signal("Service", RUNNING), True),
        (_signal("Service", RUNNING).replace("khutulun_2d", "ssh_2d"), False),
        (_signal("Timer", {}).replace("_2eservice", "_2etimer"), False),
    ],
)
def test_other_units_do_not_wake_the_driver(line: str, wanted: bool) -> None:
    declared = next(source for source in plugin.sources if source["name"] == "units")
    assert bool(re.search(str(declared["filter"]), line)) is wanted


def test_the_catch_up_of_the_supervisor_does_not_wake_the_driver() -> None:
    declared = next(source for source in plugin.sources if source["name"] == "supervisor")
    assert not re.search(str(declared["filter"]), '{"event": "state", "name": "x", "detail": {}}')
    assert not re.search(str(declared["filter"]), '{"event": "caught-up"}')
