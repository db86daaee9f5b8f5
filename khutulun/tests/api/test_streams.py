"""Streams are pushed, resume, wait for slow readers, and end when either side goes (R102)."""

import itertools
import threading
from pathlib import Path

import pytest

from khutulun import model
from khutulun.api import arguments, frames
from khutulun.api.limits import Limits
from khutulun.client import Client, connection
from khutulun.testing import serving
from khutulun.testing.conductor import FakeConductor, Feed


def follow(**changes: object) -> arguments.Events:
    return arguments.Events(**{"follow": True, "after": 0, **changes})  # type: ignore[arg-type]


def wait_closed(conductor: FakeConductor, feed: Feed) -> None:
    with conductor.changed:
        assert conductor.changed.wait_for(lambda: feed.closed, timeout=60)


def test_events_are_pushed_as_they_happen(client: Client, conductor: FakeConductor) -> None:
    with client.events(follow()) as stream:
        events = iter(stream)
        for number in range(10):
            conductor.happen("event", f"n{number}")
            assert next(events).name == f"n{number}"


def test_a_stream_resumes_after_a_position(client: Client, conductor: FakeConductor) -> None:
    sent = [conductor.happen("event", f"n{number}") for number in range(10)]
    found = list(client.events(arguments.Events(after=sent[6].position)))
    assert found == sent[7:]


def test_a_stream_without_follow_ends(client: Client, conductor: FakeConductor) -> None:
    sent = [conductor.happen("event", f"n{number}") for number in range(5)]
    assert list(client.events(arguments.Events(limit=2))) == sent[-2:]
    wait_closed(conductor, conductor.feeds[0])


def test_events_as_sse_resume_with_the_last_event_id(client: Client, conductor: FakeConductor) -> None:
    for number in range(3):
        conductor.happen("event", f"n{number}", data={"a": b"\x00"})
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "1"}
    with connection.request(client.path, "GET", "/v1/events", headers=headers) as response:
        assert response.getheader("Content-Type") == "text/event-stream"
        for position in (2, 3):
            lines = [response.readline() for _ in range(4)]
            assert lines[0] == b"id: %d\n" % position
            assert lines[1] == b"event: event\n"
            assert b'"data":{"a":{"$bytes":"AA=="}}' in lines[2]
            assert lines[3] == b"\n"


def test_a_feed_is_closed_when_its_client_goes(client: Client, conductor: FakeConductor) -> None:
    stream = client.events(follow())
    conductor.happen("event", "first")
    next(iter(stream))
    stream.close()
    wait_closed(conductor, conductor.feeds[0])


def test_a_slow_reader_gets_everything_and_hinders_nobody(client: Client, conductor: FakeConductor) -> None:
    with client.events(follow()) as slow, client.events(follow()) as quick:
        for number in range(3000):
            conductor.happen("event", str(number), data="x" * 1000)
        assert [event.name for event in itertools.islice(quick, 3000)][-1] == "2999"
        behind = conductor.feeds[0]._position
        assert behind < 3000, "what a slow reader has not taken stays in the journal"
        assert client.services() == []
        names = [event.name for event in itertools.islice(slow, 3000)]
        assert names == [str(number) for number in range(3000)]


def test_streams_are_cut_when_the_server_stops(conductor: FakeConductor, socket: Path) -> None:
    with serving.served(conductor, socket):
        stream = Client(socket).events(follow())
        conductor.happen("event", "first")
        events = iter(stream)
        next(events)
    with pytest.raises(model.Refused) as caught:
        next(events)
    assert caught.value.problems[0].code == "connection-lost"
    stream.close()
    assert conductor.feeds[0].closed


def test_a_server_that_is_killed_during_a_stream(socket: Path) -> None:
    with serving.process(socket) as server:
        client = Client(socket)
        client.emit(arguments.Emission("first"))
        with client.events(follow()) as stream:
            events = iter(stream)
            assert next(events).name == "first"
            server.kill()
            with pytest.raises(model.Refused) as caught:
                next(events)
    assert caught.value.problems[0].code == "connection-lost"
    with pytest.raises(model.Refused) as caught:
        client.info()
    assert caught.value.problems[0].code == "no-server"
    assert "khutulun serve" in caught.value.problems[0].hint


def test_too_many_streams_are_refused(conductor: FakeConductor, socket: Path) -> None:
    with serving.served(conductor, socket, Limits(streams=1)):
        client = Client(socket)
        with client.events(follow()) as stream:
            conductor.happen("event", "first")
            next(iter(stream))
            with pytest.raises(model.Refused) as caught:
                client.events(follow())
            assert (caught.value.status, caught.value.problems[0].code) == (503, "busy")


class Broken(FakeConductor):
    """A feed that fails after its first event."""

    def events(self, principal: model.Principal, **asked: object) -> Feed:
        class Failing(Feed):
            def _next(self) -> model.Event | None:
                if self._position:
                    raise RuntimeError("the store is gone")
                return super()._next()

        self.happen("event", "first")
        feed = Failing(self, None, 0, True)
        self.feeds.append(feed)
        return feed


def test_a_stream_that_fails_half_way_is_cut(socket: Path, caplog: pytest.LogCaptureFixture) -> None:
    conductor = Broken()
    with serving.served(conductor, socket):
        stream = Client(socket).events(follow())
        events = iter(stream)
        assert next(events).name == "first"
        with stream, pytest.raises(model.Refused) as caught:
            next(events)
        assert caught.value.problems[0].code == "connection-lost"
        assert Client(socket).info()
    assert "the store is gone" in caplog.text
    assert conductor.feeds[0].closed


@pytest.fixture
def deployed(client: Client) -> Client:
    client.deploy(model.DeployRequest("hello"))
    return client


def test_a_log_as_text(deployed: Client) -> None:
    with connection.request(deployed.path, "GET", "/v1/services/hello/nodes/server/logs?lines=5") as response:
        assert response.read() == b"the last 5 lines\n"


def test_a_log_that_fails_is_cut_as_text_and_has_its_exit_code_as_frames(deployed: Client) -> None:
    response = connection.request(deployed.path, "GET", "/v1/services/hello/nodes/client/logs")
    with response, pytest.raises(model.Refused), connection.lost(deployed.path):
        response.read()
    with deployed.logs(arguments.Logs("hello", "client")) as stream:
        assert list(stream) == [(frames.Channel.STDERR, b"no log\n")]
        assert stream.exit_code == 3


def test_the_program_behind_a_log_ends_when_its_reader_goes(deployed: Client, conductor: FakeConductor) -> None:
    stream = deployed.logs(arguments.Logs("hello", "server", follow=True))
    assert next(iter(stream)) == (frames.Channel.STDOUT, b"the last 100 lines\n")
    stream.close()
    assert conductor.programs[0].wait() == 128 + 9


def test_many_streams_at_once(client: Client, conductor: FakeConductor) -> None:
    streams = [client.events(follow()) for _ in range(50)]
    conductor.happen("event", "all")
    found: list[str] = []
    threads = [threading.Thread(target=lambda s=stream: found.append(next(iter(s)).name)) for stream in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["all"] * 50
    for stream in streams:
        stream.close()
