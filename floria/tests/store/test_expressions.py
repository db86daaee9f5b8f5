"""The text form of predicates and paths."""

import pytest

from floria.store.expressions import ExpressionError, parse_path, parse_predicate
from floria.store.interface import Axis, Operator, Predicate, Step
from floria.values import Call


@pytest.mark.parametrize(
    ("text", "predicate"),
    [
        ("port=80", Predicate("port", Operator.EQUAL, 80)),
        (" port  >=  1.5 ", Predicate("port", Operator.GREATER_OR_EQUAL, 1.5)),
        ('port != "80"', Predicate("port", Operator.NOT_EQUAL, "80")),
        ("state = running fast", Predicate("state", Operator.EQUAL, "running fast")),
        ("a.b-c_d < 010", Predicate("a.b-c_d", Operator.LESS, 10)),
        ("on = yes", Predicate("on", Operator.EQUAL, "yes")),
        ("flag = true", Predicate("flag", Operator.EQUAL, True)),
        ("x = null", Predicate("x", Operator.EQUAL, None)),
        ('"a b" contains [1, {k: v}]', Predicate("a b", Operator.CONTAINS, [1, {"k": "v"}])),
        ("x exists", Predicate("x", Operator.EXISTS)),
        ("exists exists", Predicate("exists", Operator.EXISTS)),
        ("x = {$bytes: AA==}", Predicate("x", Operator.EQUAL, b"\x00")),
        ('x = {"$f:g": [1]}', Predicate("x", Operator.EQUAL, Call("f:g", [1]))),
    ],
)
def test_predicates(text: str, predicate: Predicate) -> None:
    assert parse_predicate(text) == predicate


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", []),
        ("out", [Step(axis=Axis.OUT)]),
        (" out : host / target ", [Step(axis=Axis.OUT, name="host"), Step(axis=Axis.TARGET)]),
        (
            'in:"a/b"(khutulun:1.0::Process, tosca:node)[x = [1, 2]][s = "]"]',
            [
                Step(
                    axis=Axis.IN,
                    name="a/b",
                    classes=("khutulun:1.0::Process", "tosca:node"),
                    where=(Predicate("x", Operator.EQUAL, [1, 2]), Predicate("s", Operator.EQUAL, "]")),
                )
            ],
        ),
    ],
)
def test_paths(text: str, steps: list[Step]) -> None:
    assert parse_path(text) == steps


@pytest.mark.parametrize(
    ("parse", "text", "column", "message"),
    [
        (parse_predicate, "", 1, "the name of a property was expected"),
        (parse_predicate, "port", 5, "an operator .* was expected"),
        (parse_predicate, "port ~ 1", 6, "an operator"),
        (parse_predicate, "port =", 7, "a value was expected"),
        (parse_predicate, "port exists 1", 13, "nothing more: exists has no value"),
        (parse_predicate, "port = [1", 7, "the value is not understood"),
        (parse_predicate, "port = {$x: 1}", 7, "the value is not understood: .x is not known"),
        (parse_path, "sideways", 1, "'sideways' is no axis; known are out, in"),
        (parse_path, "out/", 5, "an axis was expected"),
        (parse_path, "out target", 5, "/ was expected"),
        (parse_path, "out(", 5, r"\) was expected"),
        (parse_path, "out(a,)", 5, "the name of a class was expected"),
        (parse_path, "out/in[x ~ 1]", 10, "an operator"),
        (parse_path, "out[x = 1", 10, r"\] was expected"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(parse: object, text: str, column: int, message: str) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        parse(text)  # type: ignore[operator]
    assert caught.value.column == column
