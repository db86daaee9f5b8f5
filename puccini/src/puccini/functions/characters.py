"""Classes of characters for regular expressions: what ``\\d``, ``\\w``, ``\\s`` and ``[:name:]`` mean. ASCII only."""

from collections.abc import Callable
from typing import TypeAlias

Predicate: TypeAlias = Callable[[str], bool]


def is_word(character: str) -> bool:
    """Whether a character counts as part of a word (``\\w``)."""
    return character == "_" or (character.isascii() and character.isalnum())


def is_digit(character: str) -> bool:
    """``\\d``."""
    return "0" <= character <= "9"


def is_space(character: str) -> bool:
    """``\\s``."""
    return character in " \t\n\r\f\v"


def negated(fits: Predicate) -> Predicate:
    """Return what fits all other characters."""
    return lambda one: not fits(one)


def _ascii(fits: Predicate) -> Predicate:
    return lambda one: one.isascii() and fits(one)


POSIX: dict[str, Predicate] = {
    "alpha": _ascii(str.isalpha),
    "digit": is_digit,
    "alnum": _ascii(str.isalnum),
    "upper": _ascii(str.isupper),
    "lower": _ascii(str.islower),
    "space": is_space,
    "punct": _ascii(lambda one: one.isprintable() and not one.isalnum() and one != " "),
    "xdigit": lambda one: one in "0123456789abcdefABCDEF",
    "word": is_word,
}

NAMED: dict[str, Predicate] = {"d": is_digit, "w": is_word, "s": is_space}
