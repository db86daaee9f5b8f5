"""Parses a file that is being edited again and again: what did not change is taken from the time before.

Called by `puccini.session`. The text is cut where entries of maps begin, at the top of the file and in those sections
that hold many entries; each piece is parsed on its own and kept. A cut is right when every piece is YAML on its own:
whatever could reach over it (a quoted text, a bracket, an alias) leaves the piece before it unfinished. Where there is
any doubt the file is parsed as a whole, which gives the same, and takes longer.
"""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from puccini import yaml

_MARKERS = re.compile(r"\n(?:---|\.\.\.|%)")
_CONTROL: Final = bytes((*range(9), 11, 12, *range(14, 32), 127))
_STRANGE = re.compile("[\x80-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_KEY = re.compile(r" *([A-Za-z_][A-Za-z0-9_.-]*): *(?:#.*)?\r?$")
_ITEM = re.compile(r"-[ \n\r]")
_OLD = re.compile(r"\n *tosca_definitions_version: *[\"']?tosca_simple_yaml_1")
_FIRST = re.compile(r"\n( *)(?=[^ #\n\r])")
_SECTIONS: Final = frozenset({"inputs", "outputs", "node_templates", "relationship_templates", "groups", "workflows"})
_CUT: Final = {
    **{f"{kind}_types": frozenset[str]() for kind in ("artifact", "capability", "data", "group", "interface", "node")},
    **{f"{kind}_types": frozenset[str]() for kind in ("policy", "relationship")},
    "functions": frozenset[str](),
    "service_template": _SECTIONS,
    "topology_template": _SECTIONS,
}
"""What is cut into its entries at the top of a file, and which entries of that are cut further."""


class _Piece(NamedTuple):
    """Lines of a file: offsets of their text, the number of the first."""

    begin: int
    end: int
    line: int


class _Doubt(Exception):
    """The text cannot be cut for certain."""


class Editor:
    """The parts of one file as it was last."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._kept: dict[str, list[yaml.Document]] = {}

    def parse(self, data: bytes) -> yaml.Document:
        """Parse the text of the file as it is now; the result is that of `puccini.yaml.parse`."""
        try:
            text = "\n" + data.decode()
            if len(data.translate(None, _CONTROL)) != len(data) or _strange(text) or _MARKERS.search(text):
                raise _Doubt
            return _Cutting(self, text, data).run()
        except (_Doubt, UnicodeError):
            return yaml.parse(data, self.name)

    def kept(self, text: str, index: int) -> yaml.Document | None:
        """Return the part with this text from the time before; `index` counts those that have the same."""
        found = self._kept.get(text, ())
        return found[index] if index < len(found) else None

    def keep(self, parts: dict[str, list[yaml.Document]]) -> None:
        """Have these parts for the next time."""
        self._kept = parts


class _Cutting:
    """One parse of a file in parts. Its text begins with a line break that the file does not have."""

    def __init__(self, editor: Editor, text: str, data: bytes) -> None:
        self.editor = editor
        self.text = text
        self.data = data
        self.kept: dict[str, list[yaml.Document]] = {}

    def run(self) -> yaml.Document:
        whole = yaml.Document(self.editor.name, self.data)
        self._section(whole, _Piece(1, len(self.text), 0), (), _CUT)
        whole.complete = True
        self.editor.keep(self.kept)
        return whole

    def _section(
        self, document: yaml.Document, piece: _Piece, path: tuple[str, ...], cut: Collection[str], below: int = -1
    ) -> None:
        """Fill `document`, a map whose entries are in the lines of `piece`, deeper than `below`."""
        value, parts = yaml.Map(), {}
        end = 0
        for one, indent in self._entries(piece, below):
            key, part, mark = self._entry(one, indent, path, cut)
            if key in value:
                raise _Doubt
            value[key] = part.value if part.parts is not None else part.value[key]
            value.marks[key] = mark
            parts[key] = part
            end = (part.first << 24) + yaml.end(mark)
        if not parts:
            raise _Doubt
        first = next(iter(parts.values()))
        document.value, document.parts = value, parts
        start = (first.first << 24) + (value.marks[next(iter(parts))] >> 96)
        document.marks = start << 48 | end

    def _entries(self, piece: _Piece, below: int) -> Iterator[tuple[_Piece, int]]:
        first = _FIRST.search(self.text, piece.begin - 1, piece.end)
        if first is None or len(first[1]) <= below or _ITEM.match(self.text, first.end(), piece.end):
            raise _Doubt
        indent = len(first[1])
        if indent and _less(indent).search(self.text, first.start(), piece.end):
            raise _Doubt
        begins = [found.start() + 1 for found in _just(indent).finditer(self.text, first.start(), piece.end)]
        if not begins:
            raise _Doubt
        line = piece.line + self.text.count("\n", piece.begin, begins[0])
        for begin, end in zip(begins, [*begins[1:], piece.end], strict=True):
            yield _Piece(begin, end, line), indent
            line += self.text.count("\n", begin, end)

    def _entry(
        self, piece: _Piece, indent: int, path: tuple[str, ...], cut: Collection[str]
    ) -> tuple[str, yaml.Document, yaml.Mark]:
        """Return the key of an entry, the document that it is read from, and where it is in that."""
        line_end = self.text.find("\n", piece.begin, piece.end)
        found = _KEY.match(self.text, piece.begin, line_end) if line_end > 0 else None
        if found is not None and found[1] in cut:
            try:
                return self._cut(piece, line_end + 1, indent, (*path, found[1]))
            except _Doubt:
                pass
        part = self._part(piece, len(path))
        ((key, _),) = part.value.items()
        if yaml.key_position(part.value.marks[key]) != (0, indent):
            raise _Doubt
        return key, part, part.value.marks[key]

    def _cut(
        self, piece: _Piece, body: int, indent: int, path: tuple[str, ...]
    ) -> tuple[str, yaml.Document, yaml.Mark]:
        cut = _CUT[path[0]] if len(path) == 1 else ()
        document = yaml.Document(self.editor.name, self.data)
        self._section(document, _Piece(body, piece.end, piece.line + 1), path, cut, indent)
        document.first = piece.line
        up = piece.line << 24
        start, end = yaml.start(document.marks) - up, yaml.end(document.marks) - up
        document.marks = indent << 96 | start << 48 | end
        return path[-1], document, document.marks

    def _part(self, piece: _Piece, depth: int) -> yaml.Document:
        text = self.text[piece.begin : piece.end]
        same = self.kept.setdefault(text, [])
        part = self.editor.kept(text, len(same))
        if part is None:
            part = yaml.parse(text.encode(), self.editor.name, depth)
            sound = part.complete and not part.problems and type(part.value) is yaml.Map and len(part.value) == 1
            if not sound or not isinstance(next(iter(part.value)), str):
                raise _Doubt
        part.first, part.data = piece.line, self.data
        same.append(part)
        return part


def _strange(text: str) -> bool:
    """Whether there are line breaks or marks in `text` that are not counted like others."""
    if "\r" in text and text.count("\r") != text.count("\r\n"):
        return True
    return not text.isascii() and _STRANGE.search(text) is not None


@lru_cache
def _just(indent: int) -> re.Pattern[str]:
    """What begins an entry; items of a list stand below their key, and may be indented no more than it."""
    return re.compile(r"\n" + " " * indent + r"(?=[^ #\n\r-]|-[^ \n\r])")


@lru_cache
def _less(indent: int) -> re.Pattern[str]:
    return re.compile(rf"\n {{0,{indent - 1}}}(?=[^ #\n\r])")
