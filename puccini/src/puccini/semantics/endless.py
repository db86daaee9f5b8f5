"""What never has a value because it needs itself: data types (section 9.2), defaults of inputs (section 6.9.2).

`puccini.semantics.data_types` and `puccini.semantics.service` call this.
"""

from collections import deque
from collections.abc import Iterator
from functools import partial

from floria.values import Call, Value
from puccini.grammar.data import DataDefinition
from puccini.model.data import UNSET, Base, DataType, Property
from puccini.nodes import Node
from puccini.semantics.resolver import Resolver


def later(type: DataType, resolver: Resolver) -> None:
    """Check a type of which a value may need another one, when all defaults are known."""
    if type.base is Base.COMPLEX and type.properties:
        resolver.deferred.append(partial(resolver.deferred.append, partial(_check, type, resolver)))


def _check(type: DataType, resolver: Resolver) -> None:
    """Report a circle at the first of its types alone."""
    chain = _shortest(type)
    if not chain or any(_place(one.node) < _place(type.node) for one, _ in chain):
        return
    steps = ", ".join(f"{one.name}.{needed.name} is a {_type(needed).name}" for one, needed in chain)
    message = f"{type.name!r} can never have a value, which would hold another one: {steps}"
    hint = "write 'required: false' for one of them, give it a default, or make it a list"
    resolver.report.warn("endless-type", message, type.node, hint, key=True, related=chain[0][1].node)


def _shortest(type: DataType) -> list[tuple[DataType, Property]]:
    """Return the shortest way from a type back to itself, through what a value has to hold; empty if there is none."""
    before: dict[DataType, tuple[DataType, Property]] = {}
    waiting = deque([type])
    while waiting:
        one = waiting.popleft()
        for needed in _needs(one):
            following = _type(needed)
            if following in before:
                continue
            before[following] = (one, needed)
            if following is type:
                return _way(type, before)
            waiting.append(following)
    return []


def _way(type: DataType, before: dict[DataType, tuple[DataType, Property]]) -> list[tuple[DataType, Property]]:
    steps = [before[type]]
    while steps[-1][0] is not type:
        steps.append(before[steps[-1][0]])
    return steps[::-1]


def _needs(type: DataType) -> Iterator[Property]:
    """Yield the properties that every value has to hold, without which nothing is known of them beforehand."""
    for one in type.properties.values():
        if one.required and one.initial is UNSET and one.schema is not None and one.schema.base is Base.COMPLEX:
            yield one


def _type(needed: Property) -> DataType:
    assert needed.schema is not None
    return needed.schema.type


def _place(node: Node) -> tuple[str, int, int]:
    return (node.file, node.start.line, node.start.column)


def inputs(known: dict[str, Property], given: dict[str, DataDefinition], resolver: Resolver) -> None:
    """Report inputs whose defaults need each other, each circle at the first of them (section 4.2.2)."""
    asked = {name: [one for one in dict.fromkeys(_asks(known[name].default)) if one in known] for name in known}
    done: set[str] = set()
    for name in known:
        chain = [] if name in done else _circle(name, asked)
        if not chain:
            continue
        done.update(chain)
        definition = given[name]
        steps = ", ".join(
            f"the default of {one!r} asks for {other!r}"
            for one, other in zip(chain, chain[1:] + chain[:1], strict=True)
        )
        message = f"the default of the input {name!r} needs itself: {steps}"
        node = definition.default or definition.node
        resolver.report.error("input-cycle", message, node, "give one of them a default of its own", key=True)


def _circle(name: str, asked: dict[str, list[str]]) -> list[str]:
    """Return the shortest way from an input back to itself, without its end; empty if there is none."""
    before: dict[str, str] = {}
    waiting = deque([name])
    while waiting:
        one = waiting.popleft()
        for following in asked[one]:
            if following in before:
                continue
            before[following] = one
            if following == name:
                way = [one]
                while way[-1] != name:
                    way.append(before[way[-1]])
                return way[::-1]
            waiting.append(following)
    return []


def _asks(value: object) -> Iterator[str]:
    """Yield the names of the inputs that a value asks for."""
    stack: list[object] = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, Call):
            name: Value = one.arguments[0] if one.arguments else None
            if one.function == "tosca:get_input" and isinstance(name, str):
                yield name
            stack.extend(one.arguments)
        elif isinstance(one, dict):
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
