"""A file of an older TOSCA version: its content as TOSCA 2.0 has it, and what was written."""

from functools import cached_property
from typing import Any

from puccini import extents, yaml
from puccini.diagnostics import Diagnostic
from puccini.nodes import Node


class OldDocument(yaml.Document):
    """What was read of a file. `original` is its top as it was written.

    `outputs` are the outputs of operations that expressions ask for, by the attribute that keeps them: interface,
    operation, output.
    """

    def __init__(self, original: Node, written: Any, outputs: dict[str, tuple[str, str, str]]) -> None:
        super().__init__(original.document.name, original.document.data)
        self.original = original
        self.value = written
        self.marks = original.marks
        self.complete = True
        self.outputs = outputs

    @cached_property
    def lines(self) -> list[str]:
        return extents.lines(self.data)

    def source(self, node: Node) -> str:
        """Return what is written at a node that is a plain scalar of one line."""
        return self.lines[node.start.line][node.start.column : node.end.column]

    def reword(self, found: Diagnostic, node: Node, *, strict: bool) -> Diagnostic | None:
        """Return what is said of a node of this file; None when there is nothing against it."""
        from puccini.dialects import wording

        return wording.reword(found, node, self, strict=strict)


def of(node: Node) -> OldDocument | None:
    """Return the document of a node that was written for an older version."""
    return node.document if isinstance(node.document, OldDocument) else None
