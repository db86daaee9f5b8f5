"""Exec: a program in a node's surroundings at one end, a WebSocket of frames at the other.

Stdin is written from a thread of its own, so a program that does not read blocks neither signals nor anybody else; the
client may have `frames.WINDOW` bytes on their way, so what waits for that thread is bounded.
"""

import asyncio
import concurrent.futures
import signal
from collections.abc import Callable, Coroutine, Iterator

import aiohttp
from aiohttp import web

from khutulun import model
from khutulun.api import frames, problems, wire
from khutulun.api.frames import Channel
from khutulun.api.workers import Stopped, Workers
from khutulun.conductor import interface

_CHANNELS = {"stdout": Channel.STDOUT, "stderr": Channel.STDERR}


async def serve(request: web.Request, workers: Workers, stream: interface.Stream, limit: int) -> web.StreamResponse:
    """Connect the WebSocket and the program until the program ends or the client goes."""
    socket = web.WebSocketResponse(max_msg_size=limit, compress=False, timeout=1)
    try:
        await socket.prepare(request)
    except BaseException:
        stream.close()
        raise
    session = Session(socket, stream)
    await session.run(workers)
    await socket.close()
    return socket


class Session:
    """One exec."""

    def __init__(self, socket: web.WebSocketResponse, stream: interface.Stream) -> None:
        self._socket = socket
        self._stream = stream
        self._waiting = 0
        self._writer = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="api-stdin")
        self._controller = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="api-control")
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, workers: Workers) -> None:
        output = asyncio.ensure_future(self._output(workers))
        receiving = asyncio.ensure_future(self._receive())
        try:
            await asyncio.wait((output, receiving), return_when=asyncio.FIRST_COMPLETED)
            await self._conclude(output, receiving)
        finally:
            for task in (output, receiving, *self._tasks):
                task.cancel()
            self._writer.shutdown(wait=False, cancel_futures=True)
            self._controller.shutdown(wait=False, cancel_futures=True)
            await asyncio.gather(output, receiving, *self._tasks, return_exceptions=True)

    async def _output(self, workers: Workers) -> int:
        async def send(item: tuple[str, bytes]) -> None:
            for start in range(0, len(item[1]), frames.CHUNK):
                await self._socket.send_bytes(frames.message(_CHANNELS[item[0]], item[1][start : start + frames.CHUNK]))

        code = -1

        def items() -> Iterator[tuple[str, bytes]]:
            nonlocal code
            yield from self._stream.output()
            code = self._stream.wait()

        await workers.pump(items(), send, self._stream.close)
        return code

    async def _receive(self) -> None:
        """Pass on what the client sends, until it goes (the program then ends) or says nonsense (`BadFrame`)."""
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.BINARY:
                raise frames.BadFrame("frames are binary messages")
            channel, payload = frames.parse(message.data)
            await self._take(channel, payload)

    async def _take(self, channel: Channel, payload: bytes) -> None:
        match channel:
            case Channel.STDIN:
                self._waiting += len(payload)
                if self._waiting > frames.WINDOW:
                    raise frames.BadFrame(f"more than {frames.WINDOW} bytes of input are on their way")
                self._start(self._write(payload))
            case Channel.RESIZE:
                rows, columns = frames.to_size(payload)
                await self._control(lambda: self._stream.resize(rows, columns))
            case Channel.SIGNAL:
                number = _signal(frames.to_number(payload))
                await self._control(lambda: self._stream.signal(number))
            case _:
                raise frames.BadFrame(f"channel {channel.name} is for the server to send")

    async def _control(self, function: Callable[[], None]) -> None:
        """Do what does not wait for the program, aside from the thread that may."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._controller, function)
        except OSError:
            return  # the program has ended

    async def _write(self, payload: bytes) -> None:
        write = (lambda: self._stream.write(payload)) if payload else self._stream.close_input
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, write)
        except OSError:
            return  # the program has closed its input or has ended; its exit code says so
        finally:
            self._waiting -= len(payload)
        if payload:
            await self._socket.send_bytes(frames.message(Channel.ACCEPTED, frames.number(len(payload))))

    def _start(self, writing: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(writing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _conclude(self, output: "asyncio.Future[int]", receiving: "asyncio.Future[None]") -> None:
        if output.done():
            await self._tell_end(output)
        elif (error := receiving.exception()) is not None:
            await self._tell_problem(model.refuse("bad-frame", str(error), where="websocket"))

    async def _tell_end(self, output: "asyncio.Future[int]") -> None:
        try:
            code = output.result()
        except model.Refused as refused:
            await self._tell_problem(refused)
        except Stopped as stopped:
            await self._tell_problem(
                model.refuse("stopping", str(stopped), hint="the program was ended; run it again", status=503)
            )
        else:
            await self._socket.send_bytes(frames.message(Channel.EXIT, frames.number(code)))

    async def _tell_problem(self, refused: model.Refused) -> None:
        body = wire.encode(problems.Problems, problems.listed(refused))
        await self._socket.send_bytes(frames.message(Channel.PROBLEM, body))


def _signal(number: int) -> int:
    if number not in signal.valid_signals():
        raise frames.BadFrame(f"there is no signal {number}")
    return number
