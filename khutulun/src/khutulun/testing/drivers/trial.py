"""A driver on trial: its small service on this machine, seen with the everyday tool, and what is left of it."""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from floria.values import Value
from khutulun import model, names, paths
from khutulun.cli import design
from khutulun.testing.drivers.description import Driver, Kit
from khutulun.testing.drivers.serving import Failed, Server

SERVICE = "kit"
SHELL_SECONDS = 180
SHOWN = 400
LISTED = "what the driver's description lists"


class Trial:
    """What the checks work with. `service` and `node` are the names under which the workload runs now."""

    def __init__(self, driver: Driver, folder: Path, plugin: Path | None) -> None:
        self.driver, self.folder = driver, folder
        self.service, self.node = SERVICE, driver.kit.node
        self.server = Server(folder, driver, plugin)

    @property
    def kit(self) -> Kit:
        return self.driver.kit

    def environment(self) -> dict[str, str]:
        """Return the variables that the texts of the description get."""
        realised = names.realised(self.service, self.node, 0)
        where = paths.paths(paths.default_scope(), self.folder)
        found = {name.upper(): value for name, value in where.placeholders().items()}
        found |= {"SERVICE": self.service, "NODE": self.node, "KIT": str(self.driver.service.parent)}
        return found | {"UNIT": str(realised["unit"]), "MACHINE": str(realised["machine"])}

    def shell(self, text: str, *, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a text of the description. Raises `Failed` when it fails and must not."""
        try:
            done = subprocess.run(
                ["sh", "-c", text],
                env={**os.environ, **self.environment()},
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                check=False,
                timeout=SHELL_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"{text.strip()!r} did not end in {SHELL_SECONDS} s") from None
        if check and done.returncode:
            said = (done.stderr or done.stdout).strip()[-SHOWN:]
            raise Failed(f"{text.strip()[:SHOWN]!r} ended with {done.returncode}: {said}")
        return done

    def look(self) -> str:
        """Return what the everyday tool shows of the workload. Raises `Failed` when it is not there."""
        return self.shell(self.kit.look).stdout

    def shown(self) -> str:
        """Return what the everyday tool shows, or nothing when it is not there."""
        done = self.shell(self.kit.look, check=False)
        return "" if done.returncode else done.stdout

    def there(self) -> bool:
        return self.shell(self.kit.look, check=False).returncode == 0

    def same(self) -> str:
        """Return what is another text once the workload was restarted."""
        return self.shell(self.kit.same).stdout if self.kit.same else ""

    @contextlib.contextmanager
    def called(self, service: str, node: str) -> Iterator[None]:
        """Have the service and its node go by other names."""
        before = self.service, self.node
        self.service, self.node = service, node
        try:
            yield
        finally:
            self.service, self.node = before

    # What is asked of the server

    def archive(self) -> bytes:
        """Return the service, its node under the name it has now."""
        if self.node == self.kit.node:
            return design.read(self.driver.service)
        text = self.driver.service.read_text()
        renamed = re.sub(rf"(?<![\w.-]){re.escape(self.kit.node)}(?![\w.-])", lambda _: _quoted(self.node), text)
        beside = self.driver.service.parent
        copy = self.folder / "renamed"
        subprocess.run(["cp", "-r", str(beside), str(copy)], check=True)
        (copy / "service.yaml").write_text(renamed)
        try:
            return design.read(copy / "service.yaml")
        finally:
            subprocess.run(["rm", "-r", str(copy)], check=True)

    def request(self, inputs: Mapping[str, Value] | None = None, **more: Any) -> model.DeployRequest:
        """Return a request for the service; its archive is uploaded."""
        given = dict(self.kit.inputs if inputs is None else inputs)
        return model.DeployRequest(self.service, self.server.client.upload(self.archive()), inputs=given, **more)

    def deploy(self, **more: Any) -> model.Execution:
        """Deploy and wait; raises `Failed` when it is not done."""
        return done(self.server.settled(self.server.client.deploy(self.request(**more))))

    def update(self) -> model.Execution:
        return done(self.server.settled(self.server.client.update(self.request(self.kit.updated))))

    def undeploy(self) -> None:
        done(self.server.settled(self.server.client.undeploy(self.service)))

    def known(self) -> bool:
        """Whether the server has the service."""
        return any(one.name == self.service for one in self.server.client.services())

    def clean(self) -> None:
        """Have no service, whatever became of it, and a server that runs."""
        if not self.server.running:
            self.server.start()
        if self.known():
            running = self.server.client.service(self.service).execution
            if running is not None and running.state == "running":
                self.server.settled(running)
        if self.known():
            self.undeploy()

    def verbs(self) -> list[str]:
        """Return the operations of the lifecycle that the node has."""
        for node in self.server.client.service(self.service).nodes:
            if node.name == self.node:
                return [each.removeprefix("lifecycle.") for each in node.handlers if each.startswith("lifecycle.")]
        raise Failed(f"the service has no node {self.node!r}")

    def call(self, verb: str) -> model.CallResult:
        """Call a verb by hand."""
        return self.server.client.call(self.service, self.node, f"lifecycle.{verb}", {})

    def changes(self) -> list[tuple[str, str, str, str]]:
        """Return what was changed for the service so far, in order."""
        try:
            return [essence(effect) for effect in self.server.client.history(self.service) if effect.change]
        except model.Refused as refused:
            if refused.problems[0].code != "unknown-service":
                raise
            return []  # it was never there

    def own_changes(self) -> list[tuple[str, str, str, str]]:
        """Return what the driver itself has changed: without the files that were brought to the host for it."""
        return [
            each
            for each in self.changes()
            if f"{self.folder}/artifacts/{self.service}" not in each[3] or each[2] != "files.write"
        ]

    # What is left

    def remains(self) -> dict[str, set[str]]:
        """Return what there is on the machine that a workload could leave behind."""
        where = paths.paths(paths.default_scope(), self.folder)
        return {
            "units": set(_files(where.units)),
            "files of Khutulun": {
                file for file in _files(self.folder) if not _own(Path(file).relative_to(self.folder))
            },
            "processes": set(_processes(self.service)),
            "mounts": {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()},
            "network": {line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]},
            "ports": set(_listening()),
            LISTED: set(self.shell(self.kit.left, check=False).stdout.splitlines() if self.kit.left else ()),
        }


def done(execution: model.Execution) -> model.Execution:
    """Return an execution that has ended well. Raises `Failed`."""
    if execution.state == "done":
        return execution
    raise Failed(f"{execution.workflow} {execution.state}: {'; '.join(map(told, problems(execution)))}")


def problems(execution: model.Execution) -> list[model.Problem]:
    """Return why an execution has failed."""
    return [step.problem for step in execution.steps if step.problem is not None] + list(execution.problems)


def told(problem: model.Problem) -> str:
    return f"{problem.message} (hint: {problem.hint or 'none'})"


def essence(effect: model.Effect) -> tuple[str, str, str, str]:
    """Return of an effect what a plan and the history have in common."""
    request = msgspec.json.encode(effect.request, order="sorted").decode()
    return effect.node, effect.operation, effect.kind, request


def _quoted(name: str) -> str:
    return msgspec.json.encode(name).decode()


def _files(folder: Path) -> Iterator[str]:
    if folder.is_dir():
        yield from (str(file) for file in folder.rglob("*"))


def _own(file: Path) -> bool:
    """Whether the server itself keeps this below the folder of its state."""
    return file.parts[0].startswith(("floria", "agent", "lock", "run", "server", "layers", "supervisor"))


def _processes(service: str) -> Iterator[str]:
    """Yield the processes that carry the name of the service."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            group = (folder / "cgroup").read_text()
        except OSError:
            continue  # it has ended
        if f"khutulun-{service}-" in group or f"{service}-" in words.split("/")[-1]:
            yield words


def _listening() -> Iterator[str]:
    for kind in ("tcp", "tcp6"):
        file = Path(f"/proc/net/{kind}")
        for line in file.read_text().splitlines()[1:] if file.exists() else ():
            fields = line.split()
            if fields[3] == "0A":
                yield f"{kind} {fields[1]}"
