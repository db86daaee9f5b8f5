"""Arithmetic (section 10.2.5) on integers, floats and scalars.

Integers stay integers, and must fit in 64 bits; a float among them makes the result a float. Scalars are added in
their canonical unit, and so the result is written. ``$remainder`` has the sign of the dividend.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeAlias

from floria.evaluation import Context, Function
from floria.values import INTEGER_MAX, INTEGER_MIN, Value
from puccini.functions import arguments as given
from puccini.functions import operands
from puccini.functions.operands import Operand, Schema

Number: TypeAlias = int | float


def add(context: Context, arguments: list[Value]) -> Value:
    """``$sum``."""
    terms = operands.evaluated(context, "sum", arguments)
    numbers, schema = _alike("sum", terms)
    return _result("sum", math.fsum(numbers) if _any_float(numbers) else sum(numbers), schema)


def subtract(context: Context, arguments: list[Value]) -> Value:
    """``$difference``."""
    numbers, schema = _alike("difference", operands.evaluated(context, "difference", arguments))
    return _result("difference", numbers[0] - numbers[1], schema)


def multiply(context: Context, arguments: list[Value]) -> Value:
    """``$product``: of numbers, or of a scalar and a number."""
    factors = operands.evaluated(context, "product", arguments)
    schema = factors[0].scalar
    if schema is not None and len(factors) != 2:
        raise given.error(given.COUNT, "product", f"takes a scalar and one number, not {len(factors)} arguments")
    product = _number("product", factors[0], 1)
    for position, factor in enumerate(factors[1:], 2):
        _plain("product", factor, position)
        product = _guarded("product", lambda a, b: a * b, product, _number("product", factor, position))
    return _result("product", product, schema)


def divide(context: Context, arguments: list[Value]) -> Value:
    """``$quotient``: a float, or a scalar divided by a number."""
    dividend, divisor = operands.evaluated(context, "quotient", arguments)
    _plain("quotient", divisor, 2)
    by = _divisor("quotient", _number("quotient", divisor, 2))
    number = _number("quotient", dividend, 1)
    schema = dividend.scalar
    if schema is not None and isinstance(number, int) and isinstance(by, int):
        quotient: Number = abs(number) // abs(by) * (1 if (number < 0) == (by < 0) else -1)
        exact = quotient * by == number
        return _result("quotient", quotient if exact or operands.is_integral(schema) else number / by, schema)
    return _result("quotient", _guarded("quotient", lambda a, b: a / b, number, by), schema, whole=False)


def remainder(context: Context, arguments: list[Value]) -> Value:
    """``$remainder``: of an integer or a scalar, by an integer."""
    dividend, divisor = operands.evaluated(context, "remainder", arguments)
    by = _divisor("remainder", given.integer("remainder", divisor.value, 2))
    number, schema = _number("remainder", dividend, 1), dividend.scalar
    if schema is None:
        number = given.integer("remainder", number, 1)
    if isinstance(number, int) and isinstance(by, int):
        return _result("remainder", int(math.copysign(1, number)) * (abs(number) % abs(by)), schema)
    return _result("remainder", _guarded("remainder", math.fmod, number, by), schema)


def nearest(context: Context, arguments: list[Value]) -> Value:
    """``$round``: to the closest integer, a half down."""
    return _whole(context, "round", arguments, lambda number: math.ceil(Fraction(number) - Fraction(1, 2)))


def floor(context: Context, arguments: list[Value]) -> Value:
    """``$floor``."""
    return _whole(context, "floor", arguments, math.floor)


def ceil(context: Context, arguments: list[Value]) -> Value:
    """``$ceil``."""
    return _whole(context, "ceil", arguments, math.ceil)


def _whole(context: Context, function: str, arguments: list[Value], rule: Callable[[Number], int]) -> Value:
    operand = operands.evaluated(context, function, arguments)[0]
    _plain(function, operand, 1)
    number = _number(function, operand, 1)
    if not math.isfinite(number):
        raise given.error(given.RANGE, function, f"{number} has no closest integer")
    return _result(function, rule(number), None)


def _alike(function: str, terms: list[Operand]) -> tuple[list[Number], Schema | None]:
    """Return the numbers of operands that are all scalars of one type, or all plain numbers."""
    schema = next((term.scalar for term in terms if term.scalar is not None), None)
    numbers = []
    for position, term in enumerate(terms, 1):
        if schema is not None and term.scalar is None and not isinstance(term.value, str):
            raise given.wrong(function, term.value, position, "a scalar like the others")
        numbers.append(operands.number(function, term.value, schema, position))
    return numbers, schema


def _number(function: str, operand: Operand, position: int) -> Number:
    return operands.number(function, operand.value, operand.scalar, position)


def _plain(function: str, operand: Operand, position: int) -> None:
    if operand.scalar is not None:
        raise given.wrong(function, operand.value, position, "a number without a unit")


def _divisor(function: str, number: Number) -> Number:
    if number == 0:
        raise given.error(given.RANGE, function, "division by zero")
    return number


def _guarded(function: str, rule: Callable[[Number, Number], Number], first: Number, second: Number) -> Number:
    try:
        return rule(first, second)
    except (OverflowError, ValueError) as error:
        raise given.error(given.RANGE, function, f"the result is no number ({error})") from error


def _any_float(numbers: list[Number]) -> bool:
    return any(isinstance(number, float) for number in numbers)


def _result(function: str, number: Number, schema: Schema | None, *, whole: bool = True) -> Value:
    if isinstance(number, int) and not INTEGER_MIN <= number <= INTEGER_MAX:
        raise given.error(given.RANGE, function, f"the result {number} does not fit in 64 bits")
    if schema is not None:
        return operands.written(number, schema)
    return number if whole else float(number)


FUNCTIONS: Mapping[str, Function] = {
    "sum": add,
    "difference": subtract,
    "product": multiply,
    "quotient": divide,
    "remainder": remainder,
    "round": nearest,
    "floor": floor,
    "ceil": ceil,
}
