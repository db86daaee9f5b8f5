"""Entities, bundles and values as JSON, YAML, MessagePack and CBOR, without loss.

For files, exports, the command line and the API. Stores use `pack` and `unpack`, which trust their input.

JSON and YAML show the plain form (`floria.codec.plain`): calls, bytes and non-finite floats are maps with one key that
begins with ``$``. MessagePack (`floria.codec.messagepack`) and CBOR (`floria.codec.cbor`) hold them natively.
"""

from enum import StrEnum
from typing import Any

import msgspec

from floria import entities, values, yaml
from floria.codec import cbor, messagepack, plain
from floria.codec.errors import CodecError
from floria.codec.messagepack import pack, unpack
from floria.codec.plain import from_plain, to_plain
from floria.entities import Bundle, Entity
from floria.values import Call, Value

__all__ = [
    "CodecError",
    "Format",
    "decode",
    "decode_bundle",
    "decode_value",
    "encode",
    "encode_bundle",
    "encode_value",
    "entity_from_plain",
    "entity_to_plain",
    "from_plain",
    "pack",
    "to_plain",
    "unpack",
]


class Format(StrEnum):
    """How data is written."""

    JSON = "json"
    YAML = "yaml"
    MESSAGEPACK = "messagepack"
    CBOR = "cbor"


def encode(entity: Entity, format: Format) -> bytes:
    """Return `entity` in `format`. Raises `CodecError` when it holds something that is not a value."""
    return _write(_builtins(entity), format)


def decode(data: bytes, format: Format, name: str = "data") -> Entity:
    """Return the entity in `data`; `name` is what errors call the data. Raises `CodecError`."""
    entity: Entity = _convert(_read(data, format, name), Entity, name)
    return entity


def encode_bundle(bundle: Bundle, format: Format) -> bytes:
    """Return `bundle` in `format`. Raises `CodecError`."""
    return _write(_builtins(bundle), format)


def decode_bundle(data: bytes, format: Format, name: str = "data") -> Bundle:
    """Return the bundle in `data`. Raises `CodecError`."""
    bundle: Bundle = _convert(_read(data, format, name), Bundle, name)
    return bundle


def encode_value(value: Value, format: Format) -> bytes:
    """Return `value` in `format`. Raises `CodecError`."""
    return _write(_checked(value), format)


def decode_value(data: bytes, format: Format, name: str = "data") -> Value:
    """Return the value in `data`. Raises `CodecError`."""
    return _read(data, format, name)


def entity_to_plain(entity: Entity) -> Any:
    """Return `entity` in the plain form: what its JSON and YAML show."""
    return to_plain(_builtins(entity))


def entity_from_plain(data: Any, name: str = "data") -> Entity:
    """Return the entity that `data` shows in the plain form. Raises `CodecError`."""
    entity: Entity = _convert(_from_plain(data, name), Entity, name)
    return entity


def _builtins(entity: Entity | Bundle) -> Any:
    try:
        entities.check(entity)
        return msgspec.to_builtins(entity, builtin_types=(bytes, Call))
    except (TypeError, ValueError) as error:
        raise CodecError(str(error)) from None


def _checked(value: Value, name: str = "") -> Value:
    try:
        values.check(value, "")
    except values.InvalidValue as error:
        raise CodecError(str(error).lstrip(".") or "not a value", name=name) from None
    return value


def _write(value: Any, format: Format) -> bytes:
    match format:
        case Format.JSON:
            return msgspec.json.encode(to_plain(value))
        case Format.YAML:
            return yaml.dump(to_plain(value)).encode()
        case Format.MESSAGEPACK:
            return messagepack.dump(value)
        case Format.CBOR:
            return cbor.dump(value)


def _read(data: bytes, format: Format, name: str) -> Value:
    match format:
        case Format.JSON:
            return _from_plain(_load_json(data, name), name)
        case Format.YAML:
            return _load_yaml(data, name)
        case Format.MESSAGEPACK:
            return _checked(messagepack.load(data, name), name)
        case Format.CBOR:
            return _checked(cbor.load(data, name), name)


def _load_json(data: bytes, name: str) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CodecError(str(error), name=name) from None
    except RecursionError:
        raise CodecError("nested too deep", name=name) from None


def _from_plain(data: Any, name: str) -> Value:
    try:
        return _checked(from_plain(data), name)
    except plain.PlainError as error:
        raise CodecError(error.message, name=name, where=plain.spelled(error.path)) from None


def _load_yaml(data: bytes, name: str) -> Value:
    try:
        loaded, positions = yaml.load(data, name)
    except yaml.YamlError as error:
        raise CodecError(error.message, name=error.name, line=error.line, column=error.column) from None
    try:
        return _checked(from_plain(loaded), name)
    except plain.PlainError as error:
        at = positions.at(error.path)
        raise CodecError(
            error.message, name=name, where=plain.spelled(error.path), line=at.line, column=at.column
        ) from None


def _convert(value: Value, type: Any, name: str) -> Any:
    try:
        converted = msgspec.convert(value, type)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at ")
        raise CodecError(message, name=name, where=where.strip("`").removeprefix("$").removeprefix(".")) from None
    try:
        entities.check(converted)
    except values.InvalidValue as error:
        raise CodecError(str(error), name=name) from None
    return converted
