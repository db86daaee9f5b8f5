"""A whole server on this machine, without its socket: real store, real sandbox, real files. For tests."""

import contextlib
import getpass
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from floria import codec, ids
from floria.entities import Bundle, EdgeTemplate, Handler, Property, VertexTemplate
from floria.values import Call, Value
from khutulun import model, paths, server
from khutulun.conductor.retention import Retention

ME = model.Principal(os.geteuid(), os.getegid(), getpass.getuser())
NOTES = Path(__file__).with_name("notes.py")
VERBS = ("create", "start", "stop", "delete", "update", "inspect", "logs", "exec", "shout", "adopt")


def note(name: str, *, after: tuple[str, ...] = (), handlers: tuple[Handler, ...] = (), **values: Value) -> Any:
    """Return the templates of a node whose driver is `notes`: the vertex, then its edges."""
    id = ids.derive("node", name)
    vertex = VertexTemplate(
        id=id,
        name=name,
        parent=ids.derive("root"),
        properties={"text": Property(value=""), **{key: Property(value=value) for key, value in values.items()}},
        handlers=(*(Handler(f"lifecycle.{verb}", Call(f"notes:{verb}", [{}])) for verb in VERBS), *handlers),
    )
    edges = [
        EdgeTemplate(id=ids.derive("edge", name, other), name="after", source=id, target=ids.derive("node", other))
        for other in after
    ]
    return vertex, *edges


def bundle(*nodes: Any, inputs: dict[str, Property] | None = None) -> bytes:
    """Return a service as a Floria bundle."""
    templates = [one for node in nodes for one in node]
    root = VertexTemplate(id=ids.derive("root"), name="service", properties=inputs or {})
    made = Bundle(
        root=root.id,
        vertexes=(root, *(one for one in templates if isinstance(one, VertexTemplate))),
        edges=tuple(one for one in templates if isinstance(one, EdgeTemplate)),
    )
    return codec.encode_bundle(made, codec.Format.YAML)


class Machine:
    """A server that can be started again on the same folders."""

    def __init__(self, state: Path) -> None:
        self.paths = paths.paths(paths.Scope.USER, state)
        self.running: server.Running

    def deploy(self, name: str, *nodes: Any, **inputs: Value) -> model.Execution:
        """Deploy and wait for the end."""
        conductor = self.running.conductor
        archive = conductor.upload(ME, bundle(*nodes))
        return self.wait(conductor.deploy(ME, model.DeployRequest(name, archive, inputs=inputs)))

    def wait(self, execution: model.Execution) -> model.Execution:
        """Return an execution when it has ended, as the events tell."""
        if execution.state != "running":
            return execution
        feed = self.running.conductor.events(ME, after=0, follow=True)
        for event in feed:
            data = event.data if isinstance(event.data, dict) else {}
            if event.kind == "execution" and data.get("execution") == execution.id:
                found = self.running.conductor.execution(ME, execution.id)
                if found.state != "running":
                    return found
        raise AssertionError("the events ended")

    def log(self, machine: str) -> list[str]:
        """Return what was done to a note, in order."""
        file = self.paths.state / "notes" / f"{machine}.log"
        return [line.partition(" ")[2] for line in file.read_text().splitlines()]

    def text(self, machine: str) -> str | None:
        file = self.paths.state / "notes" / machine
        return file.read_text() if file.exists() else None

    @contextlib.contextmanager
    def up(self, keep: Retention | None = None) -> Iterator[server.Running]:
        """Run the server, with the driver `notes`."""
        with server.assembled(self.paths, host="here", built_in={}, keep=keep) as self.running:
            self.running.conductor.add_plugin(ME, NOTES.read_bytes(), "python", None)
            yield self.running
