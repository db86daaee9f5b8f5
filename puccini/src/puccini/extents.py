"""Where exactly a node stands in the text of its file: quotes and brackets included, blanks and comments after it not.

Used for diagnostics and by the language server, which are about few nodes; marks in `puccini.nodes` cost less.
"""

import re
from typing import Final

from puccini import yaml
from puccini.nodes import Node

_QUOTED: Final = r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\""
_BREAK: Final = r"\r\n|[\n\r\x85\u2028\u2029]"
"""What YAML (and libyaml, whose marks count them) takes for the end of a line."""

Extent = tuple[yaml.Position, yaml.Position]


def lines(data: bytes) -> list[str]:
    """Return the lines of a file, split where marks split them; what is not text is shown as a replacement."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = data.decode(encoding, errors="replace")
    return text.split("\n") if text.isascii() and "\r" not in text else re.split(_BREAK, text)


def value(node: Node, text: list[str]) -> Extent:
    """Return where the value of `node` stands in the `text` of its file."""
    return node.start, _trimmed(node.start, node.end, text)


def key(node: Node, text: list[str]) -> Extent:
    """Return where the key of `node` stands; the value, where it has no key."""
    start, end = node.key_range
    if start == node.start:
        return value(node, text)
    if start.line < len(text):
        quoted = re.match(_QUOTED, text[start.line][start.column :])
        if quoted is not None:
            return start, yaml.Position(start.line, start.column + quoted.end())
    return start, end


def _trimmed(start: yaml.Position, end: yaml.Position, text: list[str]) -> yaml.Position:
    """The end of a block is where the next thing begins: go back to where this one really ended."""
    line, column = end
    while line > start.line:
        before = text[line][:column].rstrip() if line < len(text) else ""
        if before and not before.lstrip().startswith("#"):
            return yaml.Position(line, len(before))
        line -= 1
        column = len(text[line]) if line < len(text) else 0
    if line != end.line:
        return yaml.Position(line, max(start.column, len(text[line].rstrip()) if line < len(text) else 0))
    return end
