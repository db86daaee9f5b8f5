"""Connects the imports of the contract, as a component sees them, to the requests of a call."""

from collections.abc import Callable
from typing import Any

from wasmtime import Engine, WasmtimeError
from wasmtime.component import FuncType, Linker, Record, Variant

from floria.plugins import requests
from floria.plugins.calls import decode, encode, plain
from floria.plugins.component_types import add_function, is_result, is_tagged
from floria.plugins.faults import Fault, FaultData, encode_detail
from floria.plugins.wasi import Current, record

PACKAGE, VERSION = "floria:plugin", "0.1.0"
INTERFACES = ("log", "graph", "evaluate", "command", "files", "dbus", "http", "secrets", "types", "script")


def interface(name: str) -> str:
    """Return the full name of an interface of the contract."""
    return f"{PACKAGE}/{name}@{VERSION}"


def link(linker: Linker, engine: Engine, imports: dict[str, Any], current: Current) -> None:
    """Provide the imports of the contract. Raises the fault ``invalid-component`` for any other import."""
    known = {interface(name): name for name in INTERFACES}
    for name in imports:
        if name not in known and not name.startswith("wasi:"):
            raise Fault("invalid-component", f"it imports {name}, which is not in the contract {PACKAGE}@{VERSION}")
    with linker.root() as root:
        for name, imported in imports.items():
            if name not in known or known[name] == "types":
                continue
            with root.add_instance(name) as instance:
                for item, export in imported.ty.exports(engine).items():
                    if isinstance(export.ty, FuncType):
                        function = _function(f"{known[name]}.{item}", export.ty, current)
                        add_function(instance, item, export.ty, function)


def _function(kind: str, signature: FuncType, current: Current) -> Callable[..., Any]:
    if kind == "script.sources":
        return lambda store: list(current().call.sources)
    if kind not in _REQUESTS:
        raise Fault("invalid-component", f"it imports {kind}, which is not in the contract {PACKAGE}@{VERSION}")
    make, show = _REQUESTS[kind]
    result = signature.result
    tagged = is_tagged(result)

    def function(store: Any, *arguments: Any) -> Any:
        guest = current()
        with guest.outside():
            try:
                guest.call.check()
                value = show(guest.call.serve(make(*arguments)))
                return Variant("ok", value) if tagged else value
            except Fault as fault:
                if guest.call.left > 0 and is_result(result):
                    return Variant("err", _fault(fault.data)) if tagged else _fault(fault.data)
                guest.failure = fault if guest.call.left > 0 else guest.call.too_long()
            except Exception as error:
                guest.failure = Fault("host-error", f"{kind}: {type(error).__name__}: {error}")
        raise WasmtimeError("stopped by the host")

    return function


def _fault(data: FaultData) -> Record:
    detail = encode_detail(data.detail)
    return record(
        code=plain(data.code),
        message=plain(data.message),
        retryable=data.retryable,
        detail=None if detail is None else plain(detail),
    )


def _json(text: str) -> object:
    return decode(text, "the plugin")


def _invocation(invocation: Any) -> requests.Request:
    timeout = getattr(invocation, "timeout-ms") / 1000
    env = dict(invocation.env)
    return requests.RunCommand(tuple(invocation.argv), env, invocation.stdin, invocation.cwd, invocation.user, timeout)


def _call(call: Any) -> requests.Request:
    arguments = _json(call.arguments)
    if not isinstance(arguments, list):
        raise Fault("invalid-request", "the arguments of a D-Bus call are a JSON list")
    place = (call.bus, call.destination, call.path, call.interface, call.member)
    return requests.CallDBus(*place, call.signature, tuple(arguments))


def _http(request: Any) -> requests.Request:
    headers = tuple((name, value) for name, value in request.headers)
    timeout = getattr(request, "timeout-ms") / 1000
    return requests.SendHttp(request.method, request.url, headers, request.body, timeout)


def _output(output: Any) -> Record:
    return record(
        status=output.status, stdout=plain(output.stdout), stderr=plain(output.stderr), recorded=output.recorded
    )


def _response(response: Any) -> Record:
    headers = [(plain(name), plain(value)) for name, value in response.headers]
    return record(status=response.status, headers=headers, body=plain(response.body), recorded=response.recorded)


def _entries(entries: Any) -> list[Record]:
    return [record(name=plain(e.name), kind=e.kind, size=e.size, mode=e.mode) for e in entries]


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    return plain(str(value))


_REQUESTS: dict[str, tuple[Callable[..., requests.Request], Callable[[Any], Any]]] = {
    "log.write": (requests.WriteLog, _same),
    "graph.get": (requests.GetEntity, encode),
    "graph.query": (lambda query: requests.QueryGraph(_json(query)), encode),
    "graph.set-property": (lambda id, name, value: requests.SetProperty(id, name, _json(value)), encode),
    "graph.create": (lambda entity: requests.CreateEntity(_json(entity)), encode),
    "graph.delete": (requests.DeleteEntity, encode),
    "graph.emit": (lambda id, event, detail: requests.EmitEvent(id, event, _json(detail)), encode),
    "graph.claim": (requests.Claim, encode),
    "graph.release": (requests.Release, encode),
    "graph.claims": (requests.ListClaims, encode),
    "evaluate.evaluate": (lambda expression: requests.Evaluate(_json(expression)), encode),
    "command.run": (_invocation, _output),
    "files.read": (requests.ReadFile, _text),
    "files.write": (requests.WriteFile, bool),
    "files.make-folder": (requests.MakeFolder, bool),
    "files.remove": (requests.Remove, bool),
    "files.entries": (requests.ListFolder, _entries),
    "files.kind-of": (requests.KindOf, _text),
    "dbus.call": (_call, encode),
    "http.send": (_http, _response),
    "secrets.get": (requests.GetSecret, _text),
}
