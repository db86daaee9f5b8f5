"""Entity identifiers: 128 bits, one text form.

Every part that creates or reads entities goes through here, so that an id has exactly one spelling: 26 characters of
lower-case Crockford base32, the first of them below ``8``.
"""

import hashlib
import os
import re
import time
from typing import NewType

Id = NewType("Id", str)

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
_FORM = re.compile(f"[0-7][{ALPHABET}]{{{LENGTH - 1}}}")


class InvalidId(ValueError):
    """The text is not an id."""


def new() -> Id:
    """Return a fresh id: 48 bits of Unix milliseconds, then 80 random bits, so ids sort by creation."""
    return _text((time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big"))


def derive(*names: str) -> Id:
    """Return the id that always belongs to these names, in this order."""
    digest = hashlib.blake2b(digest_size=16)
    for name in names:
        encoded = name.encode()
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return _text(int.from_bytes(digest.digest(), "big"))


def parse(text: str) -> Id:
    """Return `text` as an id, or raise `InvalidId` when it is not in the one text form."""
    if not is_id(text):
        raise InvalidId(f"{text!r} is not an id: 26 characters of {ALPHABET!r} were expected")
    return Id(text)


def is_id(text: str) -> bool:
    """Whether `text` is in the one text form."""
    return _FORM.fullmatch(text) is not None


def _text(number: int) -> Id:
    return Id("".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5)))
