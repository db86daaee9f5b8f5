"""Where the cursor is in a text that need not be YAML yet: a mark is put there, and looked for in what that parses to.

Used by completion, while somebody is in the middle of a word.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from puccini import yaml
from puccini.editing import Editor

MARK: Final = "cursor\N{LEFT FIVE EIGHTHS BLOCK}"
_WORD = re.compile(r"[^\s\[\]{},'\"#]*\Z")
_REST = re.compile(r"[^\s\[\]{},:'\"#]*")
_VALUE = re.compile(r":\s+\Z")
_CLOSING: Final = {"[": "]", "{": "}"}


class Cursor(NamedTuple):
    """`path` are the keys and indexes around the cursor, `word` what is written before it of the word that it is in.

    `on_key` is true where a key may stand, or an item of a list. `root` is the file as it is without that word, and
    `data` what that was read from.
    """

    path: tuple[Any, ...]
    word: str
    on_key: bool
    root: Any
    data: bytes

    def beside(self, path: tuple[Any, ...]) -> Any:
        """Return what is in the file at `path`; None when there is no such place."""
        value = self.root
        for key in path:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def find(editor: Editor, text: str, line: int, column: int) -> Cursor | None:
    """Return the place at `line` and `column`, both from 0; None when the text around it cannot be understood."""
    lines = text.split("\n")
    if line >= len(lines):
        return None
    before, after = lines[line][:column], lines[line][column:]
    word = _WORD.search(before)
    assert word is not None
    head = before[: word.start()]
    rest = _REST.match(after)
    assert rest is not None
    for mark, tail in _attempts(head, after[rest.end() :]):
        for cut in (False, True):
            here = f"{head}{mark}{_closed(head) if cut else tail}"
            data = "\n".join([*lines[:line], here, *([] if cut else lines[line + 1 :])]).encode()
            document = editor.parse(data)
            found = _path(document.value) if document.complete else None
            if found is not None:
                path, on_key = found
                return Cursor(path, word[0], on_key, document.value, data)
    return None


def _attempts(head: str, tail: str) -> Iterator[tuple[str, str]]:
    if tail.lstrip().startswith(":") or _VALUE.search(head):
        yield MARK, tail
    else:
        yield f"{MARK}: ", tail
        yield MARK, tail
    yield f"'{MARK}'", tail.lstrip("'\"")


def _closed(head: str) -> str:
    """Return the brackets that are open in a line, closed."""
    stack: list[str] = []
    for one in head:
        if one in _CLOSING:
            stack.append(_CLOSING[one])
        elif stack and one == stack[-1]:
            stack.pop()
    return "".join(reversed(stack))


def _path(root: Any) -> tuple[tuple[Any, ...], bool] | None:
    """Return the way to the mark, and whether it is a key there."""
    stack: list[tuple[Any, tuple[Any, ...]]] = [(root, ())]
    while stack:
        value, path = stack.pop()
        if type(value) is yaml.Map:
            if MARK in value:
                return path, True
            stack.extend((item, (*path, key)) for key, item in value.items())
        elif type(value) is yaml.Seq:
            stack.extend((item, (*path, index)) for index, item in enumerate(value))
        elif value == MARK:
            return path, False
    return None
