"""The Wasm carrier: turns the plugin's requests into calls of the component's imports, and exports the plugin.

Used only inside a component; `floria.plugins.build` writes the module that calls `export`.
"""

import json
from collections.abc import Callable

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import command, dbus, evaluate, files, graph, http, log, secrets
from wit_world.imports.types import Fault as WitFault
from wit_world.imports.types import Level

from floria_plugin import faults, plugin
from floria_plugin.context import Json


def _run(r: dict[str, Json]) -> Json:
    invocation = command.Invocation(
        r["argv"], list(r["env"].items()), r["stdin"], r["cwd"], r["user"], int(r["timeout"] * 1000)
    )
    output = command.run(invocation)
    return {key: getattr(output, key) for key in ("status", "stdout", "stderr", "recorded")}


def _send(r: dict[str, Json]) -> Json:
    headers = [(name, value) for name, value in r["headers"]]
    response = http.send(http.Request(r["method"], r["url"], headers, r["body"], int(r["timeout"] * 1000)))
    return {key: getattr(response, key) for key in ("status", "headers", "body", "recorded")}


def _call_dbus(r: dict[str, Json]) -> Json:
    names = ("bus", "destination", "path", "interface", "member", "signature")
    return json.loads(dbus.call(dbus.MethodCall(*(r[name] for name in names), json.dumps(r["arguments"]))))


def _entries(r: dict[str, Json]) -> Json:
    found = files.entries(r["path"])
    return [{"name": e.name, "kind": e.kind.name.lower(), "size": e.size, "mode": e.mode} for e in found]


_PERFORM: dict[str, Callable[[dict[str, Json]], Json]] = {
    "command.run": _run,
    "http.send": _send,
    "dbus.call": _call_dbus,
    "files.read": lambda r: files.read(r["path"]),
    "files.write": lambda r: files.write(r["path"], r["content"], r["mode"]),
    "files.make-folder": lambda r: files.make_folder(r["path"], r["mode"]),
    "files.remove": lambda r: files.remove(r["path"], r["recursive"]),
    "files.entries": _entries,
    "files.kind-of": lambda r: files.kind_of(r["path"]).name.lower(),
    "graph.get": lambda r: json.loads(graph.get(r["id"])),
    "graph.query": lambda r: json.loads(graph.query(plugin.dumps(r["query"]))),
    "graph.set-property": lambda r: json.loads(graph.set_property(r["id"], r["name"], plugin.dumps(r["value"]))),
    "graph.create": lambda r: json.loads(graph.create(plugin.dumps(r["entity"]))),
    "graph.delete": lambda r: json.loads(graph.delete(r["id"])),
    "graph.emit": lambda r: json.loads(graph.emit(r["id"], r["event"], plugin.dumps(r["detail"]))),
    "graph.claim": lambda r: json.loads(graph.claim(r["space"], r["key"])),
    "graph.release": lambda r: json.loads(graph.release(r["space"], r["key"])),
    "graph.claims": lambda r: json.loads(graph.claims(r["space"])),
    "evaluate.evaluate": lambda r: json.loads(evaluate.evaluate(plugin.dumps(r["expression"]))),
    "secrets.get": lambda r: secrets.get(r["name"]),
    "log.write": lambda r: log.write(Level[r["level"].upper()], str(r["message"])),
}


class ComponentHost:
    """Performs requests through the component's imports."""

    def perform(self, request: dict[str, Json]) -> Json:
        try:
            return _PERFORM[request["kind"]](request)
        except Err as error:
            fault = error.value
            detail = None if fault.detail is None else json.loads(fault.detail)
            raise faults.make(fault.code, fault.message, fault.retryable, detail) from None


def export(find: Callable[[], plugin.Plugin]) -> type:
    """Return the class that exports the plugin which `find` returns."""

    class Plugin(exports.Plugin):  # type: ignore[misc]
        def describe(self) -> str:
            try:
                return plugin.dumps(find().describe())
            except faults.Fault as fault:
                data = {"code": fault.code, "message": fault.message, "detail": fault.detail}
                return plugin.dumps({"fault": data})

        def dispatch(self, function: str, site: str, arguments: str) -> str:
            try:
                result = find().call(ComponentHost(), function, json.loads(site), json.loads(arguments))
                return plugin.dumps(result)
            except faults.Fault as fault:
                detail = None if fault.detail is None else plugin.dumps(fault.detail)
                raise Err(WitFault(fault.code, fault.message, fault.retryable, detail)) from None

    return Plugin
