"""The HTTP API on a unix socket. `khutulun.server` starts it beside the conductor."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from khutulun import model
from khutulun.api import execute, listening, peer, problems, reading, schema, streams, wire
from khutulun.api.limits import Limits
from khutulun.api.routes import ROUTES, Kind, Route
from khutulun.api.workers import Workers
from khutulun.conductor import interface

DRAIN = 5.0
"""Seconds that requests have to end when the server stops."""

log = logging.getLogger(__name__)


async def serve(
    conductor: interface.Conductor,
    socket_path: Path,
    *,
    stop: asyncio.Event | None = None,
    ready: Callable[[], None] | None = None,
    limits: Limits | None = None,
) -> None:
    """Serve until `stop` is set or the task is cancelled; `ready` is called once clients can connect.

    Raises `model.Refused` when a server already answers at `socket_path`, or when it cannot be made. Requests that run
    at the end are finished, streams are cut.
    """
    limits = limits or Limits()
    workers = Workers(limits)
    application = _Api(conductor, workers, limits).application()
    channel = listening.listen(socket_path, conductor.info().scope)
    made = socket_path.stat()
    runner = web.AppRunner(
        application,
        access_log=None,
        handle_signals=False,
        handler_cancellation=True,
        shutdown_timeout=DRAIN,
        max_line_size=limits.line,
        max_field_size=limits.line,
    )
    try:
        await runner.setup()
        await web.SockSite(runner, channel).start()
        log.info("listening at %s", socket_path)
        if ready is not None:
            ready()
        await (stop or asyncio.Event()).wait()
    finally:
        listening.remove(socket_path, made)
        await runner.cleanup()
        channel.close()
        workers.close()


class _Api:
    """The routes, bound to a conductor."""

    def __init__(self, conductor: interface.Conductor, workers: Workers, limits: Limits) -> None:
        self._conductor = conductor
        self._workers = workers
        self._limits = limits
        self._uploads = asyncio.Semaphore(limits.uploads)
        self._document = msgspec.json.encode(schema.document())

    def application(self) -> web.Application:
        application = web.Application(middlewares=[problems.middleware], client_max_size=self._limits.body)
        for route in ROUTES:
            application.router.add_route(route.method, route.path, self._handler(route))
        application.on_shutdown.append(self._stop_streams)
        return application

    def _handler(self, route: Route) -> problems.Handler:
        answer = {
            Kind.ANSWER: self._answer,
            Kind.EVENTS: self._events,
            Kind.LOGS: self._logs,
            Kind.EXECUTE: self._execute,
            Kind.DOCUMENT: self._openapi,
        }[route.kind]

        async def handle(request: web.Request) -> web.StreamResponse:
            return await answer(request, route)

        return handle

    async def _answer(self, request: web.Request, route: Route) -> web.StreamResponse:
        arguments = await reading.arguments(request, route, self._limits.body)
        if not route.content:
            return _render(route, await self._workers.run(self._method(request, route, arguments)))
        async with self._uploads:
            arguments["content"] = await reading.content(request, self._limits.upload)
            return _render(route, await self._workers.run(self._method(request, route, arguments)))

    async def _events(self, request: web.Request, route: Route) -> web.StreamResponse:
        arguments = streams.resume(request, await reading.arguments(request, route, 0))
        return await streams.events(request, self._workers, await self._open(request, route, arguments))

    async def _logs(self, request: web.Request, route: Route) -> web.StreamResponse:
        arguments = await reading.arguments(request, route, 0)
        return await streams.logs(request, self._workers, await self._open(request, route, arguments))

    async def _execute(self, request: web.Request, route: Route) -> web.StreamResponse:
        arguments = await reading.arguments(request, route, 0)
        if not web.WebSocketResponse().can_prepare(request):
            raise model.refuse(
                "not-a-websocket", "exec is a WebSocket", where="header.Upgrade", hint="ask to upgrade", status=426
            )
        stream = await self._open(request, route, arguments)
        return await execute.serve(request, self._workers, stream, self._limits.message)

    async def _open(self, request: web.Request, route: Route, arguments: dict[str, Any]) -> Any:
        """Return the stream that the conductor opens; it is closed when the client goes meanwhile."""
        self._workers.check_stream()
        return await self._workers.run(self._method(request, route, arguments), discard=lambda stream: stream.close())

    def _method(self, request: web.Request, route: Route, arguments: dict[str, Any]) -> Callable[[], Any]:
        method: Callable[..., Any] = getattr(self._conductor, route.name)
        if route.name == "info":
            return method
        return lambda: method(peer.principal(request), **arguments)

    async def _openapi(self, request: web.Request, route: Route) -> web.StreamResponse:
        return web.Response(body=self._document, content_type="application/json")

    async def _stop_streams(self, application: web.Application) -> None:
        self._workers.stop_streams()


def _render(route: Route, result: Any) -> web.Response:
    if route.answer is None:
        return web.Response(status=route.status)
    if route.answer is str:
        return web.Response(text=result, status=route.status)
    return web.Response(body=wire.encode(route.answer, result), status=route.status, content_type="application/json")
