"""YAML as most files are written, read line by line: `puccini.yaml` tries this before libyaml, which takes longer.

Block maps and lists with plain keys; plain texts, quoted ones without escapes, and flow collections, each within one
line; block texts; comments. Whatever else is in a file, or wrong with it, is a doubt: then `puccini.libyaml` reads all
of it. What is read here has the values and the places that it would have there.
"""

import re
from functools import cache
from typing import Any, Final

from puccini.yaml import MAX_DEPTH, UNUSUAL, WORDS, Document, Map, Mark, Seq, scalar

_KEY: Final = r"([A-Za-z_$][A-Za-z0-9_.$/:-]{0,500})"
_FIRST: Final = r"-?[^\s,\[\]{}#&*!|>'\"%@`?:-]"
_ASCII: Final = bytes((10, *range(32, 127)))
_DOUBTFUL: Final = (": &", ": *", ": !")
_LINE = re.compile(rf"( *)(-[ -]* |)(?:{_KEY}:(?: +(?:({_FIRST}[^:#]*)$|([^ ].*))| *$)|({_FIRST}.*|[\[{{\"'|>].*))")
_BLANK = re.compile(r" *(?:#.*)?$")
_PLAIN = re.compile(_FIRST)
_BLOCK = re.compile(r"([|>])(-?) *$")
_QUOTED = re.compile(r"\"([^\"\\]*)\"|'([^']*)'(?!')")
_INNER: Final = rf"({_FIRST}[^,\[\]{{}}:#?]*)"
_WITH_COLONS: Final = rf"({_FIRST}[^,\[\]{{}}:#?]*(?::[A-Za-z0-9/._-][^,\[\]{{}}:#?]*)*)"
_PAIR = re.compile(rf" *{_KEY}: +(?:{_INNER}([,}}\]])|([\[{{\"']))")
_ITEM = re.compile(rf" *(?:{_INNER}([,\]])|([\[{{\"']))")
_NEXT = re.compile(r" *([],}])")


class Doubt(Exception):
    """This is not read here."""


def read(document: Document, depth: int) -> None:
    """Fill `document`, which stands `depth` deep in another one. Raises `Doubt`; then nothing is in it."""
    data = document.data
    try:
        text = data.decode()
    except UnicodeError:
        raise Doubt from None
    if data.translate(None, _ASCII) and (text.isascii() or _strange().search(text)):
        raise Doubt
    if any(one in text for one in _DOUBTFUL):
        raise Doubt
    _Reader(text, depth).run(document)


@cache
def _strange() -> re.Pattern[str]:
    """Return what is not for certain a character within a line. It takes long to compile, and few files need it."""
    return re.compile(r"[^\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@cache
def _with_colons(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Return the pattern for what may have colons in it, as places on networks have."""
    return re.compile(pattern.pattern.replace(_INNER, _WITH_COLONS))


class _Open:
    """A map or a list in block style that goes on: where it is indented, and what it stands in, at `key` of a map."""

    __slots__ = ("around", "column", "depth", "is_map", "key", "mark", "marks", "start", "value")

    def __init__(self, value: Any, around: "_Open | None", column: int, start: Mark, depth: int) -> None:
        self.value = value
        self.marks = value.marks
        self.around = around
        self.column = column
        self.start = start
        self.depth = depth
        self.is_map = value.__class__ is Map
        self.key: str | None = None
        self.mark = start
        if depth > MAX_DEPTH:
            raise Doubt

    def close(self, end: Mark) -> "_Open | None":
        """Note the end, which is where the next thing begins; return what this stands in."""
        around = self.around
        if around is not None:
            if self.key is None:
                around.marks.append(self.start << 48 | end)
            else:
                around.marks[self.key] = self.mark << 96 | self.start << 48 | end
        return around


class _Reader:
    """One reading. An entry whose value is not in its line waits: its `key`, where that is, where its colon ends.

    Lines before the one with the number `until` were read already.
    """

    def __init__(self, text: str, depth: int) -> None:
        self.lines = text.split("\n")
        self.depth = depth
        self.top: _Open | None = None
        self.key: str | None = None
        self.mark: Mark = 0
        self.colon: Mark = 0
        self.until = 0

    def run(self, document: Document) -> None:
        match = _LINE.match
        root: _Open | None = None
        for number, line in enumerate(self.lines):
            if number < self.until:
                continue
            found = match(line)
            if found is None:
                if _BLANK.match(line) or (root is None and line == "---"):
                    continue
                raise Doubt
            base = number << 24
            top = self.enter(found, base)
            if root is None:
                root = top if top.around is None else top.around
                if not root.is_map:
                    raise Doubt
            if found[3] is not None:
                self.entry(top, found, line, base)
            elif found[2]:
                at = found.start(6)
                value, end = self.value(line, at, base, top)
                top.value.append(value)
                top.marks.append((base | at) << 48 | end)
            else:
                raise Doubt
        last_line = self.lines[-1]
        if root is None or (last_line and _BLANK.match(last_line)):
            raise Doubt
        end = (len(self.lines) - (not last_line)) << 24
        self.nothing()
        last = self.top
        while last is not None:
            last = last.close(end)
        document.value, document.marks = root.value, root.start << 48 | end

    def enter(self, found: re.Match[str], base: int) -> _Open:
        """Close what ends before a line, open what begins in it, and return what its entry or item is for."""
        column, dashes, top = found.end(1), found[2], self.top
        waits = self.key is not None
        if top is None or (waits and (column > top.column or (column == top.column and top.is_map and dashes))):
            top = self.open(dashes, column, base)
        else:
            self.nothing()
            while column < top.column or (column == top.column and not dashes and not top.is_map):
                around = top.close(base | column)
                if around is None:
                    raise Doubt
                top = self.top = around
            if column != top.column or top.is_map is bool(dashes):
                raise Doubt
        if dashes:
            if "--" in dashes:
                raise Doubt
            for blanks in dashes.split("-")[1:-1]:
                column += 1 + len(blanks)
                top = self.open(dashes, column, base)
            if found[3] is not None:
                top = self.open("", found.start(3), base)
        return top

    def open(self, dashes: str, column: int, base: int) -> _Open:
        """Open a list, or a map, as the next thing in what is open."""
        around = self.top
        value: Any = Seq() if dashes else Map()
        made = _Open(value, around, column, base | column, self.depth + 1 if around is None else around.depth + 1)
        if around is not None:
            if around.is_map:
                made.key, made.mark, self.key = self.key, self.mark, None
                around.value[made.key] = value
            else:
                around.value.append(value)
        self.top = made
        return made

    def nothing(self) -> None:
        """Have null for the value of the entry that waits, if one does."""
        if self.key is not None:
            assert self.top is not None
            self.top.value[self.key] = None
            self.top.marks[self.key] = self.mark << 96 | self.colon << 48 | self.colon
            self.key = None

    def entry(self, top: _Open, found: re.Match[str], line: str, base: int) -> None:
        key = found[3]
        if key in top.value or key in WORDS:
            raise Doubt
        mark = base | found.start(3)
        value: Any
        if found[4] is not None:
            at = found.start(4)
            text = found[4].rstrip(" ")
            end = base | at + len(text)
            value = _plain(text)
        else:
            rest = found[5]
            if rest is None or rest[0] == "#":
                self.key, self.mark, self.colon = key, mark, base | found.end(3) + 1
                return
            at = found.start(5)
            value, end = self.value(line, at, base, top)
        top.value[key] = value
        top.marks[key] = mark << 96 | (base | at) << 48 | end

    def value(self, line: str, at: int, base: int, top: _Open) -> tuple[Any, Mark]:
        """Return the value that begins at a column of a line, and where it ends; nothing but a comment follows."""
        begin = line[at]
        value: Any
        if begin in "{[":
            value, end = (_map if begin == "{" else _list)(line, at + 1, base, top.depth + 1)
        elif begin in "\"'":
            value, end = _quoted(line, at)
        elif begin in "|>":
            return self.block(line, at, base, top)
        else:
            end = line.find(" #", at)
            text = (line[at:] if end < 0 else line[at:end]).rstrip(" ")
            if not _PLAIN.match(text) or ": " in text or text[-1] == ":":
                raise Doubt
            return _plain(text), base | at + len(text)
        if line[end : end + 1] == "#" or not _BLANK.match(line, end):
            raise Doubt
        return value, base | end

    def block(self, line: str, at: int, base: int, top: _Open) -> tuple[str, Mark]:
        """Return the text of the lines below, which are indented more, and where it ends."""
        found, lines = _BLOCK.match(line, at), self.lines
        number = (base >> 24) + 1
        if found is None or number >= len(lines):
            raise Doubt
        indent = len(lines[number]) - len(lines[number].lstrip(" "))
        if indent <= top.column:
            raise Doubt
        blanks, texts = " " * indent, []
        while number < len(lines) and (not lines[number] or lines[number].startswith(blanks)):
            texts.append(lines[number][indent:])
            number += 1
        if number == len(lines):
            if texts.pop():
                raise Doubt
            number -= 1
        elif lines[number].isspace():
            raise Doubt
        if not any(texts) or any(text.isspace() for text in texts):
            raise Doubt
        while not texts[-1]:
            texts.pop()
        self.until = number
        end = "" if found[2] else "\n"
        return ("\n".join(texts) if found[1] == "|" else _folded(texts)) + end, number << 24


def _folded(texts: list[str]) -> str:
    if any(text.startswith(" ") for text in texts):
        raise Doubt
    result, breaks = texts[0], 0
    for text in texts[1:]:
        if text:
            result += ("\n" * breaks or " ") + text
        breaks = 0 if text else breaks + 1
    return result


def _plain(text: str) -> Any:
    if text in UNUSUAL:
        raise Doubt
    return scalar(text)


def _quoted(line: str, at: int) -> tuple[str, int]:
    found = _QUOTED.match(line, at)
    if found is None:
        raise Doubt
    return found[1] if found[1] is not None else found[2], found.end()


def _map(line: str, at: int, base: int, depth: int) -> tuple[Map, int]:
    """Return the map in flow style whose brace is before `at`, and where it ends."""
    result = Map()
    closed = _NEXT.match(line, at)
    if closed is not None and closed[1] == "}":
        return result, closed.end()
    after = ","
    while after == ",":
        at, after = _pair(result, line, at, base, depth)
    if after != "}":
        raise Doubt
    return result, at


def _pair(result: Map, line: str, at: int, base: int, depth: int) -> tuple[int, str]:
    """Read an entry of a map in flow style; return where what follows it ends, and what that is."""
    found = _PAIR.match(line, at) or _with_colons(_PAIR).match(line, at)
    if found is None or depth > MAX_DEPTH:
        raise Doubt
    value: Any
    key, value, after, begin = found.groups()
    if key in result or key in WORDS:
        raise Doubt
    if value is not None:
        value = value.rstrip(" ")
        start = found.start(2)
        end = start + len(value)
        at = found.end()
        value = _plain(value)
    else:
        start = found.start(4)
        value, end = _inner(line, start, begin, base, depth)
        at, after = _after(line, end)
    result[key] = value
    result.marks[key] = (base | found.start(1)) << 96 | (base | start) << 48 | base | end
    return at, after


def _list(line: str, at: int, base: int, depth: int) -> tuple[Seq, int]:
    """Return the list in flow style whose bracket is before `at`, and where it ends."""
    result = Seq()
    closed = _NEXT.match(line, at)
    if closed is not None and closed[1] == "]":
        return result, closed.end()
    if depth > MAX_DEPTH:
        raise Doubt
    after = ","
    while after == ",":
        found = _ITEM.match(line, at) or _with_colons(_ITEM).match(line, at)
        value: Any
        if found is None:  # a map of one entry, without braces
            value = Map()
            at, after = _pair(value, line, at, base, depth + 1)
            start = value.marks[next(iter(value))] >> 96 & 0xFFFFFF
            end = at - 1
        elif found[1] is not None:
            value, after = found[1].rstrip(" "), found[2]
            start = found.start(1)
            end = start + len(value)
            at = found.end()
            value = _plain(value)
        else:
            start = found.start(3)
            value, end = _inner(line, start, found[3], base, depth)
            at, after = _after(line, end)
        result.append(value)
        result.marks.append((base | start) << 48 | base | end)
    if after != "]":
        raise Doubt
    return result, at


def _inner(line: str, at: int, begin: str, base: int, depth: int) -> tuple[Any, int]:
    if begin == "{":
        return _map(line, at + 1, base, depth + 1)
    return _list(line, at + 1, base, depth + 1) if begin == "[" else _quoted(line, at)


def _after(line: str, at: int) -> tuple[int, str]:
    """Return what follows a value in flow style, and where that ends."""
    found = _NEXT.match(line, at)
    if found is None:
        raise Doubt
    return found.end(), found[1]
