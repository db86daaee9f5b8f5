"""The streams that only go out: events as NDJSON or SSE, logs as text or frames."""

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from aiohttp import web

from khutulun import model
from khutulun.api import frames, wire
from khutulun.api.workers import Stopped, Workers
from khutulun.conductor import interface

NDJSON = "application/x-ndjson"
SSE = "text/event-stream"

log = logging.getLogger(__name__)
_CHANNELS = {"stdout": frames.Channel.STDOUT, "stderr": frames.Channel.STDERR}


def resume(request: web.Request, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of an event stream with what an SSE client says in its own way."""
    if accepts(request, SSE):
        arguments = {**arguments, "follow": True}
    last = request.headers.get("Last-Event-ID")
    if last is None or arguments["after"] is not None:
        return arguments
    if not last.isascii() or not last.isdigit():
        raise model.refuse(
            "invalid-request",
            f"{last!r} is no position",
            where="header.Last-Event-ID",
            hint="send back the id of the last event that you have seen",
        )
    return {**arguments, "after": int(last)}


async def events(request: web.Request, workers: Workers, feed: interface.EventFeed) -> web.StreamResponse:
    """Send events until the feed ends or the client goes."""
    sse = accepts(request, SSE)
    render = _sse if sse else _line
    async with _sending(request, SSE if sse else NDJSON, feed.close) as response:
        await workers.pump(feed, lambda event: response.write(render(event)), feed.close)
    return response


async def logs(request: web.Request, workers: Workers, stream: interface.Stream) -> web.StreamResponse:
    """Send a log. With frames, the last one is the exit code of the program that read it; text is cut when it fails."""
    framed = accepts(request, frames.MEDIA_TYPE)

    async def send(item: tuple[str, bytes]) -> None:
        await response.write(frames.framed(_CHANNELS[item[0]], item[1]) if framed else item[1])

    async with _sending(request, frames.MEDIA_TYPE if framed else "text/plain", stream.close) as response:
        code = await _pumped(workers, stream, send)
        if framed:
            await response.write(frames.framed(frames.Channel.EXIT, frames.number(code)))
        elif code:
            raise ConnectionAbortedError(f"the program that reads the log ended with {code}")
    return response


async def _pumped(
    workers: Workers, stream: interface.Stream, sink: Callable[[tuple[str, bytes]], Awaitable[object]]
) -> int:
    """Send the output, free the program, and return its exit code."""
    code = 0

    def output() -> Iterator[tuple[str, bytes]]:
        nonlocal code
        yield from stream.output()
        code = stream.wait()

    await workers.pump(output(), sink, stream.close)
    return code


@contextlib.asynccontextmanager
async def _sending(
    request: web.Request, media_type: str, close: Callable[[], None]
) -> AsyncIterator[web.StreamResponse]:
    """Send a chunked answer. When it fails half-way the connection is cut: the client misses the last chunk."""
    response = web.StreamResponse(headers={"Content-Type": media_type, "Cache-Control": "no-store"})
    response.enable_chunked_encoding()
    try:
        await response.prepare(request)
    except BaseException:
        close()
        raise
    try:
        yield response
    except (ConnectionError, Stopped, model.Refused) as error:
        log.info("%s is cut: %s", request.path, error)
        cut(request)
    except Exception:
        log.exception("%s is cut", request.path)
        cut(request)
    else:
        await response.write_eof()


def accepts(request: web.Request, media_type: str) -> bool:
    """Whether the client asks for this media type by name."""
    return any(part.partition(";")[0].strip() == media_type for part in request.headers.get("Accept", "").split(","))


def _line(event: model.Event) -> bytes:
    return wire.encode(model.Event, event) + b"\n"


def _sse(event: model.Event) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (
        event.position,
        event.kind.encode(),
        wire.encode(model.Event, event),
    )


def cut(request: web.Request) -> None:
    """Break the connection, so that the client knows that the stream is not whole."""
    if request.transport is not None:
        request.transport.close()
