"""The bus inside one process: what a network transport will have to do as well."""

import collections
import threading

import msgspec
import pytest

from khutulun.bus import interface, local


class Question(msgspec.Struct):
    text: str
    numbers: tuple[int, ...] = ()


class Answer(msgspec.Struct):
    length: int


def test_a_request_is_answered_with_what_was_asked() -> None:
    bus = local.LocalBus()
    bus.serve("agent.one.count", Question, lambda question: Answer(len(question.text) + sum(question.numbers)))
    assert bus.request("agent.one.count", Question("abc", (4, 5)), Answer) == Answer(12)


def test_messages_are_copies_so_that_the_ends_share_nothing() -> None:
    bus = local.LocalBus()
    seen: list[Question] = []

    def keep(question: Question) -> Answer:
        seen.append(question)
        return Answer(0)

    bus.serve("keep", Question, keep)
    asked = Question("a")
    bus.request("keep", asked, Answer)
    assert seen == [asked]
    assert seen[0] is not asked


def test_a_failure_of_the_other_side_crosses() -> None:
    bus = local.LocalBus()

    def refuse(question: Question) -> Answer:
        raise interface.Remote("not-ready", "later", retryable=True)

    bus.serve("refuse", Question, refuse)
    with pytest.raises(interface.Remote) as caught:
        bus.request("refuse", Question(""), Answer)
    assert (caught.value.code, caught.value.retryable) == ("not-ready", True)


def test_asking_where_nobody_serves_is_a_temporary_failure() -> None:
    bus = local.LocalBus()
    removal = bus.serve("there", Question, lambda question: Answer(1))
    removal()
    with pytest.raises(interface.BusError, match="nobody serves there"):
        bus.request("there", Question(""), Answer)
    with pytest.raises(interface.BusError):
        bus.open("there", Question(""))


def test_a_channel_carries_messages_both_ways_and_ends() -> None:
    bus = local.LocalBus()

    def echo(request: Question, channel: interface.Channel) -> None:
        channel.send(request)
        for message in channel.receive():
            channel.send(message[::-1])

    bus.accept("echo", Question, echo)
    channel = bus.open("echo", Question("hello"))
    received = channel.receive()
    assert msgspec.msgpack.decode(next(received), type=Question) == Question("hello")
    channel.send(b"abc")
    assert next(received) == b"cba"
    channel.close()
    with pytest.raises(interface.BusError):
        channel.send(b"late")


def test_what_was_sent_before_the_end_is_still_read() -> None:
    bus = local.LocalBus()

    def burst(request: Question, channel: interface.Channel) -> None:
        for number in range(10):
            channel.send(bytes([number]))

    bus.accept("burst", Question, burst)
    assert list(bus.open("burst", Question("")).receive()) == [bytes([number]) for number in range(10)]


def test_a_channel_is_bounded_and_closing_frees_a_sender_that_waits() -> None:
    bus = local.LocalBus()
    outcome: list[int] = []
    ended = threading.Event()

    def flood(request: Question, channel: interface.Channel) -> None:
        sent = 0
        try:
            while True:
                channel.send(b"x")
                sent += 1
        except interface.BusError:
            outcome.append(sent)
            ended.set()

    bus.accept("flood", Question, flood)
    channel = bus.open("flood", Question(""))
    received = channel.receive()
    assert next(received) == b"x"
    channel.close()
    assert ended.wait(120)
    assert outcome[0] <= local.CHANNEL_DEPTH + 1


def test_closing_the_bus_ends_its_channels() -> None:
    bus = local.LocalBus()
    bus.accept("wait", Question, lambda request, channel: collections.deque(channel.receive(), 0).clear())
    channel = bus.open("wait", Question(""))
    bus.close()
    assert list(channel.receive()) == []


def test_who_cannot_receive_is_told_of_the_end_once() -> None:
    bus = local.LocalBus()
    told: list[str] = []
    ended, seen = threading.Event(), threading.Event()

    def busy(request: Question, channel: interface.Channel) -> None:
        channel.on_end(lambda: told.append("end"))
        channel.on_end(ended.set)
        seen.set()
        assert ended.wait(120)
        channel.on_end(lambda: told.append("late"))

    bus.accept("busy", Question, busy)
    channel = bus.open("busy", Question(""))
    seen.wait(120)
    channel.close()
    bus.close()
    assert told == ["end", "late"]


def test_closing_the_bus_waits_for_those_who_serve_channels() -> None:
    bus = local.LocalBus()
    ended: list[bool] = []
    begun, may_end = threading.Event(), threading.Event()

    def slow(request: Question, channel: interface.Channel) -> None:
        begun.set()
        list(channel.receive())
        may_end.wait(120)
        ended.append(True)

    bus.accept("slow", Question, slow)
    bus.open("slow", Question("")).on_end(may_end.set)
    begun.wait(120)
    threading.Thread(target=may_end.set).start()
    bus.close()
    assert ended == [True]


def test_a_subject_that_was_taken_over_stays_with_its_new_server() -> None:
    bus = local.LocalBus()
    first = bus.serve("there", Question, lambda question: Answer(1))
    bus.serve("there", Question, lambda question: Answer(2))
    first()
    assert bus.request("there", Question(""), Answer) == Answer(2)
