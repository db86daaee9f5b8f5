"""What a derived type says, together with what an earlier refinement said of the type it derives from.

A capability, relationship or interface that was refined may be refined again to a derived type (sections 8.2.1, 8.4.1,
11.2). Neither what that type refined nor what was said before is lost: `base` is what both began with, and the same
object stands for what one of them left alone.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from puccini.model.data import Property, Schema
from puccini.model.type import Type
from puccini.model.types import Interface, InterfaceType, Operation

T = TypeVar("T")


def data(
    derived: Mapping[str, Property], refined: Mapping[str, Property], base: Mapping[str, Property]
) -> dict[str, Property]:
    """Return the properties (or attributes, or parameters) of all of them."""
    return _all(derived, refined, base, _property)


def operations(
    derived: Mapping[str, Operation], refined: Mapping[str, Operation], base: Mapping[str, Operation]
) -> dict[str, Operation]:
    return _all(derived, refined, base, _operation)


def interfaces(
    derived: Mapping[str, Interface], refined: Mapping[str, Interface], base: Mapping[str, Interface]
) -> dict[str, Interface]:
    return _all(derived, refined, base, _interface)


def valid(derived: tuple[Type, ...] | None, refined: tuple[Type, ...] | None) -> tuple[Type, ...] | None:
    """Return the types that both lists allow; None allows all."""
    if derived is None or refined is None or derived is refined:
        return refined if derived is None else derived
    narrow = [one for one in derived if any(one.derives(other) for other in refined)]
    narrow += [one for one in refined if one not in narrow and any(one.derives(other) for other in derived)]
    return tuple(narrow)


def _all(
    derived: Mapping[str, T], refined: Mapping[str, T], base: Mapping[str, T], both: Callable[[T, T, T | None], T]
) -> dict[str, T]:
    result = dict(refined)
    for name, said in derived.items():
        earlier, start = refined.get(name), base.get(name)
        if earlier is None or earlier is start:
            result[name] = said
        elif said is not start:
            result[name] = both(said, earlier, start)
    return result


def _property(derived: Property, refined: Property, base: Property | None) -> Property:
    start = base if base is not None else refined
    return Property(
        refined.name,
        refined.role,
        _schema(derived.schema, refined.schema, start.schema),
        refined.node,
        required=derived.required or refined.required,
        default=_changed(refined.default, derived.default, start.default),
        fixed=_changed(refined.fixed, derived.fixed, start.fixed),
        mapping=_changed(refined.mapping, derived.mapping, start.mapping),
        metadata=_changed(refined.metadata, derived.metadata, start.metadata),
        description=_changed(refined.description, derived.description, start.description),
    )


def _schema(derived: Schema | None, refined: Schema | None, base: Schema | None) -> Schema | None:
    if derived is None or refined is None or derived is base:
        return refined if refined is not None else derived
    if refined is base:
        return derived
    narrower = refined if refined.type.derives(derived.type) else derived
    shared = base.validations if base is not None else ()
    added = tuple(clause for clause in refined.validations if not any(clause is one for one in shared))
    key, entry = (base.key, base.entry) if base is not None else (None, None)
    return Schema(
        narrower.type,
        narrower.node,
        _schema(derived.key, refined.key, key),
        _schema(derived.entry, refined.entry, entry),
        (*derived.validations, *added),
    )


def _operation(derived: Operation, refined: Operation, base: Operation | None) -> Operation:
    start = base if base is not None else Operation(refined.name, refined.node)
    result = refined.copy()
    result.inputs = data(derived.inputs, refined.inputs, start.inputs)
    result.outputs = data(derived.outputs, refined.outputs, start.outputs)
    if refined.implementation is start.implementation:
        result.implementation, result.unit = derived.implementation, derived.unit
    return result


def _interface(derived: Interface, refined: Interface, base: Interface | None) -> Interface:
    type: InterfaceType = refined.type if refined.type.derives(derived.type) else derived.type
    start = base if base is not None else Interface(refined.name, type, refined.node)
    result = Interface(refined.name, type, refined.node)
    result.inputs = data(derived.inputs, refined.inputs, start.inputs)
    result.operations = operations(derived.operations, refined.operations, start.operations)
    result.notifications = operations(derived.notifications, refined.notifications, start.notifications)
    return result


def _changed(refined: T, derived: T, base: T) -> T:
    """Return what the refinement said, or what the derived type says where that says nothing."""
    return derived if refined is base or refined == base else refined
