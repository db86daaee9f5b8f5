"""TOSCA versions: ``major.minor[.fix[.qualifier[-build]]]`` (section 9.1.2.3)."""

import re
from typing import NamedTuple

_VERSION = re.compile(r"(\d{1,18})\.(\d{1,18})(?:\.(\d{1,18})(?:\.([A-Za-z0-9_]+)(?:-(\d{1,18}))?)?)?\Z", re.ASCII)


class Version(NamedTuple):
    """A version; `qualifier` is empty and `build` 0 when they are not given."""

    major: int
    minor: int
    fix: int = 0
    qualifier: str = ""
    build: int = 0


def parse(text: str) -> Version:
    """Return the version that `text` is. Raises `ValueError`."""
    match = _VERSION.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a version such as 1.2, 1.2.3, 1.2.3.beta or 1.2.3.beta-4")
    major, minor, fix, qualifier, build = match.groups()
    return Version(int(major), int(minor), int(fix or 0), qualifier or "", int(build or 0))


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1 as `one` is older than, equal to or newer than `other`.

    A version with a qualifier is older than the same one without. Raises `ValueError` for text that is no version and
    for different qualifiers of the same version, which have no order.
    """
    left, right = parse(one), parse(other)
    if left[:3] != right[:3]:
        return -1 if left[:3] < right[:3] else 1
    if left.qualifier != right.qualifier:
        if not left.qualifier or not right.qualifier:
            return 1 if not left.qualifier else -1
        raise ValueError(f"{one} and {other} have no order: their qualifiers differ")
    return (left.build > right.build) - (left.build < right.build)
