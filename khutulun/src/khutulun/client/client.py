"""The methods of the conductor, asked over the socket. Every one raises `model.Refused` when it is not done."""

import contextlib
import http.client
import socket
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self, TypeVar, cast

import msgspec

from floria.values import Value
from khutulun import model
from khutulun.api import arguments, frames, wire
from khutulun.api.routes import BY_NAME, Route
from khutulun.client import connection
from khutulun.client.exec import Exec

T = TypeVar("T")
_READ = 64 * 1024


class Client:
    """Of the server whose socket is at `path`. Nothing is connected until something is asked."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def info(self) -> model.Info:
        return self._ask("info", arguments.Nothing(), model.Info)

    def upload(self, content: bytes) -> str:
        return self._text("upload", arguments.Nothing(), content)

    def deploy(self, request: model.DeployRequest) -> model.Execution:
        return self._ask("deploy", request, model.Execution)

    def plan(self, request: model.DeployRequest) -> model.Plan:
        return self._ask("plan", request, model.Plan)

    def update(self, request: model.DeployRequest) -> model.Execution:
        return self._ask("update", request, model.Execution)

    def undeploy(self, service: str, directory: str = "/") -> model.Execution:
        return self._ask("undeploy", arguments.OfService(service, directory), model.Execution)

    def execution(self, id: str) -> model.Execution:
        return self._ask("execution", arguments.OfExecution(id), model.Execution)

    def resume(self, service: str, directory: str = "/") -> model.Execution:
        return self._ask("resume", arguments.OfService(service, directory), model.Execution)

    def run(self, service: str, workflow: str, inputs: dict[str, Value], directory: str = "/") -> model.Execution:
        return self._ask("run", arguments.Running(service, workflow, inputs, directory), model.Execution)

    def services(self, directory: str = "/") -> list[model.Service]:
        return self._ask("services", arguments.InDirectory(directory), list[model.Service])

    def service(self, service: str, directory: str = "/") -> model.Service:
        return self._ask("service", arguments.OfService(service, directory), model.Service)

    def validate(self, service: str, directory: str = "/") -> list[model.Difference]:
        return self._ask("validate", arguments.OfService(service, directory), list[model.Difference])

    def call(
        self, service: str, node: str, operation: str, inputs: dict[str, Value], directory: str = "/"
    ) -> model.CallResult:
        asked = arguments.Operation(service, node, operation, inputs, directory)
        return self._ask("call", asked, model.CallResult)

    def adopt(self, service: str, node: str, existing: str, directory: str = "/") -> model.CallResult:
        return self._ask("adopt", arguments.Adoption(service, node, existing, directory), model.CallResult)

    def history(self, service: str, node: str | None = None, directory: str = "/") -> list[model.Effect]:
        return self._ask("history", arguments.Done(service, node, directory), list[model.Effect])

    def script(self, service: str, node: str | None = None, directory: str = "/") -> str:
        return self._text("script", arguments.Done(service, node, directory))

    def audit(self, asked: arguments.Audit) -> list[model.Audited]:
        return self._ask("audit", asked, list[model.Audited])

    def emit(self, emission: arguments.Emission) -> model.Event:
        return self._ask("emit", emission, model.Event)

    def plugins(self, directory: str = "/") -> list[model.PluginInfo]:
        return self._ask("plugins", arguments.InDirectory(directory), list[model.PluginInfo])

    def plugin(self, name: str, directory: str = "/") -> model.PluginInfo:
        return self._ask("plugin", arguments.OfPlugin(name, directory), model.PluginInfo)

    def inspect_plugin(self, content: bytes, carrier: str) -> model.PluginInfo:
        return self._ask("inspect_plugin", arguments.PluginFile(carrier), model.PluginInfo, content)

    def add_plugin(
        self, content: bytes, carrier: str, name: str | None = None, directory: str = "/"
    ) -> model.PluginInfo:
        return self._ask("add_plugin", arguments.NewPlugin(carrier, name, directory), model.PluginInfo, content)

    def remove_plugin(self, name: str, directory: str = "/") -> None:
        self._send("remove_plugin", arguments.OfPlugin(name, directory)).close()

    def access(self, directory: str = "/") -> list[model.Access]:
        return self._ask("access", arguments.InDirectory(directory), list[model.Access])

    def grant_access(self, who: str, role: str, directory: str = "/") -> model.Access:
        return self._ask("grant_access", arguments.Grant(who, role, directory), model.Access)

    def revoke_access(self, who: str, directory: str = "/") -> None:
        self._send("revoke_access", arguments.OfAccess(who, directory)).close()

    def secrets(self, directory: str = "/") -> list[model.Secret]:
        return self._ask("secrets", arguments.InDirectory(directory), list[model.Secret])

    def set_secret(self, name: str, content: bytes, directory: str = "/") -> model.Secret:
        return self._ask("set_secret", arguments.OfSecret(name, directory), model.Secret, content)

    def remove_secret(self, name: str, directory: str = "/") -> None:
        self._send("remove_secret", arguments.OfSecret(name, directory)).close()

    def events(self, asked: arguments.Events) -> "EventStream":
        return EventStream(self.path, *self._stream("events", asked))

    def logs(self, asked: arguments.Logs) -> "LogStream":
        return LogStream(self.path, *self._stream("logs", asked, accept=frames.MEDIA_TYPE))

    def execute(self, request: model.ExecRequest) -> Exec:
        return Exec(self.path, _target(BY_NAME["execute"], request))

    def _ask(self, name: str, asked: msgspec.Struct, answer: type[T], content: bytes | None = None) -> T:
        with connection.lost(self.path), self._send(name, asked, content) as response:
            data = response.read()
        try:
            return wire.decode(answer, data)
        except wire.Malformed as error:
            raise model.refuse(
                "not-khutulun",
                f"the answer to {name!r} is not understood: {error}",
                where=error.where,
                hint="is the server of the same version? see 'khutulun --version'",
                status=502,
            ) from error

    def _text(self, name: str, asked: msgspec.Struct, content: bytes | None = None) -> str:
        with connection.lost(self.path), self._send(name, asked, content) as response:
            return response.read().decode()

    def _send(self, name: str, asked: msgspec.Struct, content: bytes | None = None) -> http.client.HTTPResponse:
        return self._stream(name, asked, content)[0]

    def _stream(
        self, name: str, asked: msgspec.Struct, content: bytes | None = None, accept: str = "*/*"
    ) -> tuple[http.client.HTTPResponse, socket.socket]:
        route = BY_NAME[name]
        headers, body = {"Accept": accept}, content
        if route.in_body:
            plain = wire.form(route.arguments).plain(asked)
            body = msgspec.json.encode({key: item for key, item in plain.items() if key in route.in_body})
            headers["Content-Type"] = "application/json"
        elif route.content:
            headers["Content-Type"] = "application/octet-stream"
        return connection.stream(self.path, route.method, _target(route, asked), body, headers)


class _Stream:
    """What is read as it comes."""

    def __init__(self, path: Path, response: http.client.HTTPResponse, channel: socket.socket) -> None:
        self._path = path
        self._response = response
        self._channel = channel
        self._read = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop(self) -> None:
        """End the stream for whoever reads it in another thread; that one gets `model.Refused`."""
        with contextlib.suppress(OSError):  # it has ended already
            self._channel.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._response.close()


class EventStream(_Stream):
    """Events; when the server goes away iteration ends with `model.Refused`, and the last position resumes it."""

    def __iter__(self) -> Iterator[model.Event]:
        while (line := self._line()) is not None:
            yield wire.decode(model.Event, line)

    def _line(self) -> bytes | None:
        while not (end := self._read.find(b"\n") + 1):
            with connection.lost(self._path):
                data = self._response.read1(_READ)
            if not data:
                return None
            self._read += data
        line = bytes(self._read[:end])
        del self._read[:end]
        return line


class LogStream(_Stream):
    """Bytes of a log with their channel; `exit_code` is that of the program that read it, once the log has ended."""

    exit_code: int | None = None

    def __iter__(self) -> Iterator[tuple[frames.Channel, bytes]]:
        received = frames.read(cast(BinaryIO, self._response))
        while True:
            try:
                with connection.lost(self._path):
                    frame = next(received, None)
            except frames.BadFrame as error:
                raise connection.broken(self._path, error) from error
            if frame is None:
                return
            if frame[0] is frames.Channel.EXIT:
                self.exit_code = frames.to_number(frame[1])
            else:
                yield frame


def _target(route: Route, asked: msgspec.Struct) -> str:
    path = "/".join(
        urllib.parse.quote(getattr(asked, part[1:-1]), safe="") if part.startswith("{") else part
        for part in route.path.split("/")
    )
    defaults = {field.name: field.default for field in msgspec.structs.fields(type(asked))}
    pairs: list[tuple[str, str]] = []
    for name in route.in_query:
        value = getattr(asked, name)
        if value != defaults[name]:
            pairs += [(name, _text(item)) for item in (value if isinstance(value, tuple) else (value,))]
    return f"{path}?{urllib.parse.urlencode(pairs)}" if pairs else path


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
