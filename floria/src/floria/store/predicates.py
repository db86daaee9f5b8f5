"""How predicates compare: the one meaning of `Predicate` for every backend that evaluates them itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from floria.entities import Property
from floria.store.interface import Operator, Predicate
from floria.values import Call, Value


def hold(predicates: Sequence[Predicate], properties: Mapping[str, Property]) -> bool:
    """Whether all `predicates` are true of an entity with these `properties`."""
    return all(_holds(predicate, properties.get(predicate.name)) for predicate in predicates)


def equal(left: Value, right: Value) -> bool:
    """Whether two values are equal: of one type, or numbers of the same size."""
    if type(left) is not type(right):
        return _is_number(left) and _is_number(right) and left == right
    match left, right:
        case list(), list():
            return len(left) == len(right) and all(map(equal, left, right))
        case dict(), dict():
            return left.keys() == right.keys() and all(equal(item, right[key]) for key, item in left.items())
        case Call(), Call():
            return left.function == right.function and equal(left.arguments, right.arguments)
        case _:
            return left == right


def _holds(predicate: Predicate, property: Property | None) -> bool:
    if property is None or property.value is msgspec.UNSET:
        return False
    return _TESTS[predicate.operator](property.value, predicate.value)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Value, Value], bool]:
    def compare(left: Value, right: Value) -> bool:
        comparable = (_is_number(left) and _is_number(right)) or (
            type(left) is type(right) and isinstance(left, bool | str | bytes)
        )
        return comparable and test(left, right)

    return compare


def _contains(container: Value, item: Value) -> bool:
    match container, item:
        case (str(), str()) | (bytes(), bytes()) | (dict(), str()):
            return item in container  # type: ignore[operator]
        case list(), _:
            return any(equal(member, item) for member in container)
        case _:
            return False


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TESTS: dict[Operator, Callable[[Value, Value], bool]] = {
    Operator.EQUAL: equal,
    Operator.NOT_EQUAL: lambda left, right: not equal(left, right),
    Operator.LESS: _ordered(lambda left, right: left < right),
    Operator.LESS_OR_EQUAL: _ordered(lambda left, right: left <= right),
    Operator.GREATER: _ordered(lambda left, right: left > right),
    Operator.GREATER_OR_EQUAL: _ordered(lambda left, right: left >= right),
    Operator.EXISTS: lambda left, right: True,
    Operator.CONTAINS: _contains,
}
