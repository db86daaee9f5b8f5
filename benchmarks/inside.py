"""A whole server inside the measuring process, on a test host: what a call costs, without the HTTP API around it."""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from khutulun import memory, model, paths, server
from khutulun.conductor import topology
from puccini import csar
from testbed import checkout
from testbed.lab import Lab

WHO = model.Principal(0, 0, "root")


class Inside:
    """The conductor of an assembled server."""

    def __init__(self, running: server.Running) -> None:
        self.running, self.conductor = running, running.conductor

    def deploy(self, name: str, template: str) -> None:
        """Deploy a template and wait until it runs."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "service.yaml")
            file.write_text(template)
            archive = self.conductor.upload(WHO, csar.pack(file))
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
                    raise RuntimeError(f"{workflow} of {name} failed: {event.data}")
                return


@contextmanager
def assembled() -> Iterator[Inside]:
    """Have a server in this process, as `khutulun serve` has it."""
    memory.bound()
    with server.assembled(paths.paths(paths.Scope.SYSTEM)) as running:
        yield Inside(running)


def run(module: str, arguments: Sequence[str]) -> Any:
    """Boot a host, run ``python -m MODULE --inside …`` there, and return the JSON that it prints."""
    with Lab() as lab:
        host = lab.boot("one")
        argv = [sys.executable, "-m", module, "--inside", *arguments]
        return json.loads(host.run(argv, cwd=str(checkout.ROOT)).stdout)
