"""What goes wrong on the machine while services run: it is told at the node that it concerns, and can be undone."""

import itertools
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from testbed.bare import Bare
from tests.bad_input import refusals
from tests.bad_input.served import Served
from tests.bad_input.test_designs import HEAD

pytestmark = pytest.mark.system

CASES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("running.yaml").read_text())
STATE = "/srv/state"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def machine(private: Bare, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on a machine of its own, for all cases."""
    log = tmp_path_factory.mktemp("server") / "log"
    with Served(private, STATE, log, scope="--system").up() as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have one test's services not be in the way of the next one's."""
    yield
    if "machine" in request.fixturenames:
        served: Served = request.getfixturevalue("machine")
        for service in served.json("service", "list"):
            served.run("service", "undeploy", service["name"])


def write(served: Served, nodes: str, files: dict[str, str]) -> str:
    """Write a service; return the path of its file."""
    folder = f"/srv/design{next(_numbers)}"
    indented = "".join(f"    {line}\n" for line in nodes.splitlines())
    content = {**files, "service.yaml": f"{HEAD}\nservice_template:\n  node_templates:\n{indented}"}
    for name, text in content.items():
        path = f"{folder}/{name}"
        script = 'mkdir -p "${1%/*}" && cat >"$1"'
        served.machine.run(["sh", "-c", script, "write", path], input=text)
    return f"{folder}/service.yaml"


def processes(served: Served) -> list[str]:
    """Return what runs on the machine, by program."""
    listed = served.machine.run(["ps", "-e", "-o", "args="]).stdout.splitlines()
    return sorted(line for line in listed if not line.startswith(("ps ", "/bin/bash", "setpriv", "env", "[")))


@pytest.mark.parametrize("name", CASES)
def test_what_fails_on_the_machine_is_told_and_undeployed_without_a_rest(machine: Served, name: str) -> None:
    case = CASES[name]
    file = write(machine, case["nodes"], case.get("files", {}))
    before = machine.look()["files"]
    running = processes(machine)
    ended = machine.run("service", "deploy", file, "--name", "x")
    refusals.check(ended, *case["says"], hint=case.get("hint", ""))
    assert "error: x/" in ended.stderr
    assert machine.json("service", "list")[0]["state"] == "failed"
    machine.do("service", "undeploy", "x")
    assert machine.json("service", "list") == []
    assert machine.look()["files"] == before
    assert [line for line in processes(machine) if "supervisor" not in line] == [
        line for line in running if "supervisor" not in line
    ]
    machine.check_log()


def test_a_fixed_port_that_somebody_holds(machine: Served) -> None:
    nodes = """
p: { type: Port, properties: { range: { first: 7123, last: 7123 } } }
a:
  type: Process
  properties: { command: [ sleep, "1000" ] }
  requirements: [ port: p ]
""".strip()
    file = write(machine, nodes, {})
    listen = "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 7123)); s.listen(); print(flush=True)"
    with machine.machine.popen(["python3", "-c", f"{listen}; time.sleep(1000)"]) as holder:
        holder.read_line()
        ended = machine.run("service", "deploy", file, "--name", "x")
        refusals.check(ended, "x/p", "7123")
    machine.do("service", "resume", "x")
    assert machine.json("service", "show", "x")["state"] == "running"
    second = machine.run("service", "deploy", file, "--name", "y")
    refusals.check(second, "y/p", "7123")
    machine.do("service", "undeploy", "y")
    machine.do("service", "undeploy", "x")
    machine.check_log()


@pytest.mark.parametrize(
    "node", ["Ünï-cödé", "日本語", "a b", "a.b", "UPPER_lower-1.2", "x" * 200, "🦊", "a'b", "a$(ls)", "-a", "a%b"]
)
def test_weird_but_legal_names_of_nodes(machine: Served, node: str) -> None:
    file = write(
        machine,
        f'{yaml.safe_dump(node).splitlines()[0]}: {{ type: Process, properties: {{ command: [ sleep, "1000" ] }} }}',
        {},
    )
    machine.do("service", "deploy", file, "--name", "W.e-i_r0")
    shown = machine.json("service", "show", "W.e-i_r0")
    assert [one["name"] for one in shown["nodes"]] == [node]
    assert machine.run("exec", f"W.e-i_r0/{node}", "--", "true").status == 0
    assert machine.run("logs", f"W.e-i_r0/{node}").status == 0
    machine.do("history", f"W.e-i_r0/{node}")
    machine.do("event", "emit", "boo", f"W.e-i_r0/{node}")
    machine.do("service", "undeploy", "W.e-i_r0")
    machine.check_log()


def test_deploying_and_undeploying_at_the_same_time(machine: Served) -> None:
    files = {"slow.sh": "exec 3<>/srv/gate; read line <&3\n"}
    machine.machine.run(["mkfifo", "/srv/gate"])
    file = write(machine, "a: { type: Task, interfaces: { lifecycle: { operations: { start: slow.sh } } } }", files)
    machine.do("service", "deploy", file, "--name", "x", "--no-wait")
    refusals.check(machine.run("service", "undeploy", "x"), "x: deploy is going on", hint="wait for it")
    refusals.check(machine.run("service", "update", "x", file), "x: deploy is going on", hint="wait for it")
    refusals.check(machine.run("service", "deploy", file, "--name", "x"), "is deployed already")
    machine.machine.run(["sh", "-c", "echo go >/srv/gate"])
    machine.wait_for_event("x", "deploy-done")
    machine.do("service", "undeploy", "x")


def test_deploying_twice_at_once_from_two_terminals(machine: Served) -> None:
    file = write(machine, 'a: { type: Process, properties: { command: [ sleep, "1000" ] } }', {})
    env = {"KHUTULUN_SOCKET": machine.socket}
    argv = ["khutulun", "service", "deploy", file, "--name", "x"]
    with (
        machine.machine.popen(argv, env=env, stderr=subprocess.PIPE) as first,
        machine.machine.popen(argv, env=env, stderr=subprocess.PIPE) as second,
    ):
        said = [first.communicate()[1], second.communicate()[1]]
        assert sorted([first.wait(), second.wait()]) == [0, 1]
    assert sum("error: service x is deployed already" in one for one in said) == 1
    assert len(machine.json("service", "list")) == 1
    machine.do("service", "undeploy", "x")


def test_a_server_that_is_killed_in_the_middle_of_bad_input_goes_on(private: Bare, log: Path) -> None:
    served = Served(private, "/srv/killed", log)
    with served.started():
        files = {"hold.sh": "exec 3<>/srv/hold; echo here >/srv/there; read line <&3; exit 1\n"}
        private.run(["mkfifo", "/srv/hold", "/srv/there"])
        file = write(served, "a: { type: Task, interfaces: { lifecycle: { operations: { start: hold.sh } } } }", files)
        served.do("service", "deploy", file, "--name", "x", "--no-wait")
        private.run(["cat", "/srv/there"])
        refusals.check(served.run("service", "undeploy", "x"), "is going on")
        served.process.signal(signal.SIGKILL)
        served.process.wait()
    refusals.check(served.run("service", "list"), "nobody listens", hint="khutulun serve")
    with served.up():
        assert served.json("service", "list")[0]["state"] == "deploying"
        private.run(["sh", "-c", "echo go >/srv/hold"])
        served.wait_for_event("x", "deploy-failed")
        served.do("service", "undeploy", "x")
        assert served.json("service", "list") == []
