"""R36: what drivers do alike: logs and exec, readiness, states, restarts, systemd and the supervisor."""

import json
from typing import Any

import pytest

from floria_plugin import Context, Permanent, supervisor, systemd, units, workload
from floria_plugin.context import Output
from floria_plugin.driver import Readiness, Site
from floria_plugin.readiness import asked
from floria_plugin.streams import Program, Reading
from floria_plugin.testing import FakeHost
from floria_plugin.workload import Restart

PATHS = {"bin": "/opt/bin", "state": "/var/lib/khutulun", "runtime": "/run/user/7"}
SUPERVISOR = ("/opt/bin/khutulun-supervisor", "--folder", "/var/lib/khutulun/supervisor")


def site(properties: dict[str, Any] | None = None, state: str = "", scope: str = "system", **more: Any) -> Site:
    entity = {"properties": properties or {}, "state": state, "classes": ["a:1::Web", "a:1::Workload"]}
    return Site.of({"node": "web", "entity": entity, "host": {"scope": scope, "paths": PATHS}, **more})


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, ["--lines=all"]),
        ({"lines": 0}, ["--lines=0"]),
        ({"lines": 5, "follow": True}, ["--lines=5", "--follow"]),
    ],
)
def test_what_is_asked_of_a_log_is_said_in_the_words_of_a_tool(inputs: dict[str, Any], words: list[str]) -> None:
    assert Reading.of(inputs).options(everything="--lines=all") == words
    stream = systemd.journal(Context(FakeHost(), {}), site(scope="user"), Reading.of(inputs), "A=b")
    assert stream.argv == ["journalctl", "--user", "--no-pager", "--output=cat", *words, "A=b"]
    assert stream.env == {"XDG_RUNTIME_DIR": "/run/user/7"}


@pytest.mark.parametrize(("follow", "asked"), [(False, [["journalctl", "--sync"]]), (True, [])])
def test_the_journal_takes_in_what_was_said_before_it_is_read(follow: bool, asked: list[list[str]]) -> None:
    host = FakeHost({("journalctl", "--sync"): ""})
    systemd.journal(Context(host, {}), site(), Reading(follow), "A=b")
    assert host.argvs == asked


def test_the_log_of_the_supervisor() -> None:
    asked_for = Reading.of({"lines": 3, "follow": True, "current": True})
    assert supervisor.logs(site(), asked_for, "x").argv == [*SUPERVISOR, "logs", "-n", "3", "-f", "-c", "x"]


def test_exec_needs_a_program() -> None:
    found = Program.of({"argv": ["ls"], "tty": True})
    assert (found.argv, found.stdin, found.tty) == (["ls"], True, True)
    wrongs: list[dict[str, Any]] = [{}, {"argv": []}, {"argv": ["ls", 7]}]
    for wrong in wrongs:
        with pytest.raises(Permanent, match="exec needs the input argv"):
            Program.of(wrong)


def test_a_node_tells_in_one_way_that_it_is_ready() -> None:
    ways = (Readiness.PORT, Readiness.NOTIFY)
    assert asked(site(), *ways) == {}
    assert asked(site({"readiness": {"port": 80}}), *ways) == {"port": 80}
    for given, found in (({"timeout": 3}, "none"), ({"port": 80, "notify": True}, "port and notify")):
        with pytest.raises(Permanent, match=f"exactly one of port, notify; has {found}"):
            asked(site({"readiness": given}), *ways)


@pytest.mark.parametrize(
    ("state", "active", "expected"),
    [
        ("started", True, None),
        ("started", False, "running"),
        ("stopped", True, "stopped"),
        ("created", True, "stopped"),
        ("stopped", False, None),
        ("", True, None),
    ],
)
def test_what_runs_when_it_should_not_is_a_difference(state: str, active: bool, expected: str | None) -> None:
    found = workload.state_differences(site(state=state), active, "so")
    assert [one.expected for one in found] == ([expected] if expected else [])


def test_what_was_made_and_not_started_is_created() -> None:
    assert workload.told(site(state="created"), True, "stopped") == "created"
    assert workload.told(site(state="started"), True, "stopped") == "stopped"
    assert workload.told(site(state="created"), False, "stopped") == "stopped"


def test_a_site_knows_its_types_and_what_holds_secrets() -> None:
    found = site(secrets=["entity/properties/environment/KEY", "entity/properties/files//etc/x"])
    assert found.is_a("Workload")
    assert not found.is_a("Load")
    assert found.hidden("environment") == {"KEY"}
    assert found.hidden("files") == {"/etc/x"}


def test_restarts_in_the_words_of_systemd() -> None:
    never = Restart("never", delay=1.5, burst=2, interval=60)
    assert units.restarts(never) == [("Restart", "no"), ("RestartSec", "1500ms")]
    assert units.bursts(never) == [("StartLimitIntervalSec", "1min"), ("StartLimitBurst", "2")]


def test_a_unit_is_stopped_only_when_it_runs() -> None:
    def ended(answers: list[str]) -> list[str]:
        host = FakeHost({("systemctl", "show", "..."): lambda _: answers.pop(0), ("systemctl", "stop", "x"): ""})
        systemd.end(Context(host, {}), site(), "x", "ActiveState")
        return [argv[1] for argv in host.argvs]

    assert ended(["ActiveState=failed\n"]) == ["show"]
    assert ended(["ActiveState=active\n", "ActiveState=inactive\n"]) == ["show", "stop", "show"]


def test_the_supervisor_is_told_only_what_is_new() -> None:
    spec = {"name": "x", "argv": ["a"]}

    def defined(answer: Any) -> list[str]:
        host = FakeHost({(*SUPERVISOR, "show", "x"): answer, (*SUPERVISOR, "define", "-"): ""})
        supervisor.define(Context(host, {}), site(), spec)
        return [argv[3] for argv in host.argvs]

    assert defined(4) == ["show", "define"]
    assert defined(3) == ["show", "define"]
    assert defined(json.dumps({"spec": {"name": "x"}})) == ["show", "define"]
    assert defined(json.dumps({"spec": spec})) == ["show"]
    with pytest.raises(Permanent, match="it is broken"):
        defined(Output(1, stderr="it is broken\n"))
