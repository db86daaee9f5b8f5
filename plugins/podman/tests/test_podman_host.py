"""Containers on a booted host with systemd (R1, R7, R13, R14, R30, R50-R54)."""

import json
from typing import Any

import pytest

from floria_plugin.faults import Fault

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("tidy")]

UNIT = "khutulun-hello-web-0.service"
FILE = "/etc/containers/systemd/khutulun-hello-web-0.container"
NAME = "hello-web-0"


def shown(engine: Any, form: str, name: str = NAME) -> str:
    """Return what Podman says of a container."""
    return str(engine.run(["podman", "container", "inspect", "--format", form, name]).stdout.strip())


def active(engine: Any, unit: str = UNIT) -> str:
    return str(engine.run(["systemctl", "is-active", unit], check=False).stdout.strip())


def test_r1_r50_r51_a_container_is_a_unit_like_any_other(engine: Any, driver: Any, node: Any) -> None:
    site = node()
    made = driver.call("create", site)["attributes"]
    assert made["container"] == NAME
    assert engine.read(FILE).startswith("# Made by Khutulun")
    assert active(engine) == "inactive"
    started = driver.call("start", site)["attributes"]
    assert active(engine) == "active"
    assert shown(engine, '{{.State.Pid}} {{index .Config.Labels "khutulun.node"}}') == f"{started['pid']} web"
    assert engine.run(["systemctl", "is-enabled", UNIT], check=False).stdout.strip() == "generated"
    driver.call("delete", site)
    assert not engine.exists(FILE)
    assert engine.run(["podman", "ps", "--all", "--quiet"]).stdout == ""
    assert engine.run(["systemctl", "show", "--property=LoadState", UNIT]).stdout.strip() == "LoadState=not-found"


@pytest.mark.parametrize("units", ["auto", "never"])
def test_every_verb_twice_is_the_same_as_once(engine: Any, driver: Any, node: Any, units: str) -> None:
    site = node({"units": units, "environment": {"A": "1"}, "limits": {"memory": 64 << 20}})
    for verb in ("create", "start", "update"):
        first = driver.call(verb, site)
        assert {**driver.call(verb, site), "attributes": 0} == {**first, "attributes": 0}
        assert engine.run(["podman", "ps", "--all", "--quiet"]).stdout.count("\n") <= 1
    pid = shown(engine, "{{.State.Pid}}")
    driver.call("create", site)
    driver.call("update", site)
    assert shown(engine, "{{.State.Pid}}") == pid
    site["entity"]["state"] = "started"
    assert driver.call("inspect", site)["differences"] == []
    for verb in ("stop", "delete"):
        first = driver.call(verb, site)
        assert driver.call(verb, site) == first
    assert not driver.call("inspect", site)["exists"]
    assert engine.run(["podman", "ps", "--all", "--quiet"]).stdout == ""


WORDS = ['a "b"', "$HOME ${HOME}", "100%n", "back\\slash", "line\nbreak", "tab\t", "'quoted'", ";", "é", ""]


@pytest.mark.parametrize("units", ["auto", "never"])
def test_arguments_and_environment_arrive_unchanged(engine: Any, driver: Any, node: Any, units: str) -> None:
    variables = {"A": 'x "y" $HOME %n \\', "B": "two\nlines"}
    script = 'printf "%s\\0" "$@" >/out/words; printf "%s\\0%s" "$A" "$B" >/out/variables; exec sleep 1000'
    properties = {
        "units": units,
        "command": ["/bin/sh", "-c", script, "sh", *WORDS],
        "environment": variables,
        "mounts": [{"path": "/out", "folder": "/srv"}],
        "health": {"command": ["test", "-f", '/out/it\'s "$100%" here'], "interval": 60.0},
    }
    driver.call("create", node(properties))
    driver.call("start", node(properties))
    assert engine.read("/srv/words").split("\0")[:-1] == WORDS
    assert engine.read("/srv/variables").split("\0") == list(variables.values())
    engine.write('/srv/it\'s "$100%" here', "")
    assert engine.run(["podman", "healthcheck", "run", NAME]).status == 0
    driver.call("delete", node(properties))


@pytest.mark.parametrize("units", ["auto", "never"])
def test_r7_what_a_container_can_be_given(engine: Any, driver: Any, node: Any, units: str) -> None:
    port = {
        "name": "port",
        "properties": {"port": 80},
        "target": {"node": "http", "properties": {"address": "127.0.0.1", "port": 18080, "protocol": "tcp"}},
    }
    properties = {
        "units": units,
        "entrypoint": ["/bin/sh", "-c"],
        "command": ["mkdir -p /data/www; cp /etc/page /data/www/index.html; exec httpd -f -p 80 -h /data/www"],
        "files": {"/etc/page": "hello\n"},
        "limits": {"memory": 96 << 20, "cpu": 0.5, "tasks": 50, "open_files": 999},
        "ports": [{"port": 80, "host_port": 18081}],
        "mounts": [{"path": "/data", "volume": "data"}, {"path": "/tmp", "temporary": True, "size": 1 << 20}],
        "linux_capabilities": {"add": ["NET_ADMIN"], "drop": ["CHOWN"]},
        "security": {"no_new_privileges": True, "read_only": True},
        "devices": ["/dev/null:/dev/nix"],
        "hostname": "inside",
        "init": True,
        "labels": {"team": "web team"},
        "working_directory": "/var",
        "user": "0:0",
        "stop": {"signal": "SIGINT", "timeout": 1.0},
        "restart": {"policy": "always"},
        "health": {"command": ["true"], "interval": 5.0, "retries": 2, "start_period": 1.0},
    }
    site = node(properties, edges=[port])
    driver.call("create", site)
    attributes = driver.call("start", site)["attributes"]
    assert attributes["capability/endpoint"]["authority"] == "127.0.0.1:18080"
    for number in (18080, 18081):
        fetch = ["curl", "-sS", "--retry", "120", "--retry-connrefused", "--retry-delay", "1"]
        assert engine.run([*fetch, f"http://127.0.0.1:{number}/"]).stdout == "hello\n"
    found = json.loads(engine.run(["podman", "container", "inspect", NAME]).stdout)[0]
    host, config = found["HostConfig"], found["Config"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (96 << 20, 500000000, 50)
    assert {one["Name"]: one["Hard"] for one in host["Ulimits"]}["RLIMIT_NOFILE"] == 999
    assert "CAP_NET_ADMIN" in host["CapAdd"]
    assert "CAP_CHOWN" in host["CapDrop"]
    assert host["ReadonlyRootfs"]
    assert host["Init"]
    assert config["Hostname"] == "inside"
    assert config["Labels"]["team"] == "web team"
    assert config["WorkingDir"] == "/var"
    assert config["StopSignal"] in ("SIGINT", 2)
    assert config["Healthcheck"]["Retries"] == 2
    assert (
        engine.run(["podman", "exec", NAME, "sh", "-c", "test -c /dev/nix && df /tmp | grep -c tmpfs"]).stdout == "1\n"
    )
    site["entity"]["state"] = "started"
    assert driver.call("inspect", site)["differences"] == []
    driver.call("delete", site)
    engine.run(["podman", "volume", "rm", "data"])
    assert not engine.exists("/var/lib/khutulun/podman/hello-web-0")


def test_r7_a_key_that_podman_would_ignore_is_refused_and_leaves_nothing(engine: Any, driver: Any, node: Any) -> None:
    with pytest.raises(Fault, match=r"\[Container\] has no Colour") as refused:
        driver.call("create", node({"quadlet": {"Container": {"Colour": "red"}}}))
    assert "podman-systemd.unit" in str(refused.value.detail)
    assert not engine.exists(FILE)
    site = node(
        {"quadlet": {"Container": {"Timezone": "UTC"}, "Service": {"Nice": "5"}}, "options": ["--oom-score-adj=7"]}
    )
    driver.call("create", site)
    driver.call("start", site)
    assert shown(engine, "{{.HostConfig.OomScoreAdj}} {{.Config.Timezone}}") == "7 UTC"
    driver.call("delete", site)


@pytest.mark.parametrize("units", ["auto", "never"])
def test_r45_an_update_is_made_in_place_where_podman_can(engine: Any, driver: Any, node: Any, units: str) -> None:
    driver.call("create", node({"units": units}))
    driver.call("start", node({"units": units}))
    pid = shown(engine, "{{.State.Pid}}")
    limited = {"units": units, "limits": {"memory": 80 << 20, "tasks": 77}}
    driver.call("update", node(limited))
    assert shown(engine, "{{.State.Pid}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}") == f"{pid} {80 << 20} 77"
    assert driver.call("inspect", node(limited, state="started"))["differences"] == []
    driver.call("update", node({**limited, "environment": {"A": "1"}}))
    assert shown(engine, "{{.State.Pid}}") != pid
    assert shown(engine, "{{.HostConfig.Memory}}") == str(80 << 20)
    driver.call("delete", node(limited))


SAID = "until [ -p /tmp/said ]; do sleep 0.1; done; cat /tmp/said"
"""Returns when what is to be in the log was said."""


@pytest.mark.parametrize("units", ["auto", "never"])
def test_r13_logs_and_exec(engine: Any, driver: Any, node: Any, units: str) -> None:
    script = "mkfifo /tmp/said; echo hello; echo yes >/tmp/said; exec sleep 1000"
    site = node({"units": units, "command": ["sh", "-c", script], "environment": {"A": "1"}})
    driver.call("create", site)
    driver.call("start", site)
    engine.run(["podman", "exec", NAME, "sh", "-c", SAID])
    logs = driver.call("logs", site, {"lines": 5, "current": True})
    engine.run(["journalctl", "--sync"])
    assert engine.run(logs["argv"]).stdout == "hello\n"
    beside = driver.call("exec", site, {"argv": ["sh", "-c", "echo $A; exit 7"], "stdin": False})
    done = engine.run(beside["argv"], check=False)
    assert (done.stdout, done.status) == ("1\n", 7)
    driver.call("delete", site)


def test_r13_the_log_of_the_last_start_has_its_first_line_and_none_of_before(
    engine: Any, driver: Any, node: Any
) -> None:
    """Whatever the time zone of the host; what is said before Podman calls the container started is of this start."""
    zone = engine.run(["readlink", "/etc/localtime"], check=False).stdout.strip() or "/usr/share/zoneinfo/Etc/UTC"
    engine.run(["ln", "-sf", "/usr/share/zoneinfo/Asia/Kolkata", "/etc/localtime"])
    script = "rm -f /tmp/said; echo run $RANDOM; mkfifo /tmp/said; echo yes >/tmp/said; exec sleep 1000"
    site = node({"units": "never", "command": ["sh", "-c", script]})
    driver.call("create", site)
    driver.call("start", site)
    for runs in (1, 2, 3):
        engine.run(["podman", "exec", NAME, "sh", "-c", SAID])
        engine.run(["journalctl", "--sync"])
        everything = engine.run(["podman", "logs", NAME]).stdout.splitlines()
        assert len(everything) == runs
        logs = driver.call("logs", site, {"current": True})
        assert engine.run(logs["argv"]).stdout.splitlines() == everything[-1:]
        driver.call("stop", site)
        logs = driver.call("logs", site, {"current": True})
        assert engine.run(logs["argv"]).stdout.splitlines()[-1:] == everything[-1:]
        driver.call("start", site)
    driver.call("delete", site)
    engine.run(["ln", "-sf", zone, "/etc/localtime"])


def test_r61_r62_what_was_changed_by_hand_is_a_difference(engine: Any, driver: Any, node: Any) -> None:
    site = node(state="started")
    driver.call("create", site)
    driver.call("start", site)
    engine.run(["podman", "update", "--memory=70m", NAME])
    engine.run(["sed", "-i", "s/^RestartSec=.*/RestartSec=9s/", FILE])
    found = {one["what"] for one in driver.call("inspect", site)["differences"]}
    assert found == {"memory", "RestartSec"}
    engine.run(["systemctl", "stop", UNIT])
    assert "state" in {one["what"] for one in driver.call("inspect", site)["differences"]}
    driver.call("delete", site)


def test_r54_a_running_container_is_adopted(engine: Any, driver: Any, node: Any) -> None:
    engine.run(["podman", "run", "--detach", "--name=mine", "localhost/base:1", "sleep", "1000"])
    pid = shown(engine, "{{.State.Pid}}", "mine")
    adopted = driver.call("adopt", node(), {"existing": "mine"})
    assert adopted["names"] == {"machine": "mine"}
    assert str(adopted["attributes"]["pid"]) == pid
    site = node({"container": "mine", "limits": {"memory": 70 << 20}}, state="started")
    driver.call("update", site)
    assert shown(engine, "{{.State.Pid}} {{.HostConfig.Memory}}", "mine") == f"{pid} {70 << 20}"
    assert driver.call("inspect", site)["differences"] == []
    with pytest.raises(Fault, match="no container other to adopt"):
        driver.call("adopt", node(), {"existing": "other"})
    driver.call("stop", site)
    driver.call("delete", site)
    assert shown(engine, "{{.State.Status}}", "mine") == "exited"
    engine.run(["podman", "rm", "mine"])


@pytest.mark.parametrize("units", ["auto", "never"])
def test_r45_what_is_built_again_with_other_properties_is_another_container(
    engine: Any, driver: Any, node: Any, units: str
) -> None:
    for value in ("1", "2"):
        site = node({"units": units, "environment": {"A": value}})
        driver.call("create", site)
        driver.call("start", site)
        assert engine.run(["podman", "exec", NAME, "sh", "-c", "echo $A"]).stdout == f"{value}\n"
    driver.call("delete", site)
