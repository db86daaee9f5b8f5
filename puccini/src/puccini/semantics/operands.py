"""Whether the arguments of a built-in function are of types that it takes (sections 9.11, 10.2).

An argument has a type when it is a literal, or a call whose result has one: a property, an input, ``$value``. Nothing
is said of the others; the function itself checks them when it runs. `puccini.semantics.references` calls this.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from floria.values import Call, Value
from puccini.data import versions
from puccini.functions.arguments import kind
from puccini.functions.signatures import Signature
from puccini.model.data import Base, Schema
from puccini.nodes import Node
from puccini.semantics.resolver import Resolver

Result = Callable[[Value], Schema | None]
"""Says which schema the result of a call has."""

_NUMBERS = frozenset({Base.INTEGER, Base.FLOAT})
_AMOUNTS = _NUMBERS | {Base.SCALAR}
_ORDERED = _AMOUNTS | {Base.STRING, Base.TIMESTAMP, Base.VERSION}
_TEXT = frozenset({Base.STRING, Base.TIMESTAMP, Base.VERSION})
_LIST = frozenset({Base.LIST})
_MAP = frozenset({Base.MAP, Base.COMPLEX})
_BOOLEAN = frozenset({Base.BOOLEAN})
_PARTS = _TEXT | _LIST
_ALL: frozenset[Base] = frozenset(Base)

_TAKES: Mapping[str, tuple[frozenset[Base], ...]] = {
    **dict.fromkeys(("and", "or", "not", "xor"), (_BOOLEAN,)),
    **dict.fromkeys(("greater_than", "greater_or_equal", "less_than", "less_or_equal"), (_ORDERED,)),
    "valid_values": (_ALL, _LIST),
    "matches": (_TEXT,),
    **dict.fromkeys(("has_suffix", "has_prefix", "contains"), (_PARTS,)),
    "has_entry": (_LIST | _MAP, _ALL),
    **dict.fromkeys(("has_all_entries", "has_any_entry"), (_LIST | _MAP, _LIST)),
    "has_key": (_MAP, _TEXT),
    **dict.fromkeys(("has_all_keys", "has_any_key"), (_MAP, _LIST)),
    "length": (_TEXT | _LIST | _MAP | {Base.BYTES},),
    "join": (_LIST, _TEXT),
    "token": (_TEXT, _TEXT, frozenset({Base.INTEGER})),
    **dict.fromkeys(("union", "intersection"), (_LIST,)),
    **dict.fromkeys(("sum", "difference"), (_AMOUNTS,)),
    "product": (_AMOUNTS, _NUMBERS),
    "quotient": (_AMOUNTS, _NUMBERS),
    "remainder": (_AMOUNTS, frozenset({Base.INTEGER})),
    **dict.fromkeys(("round", "floor", "ceil"), (_NUMBERS,)),
}
"""What each argument may be; the last one goes for all that follow."""

_ALIKE = frozenset(
    {
        *("equal", "greater_than", "greater_or_equal", "less_than", "less_or_equal", "sum", "difference"),
        *("has_suffix", "has_prefix", "contains"),
    }
)
"""Functions whose arguments are of one type."""

CHECKED = _ALIKE | _TAKES.keys()
"""The functions that this module has something to say about."""

_CONVERTED = frozenset({"equal", "greater_than", "greater_or_equal", "less_than", "less_or_equal", "sum", "difference"})
"""Functions that take scalars as they are written, beside another one."""


def check(signature: Signature, call: Call, arguments: list[Node], result: Result, resolver: Resolver) -> None:
    """Report the first argument of `call` that is not of a type that the function takes."""
    if len(arguments) != len(call.arguments):
        return
    problem = _taken(signature, call, arguments, result) or _fitting(signature, call, arguments, result)
    if problem is not None:
        resolver.statics.refuse(call)
        resolver.report.error("bad-arguments", f"${signature.name}{problem.why}", problem.node)


class _Problem(NamedTuple):
    why: str
    node: Node


def _taken(signature: Signature, call: Call, arguments: list[Node], result: Result) -> _Problem | None:
    takes = _TAKES.get(signature.name)
    bases = [base(argument, result) for argument in call.arguments]
    for index, (found, argument, node) in enumerate(zip(bases, call.arguments, arguments, strict=True)):
        allowed = takes[min(index, len(takes) - 1)] if takes is not None else _ALL
        if found is None or found in allowed or _written(signature, found, bases):
            continue
        return _Problem(f" takes {_names(allowed)} as argument {index + 1}, not {_shown(argument, found)}", node)
    return None


def _fitting(signature: Signature, call: Call, arguments: list[Node], result: Result) -> _Problem | None:
    first, *others = call.arguments
    match signature.name:
        case "valid_values":
            return _listed(first, others[0], arguments[1], result)
        case "has_entry":
            return _listed(others[0], first, arguments[0], result)
        case "matches":
            return _pattern(others[0], arguments[1])
        case name if name in _ALIKE:
            return _alike(call.arguments, arguments, result)
    return None


def base(value: Value, result: Result) -> Base | None:
    """Return what `value` is made of; None when that is not known."""
    match value:
        case Call(function="tosca:call", arguments=[dict() as plain, *_]):
            return _custom(plain)
        case Call():
            schema = result(value)
            return schema.base if schema is not None and schema.base is not Base.ANY else None
        case None:
            return Base.NIL
        case bool():
            return Base.BOOLEAN
        case int():
            return Base.INTEGER
        case float():
            return Base.FLOAT
        case str():
            return Base.STRING
        case bytes():
            return Base.BYTES
        case list():
            return Base.LIST
        case _:
            return Base.MAP


def computed(call: Call, result: Result) -> Base | None:
    """Return what a function gives whose result depends on what it is given; None when that is not known."""
    bases = [base(argument, result) for argument in call.arguments]
    first, known = bases[0] if bases else None, set(bases)
    match call.function.removeprefix("tosca:"):
        case "concat":
            return first if first in (None, Base.LIST) else Base.STRING
        case "quotient":
            return Base.FLOAT if first in _NUMBERS else first if first is Base.SCALAR else None
        case "remainder":
            return first if first in _AMOUNTS else None
        case "sum" | "difference" | "product" if known <= _AMOUNTS:
            return next((one for one in (Base.SCALAR, Base.FLOAT, Base.INTEGER) if one in known), None)
    return None


def possible(value: Value, schema: Mapping[str, Any], result: Result) -> bool:
    """Whether `value` can be what the plain form of a schema says."""
    found, wanted = base(value, result), _plain(schema)
    if found is None or wanted is None:
        return True
    return found is wanted or (found is Base.INTEGER and wanted is Base.FLOAT)


def _custom(plain: Mapping[str, Any]) -> Base | None:
    """Return what a custom function gives, when all its signatures give the same."""
    bases = {_plain(one.get("result")) for one in plain["signatures"]}
    return bases.pop() if len(bases) == 1 else None


def _plain(schema: Mapping[str, Any] | None) -> Base | None:
    if schema is None:
        return None
    found = schema["types"][schema["ref"]] if "ref" in schema else schema
    return None if found.get("type", "any") == "any" else Base(found["type"])


def _alike(values: list[Value], nodes: list[Node], result: Result) -> _Problem | None:
    """The first argument of which the type is known says what the others are."""
    known = [(value, node) for value, node in zip(values, nodes, strict=True) if base(value, result) is not None]
    first = next((value for value, _ in known if isinstance(value, Call)), known[0][0] if known else None)
    for value, node in known:
        problem = _differ(first, value, result) if value is not first else ""
        if problem:
            return _Problem(f" takes arguments of one type: {problem}", node)
    return None


def _listed(value: Value, values: Value, node: Node, result: Result) -> _Problem | None:
    for found, place in _entries(values, node):
        problem = _differ(value, found, result)
        if problem:
            return _Problem(f" takes a list of one type: {problem}", place)
    return None


def _entries(values: Value, node: Node) -> Iterator[tuple[Value, Node]]:
    if isinstance(values, list) and isinstance(node.value, list) and len(values) == len(node.value):
        yield from zip(values, node, strict=True)


def _differ(first: Value, other: Value, result: Result) -> str:
    """Return why two values cannot be of one type, or nothing."""
    one, two = base(first, result), base(other, result)
    if one is None or two is None:
        return ""
    if one is two is Base.SCALAR:
        return _units(result(first), result(other))
    if _same(one, two):
        return ""
    literal = other if isinstance(other, str) else None
    try:
        if literal is not None and one is Base.TIMESTAMP:
            from puccini.data import timestamps

            timestamps.parse(literal)
            return ""
        if literal is not None and one is Base.VERSION:
            versions.parse(literal)
            return ""
    except ValueError as error:
        return str(error)
    if {one, two} <= _TEXT or {one, two} == {Base.SCALAR, Base.STRING}:
        return ""
    return f"{_shown(other, two)} is not {article(one)}"


def _units(one: Schema | None, two: Schema | None) -> str:
    """Return why scalars of two types cannot be compared or added, or nothing."""
    if one is None or two is None or one.type.ancestors[-2:] == two.type.ancestors[-2:]:
        return ""
    return f"{two.type.name} is not {one.type.name}, and has other units"


def _same(one: Base, two: Base) -> bool:
    return one is two or {one, two} <= _AMOUNTS or {one, two} <= _MAP


def _pattern(value: Value, node: Node) -> _Problem | None:
    if isinstance(value, str):
        from puccini.functions import regular

        try:
            regular.compiled(value)
        except regular.PatternError as error:
            return _Problem(f": {value!r} is no pattern: {error}", node)
    return None


def _written(signature: Signature, found: Base, bases: list[Base | None]) -> bool:
    """Whether a text may be a scalar."""
    return found is Base.STRING and signature.name in _CONVERTED and (Base.SCALAR in bases or None in bases)


def _shown(value: Value, found: Base) -> str:
    if isinstance(value, Call):
        return article(found)
    return kind(value)


def _names(allowed: frozenset[Base]) -> str:
    hidden = {Base.COMPLEX} if Base.SCALAR in allowed else {Base.COMPLEX, Base.TIMESTAMP, Base.VERSION}
    names = [article(one) for one in Base if one in allowed - hidden]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def article(found: Base) -> str:
    """Return what messages call a value that is made of `found`."""
    name = "map" if found is Base.COMPLEX else found.value
    return name if found in (Base.BYTES, Base.NIL) else f"an {name}" if name[0] in "aeiou" else f"a {name}"
