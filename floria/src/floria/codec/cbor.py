"""CBOR. A call is tag 27 (serialised object with a constructor): an array of ``floria:call``, function, arguments."""

import io
from typing import Any, NoReturn

import cbor2

from floria.codec.errors import CodecError
from floria.values import MAX_DEPTH, Call, Value

OBJECT = 27
CALL = "floria:call"


def dump(value: Value) -> bytes:
    """Return a checked value as CBOR."""
    return cbor2.dumps(value, default=_tagged)


def load(data: bytes, name: str) -> Value:
    """Return what `data` holds, still to be checked. Raises `CodecError`."""
    stream = io.BytesIO(data)
    try:
        value: Value = cbor2.CBORDecoder(
            stream,
            semantic_decoders=_DECODERS,
            tag_hook=_unknown,
            max_depth=2 * MAX_DEPTH + 2,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        ).decode()
    except (cbor2.CBORError, ValueError, RecursionError) as error:
        raise CodecError(_reason(error), name=name) from None
    if stream.tell() != len(data):
        raise CodecError(f"{len(data) - stream.tell()} bytes follow the value", name=name)
    return value


def _tagged(encoder: Any, value: object) -> None:
    if not isinstance(value, Call):
        raise TypeError(f"a {type(value).__name__} is not a value")
    encoder.encode(cbor2.CBORTag(OBJECT, [CALL, value.function, value.arguments]))


def _call(content: Any, immutable: bool) -> Call:
    match content:
        case [str(name), str(function), list(arguments)] if name == CALL:
            return Call(function, arguments)
        case _:
            raise ValueError(f"tag {OBJECT} is not a call: [{CALL!r}, function, arguments] was expected")


def _unknown(tag: cbor2.CBORTag, immutable: bool) -> NoReturn:
    raise ValueError(f"tag {tag.tag} is not a value; only {OBJECT} (a call) is known")


def _refuse(number: int) -> Any:
    def decode(content: Any, immutable: bool) -> NoReturn:
        raise ValueError(f"tag {number} is not a value; only {OBJECT} (a call) is known")

    return decode


def _reason(error: BaseException) -> str:
    cause = error.__cause__
    return str(cause) if isinstance(cause, ValueError) else str(error)


# everything that cbor2 would make an object of
_BUILT_IN = (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)
_DECODERS = {number: _refuse(number) for number in _BUILT_IN} | {OBJECT: _call}
