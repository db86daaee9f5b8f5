"""`khutulun service …`: outputs in every format, honest exit codes, errors with a hint (R101)."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from floria import yaml
from khutulun.testing.conductor import FakeConductor

Khutulun = Callable[..., Any]


def request_of(conductor: FakeConductor, name: str) -> Any:
    return next(arguments["request"] for asked, arguments in conductor.asked if asked == name)


def test_deploy_follows_to_the_end_and_shows_outputs(
    khutulun: Khutulun, conductor: FakeConductor, bundle: Path
) -> None:
    ended = khutulun("service", "deploy", str(bundle), "--input", "a=1", "-i", "b=[x, {y: 2}]", "-i", "c=d: e")
    assert ended.code == 0
    assert ended.out == "shop is running\n  url: http://localhost:8080\n"
    _check_progress(ended.err)
    request = request_of(conductor, "deploy")
    assert (request.name, request.directory) == ("shop", "/")
    assert request.inputs == {"a": 1, "b": ["x", {"y": 2}], "c": "d: e"}
    assert conductor.archives[request.archive] == bundle.read_bytes()


def _check_progress(err: str) -> None:
    """Steps that were over before they were asked for may be missing, never the end."""
    possible = [
        "▸ server running Lifecycle.start",
        "✓ server done",
        "▸ client running Lifecycle.start",
        "✓ client done",
    ]
    lines = [line.removeprefix("shop: ") for line in err.splitlines()]
    assert lines == [line for line in possible if line in lines]
    assert lines[-1] == possible[-1]


def test_deploy_without_waiting(khutulun: Khutulun, conductor: FakeConductor, bundle: Path) -> None:
    ended = khutulun("service", "deploy", str(bundle), "--no-wait", "-o", "json", "-i", "hold=true")
    assert (ended.code, ended.err) == (0, "")
    execution = json.loads(ended.out)
    assert (execution["service"], execution["workflow"], execution["state"]) == ("shop", "deploy", "running")
    conductor.happen("event", "go")


def test_a_deploy_that_fails(khutulun: Khutulun, conductor: FakeConductor, bundle: Path) -> None:
    ended = khutulun("service", "deploy", str(bundle), "--input", "fail=true")
    assert ended.code == 1
    assert ended.out == "shop: deploy failed\n"
    assert "✗ client failed Lifecycle.start (the program ended with 1)" in ended.err
    assert "error: client: the program ended with 1\nhint: see its log\n" in ended.err
    assert ended.err.endswith("hint: mend it, then 'khutulun service resume shop'\n")
    assert khutulun("service", "resume", "shop").code == 0


def test_a_deploy_of_what_exists(khutulun: Khutulun, hello: str, bundle: Path) -> None:
    ended = khutulun("service", "deploy", str(bundle), "--name", hello)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "error: the service 'hello' exists\nhint: update it\n"


def test_inputs_from_a_file_and_from_stdin(
    program: Khutulun, conductor: FakeConductor, bundle: Path, tmp_path: Path
) -> None:
    file = tmp_path / "inputs.yaml"
    file.write_text("a: 010\nb: yes\nc: 1\n")
    assert program("service", "deploy", str(bundle), "--inputs", str(file), "-i", "c=2", "-o", "json").code == 0
    assert request_of(conductor, "deploy").inputs == {"a": 10, "b": "yes", "c": 2}
    assert program("service", "update", "shop", "--inputs", "-", stdin=b"d: [4]").code == 0
    assert request_of(conductor, "update").inputs == {"d": [4]}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--input", "a"), "error: --input: 'a' is not NAME=VALUE\nhint: --input port=8080\n"),
        (("--input", "a=[1"), "error: --input a:"),
        (("--inputs", "/missing.yaml"), "error: /missing.yaml: the inputs cannot be read: No such file"),
        (("--name", "no name"), "error:"),
    ],
)
def test_bad_inputs_change_nothing(
    arguments: tuple[str, ...], says: str, khutulun: Khutulun, conductor: FakeConductor, bundle: Path, tmp_path: Path
) -> None:
    ended = khutulun("service", "deploy", str(bundle), *arguments)
    if arguments[0] == "--name":
        assert ended.code == 0  # names are the conductor's to judge
        return
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(says)
    assert "hint: " in ended.err
    assert conductor.asked == []


@pytest.mark.parametrize("content", ["[1, 2]", "a: 1\n  b: 2\n", "a: 1\na: 2\n", "\x00"])
def test_a_bad_file_of_inputs(
    content: str, khutulun: Khutulun, conductor: FakeConductor, bundle: Path, tmp_path: Path
) -> None:
    file = tmp_path / "inputs.yaml"
    file.write_text(content)
    ended = khutulun("service", "deploy", str(bundle), "--inputs", str(file))
    assert ended.code == 1
    assert ended.err.startswith("error: ")
    assert str(file) in ended.err
    assert "hint: " in ended.err
    assert conductor.asked == []


def test_a_file_that_is_not_there(khutulun: Khutulun, conductor: FakeConductor) -> None:
    ended = khutulun("service", "deploy", "/missing.yaml")
    assert ended.code == 1
    assert ended.err.startswith("error: /missing.yaml: it cannot be read: No such file or directory\nhint: ")


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", lambda text: yaml.load(text)[0])])
def test_plan(output: str, load: Callable[[str], Any], khutulun: Khutulun, hello: str, bundle: Path) -> None:
    ended = khutulun("service", "plan", str(bundle), "-o", output)
    assert ended.code == 2
    plan = load(ended.out)
    assert [change["change"] for change in plan["changes"]] == ["novel", "novel"]
    assert plan["effects"][0]["request"] == {"argv": ["systemctl", "start", "x"]}


def test_a_plan_for_people_and_its_exit_codes(khutulun: Khutulun, hello: str, bundle: Path) -> None:
    ended = khutulun("service", "plan", str(bundle))
    assert ended.code == 2
    assert "novel      server" in ended.out
    assert "server: Lifecycle.start on localhost\n  systemctl start x\n" in ended.out
    assert "Known only when it is done:\n  server.port\n" in ended.out
    assert khutulun("service", "plan", "--name", hello) == (0, "hello: nothing to do\n", "")
    assert khutulun("service", "plan", str(bundle), "--script")[:2] == (2, "#!/bin/sh\nsystemctl start x\n")
    assert khutulun("service", "plan", "/missing").code == 1
    assert khutulun("service", "plan").code == 1
    assert khutulun("service", "plan", "--bad-option").code == 1


def test_update_keeps_the_design(khutulun: Khutulun, conductor: FakeConductor, hello: str) -> None:
    ended = khutulun("service", "update", hello, "--input", "greeting=Hello")
    assert ended.code == 0
    request = request_of(conductor, "update")
    assert (request.archive, request.inputs) == (None, {"greeting": "Hello"})
    ended = khutulun("service", "update", "missing", "-i", "a=1")
    assert (ended.code, ended.err) == (
        1,
        "error: missing: there is no service 'missing'\nhint: see 'khutulun service list'\n",
    )


def test_undeploy(khutulun: Khutulun, hello: str) -> None:
    ended = khutulun("service", "undeploy", hello)
    assert (ended.code, ended.out) == (0, "hello is gone\n")
    assert khutulun("service", "undeploy", hello).code == 1
    assert khutulun("service", "list", "-o", "json").out == "[]\n"


def test_list_and_show_for_people(khutulun: Khutulun, hello: str) -> None:
    lines = khutulun("service", "list").out.splitlines()
    assert lines[0].split() == ["NAME", "DIRECTORY", "STATE", "NODES", "MODIFIED"]
    assert lines[1].split()[:4] == ["hello", "/", "running", "2"]
    shown = khutulun("service", "show", hello).out
    assert shown.startswith("hello is running\n  in /, since ")
    assert "Inputs:\n  greeting: Hi\nOutputs:\n  url: http://localhost:8080\n" in shown
    assert "server (khutulun:1.0::Process) is running on localhost\n" in shown
    assert '  secret: {"$bytes":"AP8="}\n  bad: old (error: went wrong)\n' in shown
    assert "  endpoint:\n    port: 8080\n" in shown
    assert "  server → server.endpoint\n    port: 8080\n" in shown
    assert "  operations: Lifecycle.start\n  handles: failed\n" in shown


def test_show_for_scripts_has_every_field(khutulun: Khutulun, hello: str) -> None:
    found = json.loads(khutulun("service", "show", hello, "-o", "json").out)
    assert found["execution"]["state"] == "done"
    assert found["nodes"][0]["relations"] == []
    assert found["nodes"][0]["properties"]["secret"] == {"value": {"$bytes": "AP8="}, "error": None}
    assert yaml.load(khutulun("service", "show", hello, "-o", "yaml").out)[0] == found


def test_outputs(khutulun: Khutulun, hello: str) -> None:
    assert khutulun("service", "outputs", hello).out == "url: http://localhost:8080\n"
    assert khutulun("service", "outputs", hello, "url").out == "http://localhost:8080\n"
    ended = khutulun("service", "outputs", hello, "uri")
    assert (ended.code, ended.err) == (1, "error: hello has no output 'uri'\nhint: it has: url\n")


def test_graph(khutulun: Khutulun, hello: str) -> None:
    assert khutulun("service", "graph", hello).out == (
        "hello (running)\nclient (Process) running on localhost\n└─ server → server (Process) running on localhost\n"
    )
    dot = khutulun("service", "graph", hello, "-o", "dot").out
    assert dot.startswith('digraph "hello" {\n')
    assert '  "client" -> "server" [label="server"];\n' in dot
    assert [node["name"] for node in json.loads(khutulun("service", "graph", hello, "-o", "json").out)] == [
        "server",
        "client",
    ]


def test_validate_and_its_exit_codes(khutulun: Khutulun, hello: str) -> None:
    assert khutulun("service", "validate", hello) == (0, "no differences\n", "")
    khutulun("service", "update", hello, "-i", "drift=true")
    ended = khutulun("service", "validate", hello)
    assert ended.code == 2
    assert ended.out.splitlines()[1].split() == ["server", "state", "running", "stopped"]
    assert khutulun("service", "validate", "missing").code == 1


def test_the_events_of_a_service(khutulun: Khutulun, hello: str) -> None:
    found = [json.loads(line) for line in khutulun("service", "events", hello, "-o", "json").out.splitlines()]
    assert [event["name"] for event in found] == ["running", "done", "running", "done", "done"]
    after = khutulun("service", "events", hello, "--after", str(found[-2]["position"])).out
    assert len(after.splitlines()) == 1
    assert "execution" in after


def test_directory_and_output_by_environment(
    khutulun: Khutulun, conductor: FakeConductor, hello: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KHUTULUN_DIRECTORY", "/team")
    monkeypatch.setenv("KHUTULUN_OUTPUT", "json")
    assert json.loads(khutulun("service", "list").out)
    assert conductor.asked[-1][1]["directory"] == "/team"
    monkeypatch.setenv("KHUTULUN_SERVICE_UNDEPLOY_NO_WAIT", "1")
    assert json.loads(khutulun("service", "undeploy", hello).out)["state"] == "running"


def test_control_characters_do_not_reach_the_terminal(khutulun: Khutulun, conductor: FakeConductor, hello: str) -> None:
    conductor.happen("event", "evil\x1b[2J\n", hello)
    assert "evil\\x1b[2J\\n" in khutulun("events").out
    assert "\x1b" not in khutulun("events").out


def test_output_that_nobody_reads_any_more(program: Khutulun, command: tuple[str, ...], hello: str) -> None:
    with subprocess.Popen(
        [*command, "events", "-f"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.readline()
        running.stdout.close()
        program("event", "emit", "more")
        program("event", "emit", "more")
        assert running.wait(60) == 1
        assert running.stderr.read() == b""
