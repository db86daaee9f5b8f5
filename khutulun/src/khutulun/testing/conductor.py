"""A conductor without a store, agent or driver, for tests of the HTTP API, its client and the command line.

It remembers what it was asked and keeps services, events and plugins in memory. Inputs direct a deployment:
``fail: true`` fails its last step, ``hold: true`` stops before it until an event ``go`` comes. A service named ``boom``
is a bug. ``python -m khutulun.testing.conductor SOCKET`` serves one.
"""

import asyncio
import hashlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from floria.values import Value
from khutulun import model
from khutulun.conductor import interface
from khutulun.testing.programs import Program

NODES = ("server", "client")


class Feed:
    """Events of a `FakeConductor`."""

    def __init__(self, conductor: "FakeConductor", service: str | None, position: int, follow: bool) -> None:
        self._conductor = conductor
        self._service = service
        self._position = position
        self._follow = follow
        self.closed = False

    def __iter__(self) -> Iterator[model.Event]:
        while (event := self._next()) is not None:
            self._position = event.position
            yield event

    def _next(self) -> model.Event | None:
        with self._conductor.changed:
            while not self.closed:
                for event in self._conductor.journal[self._position :]:
                    if self._service in (None, event.service):
                        return event
                if not self._follow:
                    return None
                self._conductor.changed.wait()
        return None

    def close(self) -> None:
        with self._conductor.changed:
            self.closed = True
            self._conductor.changed.notify_all()


class FakeConductor:
    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.changed = threading.Condition()
        self.journal: list[model.Event] = []
        self.archives: dict[str, bytes] = {}
        self.known: dict[str, model.Service] = {}
        self.executions: dict[str, model.Execution] = {}
        self.added: dict[str, model.PluginInfo] = {}
        self.roles: dict[str, str] = {}
        self.kept: dict[str, model.Secret] = {}
        self.feeds: list[Feed] = []
        self.programs: list[Program] = []

    def info(self) -> model.Info:
        return model.Info("0.1.0", "user", "localhost", "/nowhere", os.getpid(), len(self.known))

    def upload(self, principal: model.Principal, content: bytes) -> str:
        self._asked("upload", principal=principal, content=content)
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.archives[digest] = content
        return digest

    def deploy(self, principal: model.Principal, request: model.DeployRequest) -> model.Execution:
        self._asked("deploy", principal=principal, request=request)
        if request.name == "boom":
            raise RuntimeError("a bug")
        if request.name in self.known:
            raise model.refuse("exists", f"the service {request.name!r} exists", hint="update it", status=409)
        self._check_grants(request)
        self.known[request.name] = model.Service(
            id=f"id-{request.name}",
            name=request.name,
            directory=request.directory,
            state=model.ServiceState.DEPLOYING,
            created=time.time_ns(),
            modified=time.time_ns(),
            node_count=len(NODES),
            inputs=request.inputs,
        )
        return self._start(request.name, "deploy", request.inputs)

    def plan(self, principal: model.Principal, request: model.DeployRequest) -> model.Plan:
        self._asked("plan", principal=principal, request=request)
        self._check_grants(request)
        if request.name in self.known:
            return model.Plan(request.name, (model.NodeChange("server", "unchanged"),))
        effect = model.Effect(
            "command.run", "localhost", request.name, "server", "Lifecycle.start", {"argv": ["systemctl", "start", "x"]}
        )
        changes = tuple(model.NodeChange(node, "novel") for node in NODES)
        return model.Plan(request.name, changes, (effect,), "#!/bin/sh\nsystemctl start x\n", ("server.port",))

    def update(self, principal: model.Principal, request: model.DeployRequest) -> model.Execution:
        self._asked("update", principal=principal, request=request)
        service = self._service(request.name)
        self.known[request.name] = msgspec.structs.replace(service, inputs=service.inputs | request.inputs)
        return self._start(request.name, "update", request.inputs)

    def undeploy(self, principal: model.Principal, service: str, directory: str = "/") -> model.Execution:
        self._asked("undeploy", principal=principal, service=service, directory=directory)
        return self._start(service, "undeploy", self._service(service).inputs)

    def execution(self, principal: model.Principal, id: str) -> model.Execution:
        if id not in self.executions:
            raise model.refuse("no-such-execution", f"there is no execution {id}", status=404)
        return self.executions[id]

    def resume(self, principal: model.Principal, service: str, directory: str = "/") -> model.Execution:
        self._asked("resume", principal=principal, service=service, directory=directory)
        self._service(service)
        return self._start(service, "deploy", {})

    def run(
        self,
        principal: model.Principal,
        service: str,
        workflow: str,
        inputs: dict[str, Value],
        directory: str = "/",
    ) -> model.Execution:
        self._asked("run", service=service, workflow=workflow, inputs=inputs, directory=directory)
        self._service(service)
        return self._start(service, workflow, inputs)

    def services(self, principal: model.Principal, directory: str = "/") -> list[model.Service]:
        self._asked("services", principal=principal, directory=directory)
        return [msgspec.structs.replace(service, nodes=()) for service in self.known.values()]

    def service(self, principal: model.Principal, service: str, directory: str = "/") -> model.Service:
        self._asked("service", principal=principal, service=service, directory=directory)
        found = self._service(service)
        port = model.Attribute(8080)
        server = model.Node(
            "1",
            "server",
            "khutulun:1.0::Process",
            "running",
            "localhost",
            {"secret": model.Attribute(b"\x00\xff"), "bad": model.Attribute("old", model.Problem("x", "went wrong"))},
            {"endpoint": {"port": port}},
            (),
            ("Lifecycle.start", "failed"),
        )
        relation = model.Relation("server", "server.endpoint", {"port": port})
        client = model.Node("2", "client", "khutulun:1.0::Process", "running", "localhost", {}, {}, (relation,))
        outputs = {"url": model.Attribute("http://localhost:8080")}
        execution = next((e for e in reversed(self.executions.values()) if e.service == service), None)
        return msgspec.structs.replace(found, nodes=(server, client), outputs=outputs, execution=execution)

    def validate(self, principal: model.Principal, service: str, directory: str = "/") -> list[model.Difference]:
        self._asked("validate", principal=principal, service=service, directory=directory)
        if self._service(service).inputs.get("drift"):
            return [model.Difference("server", "state", "running", "stopped")]
        return []

    def call(
        self,
        principal: model.Principal,
        service: str,
        node: str,
        operation: str,
        inputs: dict[str, Value],
        directory: str = "/",
    ) -> model.CallResult:
        self._asked("call", service=service, node=node, operation=operation, inputs=inputs, directory=directory)
        self._node(service, node)
        return model.CallResult({"inputs": dict(inputs)})

    def adopt(
        self, principal: model.Principal, service: str, node: str, existing: str, directory: str = "/"
    ) -> model.CallResult:
        self._asked("adopt", service=service, node=node, existing=existing, directory=directory)
        return model.CallResult({"adopted": existing})

    def history(
        self, principal: model.Principal, service: str, node: str | None = None, directory: str = "/"
    ) -> list[model.Effect]:
        self._asked("history", service=service, node=node, directory=directory)
        self._service(service)
        return [
            model.Effect(
                "command.run",
                "localhost",
                service,
                "server",
                "Lifecycle.start",
                {"argv": ["systemctl", "start", "khutulun-hello-server-0.service"]},
                outcome={"status": "done", "result": {"status": 0}},
                time=1_700_000_000_000_000_000,
                duration=0.012,
            ),
            model.Effect(
                "files.write", "localhost", service, "server", "Lifecycle.create", {"path": "/etc/x", "content": "a"}
            ),
            model.Effect(
                "command.run",
                "localhost",
                service,
                "server",
                "Lifecycle.stop",
                {"argv": ["a program", "-"], "stdin": "abc"},
                outcome={"status": "done", "result": {"status": 3}},
            ),
        ]

    def script(self, principal: model.Principal, service: str, node: str | None = None, directory: str = "/") -> str:
        self._asked("script", service=service, node=node, directory=directory)
        self._service(service)
        return "#!/bin/sh\nset -eu\nsystemctl start khutulun-hello-server-0.service\n"

    def events(
        self,
        principal: model.Principal,
        *,
        service: str | None = None,
        directory: str = "/",
        after: int | None = None,
        follow: bool = False,
        limit: int = 1000,
    ) -> Feed:
        self._asked("events", service=service, directory=directory, after=after, follow=follow, limit=limit)
        if service == "missing":
            self._service(service)
        feed = Feed(self, service, max(0, len(self.journal) - limit) if after is None else after, follow)
        self.feeds.append(feed)
        return feed

    def emit(
        self,
        principal: model.Principal,
        name: str,
        *,
        service: str | None = None,
        node: str | None = None,
        data: Value = None,
        directory: str = "/",
    ) -> model.Event:
        self._asked("emit", event=name, service=service, node=node, data=data, directory=directory)
        return self.happen("event", name, service or "", node or "", data)

    def logs(
        self,
        principal: model.Principal,
        service: str,
        node: str,
        *,
        follow: bool = False,
        lines: int = 100,
        directory: str = "/",
    ) -> Program:
        self._asked("logs", service=service, node=node, follow=follow, lines=lines, directory=directory)
        self._node(service, node)
        if node == "client":
            return self._run("/bin/sh", "-c", "echo no log >&2; exit 3")
        return self._run("/bin/sh", "-c", f"echo the last {lines} lines" + ("; exec sleep 1000" if follow else ""))

    def execute(self, principal: model.Principal, request: model.ExecRequest) -> Program:
        self._asked("execute", request=request)
        self._node(request.service, request.node)
        program = Program(request.argv, tty=request.tty, rows=request.rows, columns=request.columns)
        self.programs.append(program)
        return program

    def plugins(self, principal: model.Principal, directory: str = "/") -> list[model.PluginInfo]:
        return list(self.added.values())

    def plugin(self, principal: model.Principal, name: str, directory: str = "/") -> model.PluginInfo:
        if name not in self.added:
            raise model.refuse("no-such-plugin", f"there is no plugin {name!r}", status=404)
        return self.added[name]

    def inspect_plugin(self, principal: model.Principal, content: bytes, carrier: str) -> model.PluginInfo:
        self._asked("inspect_plugin", content=content, carrier=carrier)
        grants = ("runs systemctl start *",) if content else ()
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        return model.PluginInfo("echo", "1", carrier, digest, "/", False, ("echo",), grants, ("runs sh",))

    def add_plugin(
        self, principal: model.Principal, content: bytes, carrier: str, name: str | None, directory: str = "/"
    ) -> model.PluginInfo:
        found = self.inspect_plugin(principal, content, carrier)
        plugin = msgspec.structs.replace(found, name=name or found.name, directory=directory)
        self.added[plugin.name] = plugin
        return plugin

    def remove_plugin(self, principal: model.Principal, name: str, directory: str = "/") -> None:
        self.plugin(principal, name, directory)
        del self.added[name]

    def access(self, principal: model.Principal, directory: str = "/") -> list[model.Access]:
        return [model.Access(who, role, "/") for who, role in self.roles.items()]

    def audit(
        self, principal: model.Principal, *, service: str | None = None, directory: str = "/", limit: int = 100
    ) -> list[model.Audited]:
        return [
            model.Audited(
                number, time.time_ns(), "worker", name, "done", directory, service=str(asked.get("service", ""))
            )
            for number, (name, asked) in enumerate(self.asked[-limit:])
        ]

    def grant_access(self, principal: model.Principal, who: str, role: str, directory: str = "/") -> model.Access:
        self.roles[who] = role
        return model.Access(who, role, directory)

    def revoke_access(self, principal: model.Principal, who: str, directory: str = "/") -> None:
        if self.roles.pop(who, None) is None:
            raise model.refuse("not-granted", f"{directory} gives {who} no role", status=404)

    def secrets(self, principal: model.Principal, directory: str = "/") -> list[model.Secret]:
        return list(self.kept.values())

    def set_secret(self, principal: model.Principal, name: str, content: bytes, directory: str = "/") -> model.Secret:
        self._asked("set_secret", secret=name, content=content, directory=directory)
        self.kept[name] = model.Secret(name, directory, time.time_ns(), time.time_ns())
        return self.kept[name]

    def remove_secret(self, principal: model.Principal, name: str, directory: str = "/") -> None:
        if self.kept.pop(name, None) is None:
            raise model.refuse("unknown-secret", f"there is no secret {name!r} in {directory}", status=404)

    def happen(self, kind: str, name: str, service: str = "", node: str = "", data: Value = None) -> model.Event:
        """Journal an event and push it to those who follow."""
        with self.changed:
            position = len(self.journal) + 1
            event = model.Event(position, f"e{position}", kind, name, time.time_ns(), service, node, data=data)
            self.journal.append(event)
            self.changed.notify_all()
            return event

    def _asked(self, name: str, **arguments: Any) -> None:
        self.asked.append((name, arguments))

    def _run(self, *argv: str) -> Program:
        program = Program(argv)
        self.programs.append(program)
        return program

    def _service(self, name: str) -> model.Service:
        if name not in self.known:
            hint = "see 'khutulun service list'"
            raise model.refuse("no-such-service", f"there is no service {name!r}", where=name, hint=hint, status=404)
        return self.known[name]

    def _node(self, service: str, node: str) -> None:
        self._service(service)
        if node not in NODES:
            raise model.refuse("no-such-node", f"{service} has no node {node!r}", where=service, status=404)

    def _check_grants(self, request: model.DeployRequest) -> None:
        if b"BRINGS-PLUGIN" not in self.archives.get(request.archive or "", b"") or "echo" in request.grant:
            return
        wants: Value = {"plugin": "echo", "grants": ["runs systemctl start *"], "full_access": ["runs sh"]}
        problem = model.Problem("grants-needed", "the plugin 'echo' asks for grants", detail=wants)
        raise model.Refused(problem, status=403)

    def _start(self, service: str, workflow: str, inputs: dict[str, Value]) -> model.Execution:
        id = f"x{len(self.executions) + 1}"
        steps = tuple(model.Step(node, model.StepState.PENDING) for node in NODES)
        execution = model.Execution(id, service, workflow, "running", steps, time.time_ns())
        self.executions[id] = execution
        threading.Thread(target=self._work, args=(execution, dict(inputs)), daemon=True).start()
        return execution

    def _work(self, execution: model.Execution, inputs: dict[str, Value]) -> None:
        self._step(execution.id, 0, model.StepState.RUNNING)
        self._step(execution.id, 0, model.StepState.DONE)
        if inputs.get("hold"):
            with self.changed:
                self.changed.wait_for(lambda: any(event.name == "go" for event in self.journal))
        self._step(execution.id, 1, model.StepState.RUNNING)
        if inputs.get("fail"):
            problem = model.Problem("failed", "the program ended with 1", where="client", hint="see its log")
            self._step(execution.id, 1, model.StepState.FAILED, problem)
            self._end(execution, "failed", model.ServiceState.FAILED, (problem,))
        else:
            self._step(execution.id, 1, model.StepState.DONE)
            self._end(execution, "done", model.ServiceState.RUNNING, ())

    def _step(self, id: str, index: int, state: model.StepState, problem: model.Problem | None = None) -> None:
        execution = self.executions[id]
        steps = list(execution.steps)
        steps[index] = model.Step(NODES[index], state, "Lifecycle.start", problem)
        self.executions[id] = msgspec.structs.replace(execution, steps=tuple(steps))
        self.happen("step", state, execution.service, NODES[index], {"execution": id})

    def _end(
        self, execution: model.Execution, state: str, service: model.ServiceState, problems: tuple[model.Problem, ...]
    ) -> None:
        ended = msgspec.structs.replace(
            self.executions[execution.id], state=state, ended=time.time_ns(), problems=problems
        )
        if execution.workflow == "undeploy":
            del self.known[execution.service]
        else:
            self.known[execution.service] = msgspec.structs.replace(self.known[execution.service], state=service)
        self.executions[execution.id] = ended
        self.happen("execution", state, execution.service, data={"execution": execution.id})


async def _serve(path: Path) -> None:
    from khutulun.api import server

    conductor: interface.Conductor = FakeConductor()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.serve(conductor, path, stop=stop, ready=lambda: print("ready", flush=True))


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
