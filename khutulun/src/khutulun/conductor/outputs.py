"""Outputs of operations, notifications and workflows, on their way into attributes (TOSCA 2.0 section 9.10).

A mapping is a path from SELF to an attribute, and further into it: of a node, of one of its capabilities or
relationships, or, for an operation of a relationship, of that or one of its ends.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from floria import codec, properties
from floria.entities import Edge, Entity, Property, Vertex
from floria.evaluation import EvaluationError
from floria.store.interface import Axis, Reader, Step, Transaction
from floria.values import Value
from khutulun.conductor import site, topology
from khutulun.conductor.attributes import CAPABILITY, After, Attributes

SELF = "SELF"
Path = Sequence[Value]


def write(
    tx: Transaction, holder: Vertex | Edge, mapped: Iterable[tuple[Path, Any]], attributes: Attributes, cause: str
) -> After:
    """Write values, in plain form, to where paths from `holder` lead; returns what to do after the commit.

    Raises `EvaluationError` when a path leads nowhere, or the attribute does not take the value.
    """
    after: list[Callable[[], None]] = []
    for path, value in mapped:
        after.append(_write(tx, holder, list(path), value, attributes, cause))

    def tell() -> None:
        for one in after:
            one()

    return tell


def _write(
    tx: Transaction, holder: Vertex | Edge, path: list[Value], value: Any, attributes: Attributes, cause: str
) -> After:
    match holder, path:
        case Vertex(), ["CAPABILITY", str(name), *rest] if rest:
            capability = site.surroundings(tx, holder).capabilities.get(name)
            if capability is None:
                raise _nowhere(holder.name, path)
            key, whole = _whole(capability, rest, value)
            return attributes.write(tx, holder, {f"{CAPABILITY}{name}": {key: whole}}, cause)
        case Vertex(), ["RELATIONSHIP", str(name), *rest] if rest:
            index, rest = (rest[0], rest[1:]) if isinstance(rest[0], int) and len(rest) > 1 else (0, rest)
            edge = _edge(tx, holder, name, index)
            if edge is None:
                raise _nowhere(holder.name, path)
            return _write(tx, edge, rest, value, attributes, cause)
        case Edge(), ["SOURCE" | "TARGET" as end, *rest] if rest:
            node = _node(tx, holder.source if end == "SOURCE" else holder.target)
            return _write(tx, node, rest, value, attributes, cause)
        case Vertex(), [*rest] if rest:
            key, whole = _whole(holder, rest, value)
            return attributes.write(tx, holder, {key: whole}, cause)
        case Edge(), [*rest] if rest:
            key, whole = _whole(holder, rest, value)
            given = {key: codec.from_plain(whole)}
            properties.write_properties(tx, holder.id, given, cause, functions=attributes.functions, declare=True)
            return lambda: None
    raise _nowhere(holder.name, path)


def _whole(entity: Vertex | Edge, path: list[Value], value: Any) -> tuple[str, Any]:
    """Return an attribute's name, and its value with `value` at the place that the rest of the path leads to."""
    name, *keys = path
    found = entity.properties.get(str(name), Property()).value
    whole = None if found is msgspec.UNSET else codec.to_plain(found)
    return str(name), _inside(whole, keys, value, path)


def _inside(whole: Any, keys: list[Value], value: Any, path: list[Value]) -> Any:
    if not keys:
        return value
    key, *rest = keys
    if isinstance(key, int) and not isinstance(key, bool):
        items = list(whole) if isinstance(whole, list) else []
        if not 0 <= key <= len(items):
            raise EvaluationError("bad-output", f"{_shown(path)}: there are {len(items)} elements, none at {key}")
        inner = _inside(items[key] if key < len(items) else None, rest, value, path)
        return [*items[:key], inner, *items[key + 1 :]]
    known = dict(whole) if isinstance(whole, dict) else {}
    return {**known, str(key): _inside(known.get(str(key)), rest, value, path)}


def _edge(reader: Reader, node: Vertex, name: str, index: Value) -> Edge | None:
    found = reader.get_many(reader.path([node.id], [Step(axis=Axis.OUT, name=name)]))
    return next((one for one in found if isinstance(one, Edge) and one.index == index), None)


def _node(reader: Reader, id: Any) -> Vertex:
    found: Entity | None = reader.get(id)
    while isinstance(found, Vertex) and not topology.is_node(found) and found.parent is not None:
        found = reader.get(found.parent)
    if not isinstance(found, Vertex):
        raise EvaluationError("bad-output", "the end of the relationship is gone")
    return found


def _nowhere(name: str, path: list[Value]) -> EvaluationError:
    return EvaluationError("bad-output", f"{name}: {_shown(path)} leads to no attribute")


def _shown(path: list[Value]) -> str:
    return f"[ {', '.join(map(str, path))} ]"


def from_self(outputs: dict[str, Any], mapping: dict[str, list[Value]]) -> list[tuple[Path, Any]]:
    """Return the outputs that were given and are mapped, with their paths after SELF."""
    return [(path[1:], outputs[name]) for name, path in mapping.items() if name in outputs and path[:1] == [SELF]]
