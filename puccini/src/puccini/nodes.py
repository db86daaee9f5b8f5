"""A cursor into a YAML document: a value with its place and the way to it. All stages after YAML work on nodes."""

from collections.abc import Iterator
from typing import Any, Final

from puccini import yaml

_ESCAPE: Final = str.maketrans({"~": "~0", "/": "~1"})


class Node:
    """`value` is what YAML gave; `start` and `end` are where it is (from 0); `key` leads to it from `parent`."""

    __slots__ = ("_marks", "document", "key", "parent", "value")

    def __init__(
        self,
        value: Any,
        document: yaml.Document,
        marks: yaml.Mark,
        key: Any = None,
        parent: "Node | None" = None,
    ) -> None:
        self.value = value
        self.document = document
        self._marks = marks
        self.key = key
        self.parent = parent

    @property
    def marks(self) -> yaml.Mark:
        """Where this is in its document; what was cut into parts moves with them."""
        return self._marks if self.document.parts is None else self.document.marks

    @property
    def start(self) -> yaml.Position:
        return self._absolute(yaml.position(yaml.start(self.marks)))

    @property
    def end(self) -> yaml.Position:
        return self._absolute(yaml.position(yaml.end(self.marks)))

    @property
    def anchored(self) -> bool:
        """Whether there is an anchor at this node."""
        return yaml.position(yaml.start(self.marks)) in self.document.anchored

    @property
    def unusual(self) -> str | None:
        """What is written for a boolean or null, where that is not in lower case."""
        unusual = self.document.unusual
        return unusual.get(yaml.position(yaml.start(self.marks))) if unusual else None

    @property
    def file(self) -> str:
        return self.document.name

    @property
    def text(self) -> str:
        """The value, of a node that is known to hold text."""
        return self.value  # type: ignore[no-any-return]

    @property
    def path(self) -> str:
        """The keys from the top of the file to here, as in ``node_types/Server/properties/port``."""
        keys: list[str] = []
        node: Node | None = self
        while node is not None and node.parent is not None:
            keys.append(str(node.key).translate(_ESCAPE))
            node = node.parent
        return "/".join(reversed(keys))

    @property
    def origin(self) -> str:
        """``file:line:column`` of its key, or of itself where there is none, counted from 1."""
        place = self.key_range[0]
        return f"{self.document.name}:{place.line + 1}:{place.column + 1}"

    @property
    def key_range(self) -> tuple[yaml.Position, yaml.Position]:
        """Where the key of this node stands; the node itself for items of lists and for the top."""
        if self.parent is not None and type(self.parent.value) is yaml.Map:
            place = self._absolute(yaml.key_position(self.marks))
            width = len(self.key) if isinstance(self.key, str) else 1
            return place, yaml.Position(place.line, place.column + width)
        return self.start, self.end

    def child(self, key: Any) -> "Node":
        """Return the node at `key` of a map or a list."""
        value, document = self.value, self.document
        if document.parts is not None:
            document = document.parts[key]
        return Node(value[key], document, value.marks[key], key, self)

    def get(self, key: str) -> "Node | None":
        """Return the node at `key`, or None when this is not a map or has no such key."""
        return self.child(key) if type(self.value) is yaml.Map and key in self.value else None

    def items(self) -> "Iterator[tuple[Any, Node]]":
        """Yield the keys and nodes of a map."""
        value, document = self.value, self.document
        marks, parts = value.marks, document.parts
        for key, item in value.items():
            yield key, Node(item, document if parts is None else parts[key], marks[key], key, self)

    def __iter__(self) -> "Iterator[Node]":
        """Yield the nodes of a list."""
        value, document = self.value, self.document
        for index, (item, mark) in enumerate(zip(value, value.marks, strict=True)):
            yield Node(item, document, mark, index, self)

    def _absolute(self, place: yaml.Position) -> yaml.Position:
        first = self.document.first
        return yaml.Position(place.line + first, place.column) if first else place

    def __repr__(self) -> str:
        return f"<Node {self.path} {self.origin}>"


def root(document: yaml.Document) -> Node:
    """Return the node of the whole `document`."""
    return Node(document.value, document, document.marks)


def plain(value: Any) -> Any:
    """Return `value` made of ordinary maps and lists."""
    if isinstance(value, dict):
        return {(key if isinstance(key, str) else str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def describe(value: Any) -> str:
    """Say what kind of thing a YAML value is, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int():
            return f"the integer {value}"
        case float():
            return f"the float {value}"
        case str():
            return "the string " + (repr(value) if len(value) <= 40 else repr(value[:37] + "..."))
        case dict():
            return "a map"
        case _:
            return "a list"
