"""A YAML file as it is written: every node with its text, every comment with what it is about."""

import re
from typing import Any

import msgspec
import yaml as pyyaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from puccini.formatting import comments

_STRANGE = re.compile("[\r\x85\u2028\u2029]")


class Unknown(Exception):
    """Something is written in a way that this cannot keep."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class Text(msgspec.Struct):
    """A scalar or an alias as it is written, an anchor and a tag before it included.

    `column` is that of the block around it.
    """

    lines: list[str]
    column: int
    block: bool = False
    quoted: bool = False


class Entry(msgspec.Struct):
    """An entry of a map, or an item of a list (its `key` is None), with the comments before and behind it.

    An empty text in `before` is an empty line. An `explicit` key is one that only a ``?`` can stand before.
    """

    key: "Node | None"
    value: "Node"
    before: list[str] = []
    behind: str = ""
    name: str | None = None
    explicit: bool = False


class Group(msgspec.Struct):
    """A map or a list, with its anchor and tag as `mark`. One in brackets over several lines has these as `lines`.

    `after` are comments at its end.
    """

    map: bool
    flow: bool
    entries: list[Entry]
    mark: str = ""
    lines: list[str] = []
    column: int = 0
    after: list[str] = []


Node = Text | Group


class File(msgspec.Struct):
    """A whole file; `before` are the comments above all else, `after` those below, `directives` lines with a ``%``."""

    node: Node
    before: list[str]
    after: list[str]
    directives: list[str] = []


def parse(text: str) -> File:
    """Return the tree of a text that is known to be YAML. Raises `Unknown`."""
    strange = _STRANGE.search(text)
    if strange is not None:
        raise Unknown("an end of a line that few programs know", text.count("\n", 0, strange.start()))
    return _Builder(text).build()


class _Builder:
    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.events: list[Any] = list(pyyaml.parse(text, Loader=pyyaml.CLoader))
        self.position = 0
        self.comments = comments.find(self.lines, self.events)
        self.taken = 0
        self.kept = 0

    def build(self) -> File:
        self.position = 1
        start = self.next()
        directives = []
        if isinstance(start, DocumentStartEvent) and start.tags:
            raise Unknown("a directive that gives names to tags", 0)
        if isinstance(start, DocumentStartEvent) and start.version:
            directives = [f"%YAML {'.'.join(map(str, start.version))}"]
        first = self.peek()
        header = self.before(first.start_mark.line)
        cut = max((index for index, one in enumerate(header) if not one), default=-1)
        node = self.node(-1)
        if isinstance(node, Group) and node.entries and not node.flow:
            node.entries[0].before = header[cut + 1 :] + node.entries[0].before
            header = header[: cut + 1]
        return File(node, _trimmed(header), _trimmed(self.before(len(self.lines))), directives)

    def peek(self) -> Any:
        return self.events[self.position]

    def next(self) -> Any:
        event = self.events[self.position]
        self.position += 1
        return event

    def node(self, column: int) -> Node:
        event = self.next()
        if isinstance(event, ScalarEvent):
            return self.scalar(event, column)
        if isinstance(event, AliasEvent):
            return Text([f"*{event.anchor}"], column)
        if event.flow_style:
            return self.flow(event, column)
        return self.block(event)

    def scalar(self, event: Any, column: int) -> Text:
        start, end = event.start_mark, event.end_mark
        if start.line == end.line:
            return Text([self.lines[start.line][start.column : end.column]], column, quoted=event.style in ("'", '"'))
        if event.style in ("|", ">"):
            last = end.line if end.column else end.line - 1
            head, *lines = [self.lines[start.line][start.column :], *self.lines[start.line + 1 : last + 1]]
            if "+" in head:
                self.kept = last + 1
            while "+" not in head and lines and not lines[-1].strip():
                lines.pop()
            if end.line == len(self.lines) - 1 and end.column and not {"+", "-"} & set(head):
                if "#" in head:
                    raise Unknown("a text at the end of a file without an end of its line", start.line)
                head = f"{head.rstrip()}-"
            return Text([head, *lines], column, block=True)
        lines = [self.lines[start.line][start.column :], *self.lines[start.line + 1 : end.line]]
        return Text([*lines, self.lines[end.line][: end.column]], column, quoted=event.style in ("'", '"'))

    def flow(self, event: Any, column: int) -> Group:
        begin = event.start_mark
        is_map = isinstance(event, MappingStartEvent)
        group = Group(is_map, True, [], _mark(event), column=column)
        while not isinstance(self.peek(), MappingEndEvent | SequenceEndEvent):
            key = self.node(column) if is_map else None
            group.entries.append(Entry(key, self.node(column), name=_name(key)))
        end: Any = self.next().end_mark
        if end.line != begin.line:
            lines = [self.lines[begin.line][begin.column :], *self.lines[begin.line + 1 : end.line]]
            group.lines = [*lines, self.lines[end.line][: end.column]]
            self.skip(end.line)
        return group

    def block(self, event: Any) -> Group:
        is_map = isinstance(event, MappingStartEvent)
        group = Group(is_map, False, [], _mark(event))
        column = -1
        while not isinstance(self.peek(), MappingEndEvent | SequenceEndEvent):
            group.entries.append(self.entry(is_map, group))
            if column < 0:
                column = group.column
        end = self.next().start_mark
        group.after = self.before(end.line, column)
        return group

    def entry(self, is_map: bool, group: Group) -> Entry:
        first = self.peek()
        mark = first.start_mark
        asked = self.question(mark) if is_map else None
        line, column = asked or ((mark.line, mark.column) if is_map else self.dash(mark))
        group.column = column
        before = self.before(line)
        key = self.node(column) if is_map else None
        explicit = asked is not None and key is not None and not _is_short(key)
        if asked is not None:
            line, is_given = self.colon(line)
            before += self.above(line)
            if not is_given:
                self.next()
                return Entry(key, Text([""], column), before, self.behind(line), _name(key), explicit)
        elif isinstance(key, Text) and len(key.lines) > 1:
            raise Unknown("a key over several lines", line)
        value = self.peek()
        value_line = value.start_mark.line
        nested = _is_nested(value)
        marked = nested and bool(value.anchor or value.tag)
        behind = self.behind(line) if is_map and (marked or value_line > line) else ""
        if explicit and nested and behind:
            before.append(behind)
            behind = ""
        if marked and value_line > line:
            raise Unknown("an anchor or a tag on a line of its own", value_line)
        node = self.node(column)
        if not nested:
            end: Any = self.events[self.position - 1].end_mark
            last = end.line - 1 if isinstance(node, Text) and node.block and not end.column else end.line
            if not (isinstance(node, Text) and node.block):
                last_comment = self.behind(last)
                if last_comment and behind:
                    before.append(behind)
                behind = last_comment or behind
        return Entry(key, node, before, behind, _name(key), explicit)

    def question(self, mark: Any) -> tuple[int, int] | None:
        """Return where the ``?`` before a key is; None when there is none."""
        end = self.events[self.position - 1].end_mark
        for line in range(mark.line, end.line - 1, -1):
            begin = end.column if line == end.line else 0
            stop = mark.column if line == mark.line else None
            found = comments.COMMENT.sub("", self.lines[line][begin:stop]).find("?")
            if found >= 0:
                return line, begin + found
        return None

    def colon(self, line: int) -> tuple[int, bool]:
        """Return where the colon behind a key is, which begins at `line`, and True; else where it ends, and False."""
        position = self.position - 1
        while _is_empty_end(self.events[position]):
            position -= 1
        end, value = self.events[position].end_mark, self.peek().start_mark
        last = max(line, end.line - 1 if end.line > line and not end.column else end.line)
        for at in range(end.line, value.line + 1):
            begin = end.column if at == end.line else 0
            stop = value.column if at == value.line else None
            if ":" in comments.COMMENT.sub("", self.lines[at][begin:stop]):
                return at, True
        return last, False

    def above(self, line: int) -> list[str]:
        """Take the comments above `line`, those behind something included."""
        found = []
        while self.taken < len(self.comments) and self.comments[self.taken][0] < line:
            found.append(self.comments[self.taken][2])
            self.taken += 1
        return found

    def dash(self, mark: Any) -> tuple[int, int]:
        """Return where the dash before an item is."""
        line, column = mark.line, mark.column
        while line >= 0:
            before = self.lines[line][:column] if column is not None else comments.COMMENT.sub("", self.lines[line])
            stripped = before.rstrip()
            if stripped.endswith("-"):
                return line, len(stripped) - 1
            if stripped.strip():
                return mark.line, mark.column
            line, column = line - 1, None
        return mark.line, mark.column

    def before(self, line: int, column: int = 0) -> list[str]:
        """Take the comments on lines of their own up to `line`, from `column` on; with the empty lines among them."""
        found: list[str] = []
        last: int | None = None
        while self.taken < len(self.comments):
            at, start, text, own = self.comments[self.taken]
            if at >= line or (own and start < column):
                break
            self.taken += 1
            if not own:
                raise Unknown("a comment in an unusual place", at)
            if self.blank(at):
                found.append("")
            found.append(text)
            last = at
        if column == 0 and self.blank(line) and (last is None or line - 1 > last):
            found.append("")
        return found

    def behind(self, line: int) -> str:
        """Take the comment at the end of a line."""
        if self.taken < len(self.comments):
            at, _, text, own = self.comments[self.taken]
            if at == line and not own:
                self.taken += 1
                return text
        return ""

    def skip(self, line: int) -> None:
        """Leave out the comments above `line`: they are in brackets, which stay as they are."""
        while self.taken < len(self.comments) and self.comments[self.taken][0] < line:
            self.taken += 1

    def blank(self, line: int) -> bool:
        return self.kept < line <= len(self.lines) and not self.lines[line - 1].strip()


def _is_empty_end(event: Any) -> bool:
    """Whether a map or a list without brackets ends, which is only noticed further down."""
    is_end = isinstance(event, MappingEndEvent | SequenceEndEvent)
    return is_end and bool(event.start_mark.index == event.end_mark.index)


def _is_nested(event: Any) -> bool:
    """Whether a map or a list without brackets begins."""
    return isinstance(event, MappingStartEvent | SequenceStartEvent) and not event.flow_style


def _mark(event: Any) -> str:
    """Return the anchor and the tag of a map or a list."""
    tag = (event.tag or "").replace("tag:yaml.org,2002:", "!!", 1)
    return " ".join(filter(None, (f"&{event.anchor}" if event.anchor else "", tag)))


def _is_short(key: Node) -> bool:
    """Whether a key can stand before its colon: on one line, and not too long."""
    if isinstance(key, Text):
        return len(key.lines) == 1 and not key.block and len(key.lines[0]) < _LONGEST
    inner = [one for entry in key.entries for one in (entry.key, entry.value) if one is not None]
    return key.flow and not key.lines and all(map(_is_short, inner))


_LONGEST = 100


def _name(key: Node | None) -> str | None:
    if not isinstance(key, Text):
        return None
    return key.lines[0].strip("'\"")


def _trimmed(found: list[str]) -> list[str]:
    while found and not found[-1]:
        found.pop()
    while found and not found[0]:
        found.pop(0)
    return found
