"""The syntax of regular expressions for ``$matches``: text to a tree. `puccini.functions.regular` runs the tree.

What RE2, Python and ECMAScript agree on: characters, classes, groups, alternatives, repetition, anchors, ``\\b``.
Constructs that cannot be matched in linear time (backreferences, lookaround) are refused by name.
"""

import unicodedata
from typing import TypeAlias, Union

import msgspec

from puccini.functions import characters
from puccini.functions.characters import Predicate

MAX_LENGTH = 2000
MAX_REPEAT = 1000
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_ANCHORS = {"A": "begin", "z": "end", "Z": "end", "b": "boundary", "B": "inside"}
_LOOKAROUND = ("?=", "?!", "?<=", "?<!")


class PatternError(ValueError):
    """The pattern is not one, or asks for what is not supported."""


class One(msgspec.Struct, frozen=True):
    """One character that `fits`."""

    fits: Predicate


class Anchor(msgspec.Struct, frozen=True):
    """A place: begin, end, boundary or inside (of a word)."""

    kind: str


class Sequence(msgspec.Struct, frozen=True):
    """One after the other."""

    parts: tuple["Tree", ...]


class Choice(msgspec.Struct, frozen=True):
    """One or the other."""

    parts: tuple["Tree", ...]


class Repeat(msgspec.Struct, frozen=True):
    """`least` to `most` times; None: without end."""

    part: "Tree"
    least: int
    most: int | None


Tree: TypeAlias = Union[One, Anchor, Sequence, Choice, Repeat]


def parse(pattern: str) -> Tree:
    """Return the tree of `pattern`. Raises `PatternError`."""
    if len(pattern) > MAX_LENGTH:
        raise PatternError(f"it is longer than {MAX_LENGTH} characters")
    reader = _Reader(pattern)
    try:
        tree = reader.choice()
    except RecursionError:
        raise PatternError("it is nested too deep") from None
    if reader.left:
        raise PatternError(f"unexpected {reader.peek!r} at {reader.position}")
    return tree


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._pattern, self.position = pattern, 0
        self._any_case = self._all = False

    @property
    def left(self) -> bool:
        return self.position < len(self._pattern)

    @property
    def peek(self) -> str:
        return self._pattern[self.position : self.position + 1]

    def choice(self) -> Tree:
        parts = [self._sequence()]
        while self._take("|"):
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Tree:
        parts: list[Tree] = []
        while self.left and self.peek not in "|)":
            parts.append(self._repeated())
        return Sequence(tuple(parts))

    def _repeated(self) -> Tree:
        part = self._atom()
        while (bounds := self._bounds()) is not None:
            if isinstance(part, Anchor):
                raise PatternError(f"nothing to repeat before {self.position}")
            part = Repeat(part, *bounds)
            self._take("?")
            if self.peek == "+" and self.left:
                raise PatternError("possessive repetition is not supported")
        return part

    def _bounds(self) -> tuple[int, int | None] | None:
        if self._take("*"):
            return 0, None
        if self._take("+"):
            return 1, None
        if self._take("?"):
            return 0, 1
        end = self._pattern.find("}", self.position)
        if self.peek != "{" or end < 0:
            return None
        least, comma, most = self._pattern[self.position + 1 : end].partition(",")
        if not _is_number(least) or not (most == "" or _is_number(most)):
            return None
        self.position = end + 1
        bounds = int(least), int(most) if most else None if comma else int(least)
        if max(bounds[0], bounds[1] or 0) > MAX_REPEAT:
            raise PatternError(f"more than {MAX_REPEAT} repetitions")
        if bounds[1] is not None and bounds[1] < bounds[0]:
            raise PatternError(f"{{{least},{most}}} has its bounds the wrong way round")
        return bounds

    def _atom(self) -> Tree:
        character = self._next()
        match character:
            case "(":
                return self._group()
            case "[":
                return One(self._class())
            case ".":
                return One((lambda one: True) if self._all else (lambda one: one != "\n"))
            case "^":
                return Anchor("begin")
            case "$":
                return Anchor("end")
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise PatternError(f"nothing to repeat at {self.position - 1}")
            case _:
                return One(self._exactly(character))

    def _group(self) -> Tree:
        if self._pattern.startswith(_LOOKAROUND, self.position):
            raise PatternError("lookahead and lookbehind are not supported")
        if self._take("?") and not self._is_plain():
            self._flags()
            return Sequence(())
        part = self.choice()
        if not self._take(")"):
            raise PatternError("a group has no end")
        return part

    def _is_plain(self) -> bool:
        """Whether what follows ``(?`` only says that the group has a name or none."""
        if self._take(":"):
            return True
        if not (self._take("P<") or self._take("<")):
            return False
        end = self._pattern.find(">", self.position)
        if end < 0:
            raise PatternError("the name of a group has no end")
        self.position = end + 1
        return True

    def _flags(self) -> None:
        begin = self.position
        while self.peek and self.peek in "is":
            self._any_case = self._any_case or self.peek == "i"
            self._all = self._all or self.peek == "s"
            self.position += 1
        if begin != len("(?") or self.position == begin or not self._take(")"):
            raise PatternError(f"the group at {begin - 2} is of an unsupported kind; flags (?i) and (?s) come first")

    def _escape(self) -> Tree:
        character = self._next("a backslash stands at the end")
        if character in _ANCHORS:
            return Anchor(_ANCHORS[character])
        if character in "123456789" or character in "kg":
            raise PatternError("backreferences are not supported")
        return One(self._escaped(character))

    def _escaped(self, character: str) -> Predicate:
        if (named := self._named(character)) is not None:
            return named
        return self._exactly(self._literal(character))

    def _named(self, character: str) -> Predicate | None:
        """Return the class that a letter after a backslash stands for, if it stands for one."""
        positive = characters.NAMED.get(character.lower())
        if character in "pP":
            positive = self._property()
        if positive is None:
            return None
        return characters.negated(positive) if character.isupper() else positive

    def _property(self) -> Predicate:
        category = self._next()
        if category == "{":
            end = self._pattern.find("}", self.position)
            category = self._pattern[self.position : max(end, self.position)]
            self.position = end + 1
        if not 1 <= len(category) <= 2 or not category.isalpha():
            raise PatternError(f"\\p{{{category}}} is not supported; use a general category such as \\p{{L}}")
        return lambda one: unicodedata.category(one).startswith(category)

    def _literal(self, character: str) -> str:
        if character in "xu":
            width = 2 if character == "x" else 4
            digits = self._pattern[self.position : self.position + width]
            if len(digits) < width or any(one not in "0123456789abcdefABCDEF" for one in digits):
                raise PatternError(f"\\{character} needs {width} hexadecimal digits")
            self.position += width
            return chr(int(digits, 16))
        if character in _ESCAPES:
            return _ESCAPES[character]
        if character.isalnum():
            raise PatternError(f"\\{character} is not supported")
        return character

    def _exactly(self, character: str) -> Predicate:
        if not self._any_case:
            return lambda one: one == character
        folded = character.casefold()
        return lambda one: one.casefold() == folded

    def _class(self) -> Predicate:
        negative = self._take("^")
        parts: list[Predicate] = []
        first = True
        while first or self.peek != "]":
            first = False
            parts.append(self._class_part())
        self.position += 1
        if self._any_case:
            plain = tuple(parts)
            parts = [lambda one: any(part(form) for part in plain for form in {one, one.lower(), one.upper()[:1]})]
        fits: Predicate = parts[0] if len(parts) == 1 else lambda one: any(part(one) for part in parts)
        return characters.negated(fits) if negative else fits

    def _class_part(self) -> Predicate:
        for name, fits in characters.POSIX.items():
            if self._take(f"[:{name}:]"):
                return fits
        character = self._next("a class has no end")
        if character == "\\":
            character = self._next("a class has no end")
            if (named := self._named(character)) is not None:
                return named
            character = "\b" if character == "b" else self._literal(character)
        if self.peek == "-" and self._pattern[self.position + 1 : self.position + 2] not in ("]", ""):
            self.position += 1
            return self._range(character)
        return lambda one: one == character

    def _range(self, low: str) -> Predicate:
        high = self._next()
        if high == "\\":
            high = self._literal(self._next("a class has no end"))
        if high < low:
            raise PatternError(f"the range {low}-{high} is the wrong way round")
        return lambda one: low <= one <= high

    def _take(self, text: str) -> bool:
        found = self._pattern.startswith(text, self.position)
        if found:
            self.position += len(text)
        return found

    def _next(self, otherwise: str = "it ends too early") -> str:
        if not self.left:
            raise PatternError(otherwise)
        self.position += 1
        return self._pattern[self.position - 1]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6
