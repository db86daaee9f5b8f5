"""YAML 1.2 (core schema) with the place of every node, on libyaml's event parser.

Called by the loader for every file. Unlike YAML 1.1, only ``true`` and ``false`` are booleans, and there are no dates,
no base-60 numbers, no merge keys. Duplicate keys are errors. Aliases share their value; what they would amount to when
written out is counted against a budget. No input raises: problems are in `Document.problems`.
"""

import re
from collections.abc import Callable
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

from yaml import YAMLError
from yaml._yaml import CParser
from yaml.error import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.reader import ReaderError

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

# As `Any`, or the type checker would take the marks of events for optional.
_ALIAS: Any = AliasEvent
_DOCUMENT_START: Any = DocumentStartEvent
_MAPPING_END: Any = MappingEndEvent
_MAPPING_START: Any = MappingStartEvent
_SCALAR: Any = ScalarEvent
_SEQUENCE_END: Any = SequenceEndEvent
_SEQUENCE_START: Any = SequenceStartEvent
_STREAM_END: Any = StreamEndEvent

MAX_DEPTH: Final = 100
ALIAS_BUDGET: Final = 1_000_000

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)\Z")
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
}
_UNUSUAL = frozenset({"True", "TRUE", "False", "FALSE", "Null", "NULL"})
_WORDS = frozenset(_CONSTANTS)
_SPECIAL = frozenset({"", "~", *_NUMERIC})
"""What a plain scalar begins with that may be something else than text."""
_TAG = "tag:yaml.org,2002:"


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
        super().__init__()
        self.marks: dict[Any, Mark] = {}


class Seq(list[Any]):
    """A sequence; `marks` has start and end of each item, packed."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        super().__init__()
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


_TOP: Final = Position(0, 0)


class _Fatal(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parse(data: bytes, name: str, depth: int = 0) -> Document:
    """Parse one YAML document; `name` is how messages call the file, `depth` how deep in another one it stands."""
    document = Document(name, data)
    try:
        _Builder(document, depth).build()
        document.complete = True
    except _Fatal as error:
        document.problems.append(error.problem)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Position(mark.line, mark.column) if mark is not None else _TOP
        message = f"this is not YAML: {error.problem or error.context}"
        if error.context and error.problem:
            message += f" ({error.context})"
        document.problems.append(Problem("yaml-syntax", message, place, place, _syntax_hint(error)))
    except ReaderError as error:
        document.problems.append(_unreadable(document, error))
    except (YAMLError, UnicodeError, ValueError) as error:
        document.problems.append(Problem("yaml-syntax", f"this is not YAML: {error}", _TOP, _TOP))
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
        if _OCTAL.match(text):
            return int(text[2:], 8)
        if _HEXADECIMAL.match(text):
            return int(text[2:], 16)
        if _INFINITY.match(text):
            return float(text.replace(".", "", 1))
    return text


class _Builder:
    __slots__ = ("aliased", "anchors", "count", "depth", "document", "event")

    def __init__(self, document: Document, depth: int) -> None:
        self.document = document
        self.event: Callable[[], Any] = CParser(document.data).get_event
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.count = 0
        self.aliased = 0
        self.depth = depth

    def build(self) -> None:
        self.event()
        first = self.event()
        document = self.document
        if first.__class__ is _STREAM_END:
            raise _Fatal(Problem("empty-file", "the file is empty", _TOP, _TOP))
        event = self.event()
        document.value, end = self.node(event)
        document.marks = _pack(event.start_mark) << _BITS | end
        self.event()
        following = self.event()
        if following.__class__ is _DOCUMENT_START:
            mark = _place(following.start_mark)
            document.problems.append(
                Problem("several-documents", "the file holds more than one YAML document", mark, mark, "remove '---'")
            )

    def node(self, event: Any) -> tuple[Any, Mark]:
        """Return the value that begins with `event`, and its end."""
        kind = event.__class__
        if kind is _SCALAR:
            return self.scalar(event), _pack(event.end_mark)
        if kind is _MAPPING_START:
            return self.mapping(event)
        if kind is _SEQUENCE_START:
            return self.sequence(event)
        self.count += 1
        return self.alias(event), _pack(event.end_mark)

    def scalar(self, event: Any) -> Any:
        """Return the value of any scalar; `mapping` and `sequence` have a short way for the simplest."""
        self.count += 1
        text = event.value
        if event.tag is not None:
            value = self.tagged(event)
        elif event.implicit[0]:
            value = scalar(text)
            if text in _UNUSUAL:
                self.document.unusual[event.start_mark.line, event.start_mark.column] = text
        else:
            value = text
        if event.anchor is not None:
            self.anchor(event, value, 1)
        return value

    def mapping(self, event: Any) -> tuple[Any, Mark]:
        self.enter(event, "map")
        before = self.count
        result = Map()
        marks = result.marks
        next_event = self.event
        if event.anchor is not None:
            self.anchors[event.anchor] = (None, 0)
        while True:
            key_event = next_event()
            kind = key_event.__class__
            if kind is _SCALAR:
                key = key_event.value
                if key_event.tag is not None or key_event.anchor is not None or not key[:1].isalpha() or key in _WORDS:
                    key = self.scalar(key_event)
                else:
                    self.count += 1
            elif kind is _MAPPING_END:
                break
            else:
                key = _hashable(self.node(key_event)[0])
            value_event = next_event()
            kind = value_event.__class__
            if kind is _SCALAR:
                value = value_event.value
                if (
                    value_event.tag is not None
                    or value_event.anchor is not None
                    or value[:1] in _SPECIAL
                    or value in _WORDS
                ):
                    value = self.scalar(value_event)
                else:
                    self.count += 1
                mark = value_event.end_mark
                end = mark.line << 24 | mark.column
            elif kind is _MAPPING_START:
                value, end = self.mapping(value_event)
            else:
                value, end = self.node(value_event)
            if key in result:
                self.duplicate(key, key_event, key_position(marks[key]))
                continue
            result[key] = value
            at, start = key_event.start_mark, value_event.start_mark
            marks[key] = (at.line << 24 | at.column) << 96 | (start.line << 24 | start.column) << 48 | end
        self.depth -= 1
        if event.anchor is not None:
            self.anchor(event, result, self.count - before + 1)
        return result, _pack(key_event.end_mark)

    def sequence(self, event: Any) -> tuple[Any, Mark]:
        self.enter(event, "seq")
        before = self.count
        result = Seq()
        marks = result.marks
        next_event, node = self.event, self.node
        if event.anchor is not None:
            self.anchors[event.anchor] = (None, 0)
        while True:
            item_event = next_event()
            if item_event.__class__ is _SEQUENCE_END:
                break
            value, end = node(item_event)
            result.append(value)
            start = item_event.start_mark
            marks.append((start.line << 24 | start.column) << 48 | end)
        self.depth -= 1
        if event.anchor is not None:
            self.anchor(event, result, self.count - before + 1)
        return result, _pack(item_event.end_mark)

    def enter(self, event: Any, tag: str) -> None:
        self.count += 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            message = f"the file is nested deeper than {MAX_DEPTH} levels"
            raise _Fatal(Problem("too-deep", message, _place(event.start_mark), _place(event.end_mark)))
        if event.tag is not None and event.tag not in ("!", _TAG + tag):
            self.bad_tag(event)

    def anchor(self, event: Any, value: Any, size: int) -> None:
        self.anchors[event.anchor] = (value, size)
        self.document.anchored.add((event.start_mark.line, event.start_mark.column))

    def alias(self, event: Any) -> Any:
        if event.__class__ is not _ALIAS or event.anchor not in self.anchors:
            raise _Fatal(
                Problem(
                    "unknown-alias",
                    f"there is no anchor '&{event.anchor}' above this place",
                    _place(event.start_mark),
                    _place(event.end_mark),
                    _anchor_hint(self.anchors),
                )
            )
        value, size = self.anchors[event.anchor]
        if size == 0:
            message = f"the alias '*{event.anchor}' stands inside the very node it refers to"
            raise _Fatal(Problem("recursive-alias", message, _place(event.start_mark), _place(event.end_mark)))
        self.count += size
        self.aliased += size
        if self.aliased > ALIAS_BUDGET:
            message = f"the aliases of this file amount to more than {ALIAS_BUDGET} nodes"
            raise _Fatal(Problem("alias-budget", message, _place(event.start_mark), _place(event.end_mark)))
        return value

    def duplicate(self, key: Any, event: Any, first: Position) -> None:
        self.document.problems.append(
            Problem(
                "duplicate-key",
                f"the key {key!r} occurs twice in one map",
                _place(event.start_mark),
                _place(event.end_mark),
                f"the first is at line {first.line + 1}; rename or remove one",
            )
        )

    def tagged(self, event: Any) -> Any:
        tag, text = event.tag, event.value
        if tag in ("!", _TAG + "str"):
            return text
        value = scalar(text)
        if tag == _TAG + "float" and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        expected = {_TAG + "int": int, _TAG + "bool": bool, _TAG + "null": type(None)}.get(tag)
        if expected is None:
            self.bad_tag(event)
        elif type(value) is not expected:
            message = f"{text!r} is not of the YAML type {tag.removeprefix(_TAG)!r}"
            self.document.problems.append(
                Problem("yaml-tag", message, _place(event.start_mark), _place(event.end_mark))
            )
        return value

    def bad_tag(self, event: Any) -> None:
        tag = event.tag.replace(_TAG, "!!", 1)
        self.document.problems.append(
            Problem(
                "yaml-tag",
                f"the YAML type '{tag}' is not accepted in TOSCA",
                _place(event.start_mark),
                _place(event.end_mark),
                "write the value as a string; binary data as Base64 text",
            )
        )


def _pack(mark: Any) -> Mark:
    return mark.line << _COLUMN_BITS | mark.column  # type: ignore[no-any-return]


def _place(mark: Any) -> Position:
    return Position(mark.line, mark.column)


def _hashable(key: Any) -> Any:
    if isinstance(key, Map):
        return MapKey((_hashable(name), _hashable(value)) for name, value in key.items())
    if isinstance(key, Seq):
        return SequenceKey(_hashable(item) for item in key)
    return key


def _anchor_hint(anchors: dict[str, Any]) -> str:
    return "anchors above are: " + ", ".join(sorted(anchors)[:8]) if anchors else "define one with '&NAME'"


def _syntax_hint(error: MarkedYAMLError) -> str:
    problem = str(error.problem)
    if "'\\t'" in problem or "tab" in problem:
        return "indent with spaces"
    if "mapping values are not allowed" in problem:
        return "quote a text that has ': ' in it"
    return ""


def _unreadable(document: Document, error: ReaderError) -> Problem:
    offset = error.position if isinstance(error.position, int) and error.position >= 0 else 0
    before = document.data[:offset]
    line = before.count(b"\n")
    column = len(before) - (before.rfind(b"\n") + 1)
    place = Position(line, column)
    return Problem(
        "yaml-encoding", f"the file cannot be read as text: {error.reason}", place, place, "save it as UTF-8"
    )
