"""A whole server inside the measuring process, on a test host: what a call costs, without the HTTP API around it."""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from testbed import checkout
from testbed.lab import Lab

from khutulun import model, paths, server, tuning
from khutulun.conductor import topology
from puccini import csar

WHO = model.Principal(0, 0, "root")


class Inside:
    """The conductor of an assembled server."""

    def __init__(self, running: server.Running) -> None:
        self.running, self.conductor = running, running.conductor

    def deploy(self, name: str, template: str, files: Mapping[str, str] | None = None) -> None:
        """Deploy a TOSCA template with the files that it names, or a Floria bundle, and wait until it runs."""
        content = template.encode()
        if "tosca_definitions_version" in template:
            content = _packed({"service.yaml": template, **(files or {})})
        archive = self.conductor.upload(WHO, content)
        started = self.conductor.deploy(WHO, model.DeployRequest(name, archive))
        self._wait(name, started, "deploy")

    def undeploy(self, name: str) -> None:
        """Take a service down and wait until it is gone."""
        self._wait(name, self.conductor.undeploy(WHO, name), "undeploy")

    def call(self, service: str, node: str, *operations: str) -> None:
        """Call operations of a node's life cycle, one after another."""
        for operation in operations:
            self.conductor.call(WHO, service, node, f"{topology.LIFECYCLE}{operation}", {})

    def _wait(self, name: str, started: model.Execution, workflow: str) -> None:
        feed = self.conductor.events(WHO, service=name, after=0, follow=True)
        ends = (f"{workflow}-done", f"{workflow}-failed")
        for event in feed:
            about = event.data.get("execution") if isinstance(event.data, dict) else None
            if event.kind == "execution" and event.name in ends and about == started.id:
                feed.close()
                if event.name == ends[1]:
                    raise RuntimeError(f"{workflow} of {name} failed: {event.data!r}")
                return


def _packed(files: Mapping[str, str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_text(content)
        return csar.pack(Path(folder, "service.yaml"))


@contextmanager
def assembled() -> Iterator[Inside]:
    """Have a server in this process, as `khutulun serve` has it."""
    tuning.apply()
    with server.assembled(paths.paths(paths.Scope.SYSTEM)) as running:
        yield Inside(running)


def run(module: str, arguments: Sequence[str]) -> Any:
    """Boot a host, run ``python -m MODULE --inside …`` there, and return the JSON that it prints."""
    with Lab() as lab:
        host = lab.boot("one")
        argv = [sys.executable, "-m", module, "--inside", *arguments]
        return json.loads(host.run(argv, cwd=str(checkout.ROOT)).stdout)
