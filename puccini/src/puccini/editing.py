"""Parses a file that is being edited again and again: what did not change is taken from the time before.

Called by `puccini.session`. The text is cut where entries of maps begin, at the top of the file and in those sections
that hold many entries; each piece is parsed on its own and kept. A cut is right when every piece is YAML on its own:
whatever could reach over it (a quoted text, a bracket, an alias) leaves the piece before it unfinished. Where there is
any doubt the file is parsed as a whole, which gives the same, and takes longer.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from puccini import yaml

_MARKERS = re.compile(r"\n(?:---|\.\.\.|%)")
_STRANGE: Final = ("\x85", "\u2028", "\u2029", "\ufeff")
_KEY = re.compile(r" *([A-Za-z_][A-Za-z0-9_.-]*): *(?:#.*)?\r?$")
_FIRST = re.compile(r"\n( *)(?=[^ #\n\r])")
_TEMPLATES: Final[dict[str, object]] = dict.fromkeys(
    ("inputs", "outputs", "node_templates", "relationship_templates", "groups", "workflows"), {}
)
_TYPES: Final[dict[str, object]] = dict.fromkeys(
    (
        "artifact_types",
        "data_types",
        "capability_types",
        "interface_types",
        "relationship_types",
        "node_types",
        "group_types",
        "policy_types",
        "functions",
    ),
    {},
)
_CUT: Final[dict[str, object]] = {
    **_TYPES,
    "service_template": _TEMPLATES,
    "topology_template": _TEMPLATES,
}
"""What is cut into its entries, by keyname; the values are the same one level below."""


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
        self._sections: dict[tuple[str, ...], yaml.Document] = {}

    def parse(self, data: bytes) -> yaml.Document:
        """Parse the text of the file as it is now; the result is that of `puccini.yaml.parse`."""
        try:
            text = "\n" + data.decode()
            if _strange(text) or _MARKERS.search(text):
                raise _Doubt
            return _Cutting(self, text, data).run()
        except (_Doubt, UnicodeError):
            self._kept = {}
            self._sections = {}
            return yaml.parse(data, self.name)

    def take(self, text: str) -> yaml.Document | None:
        """Return a part with this text from the time before, once."""
        found = self._kept.get(text)
        return found.pop() if found else None


class _Cutting:
    """One parse of a file in parts. Its text begins with a line break that the file does not have."""

    def __init__(self, editor: Editor, text: str, data: bytes) -> None:
        self.editor = editor
        self.text = text
        self.data = data
        self.kept: dict[str, list[yaml.Document]] = {}
        self.sections: dict[tuple[str, ...], yaml.Document] = {}

    def run(self) -> yaml.Document:
        whole = yaml.Document(self.editor.name, self.data)
        self._section(whole, _Piece(1, len(self.text), 0), (), _CUT)
        whole.complete = True
        self.editor._kept, self.editor._sections = self.kept, self.sections
        return whole

    def _section(
        self, document: yaml.Document, piece: _Piece, path: tuple[str, ...], cut: dict[str, object], below: int = -1
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
        if first is None or len(first[1]) <= below:
            raise _Doubt
        indent = len(first[1])
        if indent and _less(indent).search(self.text, first.start(), piece.end):
            raise _Doubt
        begins = [found.start() + 1 for found in _just(indent).finditer(self.text, first.start(), piece.end)]
        line = piece.line + self.text.count("\n", piece.begin, begins[0])
        for begin, end in zip(begins, [*begins[1:], piece.end], strict=True):
            yield _Piece(begin, end, line), indent
            line += self.text.count("\n", begin, end)

    def _entry(
        self, piece: _Piece, indent: int, path: tuple[str, ...], cut: dict[str, object]
    ) -> tuple[str, yaml.Document, yaml.Mark]:
        """Return the key of an entry, the document that it is read from, and where it is in that."""
        line_end = self.text.find("\n", piece.begin, piece.end)
        found = _KEY.match(self.text, piece.begin, line_end) if line_end > 0 else None
        if found is not None and found[1] in cut:
            try:
                return self._cut(piece, line_end + 1, indent, (*path, found[1]), cut[found[1]])  # type: ignore[arg-type]
            except _Doubt:
                pass
        part = self._part(piece, len(path))
        ((key, _),) = part.value.items()
        return key, part, part.value.marks[key]

    def _cut(
        self, piece: _Piece, body: int, indent: int, path: tuple[str, ...], cut: dict[str, object]
    ) -> tuple[str, yaml.Document, yaml.Mark]:
        document = yaml.Document(self.editor.name, self.data)
        self._section(document, _Piece(body, piece.end, piece.line + 1), path, cut, indent)
        document.first = piece.line
        up = piece.line << 24
        start, end = yaml.start(document.marks) - up, yaml.end(document.marks) - up
        return path[-1], document, indent << 96 | start << 48 | end

    def _part(self, piece: _Piece, depth: int) -> yaml.Document:
        text = self.text[piece.begin : piece.end]
        part = self.editor.take(text)
        if part is None:
            part = yaml.parse(text.encode(), self.editor.name, depth)
            sound = part.complete and not part.problems and type(part.value) is yaml.Map and len(part.value) == 1
            if not sound or not isinstance(next(iter(part.value)), str):
                raise _Doubt
        part.first, part.data = piece.line, self.data
        self.kept.setdefault(text, []).append(part)
        return part


def _strange(text: str) -> bool:
    """Whether there are line breaks or marks in `text` that are not counted like others."""
    if "\r" in text and text.count("\r") != text.count("\r\n"):
        return True
    return "\0" in text or (not text.isascii() and any(one in text for one in _STRANGE))


@lru_cache
def _just(indent: int) -> re.Pattern[str]:
    return re.compile(r"\n" + " " * indent + r"(?=[^ #\n\r])")


@lru_cache
def _less(indent: int) -> re.Pattern[str]:
    return re.compile(rf"\n {{0,{indent - 1}}}(?=[^ #\n\r])")
