"""Errors as answers: `model.Problem` lists in ``application/problem+json`` (RFC 9457), with a status that is honest."""

import http
import logging
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from floria.store.interface import StoreError
from khutulun import model
from khutulun.api import wire

MEDIA_TYPE = "application/problem+json"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = logging.getLogger(__name__)


class Problems(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer that is no success holds."""

    title: str
    status: int
    problems: tuple[model.Problem, ...]


def listed(refused: model.Refused) -> Problems:
    """Return what an answer says about a refusal."""
    title = http.HTTPStatus(refused.status).phrase
    return Problems(title=title, status=refused.status, problems=refused.problems)


def answer(refused: model.Refused) -> web.Response:
    """Return the answer of a refusal."""
    headers = {"Retry-After": "1"} if refused.status == 503 else {}
    return web.Response(
        body=wire.encode(Problems, listed(refused)), status=refused.status, content_type=MEDIA_TYPE, headers=headers
    )


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong before the first byte of an answer into a problem."""
    try:
        return await handler(request)
    except model.Refused as refused:
        return answer(refused)
    except web.HTTPException as error:
        return answer(_routing(request, error))
    except StoreError as error:
        log.error("%s %s: %s", request.method, request.path, error)
        return answer(model.refuse("store", f"nothing was done: {error}", hint=error.hint, status=507))
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return answer(
            model.refuse(
                "internal",
                f"{request.method} {request.path} failed inside the server",
                hint="the server's log has the details; please report them",
                status=500,
            )
        )


def _routing(request: web.Request, error: web.HTTPException) -> model.Refused:
    where = f"{request.method} {request.path}"
    hint = "GET /v1/openapi.json lists what there is"
    if isinstance(error, web.HTTPMethodNotAllowed):
        methods = ", ".join(sorted(error.allowed_methods))
        return model.refuse("no-such-method", f"{request.path} takes {methods}", where=where, hint=hint, status=405)
    if error.status == 404:
        return model.refuse("no-such-route", f"there is nothing at {request.path}", where=where, hint=hint, status=404)
    return model.refuse("http", error.reason, where=where, hint=hint, status=error.status)
