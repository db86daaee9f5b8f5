"""Built-in functions that compare, decide and check. `and`, `or`, `if` and `otherwise` evaluate only what they need."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from floria.evaluation.context import Context, Function
from floria.failing import EvaluationError
from floria.functions import arguments as given
from floria.values import Value


def conjunction(context: Context, arguments: list[Value]) -> Value:
    """`and(condition…)`: true when all are; stops at the first that is not."""
    return all(given.boolean("and", context.evaluate(argument)) for argument in arguments)


def disjunction(context: Context, arguments: list[Value]) -> Value:
    """`or(condition…)`: true when one is; stops there."""
    return any(given.boolean("or", context.evaluate(argument)) for argument in arguments)


def negation(context: Context, arguments: list[Value]) -> Value:
    """`not(condition)`."""
    return not given.boolean("not", given.evaluated(context, "not", arguments, 1, 1)[0])


def choice(context: Context, arguments: list[Value]) -> Value:
    """`if(condition, then, else=null)`: evaluates only the branch taken."""
    given.counted("if", arguments, 2, 3)
    if given.boolean("if", context.evaluate(arguments[0])):
        return context.evaluate(arguments[1])
    return context.evaluate(arguments[2]) if len(arguments) > 2 else None


def otherwise(context: Context, arguments: list[Value]) -> Value:
    """`otherwise(value…)`: the first that evaluates without failure."""
    given.counted("otherwise", arguments, 1)
    for argument in arguments[:-1]:
        try:
            return context.evaluate(argument)
        except EvaluationError:
            continue
    return context.evaluate(arguments[-1])


def quote(context: Context, arguments: list[Value]) -> Value:
    """`quote(value)`: the value as it is, its calls not evaluated."""
    given.counted("quote", arguments, 1, 1)
    return arguments[0]


def equal(context: Context, arguments: list[Value]) -> Value:
    """`equal(a, b)`: same type and value; integers and floats compare as numbers."""
    return same(*given.evaluated(context, "equal", arguments, 2, 2))


def not_equal(context: Context, arguments: list[Value]) -> Value:
    """`not_equal(a, b)`."""
    return not same(*given.evaluated(context, "not_equal", arguments, 2, 2))


def contains(context: Context, arguments: list[Value]) -> Value:
    """`contains(container, item)`: an item of a list, a key of a map, a part of a text."""
    container, item = given.evaluated(context, "contains", arguments, 2, 2)
    match container, item:
        case list(), _:
            return any(same(one, item) for one in container)
        case str(), str():
            return item in container
        case dict(), str():
            return item in container
        case _:
            raise given.error("contains", f"{given.kind(container)} cannot contain {given.kind(item)}")


def starts_with(context: Context, arguments: list[Value]) -> Value:
    """`starts_with(text, part)`."""
    whole, part = given.evaluated(context, "starts_with", arguments, 2, 2)
    return given.text("starts_with", whole).startswith(given.text("starts_with", part))


def ends_with(context: Context, arguments: list[Value]) -> Value:
    """`ends_with(text, part)`."""
    whole, part = given.evaluated(context, "ends_with", arguments, 2, 2)
    return given.text("ends_with", whole).endswith(given.text("ends_with", part))


def value(context: Context, arguments: list[Value]) -> Value:
    """`value()`: in a preparer, the value being written."""
    given.counted("value", arguments, 0, 0)
    return context.value


def check(context: Context, arguments: list[Value]) -> Value:
    """`check(condition, message)`: in a preparer, the value being written if the condition is true, or a failure."""
    given.counted("check", arguments, 2, 2)
    if given.boolean("check", context.evaluate(arguments[0])):
        return context.value
    raise EvaluationError("floria.invalid-value", given.text("check", context.evaluate(arguments[1])))


def fail(context: Context, arguments: list[Value]) -> Value:
    """`fail(message, code="floria.refused")`: a failure."""
    message, *code = given.evaluated(context, "fail", arguments, 1, 2)
    raise EvaluationError(given.text("fail", code[0]) if code else "floria.refused", given.text("fail", message))


def same(a: Value, b: Value) -> bool:
    """Whether two values are equal: 1 equals 1.0, but true does not equal 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(one, b[key]) for key, one in a.items())
    return a == b


def _comparison(name: str, compare: Callable[[Any, Any], bool]) -> Function:
    def function(context: Context, arguments: list[Value]) -> Value:
        a, b = given.evaluated(context, name, arguments, 2, 2)
        if not (isinstance(a, str) and isinstance(b, str)):
            a, b = given.number(name, a), given.number(name, b)
        return compare(a, b)

    return function


FUNCTIONS: Mapping[str, Function] = {
    "and": conjunction,
    "or": disjunction,
    "not": negation,
    "if": choice,
    "otherwise": otherwise,
    "quote": quote,
    "equal": equal,
    "not_equal": not_equal,
    "less": _comparison("less", operator.lt),
    "less_or_equal": _comparison("less_or_equal", operator.le),
    "greater": _comparison("greater", operator.gt),
    "greater_or_equal": _comparison("greater_or_equal", operator.ge),
    "contains": contains,
    "starts_with": starts_with,
    "ends_with": ends_with,
    "value": value,
    "check": check,
    "fail": fail,
}
