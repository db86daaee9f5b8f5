"""Writes a tree out: indentation, blanks and empty lines as they are to be."""

from collections.abc import Iterator

from puccini.formatting.tree import Entry, File, Group, Node, Text

_STEP = 2


def write(file: File) -> str:
    """Return the text of a file."""
    lines = [*file.directives, *(["---"] if file.directives else [])]
    lines += [*file.before, *([""] if file.before else [])]
    if isinstance(file.node, Group) and not file.node.flow:
        lines += [*([file.node.mark] if file.node.mark else []), *_group(file.node, 0)]
    else:
        lines += _inline(file.node, 0)
    if file.after:
        lines += ["", *file.after]
    return "\n".join(_squeezed(lines)) + "\n"


def _squeezed(lines: list[str]) -> Iterator[str]:
    """Yield lines without blanks at their ends and several empty ones in a row; those of texts are not touched."""
    empty = True
    for line in lines:
        if line.startswith(_KEPT):
            yield line.removeprefix(_KEPT)
            empty = False
            continue
        if line or not empty:
            yield line.rstrip()
        empty = not line


_KEPT = "\0"
"""Before a line that belongs to a text, whose blanks count."""


def _group(group: Group, indent: int) -> list[str]:
    lines: list[str] = []
    for index, entry in enumerate(group.entries):
        before = entry.before[1:] if index == 0 and entry.before[:1] == [""] else entry.before
        lines += [f"{' ' * indent}{text}" if text else "" for text in before]
        if entry.explicit and entry.key is not None:
            lines += _explicit(entry, entry.key, indent)
        else:
            lines += _entry(entry, indent) if group.map else _item(entry, indent)
    lines += [f"{' ' * indent}{text}" if text else "" for text in group.after]
    return lines


def _entry(entry: Entry, indent: int) -> list[str]:
    assert entry.key is not None
    head = f"{' ' * indent}{_flat(entry.key)}:"
    value = entry.value
    behind = f"  {entry.behind}" if entry.behind else ""
    if isinstance(value, Group) and not value.flow:
        inner = indent + _STEP if value.map else indent
        mark = f" {value.mark}" if value.mark else ""
        return [f"{head}{mark}{behind}", *_group(value, inner)]
    first, *rest = _inline(value, indent)
    lines = [f"{head} {first}" if first else head, *rest]
    return _behind(lines, behind, value)


def _explicit(entry: Entry, key: Node, indent: int) -> list[str]:
    """Return an entry whose key has a ``?`` before it; comments above its value stand above it."""
    value = _item(entry, indent, ":")
    above = next(number for number, line in enumerate(value) if line.startswith(f"{' ' * indent}:"))
    return [*value[:above], *_item(Entry(None, key), indent, "?"), *value[above:]]


def _item(entry: Entry, indent: int, sign: str = "-") -> list[str]:
    value = entry.value
    behind = f"  {entry.behind}" if entry.behind else ""
    if isinstance(value, Group) and not value.flow:
        inner = _group(value, indent + _STEP)
        if value.mark or not inner:
            return [f"{' ' * indent}{sign} {value.mark}{behind}".rstrip(), *inner]
        leading: list[str] = []
        while inner[0].lstrip().startswith("#") or not inner[0].strip():
            comment = inner.pop(0)
            leading.append(comment[_STEP:])
        return [*leading, f"{' ' * indent}{sign} {inner[0][indent + _STEP :]}", *inner[1:]]
    first, *rest = _inline(value, indent)
    return _behind([f"{' ' * indent}{sign} {first}".rstrip(), *rest], behind, value)


def _behind(lines: list[str], behind: str, value: Node) -> list[str]:
    if not behind:
        return lines
    at = 0 if isinstance(value, Text) and value.block else -1
    lines[at] += behind
    return lines


def _inline(node: Node, indent: int) -> list[str]:
    """Return a value that stands behind its key; further lines are indented for a block at `indent`."""
    if isinstance(node, Text):
        return _block(node, indent) if node.block else _folded(node.lines, indent, node)
    if node.lines:
        shift = indent - max(0, node.column)
        return [node.lines[0], *(_shifted(line, shift, indent) for line in node.lines[1:])]
    return [_flat(node)]


def _flat(node: Node) -> str:
    if isinstance(node, Text):
        return node.lines[0]
    mark = f"{node.mark} " if node.mark else ""
    inner = ", ".join(_pair(entry) for entry in node.entries).rstrip()
    open, close = ("{", "}") if node.map else ("[", "]")
    return f"{mark}{open} {inner} {close}" if inner else f"{mark}{open}{close}"


def _pair(entry: Entry) -> str:
    value = _flat(entry.value)
    return value if entry.key is None else f"{_flat(entry.key)}: {value}"


def _block(node: Text, indent: int) -> list[str]:
    """A literal or folded text: its lines keep their indentation relative to each other."""
    head, *lines = node.lines
    digits = [one for one in head.partition("#")[0] if one.isdigit()]
    written = next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), 0)
    old = max(0, node.column) + int(digits[0]) if digits else written
    new = indent + int(digits[0]) if digits else indent + _STEP
    shown = [f"{_KEPT}{' ' * new}{line[old:]}" if len(line) > old else _KEPT for line in lines]
    return [head.rstrip(), *shown]


def _folded(lines: list[str], indent: int, node: Text) -> list[str]:
    """A text over several lines: how far these are indented means nothing."""
    first, *rest = lines
    return [first, *(f"{' ' * (indent + _STEP)}{line.strip()}" if line.strip() else _KEPT for line in rest)]


def _shifted(line: str, shift: int, indent: int) -> str:
    if not line.strip():
        return _KEPT
    column = max(indent + 1, len(line) - len(line.lstrip()) + shift)
    return " " * column + line.lstrip()
