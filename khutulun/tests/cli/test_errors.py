"""What goes wrong ends in ``error:`` and ``hint:``, an honest exit code, and no traceback (R101)."""

import importlib.metadata
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from khutulun import model
from khutulun.cli import problems
from khutulun.client import Client
from khutulun.testing import serving
from khutulun.testing.conductor import FakeConductor

Khutulun = Callable[..., Any]


def test_a_socket_that_is_not_there(program: Khutulun, socket: Path) -> None:
    ended = program("service", "list")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"error: {socket}: there is no socket at {socket}\n"
        "hint: start a server with 'khutulun serve', or name another socket with --socket\n"
    )


def test_a_socket_that_nobody_listens_at(program: Khutulun, socket: Path) -> None:
    with serving.process(socket) as server:
        server.kill()
        server.wait()
    ended = program("service", "show", "hello")
    assert ended.code == 1
    assert f"nobody listens at {socket}" in ended.err
    assert "khutulun serve" in ended.err


@pytest.mark.parametrize(
    ("arguments", "says", "hint"),
    [
        (("servise",), "There is no command 'servise'. Did you mean 'serv", "khutulun --help"),
        (("service", "deplyo"), "Did you mean 'deploy'?", "khutulun service --help"),
        (("service", "show"), "Missing argument 'NAME'", "khutulun service show --help"),
        (("service", "list", "--nope"), "No such option", "khutulun service list --help"),
        (("deploy", "x.yaml"), "There is no command 'deploy'. Did you mean 'service deploy'?", "khutulun --help"),
        (("list",), "Did you mean 'service list'?", "khutulun --help"),
        (("--context", "user", "service", "list"), "No such option", "behind the command: 'khutulun COMMAND --context"),
        (("service", "-o", "json", "list"), "No such option", "'khutulun service COMMAND -o"),
        (("service", "list", "-o", "xml"), "'xml' is not one of 'human', 'json', 'yaml'", "--help"),
        (("events", "--after", "x"), "'x' is not a valid integer", "--help"),
        (("service", "list", "--context", "nope"), "there is no context 'nope'", "there are: "),
    ],
)
def test_r101_bad_usage_is_an_error_like_any_other(
    arguments: tuple[str, ...], says: str, hint: str, khutulun: Khutulun
) -> None:
    ended = khutulun(*arguments)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")
    assert says in ended.err
    assert hint in ended.err.partition("hint: ")[2]


def test_several_problems_are_all_shown(khutulun: Khutulun, bundle: Path, tmp_path: Path) -> None:
    class Refusing(FakeConductor):
        def deploy(self, principal: model.Principal, request: model.DeployRequest) -> model.Execution:
            hint = "write one of a, b"
            raise model.Refused(
                model.Problem("x", "first", "shop.yaml:3:4", hint),
                model.Problem("y", "second", "shop.yaml:9:1", hint),
                model.Problem("z", "third", severity="warning"),
            )

    with serving.served(Refusing(), tmp_path / "khutulun.sock"):
        ended = khutulun("service", "deploy", str(bundle))
    assert ended.code == 1
    assert ended.err == (
        "error: shop.yaml:3:4: first\nerror: shop.yaml:9:1: second\nhint: write one of a, b\nwarning: third\n"
    )


def test_a_bug_in_the_server(khutulun: Khutulun, conductor: FakeConductor, bundle: Path) -> None:
    ended = khutulun("service", "deploy", str(bundle), "--name", "boom")
    assert ended.code == 1
    assert "failed inside the server" in ended.err
    assert "the server's log" in ended.err


def test_a_server_killed_during_a_deployment(command: tuple[str, ...], socket: Path, bundle: Path) -> None:
    with serving.process(socket) as server:
        deploy = [*command, "service", "deploy", str(bundle), "--input", "hold=true"]
        with subprocess.Popen(deploy, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ) as running:
            assert running.stderr
            while b"server done" not in running.stderr.readline():
                pass
            server.kill()
            out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (1, b"")
    assert "error: shop: the server went away during deploy" in err.decode()
    assert "goes on when the server is started again ('khutulun serve')" in err.decode()


def test_control_c_leaves_the_deployment_going_and_says_so(
    command: tuple[str, ...], conductor: FakeConductor, socket: Path, bundle: Path
) -> None:
    deploy = [*command, "service", "deploy", str(bundle), "--input", "hold=true"]
    with subprocess.Popen(deploy, stderr=subprocess.PIPE, env=os.environ) as running:
        assert running.stderr
        while b"server done" not in running.stderr.readline():
            pass
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b"shop: deploy goes on without you\nhint: look at it with 'khutulun service show shop'\n" in err
    assert Client(socket).service("shop").state is model.ServiceState.DEPLOYING
    conductor.happen("event", "go")
    with conductor.changed:
        conductor.changed.wait_for(lambda: conductor.journal[-1].kind == "execution", timeout=60)
    assert Client(socket).service("shop").state is model.ServiceState.RUNNING


def test_events_say_how_to_go_on_when_the_server_goes(command: tuple[str, ...], socket: Path) -> None:
    with serving.process(socket) as server:
        Client(socket).deploy(model.DeployRequest("hello"))
        with subprocess.Popen(
            [*command, "events", "-f", "--after", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ
        ) as running:
            assert running.stdout
            for _ in range(3):
                running.stdout.readline()
            server.kill()
            _, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert b"hint: nothing is lost: go on with --after 5 when the server is back\n" in err


def test_contexts(
    khutulun: Khutulun, conductor: FakeConductor, socket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KHUTULUN_SOCKET")
    folder = tmp_path / "config" / "khutulun"
    folder.mkdir(parents=True)
    (folder / "contexts.yaml").write_text(
        f"contexts:\n  team: {{ socket: {socket}, directory: /team }}\n  gone: {{ socket: /gone }}\ncurrent: team\n"
    )
    assert khutulun("service", "list").code == 0
    assert conductor.asked[-1][1]["directory"] == "/team"
    assert "no socket at /gone" in khutulun("service", "list", "--context", "gone").err
    monkeypatch.setenv("KHUTULUN_CONTEXT", "user")
    assert f"no socket at {tmp_path}/run/khutulun/khutulun.sock" in khutulun("service", "list").err
    (folder / "contexts.yaml").write_text("contexts: [1]\n")
    ended = khutulun("service", "list")
    assert ended.code == 1
    assert f"error: {folder}/contexts.yaml: the contexts cannot be read: " in ended.err


def test_the_version(program: Khutulun) -> None:
    ended = program("--version")
    assert ended.code == 0
    assert ended.out == f"khutulun {importlib.metadata.version('khutulun')}\n"


def test_the_version_is_told_without_what_is_heavy(command: tuple[str, ...]) -> None:
    code = (
        "import sys; from khutulun.cli import application; application.run(['--version']);"
        "print(*{'aiohttp', 'asyncio', 'rich', 'msgspec', 'apsw', 'yaml', 'wasmtime'} & set(sys.modules))"
    )
    found = subprocess.run([command[0], "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.splitlines()[1:] == [""]


@pytest.mark.parametrize(
    ("where", "code", "told"),
    [
        (">&-", 0, ""),
        (">/dev/full", 1, "error: the output cannot be written: No space left on device\nhint: "),
        ("| true", 0, ""),
    ],
)
def test_an_output_that_cannot_be_written(
    conductor: FakeConductor, command: tuple[str, ...], where: str, code: int, told: str
) -> None:
    """Not a traceback, and not the exit code of an interpreter that could not end."""
    argv = ["bash", "-c", f'"$@" {where}', "bash", *command, "service", "list"]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ended.returncode == code
    assert ended.stderr.startswith(told)
    assert "Traceback" not in ended.stderr


def test_a_group_of_commands_alone_shows_its_help(program: Khutulun) -> None:
    ended = program("service")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Usage: khutulun service ")


def test_a_service_has_a_name(program: Khutulun) -> None:
    ended = program("service", "show", "")
    assert ended.code == 1
    assert "a service has a name" in ended.err


@pytest.mark.parametrize(
    ("where", "message", "shown"),
    [
        ("/a/b", "/a/b is no socket", "error: /a/b is no socket"),
        ("--data", "--data:2:1: it ends too early", "error: --data:2:1: it ends too early"),
        ("/a/b", "/a/bc is no socket", "error: /a/b: /a/bc is no socket"),
        ("", "no", "error: no"),
    ],
)
def test_r101_where_a_problem_is_stands_in_it_once(where: str, message: str, shown: str) -> None:
    assert problems.line(model.Problem("code", message, where=where)) == shown
