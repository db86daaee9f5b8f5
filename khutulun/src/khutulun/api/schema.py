"""The OpenAPI 3.1 document, made from the routes and the structs that they name."""

import importlib.metadata
from typing import Any

import msgspec

from khutulun.api import frames, problems, streams, wire
from khutulun.api.routes import ROUTES, Kind, Route

_REF = "#/components/schemas/{name}"
_FAILURE = {"$ref": "#/components/responses/Problems"}
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_VALUE: dict[str, Any] = {
    "title": "Value",
    "description": (
        "Null, boolean, integer (64 bits), number, text, array or object. An object with one key that begins with one "
        '$ is special: {"$namespace:name": [arguments]} is a call, {"$bytes": base64} is bytes, {"$float": "nan"} '
        '(or "inf", "-inf") is a number that JSON lacks. In other objects the $ that a key begins with is doubled.'
    ),
}


def document() -> dict[str, Any]:
    """Return the document as plain objects."""
    types = {route.name: _body(route) for route in ROUTES if route.in_body}
    types |= {f"{route.name}()": wire.form(route.answer).twin for route in ROUTES if route.answer not in (None, str)}
    types["problems"] = wire.form(problems.Problems).twin
    schemas, components = msgspec.json.schema_components(types.values(), ref_template=_REF)
    named = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, named)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Khutulun",
            "summary": "The conductor, over a unix socket; peer credentials say who asks",
            "version": importlib.metadata.version("khutulun"),
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": {**components, "Value": _VALUE},
            "responses": {
                "Problems": {
                    "description": "It was not done, and nothing was changed: what is wrong, where, and what to do",
                    "content": {problems.MEDIA_TYPE: {"schema": named["problems"]}},
                }
            },
        },
    }


def _body(route: Route) -> Any:
    """Return the type of a JSON body: the arguments without those in the path."""
    twin = wire.form(route.arguments, strict=True).twin
    if not route.in_path:
        return twin
    fields = {field.name: field for field in msgspec.structs.fields(twin)}
    members = [wire.member(fields[name], fields[name].type) for name in route.in_body]
    name = f"{route.name.capitalize()}Body"
    return msgspec.defstruct(name, members, forbid_unknown_fields=True, kw_only=True)


def _operation(route: Route, named: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": route.name, "summary": route.summary}
    if route.in_path or route.in_query:
        operation["parameters"] = [_parameter(route, name) for name in (*route.in_path, *route.in_query)]
    if route.content:
        operation["requestBody"] = {"required": True, "content": {"application/octet-stream": _BYTES}}
    elif route.in_body:
        operation["requestBody"] = {"content": {"application/json": {"schema": named[route.name]}}}
    if route.kind is Kind.EVENTS:
        operation["parameters"].append(_LAST_EVENT)
    operation["responses"] = {str(route.status): _answer(route, named), "default": _FAILURE}
    return operation


_LAST_EVENT = {
    "name": "Last-Event-ID",
    "in": "header",
    "schema": {"type": "integer"},
    "description": "The same as `after`, as SSE clients say it",
}


def _parameter(route: Route, name: str) -> dict[str, Any]:
    field = next(f for f in msgspec.structs.fields(wire.form(route.arguments).twin) if f.name == name)
    schema = msgspec.json.schema(field.type)
    if not field.required and field.default not in (None, ()):
        schema["default"] = field.default
    place = "path" if name in route.in_path else "query"
    return {"name": name, "in": place, "required": place == "path" or field.required, "schema": schema}


def _answer(route: Route, named: dict[str, Any]) -> dict[str, Any]:
    text: dict[str, Any] = {"schema": {"type": "string"}}
    match route.kind:
        case Kind.DOCUMENT:
            return {"description": route.summary, "content": {"application/json": {"schema": {"type": "object"}}}}
        case Kind.EXECUTE:
            return {"description": f"A WebSocket whose messages are frames: {_channels()}"}
        case Kind.LOGS:
            return {"description": route.summary, "content": {"text/plain": text, frames.MEDIA_TYPE: _BYTES}}
        case Kind.EVENTS:
            one = {"schema": named["events()"]}
            return {"description": route.summary, "content": {streams.NDJSON: one, streams.SSE: text}}
        case Kind.ANSWER if route.answer is None:
            return {"description": "Done"}
        case Kind.ANSWER if route.answer is str:
            return {"description": route.summary, "content": {"text/plain": text}}
        case Kind.ANSWER:
            return {
                "description": route.summary,
                "content": {"application/json": {"schema": named[f"{route.name}()"]}},
            }


def _channels() -> str:
    return ", ".join(f"{channel.value} {channel.name.lower()}" for channel in frames.Channel)
