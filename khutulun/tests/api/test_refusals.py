"""Whatever comes in wrong ends in a problem that says what, where and what to do; the server lives."""

import random
import socket as sockets
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from khutulun import model
from khutulun.api.limits import Limits
from khutulun.client import Client, connection
from khutulun.conductor import interface
from khutulun.testing import serving
from khutulun.testing.conductor import FakeConductor


def ask(client: Client, method: str, target: str, body: bytes | None = None, **headers: str) -> model.Refused:
    with pytest.raises(model.Refused) as caught:
        connection.request(client.path, method, target, body, headers)
    return caught.value


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "code", "where"),
    [
        ("POST", "/v1/services", b'{"name": ', 400, "malformed-json", "body"),
        ("POST", "/v1/services", b"\xff\xfe", 400, "malformed-json", "body"),
        ("POST", "/v1/services", b"[" * 100_000, 400, "malformed-json", "body"),
        ("POST", "/v1/services", b'{"name": "a", "inputs": ' + b'{"a":' * 300 + b"1" + b"}" * 301, 400, None, "body"),
        ("POST", "/v1/services", b"[]", 400, "invalid-request", "body"),
        ("POST", "/v1/services", b"{}", 400, "invalid-request", "body"),
        ("POST", "/v1/services", b'{"name": 7}', 400, "invalid-request", "body.name"),
        ("POST", "/v1/services", b'{"name": "a", "nmae": 1}', 400, "invalid-request", "body.nmae"),
        ("POST", "/v1/services", b'{"name": "a", "inputs": [1]}', 400, "invalid-request", "body.inputs"),
        (
            "POST",
            "/v1/services",
            b'{"name": "a", "inputs": {"a": {"b": {"$x": 1}}}}',
            400,
            "invalid-request",
            "body.inputs.a.b",
        ),
        ("POST", "/v1/services", b'{"name": "a", "inputs": {"a": 1e400}}', 400, None, "body"),
        ("PATCH", "/v1/services/a", b'{"name": "b"}', 400, "invalid-request", "body.name"),
        ("GET", "/v1/services?x=1", None, 400, "unknown-parameter", "query.x"),
        ("GET", "/v1/services?directory=/a&directory=/b", None, 400, "repeated-parameter", "query.directory"),
        ("GET", "/v1/events?after=x", None, 400, "invalid-request", "query.after"),
        ("GET", "/v1/events?follow=perhaps", None, 400, "invalid-request", "query.follow"),
        ("GET", "/v1/services/hello/nodes/server/exec?argv=a", None, 426, "not-a-websocket", "header.Upgrade"),
        ("GET", "/v1/services/hello/nodes/server/exec", None, 400, "invalid-request", "query.argv"),
        ("POST", "/v1/plugins", b"", 400, "invalid-request", "query.carrier"),
        ("GET", "/v2/services", None, 404, "no-such-route", "GET /v2/services"),
        ("PUT", "/v1/services", b"", 405, "no-such-method", "PUT /v1/services"),
        ("GET", "/v1/services/missing", None, 404, "no-such-service", "missing"),
        ("GET", "/v1/events?service=missing", None, 404, "no-such-service", "missing"),
        ("GET", "/v1/services/missing/nodes/a/logs", None, 404, "no-such-service", "missing"),
        ("POST", "/v1/services", b'{"name": "boom"}', 500, "internal", ""),
    ],
)
def test_a_bad_request(
    method: str, target: str, body: bytes | None, status: int, code: str | None, where: str, client: Client
) -> None:
    refused = ask(client, method, target, body)
    assert refused.status == status
    problem = refused.problems[0]
    assert problem.code == code or code is None
    assert problem.where.startswith(where)
    assert problem.message
    assert problem.hint
    assert client.info()


def test_a_bug_is_told_without_its_details(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    refused = ask(client, "POST", "/v1/services", b'{"name": "boom"}')
    assert "a bug" not in str(refused.problems)
    assert "RuntimeError: a bug" in caplog.text


def test_a_position_that_is_none(client: Client) -> None:
    refused = ask(client, "GET", "/v1/events", None, **{"Last-Event-ID": "first"})
    assert refused.problems[0].where == "header.Last-Event-ID"


def test_problems_are_problem_json(client: Client) -> None:
    kept = connection.Connection(client.path)
    kept.request("GET", "/v1/services/missing")
    response = kept.getresponse()
    assert response.getheader("Content-Type") == "application/problem+json"
    found = msgspec.json.decode(response.read())
    assert (found["title"], found["status"]) == ("Not Found", 404)
    assert found["problems"][0]["code"] == "no-such-service"
    kept.close()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("target", "limit"), [("/v1/archives", 1000), ("/v1/services", 500)])
def test_a_body_over_the_limit(chunked: bool, target: str, limit: int, conductor: FakeConductor, socket: Path) -> None:
    with serving.served(conductor, socket, Limits(upload=1000, body=500)):
        sent: Any = iter([b"x" * 100] * 1000) if chunked else b"x" * 100_000
        refused = ask(Client(socket), "POST", target, sent)
        assert (refused.status, refused.problems[0].code) == (413, "too-large")
        assert str(limit) in refused.problems[0].message
        assert conductor.asked == []
        assert Client(socket).info()


def test_a_large_upload_arrives_whole(client: Client, conductor: FakeConductor) -> None:
    content = random.Random(1).randbytes(20_000_000)
    digest = client.upload(content)
    assert conductor.archives[digest] == content


@pytest.mark.parametrize("seed", range(10))
def test_garbage_on_the_socket(seed: int, client: Client) -> None:
    garbage = random.Random(seed).randbytes(5000)
    starts = [b"", b"GET ", b"POST /v1/services HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"\x16\x03\x01", b"\r\n" * 9]
    for start in starts:
        with connection.connect(client.path) as channel:
            channel.sendall(start + garbage)
            channel.shutdown(sockets.SHUT_WR)
            while channel.recv(65536):
                pass
    assert client.info()


def test_a_client_that_leaves_in_the_middle_of_a_body(client: Client, conductor: FakeConductor) -> None:
    with connection.connect(client.path) as channel:
        channel.sendall(b"POST /v1/archives HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
    assert client.info()
    assert conductor.asked == []


class Slow(FakeConductor):
    """Answers `services` when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Semaphore(0)
        self.let_go = threading.Event()

    def services(self, principal: model.Principal, directory: str = "/") -> list[model.Service]:
        self.entered.release()
        self.let_go.wait()
        return []


def test_too_many_requests_at_once_are_refused(socket: Path) -> None:
    conductor = Slow()
    checked: interface.Conductor = conductor
    with serving.served(checked, socket, Limits(threads=1, waiting=0)):
        first = threading.Thread(target=Client(socket).services)
        first.start()
        conductor.entered.acquire()
        refused = ask(Client(socket), "GET", "/v1/services")
        conductor.let_go.set()
        first.join()
        assert (refused.status, refused.problems[0].code) == (503, "busy")
        assert Client(socket).services() == []


def test_a_request_that_runs_when_the_server_stops_is_finished(socket: Path) -> None:
    conductor = Slow()
    answers: list[list[model.Service]] = []
    with serving.served(conductor, socket):
        asking = threading.Thread(target=lambda: answers.append(Client(socket).services()))
        asking.start()
        conductor.entered.acquire()
        threading.Timer(0.1, conductor.let_go.set).start()
    asking.join()
    assert answers == [[]]
    assert not socket.exists()
