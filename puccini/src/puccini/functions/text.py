"""Strings: ``$concat``, ``$join``, ``$token``, ``$length``, ``$matches`` (sections 10.2.3 and 10.2.2.2.7).

Strings are sequences of Unicode characters. Numbers and booleans among the arguments of ``$concat`` and ``$join`` are
written as YAML writes them (there is no other way to put a port into a URL), scalars with their unit.
"""

import math
from collections.abc import Mapping

from floria.evaluation import Context, Function
from floria.values import Value
from puccini.functions import arguments as given
from puccini.functions import operands, regular
from puccini.functions.schemas import Schema


def concat(context: Context, arguments: list[Value]) -> Value:
    """``$concat``: of strings, or of lists."""
    parts = operands.evaluated(context, "concat", arguments)
    if isinstance(parts[0].value, list):
        return [item for position, part in enumerate(parts, 1) for item in given.items("concat", part.value, position)]
    return "".join(_written("concat", part.value, position, part.scalar) for position, part in enumerate(parts, 1))


def join(context: Context, arguments: list[Value]) -> Value:
    """``$join``: a list of strings, with a delimiter between them."""
    found = operands.evaluated(context, "join", arguments)
    parts = given.items("join", found[0].value, 1)
    delimiter = given.text("join", found[1].value, 2) if len(found) > 1 else ""
    entry = found[0].entry_schema
    return delimiter.join(_written("join", part, position, entry) for position, part in enumerate(parts, 1))


def token(context: Context, arguments: list[Value]) -> Value:
    """``$token``: one of the substrings between runs of the token characters."""
    found = given.evaluated(context, "token", arguments)
    whole, characters = given.text("token", found[0], 1), given.text("token", found[1], 2)
    index = given.integer("token", found[2], 3)
    if not characters:
        raise given.error(given.RANGE, "token", "argument 2 holds no token character")
    tokens = _tokens(whole, frozenset(characters))
    if not 0 <= index < len(tokens):
        message = f"{given.kind(whole)} has {len(tokens)} substrings between {characters!r}, none with index {index}"
        raise given.error(given.RANGE, "token", message)
    return tokens[index]


def length(context: Context, arguments: list[Value]) -> Value:
    """``$length``: characters of a string, bytes, entries of a list or map."""
    found = given.evaluated(context, "length", arguments)[0]
    if not isinstance(found, str | bytes | list | dict):
        raise given.wrong("length", found, 1, "a string, bytes, a list or a map")
    return len(found)


def matches(context: Context, arguments: list[Value]) -> Value:
    """``$matches``: whether the pattern fits anywhere in the string; ``^`` and ``$`` tie it to the ends."""
    found = given.evaluated(context, "matches", arguments)
    whole, pattern = given.text("matches", found[0], 1), given.text("matches", found[1], 2)
    try:
        return regular.compiled(pattern).search(whole)
    except regular.PatternError as error:
        raise given.error(given.RANGE, "matches", f"{given.kind(pattern)} is no pattern: {error}") from error


def _tokens(whole: str, characters: frozenset[str]) -> list[str]:
    tokens: list[str] = []
    begin: int | None = None
    for position, character in enumerate(whole):
        if character not in characters:
            begin = position if begin is None else begin
        elif begin is not None:
            tokens.append(whole[begin:position])
            begin = None
    if begin is not None:
        tokens.append(whole[begin:])
    return tokens


def _written(function: str, value: Value, position: int, schema: Schema | None) -> str:
    if schema is not None and schema.type == "scalar" and not isinstance(value, str):
        return f"{_written(function, value, position, None)} {schema.map['canonical']}"
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else repr(value).replace("inf", ".inf").replace("nan", ".nan")
        case _:
            raise given.wrong(function, value, position, "a string")


FUNCTIONS: Mapping[str, Function] = {
    "concat": concat,
    "join": join,
    "token": token,
    "length": length,
    "matches": matches,
}
