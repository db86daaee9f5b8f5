"""YAML on libyaml's event parser: whatever a file holds, and whatever is wrong with it. `puccini.yaml` calls this."""

from collections.abc import Callable
from typing import Any, Final

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

from puccini.yaml import (
    ALIAS_BUDGET,
    MAX_DEPTH,
    UNUSUAL,
    WORDS,
    Document,
    Map,
    MapKey,
    Mark,
    Position,
    Problem,
    Seq,
    SequenceKey,
    key_position,
    scalar,
)

# As `Any`, or the type checker would take the marks of events for optional.
_ALIAS: Any = AliasEvent
_DOCUMENT_START: Any = DocumentStartEvent
_MAPPING_END: Any = MappingEndEvent
_MAPPING_START: Any = MappingStartEvent
_SCALAR: Any = ScalarEvent
_SEQUENCE_END: Any = SequenceEndEvent
_SEQUENCE_START: Any = SequenceStartEvent
_STREAM_END: Any = StreamEndEvent

_TAG = "tag:yaml.org,2002:"
_SPECIAL = frozenset({"", "~", *"0123456789+-."})
"""What a plain scalar begins with that may be something else than text."""

_TOP: Final = Position(0, 0)


class _Fatal(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def read(document: Document, depth: int) -> None:
    """Fill `document`, which stands `depth` deep in another one; what is wrong is in its problems."""
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
        document.marks = _pack(event.start_mark) << 48 | end
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
            if text in UNUSUAL:
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
                if key_event.tag is not None or key_event.anchor is not None or not key[:1].isalpha() or key in WORDS:
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
                    or value in WORDS
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
    return mark.line << 24 | mark.column  # type: ignore[no-any-return]


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
