"""YAML 1.2 (core schema) with the place of every node: read by `puccini.lines`, or else by `puccini.libyaml`.

Called by the loader for every file. Unlike YAML 1.1, only ``true`` and ``false`` are booleans, and there are no dates,
no base-60 numbers, no merge keys. Duplicate keys are errors. Aliases share their value; what they would amount to when
written out is counted against a budget. No input raises: problems are in `Document.problems`.
"""

import re
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

__all__ = [
    "Document",
    "Map",
    "MapKey",
    "Mark",
    "Position",
    "Problem",
    "Seq",
    "SequenceKey",
    "parse",
    "position",
    "scalar",
]

MAX_DEPTH: Final = 100
ALIAS_BUDGET: Final = 1_000_000

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_BASES: Final = {"0o": ("0o[0-7]+", 8), "0x": ("0x[0-9a-fA-F]+", 16)}
_NUMERIC = frozenset("0123456789+-.")
_MAX_DIGITS = 4000
_CONSTANTS: Final[dict[str, Any]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    ".nan": float("nan"),
    ".NaN": float("nan"),
    ".NAN": float("nan"),
    **{f"{sign}.{word}": float(f"{sign}inf") for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")},
}
UNUSUAL: Final = frozenset({"True", "TRUE", "False", "FALSE", "Null", "NULL"})
WORDS: Final = frozenset(_CONSTANTS)


Mark: TypeAlias = int
"""A place, packed: line and column from 0, or several places in a row. A file has many, and integers cost least."""

_COLUMN_BITS = 24
_COLUMN_MASK = (1 << _COLUMN_BITS) - 1
_BITS = 48
_MASK = (1 << _BITS) - 1


class Position(NamedTuple):
    """A place: line and column from 0."""

    line: int
    column: int


def position(mark: Mark) -> Position:
    """Return what a mark means."""
    return Position(mark >> _COLUMN_BITS, mark & _COLUMN_MASK)


def start(mark: Mark) -> Mark:
    """Return where the value of an entry starts."""
    return mark >> _BITS & _MASK


def end(mark: Mark) -> Mark:
    """Return where the value of an entry ends."""
    return mark & _MASK


def key_position(mark: Mark) -> Position:
    """Return where the key of an entry stands."""
    return position(mark >> 2 * _BITS)


class Map(dict[Any, Any]):
    """A mapping; `marks` has for each key, packed, where it stands, where its value starts and where that ends."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        self.marks: dict[Any, Mark] = {}


class Seq(list[Any]):
    """A sequence; `marks` has start and end of each item, packed."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        self.marks: list[Mark] = []


class SequenceKey(tuple[Any, ...]):
    """A sequence used as a key (TOSCA section 15.5)."""

    __slots__ = ()


class MapKey(tuple[tuple[Any, Any], ...]):
    """A mapping used as a key: its pairs."""

    __slots__ = ()


class Problem(NamedTuple):
    """Something wrong with a file as YAML."""

    code: str
    message: str
    start: Position
    end: Position
    hint: str = ""


class Document:
    """A parsed file. `complete` is false when it could not be read to its end, and `value` is None then.

    `anchored` has the places (line and column from 0) of nodes with an anchor, `unusual` those of booleans and nulls
    that are not written in lower case, with what was written.

    A file that is being edited is made of parts (`puccini.editing`): `parts` has for each key of `value` the document
    in which its entry was read, and `first` is the line of the file at which a part begins. `read` keeps what was made
    of a document, for those who read it again. `allowed` are the codes of what its version of TOSCA has nothing
    against.
    """

    allowed: ClassVar[frozenset[str]] = frozenset()

    __slots__ = (
        "anchored",
        "complete",
        "data",
        "first",
        "marks",
        "name",
        "parts",
        "problems",
        "read",
        "unusual",
        "value",
    )

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = data
        self.value: Any = None
        self.marks: Mark = 0
        self.complete = False
        self.problems: list[Problem] = []
        self.anchored: set[tuple[int, int]] = set()
        self.unusual: dict[tuple[int, int], str] = {}
        self.first = 0
        self.parts: dict[Any, Document] | None = None
        self.read: Any = None


def parse(data: bytes, name: str, depth: int = 0) -> Document:
    """Parse one YAML document; `name` is how messages call the file, `depth` how deep in another one it stands."""
    from puccini import lines

    document = Document(name, data)
    try:
        lines.read(document, depth)
        document.complete = True
    except lines.Doubt:
        from puccini import libyaml

        libyaml.read(document, depth)
    return document


def scalar(text: str) -> Any:
    """Return the value of a plain scalar in the core schema."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] in _NUMERIC and len(text) < _MAX_DIGITS:
        if _INTEGER.match(text):
            return int(text)
        if _FLOAT.match(text):
            return float(text)
        pattern, base = _BASES.get(text[:2], ("", 0))
        if base and re.fullmatch(pattern, text):
            return int(text[2:], base)
    return text
