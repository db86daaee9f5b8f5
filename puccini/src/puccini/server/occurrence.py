"""A name in a file that defines something or refers to something."""

from typing import Any, NamedTuple

from puccini import extents, yaml
from puccini.nodes import Node


class Occurrence(NamedTuple):
    """A name at `node`, or at its key. `target` is where what it names is defined, `thing` what that is.

    `kind` is for people and the same for definition and references. Only things whose every use is known can be
    `renamed`. `name` is the name itself, without the namespaces that may stand before it. It comes last in what is
    written there, unless it comes `first`, as an interface before its operation.
    """

    node: Node
    on_key: bool
    kind: str
    name: str
    target: Node | None
    thing: Any
    defines: bool = False
    renamed: bool = False
    first: bool = False

    def extent(self, text: list[str]) -> extents.Extent:
        """Return where the name stands, without quotes and namespaces."""
        start, end = extents.key(self.node, text) if self.on_key else extents.value(self.node, text)
        if start.line != end.line or start.line >= len(text):
            return start, end
        written = text[start.line][start.column : end.column]
        offset = written.find(self.name) if self.first else written.rfind(self.name)
        if offset < 0:
            return start, end
        begin = start.column + offset
        return yaml.Position(start.line, begin), yaml.Position(start.line, begin + len(self.name))

    def written(self, text: list[str]) -> bool:
        """Whether the name stands there as it is; a dialect may have made it of something else."""
        start, end = self.extent(text)
        return start.line == end.line < len(text) and text[start.line][start.column : end.column] == self.name
