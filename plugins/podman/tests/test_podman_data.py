"""What the Podman driver makes of descriptions, events and messages, as data (R7, R14, R30, R53)."""

import json
from typing import Any

import pytest
from podman_driver import events, faults
from podman_driver.driver import plugin

from floria_plugin import Output
from floria_plugin.faults import Permanent
from floria_plugin.testing import FakeHost

QUADLET = "/usr/lib/systemd/system-generators/podman-system-generator"
FILE = "/etc/containers/systemd/khutulun-hello-web-0.container"


def line(status: str, **more: Any) -> str:
    """Return a line of `podman events`."""
    labels = {"khutulun.service": "hello", **more.pop("labels", {})}
    told = {"Name": "hello-web-0", "Status": status, "timeNano": 7, "Type": "container", **more, "Attributes": labels}
    return json.dumps(told, separators=(",", ":"))


def test_r14_r30_events_of_plain_containers() -> None:
    started = events.translate(line("start"))
    assert [(one.event, one.state) for one in started] == [("started", None), ("ready", "started")]
    (crashed,) = events.translate(line("died", ContainerExitCode=3))
    assert (crashed.event, crashed.state, crashed.detail["exit_code"]) == ("failed", "failed", 3)
    (ended,) = events.translate(line("died", ContainerExitCode=143))
    assert (ended.event, ended.state, ended.detail["signal"]) == ("exited", "stopped", "SIGTERM")
    (killed,) = events.translate(line("died", ContainerExitCode=137))
    assert killed.unasked
    assert events.translate(line("cleanup")) == []
    assert events.translate(json.dumps({"Type": "image", "Name": "x", "Status": "pull"})) == []


def test_r14_health_is_an_event_when_it_changes() -> None:
    (bad,) = events.translate(line("health_status", health_status="unhealthy"))
    assert (bad.event, bad.topic, bad.attributes) == ("unhealthy", "health", {"health_status": "unhealthy"})
    assert events.translate(line("health_status", health_status="starting")) == []


def test_of_a_container_of_a_unit_only_what_systemd_does_not_know_is_told() -> None:
    labels = {"PODMAN_SYSTEMD_UNIT": "khutulun-hello-web-0.service"}
    assert events.translate(line("died", ContainerExitCode=3, labels=labels)) == []
    assert [one.event for one in events.translate(line("pause", labels=labels))] == ["paused"]


def test_r51_r53_a_container_becomes_a_file_an_administrator_could_have_written(node: Any) -> None:
    known = json.dumps([{"Id": "1", "RepoDigests": []}])
    host = FakeHost(
        {
            ("podman", "image", "inspect", "..."): known,
            ("sh", "-c", "..."): "Loading source unit file khutulun-hello-web-0.container",
        },
        {QUADLET: "", "/sys/fs/cgroup/cgroup.controllers": ""},
    )
    host.call(plugin, "create", node({"restart": {"policy": "always", "delay": 1.0}, "user": "1000"}), [{}])
    assert host.files[FILE] == (
        "# Made by Khutulun. Changes by hand are noticed and shown, and not taken back.\n\n"
        "[Unit]\nDescription=Container web of hello\nStartLimitIntervalSec=10s\nStartLimitBurst=5\n\n"
        "[Container]\nImage=localhost/base:1\nContainerName=hello-web-0\nLabel=khutulun.node=web\n"
        "Label=khutulun.service=hello\nUser=1000\nStopTimeout=1\nExec=sleep 1000\n\n"
        "[Service]\nRestart=always\nRestartSec=1s\nSuccessExitStatus=143\n\n[Install]\nWantedBy=multi-user.target\n"
    )


def test_a_key_that_an_older_podman_does_not_know_is_given_as_an_argument(node: Any) -> None:
    said = ["unsupported key 'StopTimeout' in group 'Container'"]

    def generate(argv: Any) -> Output:
        told = f"converting khutulun-hello-web-0.container: {said.pop()}\n" if said else ""
        return Output(0, f"Loading source unit file khutulun-hello-web-0.container\n{told}")

    host = FakeHost(
        {("podman", "image", "inspect", "..."): json.dumps([{"Id": "1"}]), ("sh", "-c", "..."): generate},
        {QUADLET: "", "/sys/fs/cgroup/cgroup.controllers": ""},
    )
    host.call(plugin, "create", node(), [{}])
    assert "PodmanArgs=--stop-timeout=1\n" in host.files[FILE]
    assert "\nStopTimeout" not in host.files[FILE]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Error: initializing source docker://r/x: reading manifest 1 in r/x: manifest unknown", "image-missing"),
        ('Error: Get "https://r/v2/": dial tcp 127.0.0.1:5000: connect: connection refused', "registry-unreachable"),
        ("Error: reading manifest: unauthorized: authentication required", "registry-refused"),
        ("Error: writing blob: write /var/tmp/x: no space left on device", "no-space"),
        ('time="x" level=error msg="cannot find UID/GID for user u: no subuid ranges found"\nError: no', "no-subuids"),
        ("Error: statfs /nowhere: no such file or directory", "volume-missing"),
        ("Error: something that nobody has seen", "podman-failed"),
    ],
)
def test_messages_become_faults_with_a_hint(said: str, code: str) -> None:
    fault = faults.of(Output(125, "", f'time="t" level=warning msg="ancient"\n{said}\n'), "making it")
    assert fault.code == code
    assert isinstance(fault.detail, dict)
    assert fault.detail["hint"]
    assert "ancient" not in fault.message


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"image": None}, "either the property image or the artifact image"),
        ({"readiness": {"health": True}}, "needs the property health"),
        ({"readiness": {"port": 1, "log": "x"}}, "needs exactly one of health"),
        ({"mounts": [{"path": "/x", "volume": "a", "temporary": True}]}, "exactly one of folder"),
        ({"network": "none", "ports": [{"port": 80}]}, "it has ports, but the network none"),
    ],
)
def test_what_does_not_fit_together_is_refused(node: Any, properties: dict[str, Any], message: str) -> None:
    with pytest.raises(Permanent, match=message):
        FakeHost().call(plugin, "create", node(properties), [{}])


RUNNING = {
    "Id": "1",
    "State": {"Status": "running"},
    "Image": "2",
    "HostConfig": {"Memory": 1 << 20},
    "Config": {"CreateCommand": ["podman", "create"]},
}


@pytest.mark.parametrize(
    ("version", "in_place"), [("4.3.1", False), ("4.9.5", False), ("5.0.3", False), ("5.1.0", True), ("5.4.2", True)]
)
def test_r45_limits_are_changed_in_place_where_that_lasts(node: Any, version: str, in_place: bool) -> None:
    """Podman before 5.1 forgets with the next start what `podman update` has changed."""
    site = node({"units": "never", "limits": {"memory": 2 << 20}})
    made = {**RUNNING, "Config": {"CreateCommand": []}}
    host = FakeHost(
        {
            ("podman", "--version"): f"podman version {version}\n",
            ("podman", "container", "inspect", "..."): lambda argv: json.dumps([made]),
            ("podman", "image", "inspect", "..."): json.dumps([{"Id": "2", "RepoDigests": []}]),
        },
        strict=False,
    )
    host.call(plugin, "create", site, [{}])
    create = next(argv for argv in host.argvs if argv[:2] == ["podman", "create"])
    made["Config"] = {"CreateCommand": create}
    host.effects.clear()
    host.call(plugin, "update", site, [{}])
    changes = [argv[1] for argv in host.argvs if argv[1] in ("update", "create", "rm", "stop", "start")]
    assert changes == (["update"] if in_place else ["stop", "rm", "create", "start"])


@pytest.mark.parametrize("lingers", [True, False])
def test_r13_a_user_is_told_that_containers_end_with_the_session(node: Any, lingers: bool) -> None:
    places = {"units": "/u", "state": "/s", "run": "/r", "home": "/home/ada", "bin": "/b", "runtime": "/run/user/7"}
    site = node({"units": "never"}, host={"scope": "user", "user": "ada", "paths": places})
    files = {"/var/lib/systemd/linger/ada": ""} if lingers else {}
    host = FakeHost({("podman", "image", "inspect", "..."): json.dumps([{"Id": "2"}])}, files, strict=False)
    host.call(plugin, "create", site, [{}])
    assert any("loginctl enable-linger ada" in message for _, message in host.logs) is not lingers


def test_what_a_killed_podman_has_left_is_removed_and_made_anew(node: Any) -> None:
    said = [
        Output(125, "", 'Error: the container name "hello-web-0" is already in use by 1: that name is already in use'),
        Output(0, "new\n"),
    ]
    host = FakeHost(
        {
            ("podman", "create", "..."): lambda argv: said.pop(0),
            ("podman", "container", "inspect", "..."): Output(125, "[]", "Error: no such container hello-web-0"),
            ("podman", "image", "inspect", "..."): json.dumps([{"Id": "2"}]),
        },
        strict=False,
    )
    made = host.call(plugin, "create", node({"units": "never"}), [{}])
    assert made["attributes"]["container_id"] == "new"
    assert [argv[1] for argv in host.argvs].count("rm") == 1


def test_what_a_program_of_a_build_ends_with_is_no_end_of_podman() -> None:
    said = 'Error: building at STEP "RUN x": while running runtime: exit status 137'
    assert faults.of(Output(137, "", said), "building").code != "podman-killed"
    assert faults.of(Output(137, "", "Killed\n"), "building").code == "podman-killed"
