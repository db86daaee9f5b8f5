"""Every example is deployed as its README says, does what it promises, and leaves nothing behind (R2, R3, R31, R42)."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from floria.plugins import build

ROOT = Path(__file__).parents[3]
PLACES = ("examples", "plugins/*/examples")
PYTHON = f"python={ROOT}/.venv/bin/python"


class Server:
    """`khutulun serve` on a machine, and its command line."""

    def __init__(self, machine: Any, user: str = "root") -> None:
        self.machine, self.user = machine, user
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - nobody reads while it runs: a pipe could be full
        self._process = machine.popen(["khutulun", "serve"], user=user, stdout=subprocess.PIPE, stderr=self._words)
        for line in self._process.popen.stdout:
            if b"serving at" in line:
                return
        raise AssertionError(os.pread(self._words.fileno(), 4000, 0))

    def run(self, *arguments: str) -> str:
        """Run a command of `khutulun`; its output."""
        return str(self.machine.run(["khutulun", *arguments], user=self.user).stdout)

    def deploy(self, file: str, name: str, *options: str) -> None:
        self.run("service", "deploy", file, "--name", name, *options)

    def output(self, service: str, name: str) -> str:
        """Return an output of a service."""
        lines = dict(line.split(": ", 1) for line in self.run("service", "outputs", service).splitlines())
        return lines[name]

    def undeploy(self, service: str) -> None:
        self.run("service", "undeploy", service)

    def until(self, service: str, text: str) -> str:
        """Follow the service's events until one holds `text`."""
        command = ["khutulun", "service", "events", service, "--follow"]
        popen = self.machine.popen(command, user=self.user, stdout=subprocess.PIPE).popen
        try:
            for line in popen.stdout:
                if text in line.decode():
                    return str(line.decode())
        finally:
            popen.kill()
            popen.communicate()
        raise AssertionError(f"no event with {text}")

    def close(self) -> None:
        self._process.popen.kill()
        self._process.popen.communicate()
        self._words.close()


@pytest.fixture(
    params=[pytest.param("bare", marks=pytest.mark.system), pytest.param("fresh_host", marks=pytest.mark.host)]
)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    made = Server(request.getfixturevalue(request.param))
    yield made
    made.close()


def example(name: str) -> Path:
    """Return the folder of an example."""
    (folder,) = (found for place in PLACES for found in ROOT.glob(f"{place}/{name}"))
    return folder


def _archive(folder: Path, machine: Any) -> str:
    command = [sys.executable, "-m", "puccini.cli.csar", "create", "service.yaml", "--file", "out.csar"]
    subprocess.run([*command, "--profiles", str(ROOT / "profiles")], cwd=folder, check=True, capture_output=True)
    machine.copy_in(folder / "out.csar", f"/root/{folder.name}.csar")
    return f"/root/{folder.name}.csar"


def _hello(server: Server, copied: Callable[[str], Path]) -> None:
    server.deploy(str(example("hello") / "service.yaml"), "hello", "--input", PYTHON)
    assert server.output("hello", "url").startswith("http://127.0.0.1:80")
    assert "answers 200" in server.run("logs", "hello/client")
    pid = server.machine.run(["pgrep", "-f", "http.server --bind"]).stdout.split()[0]
    server.machine.run(["kill", "-KILL", pid])
    assert "hello/web: failed" in server.until("hello", "handling")
    server.until("hello", "restarted")


def _scripts(server: Server, copied: Callable[[str], Path]) -> None:
    server.deploy(str(example("scripts") / "service.yaml"), "scripts")
    server.run("event", "emit", "visited", "scripts/page")
    server.until("scripts", "handling")
    assert server.machine.read("/tmp/khutulun-pages/visits") == "scripts/page was visited\n"


def _python_plugin(server: Server, copied: Callable[[str], Path]) -> None:
    """R31, R32: the plugin comes with the archive; what it wants is told, and nothing is done until it is granted."""
    archive = _archive(copied("python-plugin"), server.machine)
    asked = server.machine.run(
        ["khutulun", "service", "deploy", archive, "--name", "python-plugin"], input="", check=False
    )
    assert asked.status != 0
    assert "The plugin 'notes' asks for:\n  write {state}/notes\n" in asked.stderr
    assert "python-plugin" not in server.run("service", "list")
    server.deploy(archive, "python-plugin", "--yes")
    assert server.machine.read(server.output("python-plugin", "path")) == "Remember the milk.\n"


def _wasm_plugin(server: Server, copied: Callable[[str], Path]) -> None:
    folder = copied("wasm-plugin")
    build.component(folder / "plugins/beacon", folder / "plugins/beacon.wasm")
    server.deploy(_archive(folder, server.machine), "wasm-plugin", "--yes")
    assert server.output("wasm-plugin", "kernel").startswith("Linux ")


def _floria(server: Server, copied: Callable[[str], Path]) -> None:
    server.deploy(str(example("floria") / "service.yaml"), "floria", "--input", PYTHON)
    assert server.output("floria", "url") == "http://127.0.0.1:8200/"


def _job(server: Server, copied: Callable[[str], Path]) -> None:
    server.deploy(str(example("job") / "service.yaml"), "job")
    assert server.machine.read("/tmp/khutulun-job.log").startswith("prepared\n")
    server.until("job", "job/often")


def _program(server: Server, copied: Callable[[str], Path]) -> None:
    folder = copied("program")
    subprocess.run(["tar", "--create", "--gzip", "--file=app.tar.gz", "app"], cwd=folder, check=True)
    server.deploy(_archive(folder, server.machine), "program")
    assert server.run("logs", "program/server") == "Hello from an installed program\n"


def _numbers(server: Server, copied: Callable[[str], Path]) -> None:
    server.deploy(str(example("numbers") / "service.yaml"), "numbers")
    assert server.output("numbers", "web") == "127.0.0.1:8088"
    assert server.output("numbers", "names").startswith("127.0.0.1:53")
    server.run("service", "update", "numbers", "--input", "number=8089")
    assert server.output("numbers", "web") == "127.0.0.1:8089"


def _tosca_1_3(server: Server, copied: Callable[[str], Path]) -> None:
    """R86: nodes of TOSCA 1.3 with scripts, a relationship that configures, a policy, a workflow."""
    server.deploy(str(example("tosca-1.3") / "service.yaml"), "tosca-1-3")
    url = server.output("tosca-1-3", "url")
    assert url == "http://127.0.0.1:8213/board.html"
    shown = ["python3", "-c", f"import urllib.request as u; print(u.urlopen('{url}').read().decode(), end='')"]
    assert server.machine.run(shown).stdout == "<h1>What there is to do</h1><ul><li>Water the plants</li></ul>\n"
    page = "/tmp/khutulun-board/www/board.html"
    server.machine.run(["rm", page])
    server.run("service", "run", "tosca-1-3", "rewrite")
    assert "Water the plants" in server.machine.read(page)
    server.machine.run(["rm", page])
    server.run("event", "emit", "notes-changed", "tosca-1-3/board")
    server.until("tosca-1-3", "handling")
    assert "Water the plants" in server.machine.read(page)


def _substitution(server: Server, copied: Callable[[str], Path]) -> None:
    """T144, T146: what is inside of a node runs as processes; another size has others, which its users are told."""
    server.deploy(str(example("substitution") / "service.yaml"), "substitution")
    small = server.output("substitution", "url")
    assert small.startswith("http://127.0.0.1:822")
    assert f"{small} answers 200" in server.run("logs", "substitution/visitor")
    server.run("service", "update", "substitution", "--input", "size=large")
    large = server.output("substitution", "url")
    assert large.startswith("http://127.0.0.1:823")
    assert f"{large} answers 200" in server.run("logs", "substitution/visitor")
    assert "Serving HTTP" in server.run("logs", "substitution/site.large.web-1")
    shown = server.run("service", "show", "substitution")
    assert "site.large.web" in shown
    assert "site.small" not in shown


STORIES = [_hello, _scripts, _python_plugin, _wasm_plugin, _floria, _job, _program, _numbers, _tosca_1_3, _substitution]


def test_r2_r3_r31_r32_r36_r40_r42_r86_t144_the_examples_do_what_they_promise(server: Server, tmp_path: Path) -> None:
    def copied(name: str) -> Path:
        return Path(shutil.copytree(example(name), tmp_path / name))

    for story in STORIES:
        story(server, copied)
        server.undeploy(story.__name__.strip("_").replace("_", "-"))
    left = server.machine.run(
        ["find", "/etc/systemd/system", "/var/lib/khutulun/programs", "/var/lib/khutulun/notes"], check=False
    )
    assert [line for line in left.stdout.splitlines() if "khutulun-" in line] == []
    assert not server.machine.exists("/tmp/khutulun-pages")
    assert not server.machine.exists("/tmp/khutulun-board")
    assert server.run("service", "list", "--output", "json").split() in (["[]"], ['{"services":[]}'])


@pytest.mark.host
def test_a_user_has_a_scope_of_their_own(fresh_host: Any, tmp_path: Path) -> None:
    fresh_host.log_in("worker")
    server = Server(fresh_host, "worker")
    _hello(server, lambda name: tmp_path / name)
    shown = fresh_host.run(["systemctl", "--user", "is-active", "khutulun-hello-web-0"], user="worker").stdout
    assert shown == "active\n"
    server.undeploy("hello")
    server.close()
    assert fresh_host.run(["find", "/home/worker/.config", "-name", "khutulun-*"]).stdout == ""


@pytest.mark.host
def test_r54_a_unit_that_runs_already_becomes_a_node(fresh_host: Any) -> None:
    fresh_host.copy_in(example("adopt") / "legacy.service", "/etc/systemd/system/legacy.service")
    fresh_host.run(["systemctl", "start", "legacy"])
    pid = fresh_host.run(["systemctl", "show", "--property=MainPID", "legacy"]).stdout
    server = Server(fresh_host)
    server.deploy(str(example("adopt") / "service.yaml"), "old")
    assert pid.strip().removeprefix("MainPID=") in server.run("service", "show", "old")
    server.undeploy("old")
    assert fresh_host.run(["systemctl", "show", "--property=MainPID", "legacy"]).stdout == pid
    server.close()
