"""`khutulun call`, `adopt`, `logs`, `history`, `events`, `event`, `plugin`, `completion` (R44, R53, R54, R101)."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from floria import yaml
from khutulun.cli.application import khutulun as root
from khutulun.testing.conductor import FakeConductor

Khutulun = Callable[..., Any]


def test_call(khutulun: Khutulun, conductor: FakeConductor, hello: str) -> None:
    ended = khutulun("call", "hello/server", "Lifecycle.stop", "-i", "now=true")
    assert (ended.code, ended.out) == (0, "inputs:\n  now: true\n")
    asked = conductor.asked[-1][1]
    assert (asked["service"], asked["node"], asked["operation"]) == ("hello", "server", "Lifecycle.stop")
    found = json.loads(khutulun("call", "hello/server", "X.y", "-o", "json").out)
    assert found == {"result": {"inputs": {}}, "effects": []}


@pytest.mark.parametrize("target", ["hello", "hello/", "/server", ""])
def test_a_target_that_is_none(target: str, khutulun: Khutulun, conductor: FakeConductor) -> None:
    ended = khutulun("call", target, "X.y")
    assert ended.code == 1
    assert f"{target!r} is not SERVICE/NODE." in ended.err
    assert "hint: see 'khutulun call --help'" in ended.err


def test_adopt(khutulun: Khutulun, hello: str) -> None:
    assert khutulun("adopt", "hello/server", "nginx.service").out == "adopted: nginx.service\n"


def test_logs(khutulun: Khutulun, hello: str) -> None:
    assert khutulun("logs", "hello/server", "-n", "7") == (0, "the last 7 lines\n", "")
    assert khutulun("logs", "hello/client") == (1, "", "no log\n")
    assert khutulun("logs", "hello/nothing").code == 1


def test_a_followed_log_ends_with_control_c(command: tuple[str, ...], hello: str) -> None:
    with subprocess.Popen(
        [*command, "logs", "-f", "hello/server"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ
    ) as running:
        assert running.stdout
        assert running.stderr
        assert running.stdout.readline() == b"the last 100 lines\n"
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
        assert b"Traceback" not in running.stderr.read()


def test_history(khutulun: Khutulun, conductor: FakeConductor, hello: str) -> None:
    lines = khutulun("history", "hello/server").out.splitlines()
    assert lines[0].startswith("# 2023-11-1")
    assert lines[0].endswith(" localhost server Lifecycle.start (0.012 s)")
    assert lines[1] == "systemctl start khutulun-hello-server-0.service"
    assert lines[3] == "write /etc/x (1 bytes)"
    assert lines[5] == "'a program' - < (3 bytes of input)  # exit code 3"
    assert conductor.asked[-1][1]["node"] == "server"
    script = khutulun("history", "hello", "--script").out
    assert json.loads(khutulun("history", "hello", "--script", "-o", "json").out) == {"script": script}
    assert subprocess.run(["/bin/sh", "-n"], input=script, text=True, check=False).returncode == 0
    assert len(json.loads(khutulun("history", "hello", "-o", "json").out)) == 3


def test_emit_and_events(khutulun: Khutulun, conductor: FakeConductor, hello: str) -> None:
    ended = khutulun("event", "emit", "rotated", "hello/server", "--data", "{secret: key, n: 0x10}", "-o", "json")
    assert ended.code == 0
    asked = conductor.asked[-1][1]
    assert (asked["service"], asked["node"]) == ("hello", "server")
    assert asked["data"] == {"secret": "key", "n": 16}
    position = json.loads(ended.out)["position"]
    assert "rotated" in khutulun("events", "--after", str(position - 1)).out
    documents = yaml.load_all(khutulun("events", "-o", "yaml").out)
    assert documents[-1][0]["name"] == "rotated"
    assert khutulun("events", "-n", "1").out.count("\n") == 1
    assert khutulun("events", "-n", "0").code == 1


def test_r101_events_after_a_position_are_as_many_as_asked_for(
    khutulun: Khutulun, conductor: FakeConductor, hello: str
) -> None:
    positions = [conductor.happen("event", name).position for name in ("first", "second", "third")]
    after = ("--after", str(positions[0] - 1))
    shown = khutulun("events", *after, "--limit", "2").out.splitlines()
    assert ["first" in shown[0], "second" in shown[1], len(shown)] == [True, True, 2]
    assert len(khutulun("events", *after).out.splitlines()) == 3
    ended = khutulun("events", *after, "--limit", "2", "--follow")
    assert (ended.code, ended.out) == (1, "")
    assert "--limit does not go with --follow and --after" in ended.err


def test_events_are_followed(command: tuple[str, ...], conductor: FakeConductor) -> None:
    conductor.happen("event", "first")
    with subprocess.Popen([*command, "events", "-f", "-o", "json"], stdout=subprocess.PIPE, env=os.environ) as running:
        assert running.stdout
        for name in ("first", "second", "third"):
            assert json.loads(running.stdout.readline())["name"] == name
            conductor.happen("event", {"first": "second", "second": "third"}.get(name, "last"))
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130


@pytest.mark.parametrize(("name", "carrier"), [("a.wasm", "wasm"), ("a.py", "python"), ("a.run", "executable")])
def test_a_plugin_is_added_with_its_grants(
    name: str, carrier: str, khutulun: Khutulun, conductor: FakeConductor, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(b"content")
    ended = khutulun("plugin", "add", str(file), "--yes", "--name", "mine", "-d", "/team")
    assert (ended.code, ended.out) == (0, "mine 1 is there, in /team\n")
    assert ended.err == "The plugin 'mine' asks for:\n  FULL ACCESS: runs sh\n  runs systemctl start *\n"
    assert conductor.added["mine"].carrier == carrier
    assert khutulun("plugin", "list").out.splitlines()[1].split()[:4] == ["mine", "1", carrier, "/team"]
    shown = khutulun("plugin", "show", "mine").out
    assert f"mine 1 ({carrier}), in /team\n" in shown
    assert "  functions: echo\n" in shown
    assert "FULL ACCESS: runs sh" in shown
    assert khutulun("plugin", "remove", "mine").out == "mine is removed\n"
    assert khutulun("plugin", "remove", "mine").code == 1
    assert json.loads(khutulun("plugin", "list", "-o", "json").out) == []


def test_grants_are_not_given_when_nobody_can_be_asked(
    program: Khutulun, conductor: FakeConductor, tmp_path: Path, bundle: Path
) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"content")
    ended = program("plugin", "add", str(file))
    assert ended.code == 1
    assert "FULL ACCESS: runs sh\n" in ended.err
    assert "hint: read it, then add --yes\n" in ended.err
    assert conductor.added == {}
    bundle.write_text(f"{bundle.read_text()}# BRINGS-PLUGIN\n")
    ended = program("service", "deploy", str(bundle))
    assert ended.code == 1
    assert "The plugin 'echo' asks for:\n" in ended.err
    assert "add --yes" in ended.err
    assert conductor.known == {}
    assert program("service", "deploy", str(bundle), "--yes").code == 0
    assert conductor.asked[-3][1]["request"].grant == ("echo",) or any(
        asked == "deploy" and arguments["request"].grant == ("echo",) for asked, arguments in conductor.asked
    )


@pytest.mark.parametrize(("name", "says"), [("a.txt", "--carrier"), ("missing.py", "No such file")])
def test_a_bad_plugin_file(name: str, says: str, khutulun: Khutulun, conductor: FakeConductor) -> None:
    ended = khutulun("plugin", "add", name)
    assert ended.code == 1
    assert ended.err.startswith(f"error: {name}: ")
    assert says in ended.err
    assert "hint: " in ended.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, khutulun: Khutulun) -> None:
    ended = khutulun("completion", shell)
    assert ended.code == 0
    assert f"_KHUTULUN_COMPLETE={shell}_complete" in ended.out


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("khutulun ser", ["serve", "service"]),
        ("khutulun service un", ["undeploy"]),
        ("khutulun service show he", ["hello"]),
        ("khutulun logs hello/s", ["hello/server"]),
        ("khutulun exec h", ["hello/"]),
        ("khutulun service list --out", ["--output"]),
    ],
)
def test_completion_knows_commands_services_and_nodes(
    line: str, wanted: list[str], command: tuple[str, ...], hello: str
) -> None:
    words = line.split()
    environment = os.environ | {
        "_KHUTULUN_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert [entry.partition(",")[2] for entry in found.stdout.split()] == wanted


def test_completion_without_a_server_says_nothing(command: tuple[str, ...]) -> None:
    environment = os.environ | {
        "_KHUTULUN_COMPLETE": "bash_complete",
        "COMP_WORDS": "khutulun logs h",
        "COMP_CWORD": "2",
    }
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (found.stdout.strip(), found.stderr) == ("", "")


def _commands(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    import click

    if not isinstance(command, click.Group):
        return [path]
    context = click.Context(command)
    found = [path]
    for name in command.list_commands(context):
        found += _commands(command.get_command(context, name), (*path, name))
    return found


@pytest.mark.parametrize("path", _commands(root), ids=" ".join)
def test_help_can_stand_for_a_manual(path: tuple[str, ...], khutulun: Khutulun) -> None:
    ended = khutulun(*path, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Usage: khutulun")
    assert len(ended.out.splitlines()) > 4


def test_the_commands_are_those_that_are_promised() -> None:
    assert {" ".join(path) for path in _commands(root)} - {""} == {
        "serve", "service", "service deploy", "service plan", "service list", "service show", "service graph",
        "service outputs", "service events", "service undeploy", "service update", "service validate",
        "service resume", "service run", "call", "logs", "exec", "history", "events", "event", "event emit", "plugin",
        "plugin list", "plugin show", "plugin add", "plugin remove", "plugin check", "plugin new", "adopt", "audit",
        "completion", "secret", "secret set", "secret list", "secret remove", "access", "access list", "access grant",
        "access revoke",
    }  # fmt: skip


def test_r105_secrets(program: Khutulun, conductor: FakeConductor, tmp_path: Path) -> None:
    assert program("secret", "set", "db", stdin=b"hunter2\n").out == "db is set, in /\n"
    assert conductor.asked[-1] == ("set_secret", {"secret": "db", "content": b"hunter2", "directory": "/"})
    (tmp_path / "key.pem").write_bytes(b"two\nlines\n")
    ended = program("secret", "set", "tls", "--file", str(tmp_path / "key.pem"), "--directory", "/team")
    assert ended.code == 0
    assert conductor.asked[-1][1] == {"secret": "tls", "content": b"two\nlines", "directory": "/team"}
    assert [line.split()[:2] for line in program("secret", "list").out.splitlines()] == [
        ["NAME", "DIRECTORY"],
        ["db", "/"],
        ["tls", "/team"],
    ]
    assert program("secret", "remove", "db").out == "db is removed\n"
    assert program("secret", "remove", "db").code == 1


def test_r105_a_secret_is_no_argument(khutulun: Khutulun, conductor: FakeConductor) -> None:
    ended = khutulun("secret", "set", "db", "hunter2")
    assert (ended.code, conductor.asked) == (1, [])
    ended = khutulun("secret", "set", "db", "--file", "/nowhere")
    assert ended.err == (
        "error: /nowhere: it cannot be read: No such file or directory\nhint: name a file with the value\n"
    )


def test_r104_access(khutulun: Khutulun, conductor: FakeConductor) -> None:
    ended = khutulun("access", "grant", "worker", "operator", "--directory", "/team")
    assert ended.out == "worker has the role operator in /team\n"
    assert khutulun("access", "grant", "group:staff", "viewer").code == 0
    assert [line.split() for line in khutulun("access", "list").out.splitlines()] == [
        ["WHO", "ROLE", "FROM"],
        ["worker", "operator", "/"],
        ["group:staff", "viewer", "/"],
    ]
    assert khutulun("access", "revoke", "worker").out == "worker has no role from /\n"
    assert khutulun("access", "revoke", "worker").code == 1
    assert "'chief' is not one of" in khutulun("access", "grant", "worker", "chief").err
