"""Whatever YAML a TOSCA file may be written in is put in form, and says what it said (R101).

Values of any kind are written down in any way that TOSCA's YAML has: keys with a ``?`` before them, tags, anchors and
aliases, brackets over one line or several, texts of every style, comments and empty lines anywhere.
"""

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from puccini import formatting, yaml

_PLAIN = ("a", "type", "web server", "3", "2.50", "true", "null", "~", "node?", "x-y", "10.0.0.1", "a#b")
_QUOTED = ("", "# none", "a: b", "$get", "- x", "? y", "two\\nlines")
_SCALARS = (
    *_PLAIN,
    *(f"'{one}'" for one in _QUOTED),
    *(f'"{one}"' for one in _QUOTED),
    *("!!str 12", "!!str true", "!!int '7'", "!!float 3", "!!bool 'true'", "!!null ''", "! 5"),
)
_KEYS = ("name", "'quoted key'", '"x: y"', "!!str 4", "[ a, b ]", "[CAPABILITY,c,  p]", "what?", "k")


class Writer:
    """Writes one file; every choice is drawn from `data`."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self._anchors: list[str] = []
        self._number = 0

    def one(self, *choices: Any) -> Any:
        return self._data.draw(st.sampled_from(choices))

    def file(self) -> str:
        head = self.one("", "", "%YAML 1.2\n---\n", "---\n", "# first\n\n", "--- # here\n")
        lines = self.block_map(0, 3) if self.one(True, True, False) else self.block_list(0, 3)
        end = self.one("\n", "\n\n# last\n", "\n...\n", "\n  # end\n")
        return f"{head}{chr(10).join(lines)}{end}"

    def comment(self) -> str:
        self._number += 1
        return f"# c{self._number}"

    def behind(self) -> str:
        return f"{self.one(' ', '   ')}{self.comment()}" if self.one(False, False, True) else ""

    def between(self, indent: int) -> list[str]:
        match self.one("", "", "", "empty", "comment"):
            case "empty":
                return [""]
            case "comment":
                return [f"{' ' * indent}{self.comment()}"]
        return []

    def mark(self, kind: str) -> str:
        """Return an anchor, a tag, or both, for a map or a list; who calls notes the anchor when that is written."""
        found = []
        if self.one(False, False, False, True):
            self._number += 1
            found.append(f"&a{self._number}")
        if self.one(False, False, False, True):
            found.append(f"!!{kind}")
        return "".join(f" {one}" for one in found)

    def block_map(self, indent: int, depth: int) -> list[str]:
        lines: list[str] = []
        step = self.one(1, 2, 4)
        pad = " " * indent
        for number in range(self._data.draw(st.integers(1, 3))):
            lines += self.between(indent)
            if self.one(False, False, False, True):
                lines += self._question(indent, step, depth, number)
                continue
            key = self.one(*_KEYS)
            key = f"[ {number}, {key.strip('[]')} ]" if key.startswith("[") else self._numbered(key, number)
            lines += self._value(f"{pad}{key}:", indent, step, depth)
        return lines

    def _numbered(self, key: str, number: int) -> str:
        """Return a key that is no other's."""
        return f"{key[:-1]}{number}{key[-1]}" if key[-1] in "'\"" else f"{key}{number}"

    def _question(self, indent: int, step: int, depth: int, number: int) -> list[str]:
        pad = " " * indent
        match self.one("plain", "list", "text", "map"):
            case "plain":
                lines = [f"{pad}? {self._numbered(self.one('name', 'k'), number)}q{self.behind()}"]
            case "list":
                lines = [f"{pad}? - q{number}{self.behind()}", f"{pad}  - x{self.behind()}"]
            case "map":
                lines = [f"{pad}? {{ q{number}: 1 }}{self.behind()}"]
            case _:
                lines = [f"{pad}? |", f"{pad}   text {number}", f"{pad}   # of a text"]
        if self.one(True, False):
            return lines + self._value(f"{pad}:", indent, step, depth)
        return lines

    def _value(self, head: str, indent: int, step: int, depth: int) -> list[str]:
        kind = self.one("scalar", "scalar", "flow", "text", "folded", "none", "alias", "map", "map", "list", "list")
        if kind in ("map", "list") and depth > 0:
            inner = self.block_map if kind == "map" else self.block_list
            more = 0 if kind == "list" and head.lstrip() != ":" and self.one(True, False) else step
            mark = self.mark("map" if kind == "map" else "seq")
            lines = [f"{head}{mark}{self.behind()}", *inner(indent + more, depth - 1)]
            self._anchors += [f"*{one[1:]}" for one in mark.split() if one.startswith("&")]
            return lines
        if kind == "text":
            pad = " " * (indent + step)
            return [f"{head} {self.one('|', '|-', '>', '>-', '|+')}", f"{pad}one  ", "", f"{pad}  two # no comment"]
        if kind == "folded":
            pad = " " * (indent + step)
            quote = self.one("", "'", '"')
            return [f"{head} {quote}one", f"{pad}two", "", f"{pad}three{quote}{self.behind()}"]
        if kind == "flow":
            return self._flow(head, indent + step)
        if kind == "alias" and self._anchors:
            return [f"{head} {self.one(*self._anchors)}{self.behind()}"]
        return [f"{head}{'' if kind == 'none' else ' ' + self.one(*_SCALARS)}{self.behind()}"]

    def _flow(self, head: str, indent: int) -> list[str]:
        pad = " " * indent
        match self.one("list", "map", "lines", "empty"):
            case "list":
                return [
                    f"{head}{self.mark('seq')} [{self.one('', ' ')}{self.one(*_PLAIN[:4])},x ,  'y']{self.behind()}"
                ]
            case "map":
                return [f"{head}{self.mark('map')} {{a: {self.one('1', '!!str 2', '[ ]')} , ? b : c}}{self.behind()}"]
            case "lines":
                return [
                    f"{head} {{ {self.comment()}",
                    f"{pad}a: [ 1,",
                    f"{pad}  2 ], {self.comment()}",
                    f"{pad}b: c }}",
                ]
        return [f"{head} {self.one('[]', '{}', '{ }')}{self.behind()}"]

    def block_list(self, indent: int, depth: int) -> list[str]:
        lines: list[str] = []
        pad = " " * indent
        for _ in range(self._data.draw(st.integers(1, 3))):
            lines += self.between(indent)
            kind = self.one("value", "value", "map", "list")
            if kind == "value" or depth <= 0:
                lines += self._value(f"{pad}-", indent, 2, 0)
                continue
            inner = (self.block_map if kind == "map" else self.block_list)(indent + 2, depth - 1)
            if inner[0].lstrip().startswith("#") or not inner[0].strip():
                lines += [f"{pad}-", *inner]
            else:
                lines += [f"{pad}- {inner[0].lstrip()}", *inner[1:]]
        return lines


def comments(text: str) -> list[str]:
    return sorted(re.findall(r"# (?:c\d+|first|last|here|end)\b", text))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_anything_that_is_yaml_is_put_in_form_and_says_the_same(data: st.DataObject) -> None:
    """R101: nothing is refused; the meaning stays, comments stay, and twice is once."""
    text = Writer(data).file()
    before = yaml.parse(text.encode(), "x")
    assert not before.problems, (text, before.problems)
    once = formatting.format(text)
    after = yaml.parse(once.encode(), "x")
    assert not after.problems
    assert formatting.same(before.value, after.value)
    assert comments(once) == comments(text)
    assert formatting.format(once) == once
