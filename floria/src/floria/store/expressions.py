"""The text form of predicates and path expressions: what users write on the command line and in the API.

A predicate compares a property with a value::

    port = 80          state != "running"      load >= 0.5      tags contains web      port exists

The operators are ``= != < <= > >= contains exists``. A value is written as in YAML or JSON: ``80`` is a number,
``"80"`` and ``web`` are text, ``[1, 2]`` is a list. A name with other characters than letters, digits, ``_ . -`` is in
quotes.

A path is a list of steps, separated by ``/``. Each is an axis, and as wanted a name, classes and predicates that
what is reached must fit::

    out:uses(Uses)[weight > 2]/target[port = 80]/parent

The axes are ``out`` and ``in`` (a vertex's edges), ``source`` and ``target`` (an edge's vertexes), ``parent``,
``children``, ``ancestors`` and ``descendants``. Several classes are separated by commas; all must fit.
"""

import json
import re
from typing import NoReturn

from floria import codec, yaml
from floria.codec.plain import PlainError
from floria.store.interface import Axis, Operator, Predicate, Step

_NAME = re.compile(r"[\w.-]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_OPERATOR = re.compile(r"!=|<=|>=|=|<|>|contains\b|exists\b")
_SPACE = re.compile(r"\s*")


class ExpressionError(ValueError):
    """The text is no predicate or path; `column` counts from 1."""

    def __init__(self, message: str, text: str, column: int) -> None:
        super().__init__(f"{text!r}, at {column}: {message}")
        self.message, self.text, self.column = message, text, column


def parse_predicate(text: str) -> Predicate:
    """Return the predicate that `text` says. Raises `ExpressionError`."""
    scanner = _Scanner(text)
    name = scanner.name("the name of a property")
    operator = Operator(scanner.match(_OPERATOR, "an operator (= != < <= > >= contains exists)"))
    start = scanner.position
    rest = text[start:]
    if operator is Operator.EXISTS:
        scanner.end("nothing more: exists has no value")
        return Predicate(name, operator)
    if not rest.strip():
        scanner.fail("a value was expected")
    try:
        value, _ = yaml.load(rest)
        return Predicate(name, operator, codec.from_plain(value))
    except (yaml.YamlError, PlainError) as error:
        raise ExpressionError(f"the value is not understood: {error.message}", text, start + 1) from None


def parse_path(text: str) -> list[Step]:
    """Return the steps that `text` says. Raises `ExpressionError`."""
    scanner = _Scanner(text)
    if scanner.at_end():
        return []
    steps = [_step(scanner)]
    while not scanner.at_end():
        scanner.expect("/")
        steps.append(_step(scanner))
    return steps


def _step(scanner: "_Scanner") -> Step:
    start = scanner.position
    word = scanner.name("an axis")
    if word not in set(Axis):
        scanner.fail(f"{word!r} is no axis; known are {', '.join(Axis)}", start)
    name = scanner.name("a name") if scanner.skip(":") else None
    classes = tuple(_classes(scanner)) if scanner.skip("(") else ()
    where: list[Predicate] = []
    while scanner.skip("["):
        start = scanner.position
        inside = scanner.until("]")
        try:
            where.append(parse_predicate(inside))
        except ExpressionError as error:
            scanner.fail(error.message, start + error.column - 1)
    return Step(axis=Axis(word), name=name, classes=classes, where=tuple(where))


def _classes(scanner: "_Scanner") -> list[str]:
    start = scanner.position
    names = [name.strip() for name in scanner.until(")").split(",")]
    if not all(names):
        scanner.fail("the name of a class was expected", start)
    return names


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self.position = 0

    def at_end(self) -> bool:
        self._skip_space()
        return self.position == len(self._text)

    def skip(self, character: str) -> bool:
        self._skip_space()
        found = self._text.startswith(character, self.position)
        self.position += found
        return found

    def expect(self, character: str) -> None:
        if not self.skip(character):
            self.fail(f"{character} was expected")

    def name(self, what: str) -> str:
        self._skip_space()
        if quoted := _QUOTED.match(self._text, self.position):
            self.position = quoted.end()
            return self._unquoted(quoted[0])
        return self.match(_NAME, what)

    def match(self, pattern: re.Pattern[str], what: str) -> str:
        self._skip_space()
        found = pattern.match(self._text, self.position)
        if found is None:
            self.fail(f"{what} was expected")
        self.position = found.end()
        return found[0]

    def until(self, closing: str) -> str:
        """Return what stands before `closing`, whose like may stand in quotes or in brackets of its own."""
        opening, depth, start = {"]": "[", ")": "("}[closing], 0, self.position
        while True:
            if self.position == len(self._text):
                self.fail(f"{closing} was expected")
            if quoted := _QUOTED.match(self._text, self.position):
                self.position = quoted.end()
                continue
            character = self._text[self.position]
            self.position += 1
            if character == closing and depth == 0:
                return self._text[start : self.position - 1]
            depth += (character == opening) - (character == closing)

    def end(self, what: str) -> None:
        if not self.at_end():
            self.fail(f"{what} was expected")

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        raise ExpressionError(message, self._text, (self.position if position is None else position) + 1)

    def _unquoted(self, text: str) -> str:
        try:
            name: str = json.loads(text)
        except json.JSONDecodeError:
            self.fail(f"{text} is not text in quotes as in JSON")
        return name

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self.position)
        self.position = found.end() if found else self.position
