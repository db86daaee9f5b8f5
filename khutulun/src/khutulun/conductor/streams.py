"""Streams of programs on hosts, as clients of the conductor use them (`interface.Stream`)."""

import threading
from collections.abc import Callable, Iterator

import msgspec

from khutulun import model
from khutulun.agent.messages import Frame, FrameKind
from khutulun.bus import interface as bus

_DECODER = msgspec.msgpack.Decoder(Frame)


class ChannelStream:
    """A program at the other end of a channel.

    `ended` is called once: with why the program could not be run, or with nothing when it has ended or is not
    wanted any more. The end is told to the reader after that.
    """

    def __init__(self, channel: bus.Channel, ended: Callable[[model.Problem | None], object] | None = None) -> None:
        self._channel = channel
        self._exit: int | None = None
        self._ended, self._lock = ended, threading.Lock()

    def output(self) -> Iterator[tuple[str, bytes]]:
        for message in self._channel.receive():
            frame = _DECODER.decode(message)
            match frame.kind:
                case FrameKind.STDOUT | FrameKind.STDERR:
                    yield frame.kind.value, frame.data
                case FrameKind.EXIT:
                    self._over()
                    self._exit = frame.numbers[0]
                case FrameKind.PROBLEM:
                    assert frame.problem is not None
                    self._over(frame.problem)
                    raise model.Refused(frame.problem, status=409)
                case _:
                    pass

    def write(self, data: bytes) -> None:
        self._send(Frame(FrameKind.STDIN, data))

    def close_input(self) -> None:
        self._send(Frame(FrameKind.END))

    def resize(self, rows: int, columns: int) -> None:
        self._send(Frame(FrameKind.RESIZE, numbers=(rows, columns)))

    def signal(self, number: int) -> None:
        self._send(Frame(FrameKind.SIGNAL, numbers=(number,)))

    def wait(self) -> int:
        if self._exit is None:
            raise model.refuse("stream-lost", "the connection to the program was lost before it ended", status=502)
        return self._exit

    def close(self) -> None:
        self._channel.close()
        self._over()

    def _over(self, problem: model.Problem | None = None) -> None:
        with self._lock:
            ended, self._ended = self._ended, None
        if ended is not None:
            ended(problem)

    def _send(self, frame: Frame) -> None:
        try:
            self._channel.send(frame)
        except bus.BusError:
            return  # the program has ended: its exit code says so
