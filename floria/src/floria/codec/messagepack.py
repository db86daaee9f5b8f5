"""MessagePack. A call is the extension type 1, whose content is the array of function and arguments."""

import functools
from typing import Any

import msgspec

from floria import entities
from floria.codec.errors import CodecError
from floria.entities import Entity
from floria.values import Call, Value

CALL = 1

KNOWN = 1024
"""Calls that are kept when they are decoded: handlers are the same in all entities of a template, in all revisions."""

LARGEST_KNOWN = 4096
"""Bytes of a call up to which it is kept."""


class _CallBody(msgspec.Struct, frozen=True, array_like=True):
    function: str
    arguments: list[Value]


def pack(value: object) -> bytes:
    """Return an entity or a value as MessagePack. What is no value is refused only where MessagePack cannot say it."""
    return _encoder.encode(value)


def unpack(data: bytes) -> Entity:
    """Return an entity that `pack` wrote."""
    entity: Entity = _entities.decode(data)
    return entity


def unpack_value(data: bytes) -> Value:
    """Return a value that `pack` wrote."""
    value: Value = _values.decode(data)
    return value


def dump(value: Value) -> bytes:
    """Return a checked value as MessagePack."""
    return _encoder.encode(value)


def load(data: bytes, name: str) -> Value:
    """Return what `data` holds, still to be checked. Raises `CodecError`."""
    try:
        return unpack_value(data)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise CodecError(str(error), name=name) from None
    except RecursionError:
        raise CodecError("nested too deep", name=name) from None


def _extend(value: object) -> msgspec.msgpack.Ext:
    if isinstance(value, Call):
        return msgspec.msgpack.Ext(CALL, _encoder.encode((value.function, value.arguments)))
    raise TypeError(f"a {type(value).__name__} is not a value")


def forget() -> None:
    """Free the calls that were kept."""
    _known.cache_clear()


def extension(code: int, data: memoryview) -> Any:
    if code == CALL and len(data) <= LARGEST_KNOWN:
        return _known(bytes(data))
    return _inner(code, data)


def _inner(code: int, data: memoryview) -> Any:
    if code != CALL:
        raise msgspec.DecodeError(f"the extension type {code} is not known; {CALL} is a call")
    return _call(data)


def _call(data: bytes | memoryview) -> Call:
    body: _CallBody = _bodies.decode(data)
    return Call(body.function, body.arguments)


_known = functools.lru_cache(KNOWN)(_call)
_encoder = msgspec.msgpack.Encoder(enc_hook=_extend)
_bodies = msgspec.msgpack.Decoder(_CallBody, ext_hook=_inner)
_values = msgspec.msgpack.Decoder(ext_hook=extension)
_entities = msgspec.msgpack.Decoder(entities.Entity, ext_hook=extension)
