"""Boolean logic (section 10.2.2.1). ``$and`` and ``$or`` stop at the first argument that decides."""

from collections.abc import Mapping

from floria.evaluation import Context, Function
from floria.values import Value
from puccini.functions import arguments as given


def conjunction(context: Context, arguments: list[Value]) -> Value:
    """``$and``."""
    return all(
        given.boolean("and", context.evaluate(argument), position)
        for position, argument in enumerate(given.counted("and", arguments), 1)
    )


def disjunction(context: Context, arguments: list[Value]) -> Value:
    """``$or``."""
    return any(
        given.boolean("or", context.evaluate(argument), position)
        for position, argument in enumerate(given.counted("or", arguments), 1)
    )


def negation(context: Context, arguments: list[Value]) -> Value:
    """``$not``."""
    return not given.boolean("not", given.evaluated(context, "not", arguments)[0], 1)


def exclusion(context: Context, arguments: list[Value]) -> Value:
    """``$xor``."""
    first, second = given.evaluated(context, "xor", arguments)
    return given.boolean("xor", first, 1) is not given.boolean("xor", second, 2)


FUNCTIONS: Mapping[str, Function] = {"and": conjunction, "or": disjunction, "not": negation, "xor": exclusion}
