"""What the readers of a dialect write: YAML values as TOSCA 2.0 has them, each with the place of what it came from."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from puccini import yaml
from puccini.nodes import Node

_PLACE = (1 << 96) - 1
MERGE = "<<"


class Written(NamedTuple):
    """A value and its place: packed, where its key stands, where it starts and where it ends."""

    value: Any
    marks: yaml.Mark


def marks(node: Node) -> yaml.Mark:
    """Return the place of a node; what has no key begins where its key would."""
    parent, place = node.parent, node.marks
    if parent is not None and type(parent.value) is yaml.Map:
        return place
    return yaml.start(place) << 96 | place & _PLACE


def keep(node: Node) -> Written:
    """Return the node as it is."""
    return Written(node.value, marks(node))


class Draft:
    """A map that is being written."""

    def __init__(self) -> None:
        self.value = yaml.Map()

    def put(self, key: Any, written: Written) -> None:
        self.value[key] = written.value
        self.value.marks[key] = written.marks

    def remove(self, key: Any) -> None:
        del self.value[key]
        del self.value.marks[key]

    def at(self, node: Node) -> Written:
        """Return the map, in the place of `node`."""
        return Written(self.value, marks(node))


def sequence(items: Iterable[Written], place: yaml.Mark) -> Written:
    """Return a list of `items` at `place`."""
    result = yaml.Seq()
    for item in items:
        result.append(item.value)
        result.marks.append(item.marks & _PLACE)
    return Written(result, place)


def single(key: Any, written: Written, place: yaml.Mark) -> Written:
    """Return a map with one key."""
    result = yaml.Map()
    result[key], result.marks[key] = written.value, place >> 96 << 96 | written.marks & _PLACE
    return Written(result, place)


def call(function: str, arguments: Sequence[Written], place: yaml.Mark) -> Written:
    """Return the call of a function of TOSCA 2.0."""
    return single(f"${function}", sequence(arguments, place), place)


def both(clauses: Sequence[Written], place: yaml.Mark, function: str = "and") -> Written:
    """Return what is true when all of `clauses` are (or, with the function ``or``, one of them)."""
    if not clauses:
        return Written(True, place)
    return clauses[0] if len(clauses) == 1 else call(function, clauses, place)


def escaped(text: str) -> str:
    """Return text as it stands in TOSCA 2.0, where ``$`` begins a function."""
    return f"${text}" if text.startswith("$") else text


def entries(node: Node) -> Iterator[tuple[Any, Node]]:
    """Yield the entries of a map, then those that its merge key brings and that it lacks."""
    value = node.value
    if MERGE not in value:
        yield from node.items()
        return
    seen = set(value)
    for key, child in node.items():
        if key != MERGE:
            yield key, child
    merged = node.child(MERGE)
    for source in merged if type(merged.value) is yaml.Seq else [merged]:
        if type(source.value) is yaml.Map:
            for key, child in entries(source):
                if key not in seen:
                    seen.add(key)
                    yield key, child


def merges(node: Node) -> Node | None:
    """Return the merge key of a map, if it has one."""
    return node.child(MERGE) if MERGE in node.value else None
