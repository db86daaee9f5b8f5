"""Every route: it fits the conductor, it answers, and the OpenAPI document describes it (R102)."""

import http.client
import inspect
import os
import re
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from khutulun import model
from khutulun.api import arguments, schema, wire
from khutulun.api.routes import BY_NAME, ROUTES, Kind, Route
from khutulun.client import Client, connection
from khutulun.conductor import interface
from khutulun.testing.conductor import FakeConductor


def _exit_code(client: Client) -> str:
    program = client.execute(model.ExecRequest("hello", "server", ("/bin/sh", "-c", "exit 3")))
    while not program.ended:
        program.receive()
    program.close()
    return f"exit code {program.exit_code}"


def _add_and_remove(client: Client) -> bool:
    client.add_plugin(b"x", "python")
    client.remove_plugin("echo")
    return client.plugins() == []


def _set_and_remove(client: Client) -> bool:
    client.set_secret("db", b"hunter2")
    client.remove_secret("db")
    return client.secrets() == []


def _grant_and_revoke(client: Client) -> bool:
    client.grant_access("worker", "viewer")
    client.revoke_access("worker")
    return client.access() == []


EXERCISES: dict[str, Callable[[Client], object]] = {
    "info": lambda c: c.info().version,
    "openapi": lambda c: connection.request(c.path, "GET", "/v1/openapi.json").read(),
    "upload": lambda c: c.upload(b"archive"),
    "plan": lambda c: c.plan(model.DeployRequest("new")).effects,
    "deploy": lambda c: c.deploy(model.DeployRequest("new", inputs={"a": [1, {"b": b"\x00"}]})).id,
    "services": lambda c: [service.name for service in c.services()],
    "service": lambda c: c.service("hello").nodes,
    "update": lambda c: c.update(model.DeployRequest("hello", inputs={"a": 2})).workflow,
    "undeploy": lambda c: c.undeploy("hello").workflow,
    "resume": lambda c: c.resume("hello").workflow,
    "audit": lambda c: c.audit(arguments.Audit("hello", limit=3)),
    "run": lambda c: c.run("hello", "backup", {"to": "/srv"}).workflow,
    "validate": lambda c: (c.validate("hello") == [],),
    "history": lambda c: c.history("hello", "server"),
    "script": lambda c: c.script("hello"),
    "execution": lambda c: c.execution("x1").steps,
    "call": lambda c: c.call("hello", "server", "Lifecycle.stop", {"now": True}).result,
    "adopt": lambda c: c.adopt("hello", "server", "nginx.service").result,
    "logs": lambda c: list(c.logs(arguments.Logs("hello", "server"))),
    "execute": _exit_code,
    "events": lambda c: list(c.events(arguments.Events("hello"))),
    "emit": lambda c: c.emit(arguments.Emission("go", "hello")).position,
    "plugins": lambda c: [c.add_plugin(b"x", "python"), c.plugins()][1],
    "plugin": lambda c: [c.add_plugin(b"x", "python"), c.plugin("echo")][1],
    "inspect_plugin": lambda c: c.inspect_plugin(b"x", "wasm").full_access,
    "add_plugin": lambda c: c.add_plugin(b"x", "python", "mine", "/team").directory,
    "remove_plugin": _add_and_remove,
    "access": lambda c: [c.grant_access("worker", "viewer"), c.access()][1],
    "grant_access": lambda c: c.grant_access("group:staff", "operator", "/team").role,
    "revoke_access": _grant_and_revoke,
    "set_secret": lambda c: c.set_secret("db", b"hunter2", "/team").directory,
    "secrets": lambda c: [c.set_secret("db", b"hunter2"), c.secrets()][1],
    "remove_secret": _set_and_remove,
}


@pytest.fixture
def deployed(client: Client, conductor: FakeConductor) -> Client:
    client.deploy(model.DeployRequest("hello"))
    with conductor.changed:
        conductor.changed.wait_for(lambda: any(event.kind == "execution" for event in conductor.journal))
    return client


@pytest.mark.parametrize("name", BY_NAME)
def test_every_route_answers(name: str, deployed: Client) -> None:
    assert EXERCISES[name](deployed)


def test_every_method_of_the_conductor_has_a_route() -> None:
    methods = {name for name in vars(interface.Conductor) if not name.startswith("_")}
    assert {route.name for route in ROUTES if route.kind is not Kind.DOCUMENT} == methods


@pytest.mark.parametrize("route", [r for r in ROUTES if r.kind is not Kind.DOCUMENT], ids=lambda route: route.name)
def test_the_arguments_of_a_route_are_the_conductors_parameters(route: Route) -> None:
    parameters = list(inspect.signature(getattr(interface.Conductor, route.name)).parameters)
    taken = ["request"] if route.whole else list(route.arguments.__struct_fields__)
    assert {*taken, *(["content"] if route.content else [])} == {*parameters} - {"self", "principal"}
    assert set(route.in_path) <= set(route.arguments.__struct_fields__)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.kind is Kind.ANSWER], ids=lambda route: route.name)
def test_the_answer_of_a_route_is_what_the_conductor_returns(route: Route) -> None:
    assert typing.get_type_hints(getattr(interface.Conductor, route.name))["return"] == (route.answer or type(None))


def test_a_principal_is_who_the_kernel_says(client: Client, conductor: FakeConductor) -> None:
    client.upload(b"")
    principal = conductor.asked[-1][1]["principal"]
    assert (principal.uid, principal.gid) == (os.getuid(), os.getgid())


def test_arguments_arrive_as_they_were_sent(client: Client, conductor: FakeConductor) -> None:
    client.deploy(model.DeployRequest("hello"))
    name = "a/b c?&é"
    with pytest.raises(model.Refused):
        client.call("hello", name, "X.y", {"$key": {"$x": 1}, "n": float("inf"), "b": b"\xff"}, "/team a")
    assert conductor.asked[-1] == (
        "call",
        {
            "service": "hello",
            "node": name,
            "operation": "X.y",
            "inputs": {"$key": {"$x": 1}, "n": float("inf"), "b": b"\xff"},
            "directory": "/team a",
        },
    )


def test_the_document_is_a_whole_openapi_3_1() -> None:
    document = msgspec.json.decode(msgspec.json.encode(schema.document()))
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version"} <= set(document["info"])
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert sorted(operation["operationId"] for operation in operations) == sorted(BY_NAME)
    for reference in _references(document):
        assert _resolve(document, reference), reference
    for path, item in document["paths"].items():
        for operation in item.values():
            _check_operation(path, operation)


def test_the_document_says_what_a_body_holds() -> None:
    document = schema.document()
    body = document["paths"]["/v1/services/{name}"]["patch"]["requestBody"]["content"]["application/json"]["schema"]
    found = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    assert set(found["properties"]) == {"archive", "directory", "inputs", "grant", "adopt", "rollback"}
    assert found["additionalProperties"] is False
    assert found["properties"]["inputs"]["additionalProperties"]["$ref"] == wire.VALUE_SCHEMA


def test_answers_have_the_fields_that_the_document_says(deployed: Client) -> None:
    document = schema.document()
    for name in ("service", "services", "execution", "history"):
        route = BY_NAME[name]
        path = route.path.format(service="hello", id="x1")
        answer = msgspec.json.decode(connection.request(deployed.path, "GET", path).read())
        schemas = document["paths"][route.path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        _check_fields(document, schemas, answer)


def _check_operation(path: str, operation: dict[str, Any]) -> None:
    in_path = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
    assert in_path == set(re.findall(r"{(\w+)}", path))
    assert operation["summary"]
    assert set(operation["responses"]) - {"default"}
    for response in operation["responses"].values():
        assert "$ref" in response or response["description"]


def _check_fields(document: dict[str, Any], found: dict[str, Any], answer: Any) -> None:
    if "$ref" in found:
        found = _resolve(document, found["$ref"])
    if isinstance(answer, list):
        for item in answer:
            _check_fields(document, found["items"], item)
    elif "properties" in found:
        assert set(found.get("required", ())) <= set(answer) <= set(found["properties"])
        for name, item in answer.items():
            _check_fields(document, found["properties"][name], item)


def _references(item: Any) -> Iterator[str]:
    if isinstance(item, dict):
        if "$ref" in item:
            yield item["$ref"]
        item = list(item.values())
    if isinstance(item, list):
        for inner in item:
            yield from _references(inner)


def _resolve(document: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def test_a_connection_can_be_kept(client: Client, socket: Path) -> None:
    kept = connection.Connection(socket)
    for _ in range(3):
        kept.request("GET", "/v1/info")
        response = kept.getresponse()
        assert (response.status, bool(response.read())) == (http.client.OK, True)
    kept.close()
