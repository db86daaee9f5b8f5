"""Validation clauses of the simplest kind as functions of Python: many values are checked against few clauses.

`compiled` takes comparisons of ``$value``, or of its length, with integers, booleans and strings, and what is made
of such by boolean functions. Whatever else there is, is evaluated as any expression is; the answers are the same.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from floria.values import Call, Value

Test: TypeAlias = Callable[[Any], Any]

_CLASSES: Final[dict[str, type]] = {"boolean": bool, "integer": int, "scalar": int, "string": str}
"""Of values of a type; scalars are amounts of their canonical unit, and other than integers are left to evaluation."""

_LITERALS: Final = (bool, int, str)
_COMPARISONS: Final = {
    "tosca:equal": operator.eq,
    "tosca:greater_than": operator.gt,
    "tosca:greater_or_equal": operator.ge,
    "tosca:less_than": operator.lt,
    "tosca:less_or_equal": operator.le,
}


def compiled(clause: Value, type: object) -> tuple[type, Test] | None:
    """Return the class of values of a data type, and what tells whether one of them fulfils `clause`."""
    kind = _CLASSES.get(type) if isinstance(type, str) else None
    test = _boolean(clause, kind) if kind is not None else None
    return (kind, test) if kind is not None and test is not None else None


def _boolean(clause: Value, kind: type) -> Test | None:
    if not isinstance(clause, Call):
        return None
    given = clause.arguments
    match clause.function:
        case "tosca:and" | "tosca:or" if len(given) > 1:
            tests = [_boolean(one, kind) for one in given]
            return _joined(all if clause.function == "tosca:and" else any, tests)
        case "tosca:not" if len(given) == 1:
            inner = _boolean(given[0], kind)
            return (lambda value: not inner(value)) if inner is not None else None
        case "tosca:valid_values" if len(given) == 2:
            return _one_of(given[0], given[1], kind)
        case function if function in _COMPARISONS and len(given) == 2:
            return _comparison(_COMPARISONS[function], given[0], given[1], kind)
    return None


def _joined(how: Callable[[Any], bool], tests: Sequence[Test | None]) -> Test | None:
    known = [one for one in tests if one is not None]
    return (lambda value: how(test(value) for test in known)) if len(known) == len(tests) else None


def _one_of(what: Value, values: Value, kind: type) -> Test | None:
    operand = _operand(what, kind)
    if operand is None or not isinstance(values, list) or any(one.__class__ is not operand[0] for one in values):
        return None
    inner, allowed = operand[1], frozenset(values)
    return lambda value: inner(value) in allowed


def _comparison(compare: Callable[[Any, Any], bool], first: Value, second: Value, kind: type) -> Test | None:
    one, other = _operand(first, kind), _operand(second, kind)
    if one is None or other is None or one[0] is not other[0] or (one[0] is bool and compare is not operator.eq):
        return None
    left, right = one[1], other[1]
    if second.__class__ is one[0]:
        return lambda value: compare(left(value), second)
    return lambda value: compare(left(value), right(value))


def _operand(found: Value, kind: type) -> tuple[type, Test] | None:
    """Return the class of an operand, and what gives it."""
    if found.__class__ in _LITERALS:
        return found.__class__, lambda value: found
    if not isinstance(found, Call):
        return None
    if found.function == "tosca:value" and not found.arguments:
        return kind, lambda value: value
    if found.function == "tosca:length" and kind is str and len(found.arguments) == 1:
        inner = _operand(found.arguments[0], kind)
        if inner is not None and inner[0] is str:
            text = inner[1]
            return int, lambda value: len(text(value))
    return None
