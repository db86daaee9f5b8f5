"""From a request to the conductor's arguments: path, query and body, checked against the route's struct."""

import re
from typing import Any

from aiohttp import web

from khutulun import model
from khutulun.api import wire
from khutulun.api.routes import Route

_FIELD = re.compile(r"field `(.+)`")


async def arguments(request: web.Request, route: Route, limit: int) -> dict[str, Any]:
    """Return the keyword arguments of the conductor's method; refuses what does not fit the route."""
    found: dict[str, Any] = query(request, route)
    if route.in_body:
        found |= _members(wire_body(await content(request, limit)), route)
    found |= {name: request.match_info[name] for name in route.in_path}
    filled = _restore(route, found, lax=not route.in_body)
    if route.whole:
        return {"request": filled}
    return {name: getattr(filled, name) for name in route.arguments.__struct_fields__}


def query(request: web.Request, route: Route) -> dict[str, Any]:
    """Return the arguments in the query, as text."""
    found: dict[str, Any] = {}
    for name in request.query:
        if name not in route.in_query:
            takes = ", ".join(route.in_query) or "none"
            raise model.refuse(
                "unknown-parameter",
                f"{request.path} has no query parameter {name!r}",
                where=f"query.{name}",
                hint=f"it takes: {takes}",
            )
        texts = request.query.getall(name)
        if name in route.repeated:
            found[name] = texts
        elif len(texts) > 1:
            raise model.refuse(
                "repeated-parameter", f"{name} is given {len(texts)} times", where=f"query.{name}", hint="give it once"
            )
        else:
            found[name] = texts[0]
    return found


async def content(request: web.Request, limit: int) -> bytes:
    """Return the body, streamed up to `limit` bytes."""
    if request.content_length is not None and request.content_length > limit:
        raise _too_large(limit)
    body = bytearray()
    async for chunk in request.content.iter_any():
        if len(body) + len(chunk) > limit:
            raise _too_large(limit)
        body += chunk
    return bytes(body)


def wire_body(data: bytes) -> Any:
    """Return the plain objects of a JSON body; an empty one is an empty map."""
    try:
        return wire.parse(data) if data else {}
    except wire.Malformed as error:
        raise model.refuse("malformed-json", str(error), where="body", hint="the body is a JSON object") from error


def _members(body: Any, route: Route) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise model.refuse(
            "invalid-request", f"the body is {_kind(body)}", where="body", hint="the body is a JSON object"
        )
    for name in body:
        if name in route.in_path:
            raise model.refuse(
                "invalid-request",
                f"{name!r} stands in the path already",
                where=f"body.{name}",
                hint="leave it out of the body",
            )
    return body


def _restore(route: Route, found: dict[str, Any], *, lax: bool) -> Any:
    try:
        return wire.restore(route.arguments, found, strict=True, lax=lax)
    except wire.Malformed as error:
        raise model.refuse(
            "invalid-request",
            str(error),
            where=_place(route, error),
            hint=f"GET /v1/openapi.json describes the operation {route.name!r}",
        ) from error


def _place(route: Route, error: wire.Malformed) -> str:
    """Return where it is, beginning with the part of the request that it came in."""
    named = _FIELD.search(str(error)) if not error.where else None
    where = named[1] if named else error.where
    first = re.split(r"[.\[]", where, maxsplit=1)[0]
    if first in route.in_path:
        return f"path.{where}"
    return f"query.{where}" if first in route.in_query or not route.in_body else f"body.{where}"


def _kind(item: object) -> str:
    names = {list: "an array", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(item), "null")


def _too_large(limit: int) -> model.Refused:
    return model.refuse(
        "too-large", f"the body is larger than {limit} bytes", where="body", hint="send less at once", status=413
    )
