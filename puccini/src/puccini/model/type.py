"""A type: its name, where it comes from and what it derives from. What else it has depends on its kind."""

from typing import Any

from puccini.grammar.types import Kind, TypeDefinition
from puccini.nodes import Node
from puccini.units import Unit


class Type:
    """A type of any kind. `ancestors` begins with the type itself; `classes` are their Floria class names.

    It is `uncertain` when not all that it derives from is known, and `partial` when something in it is not.
    """

    def __init__(
        self,
        kind: Kind,
        name: str,
        unit: Unit | None,
        definition: TypeDefinition | None,
        parent: "Type | None",
    ) -> None:
        self.kind = kind
        self.name = name
        self.unit = unit
        self.definition = definition
        self.parent = parent
        self.uncertain: bool = parent is not None and parent.uncertain
        self.partial = False
        self.ancestors: tuple[Type, ...] = (self, *(parent.ancestors if parent is not None else ()))
        self.class_name = f"{unit.prefix}::{name}" if unit is not None else name
        self.classes: tuple[str, ...] = tuple(ancestor.class_name for ancestor in self.ancestors)

    @property
    def node(self) -> Node:
        assert self.definition is not None
        return self.definition.node

    @property
    def metadata(self) -> dict[str, Any]:
        return self.definition.metadata if self.definition is not None else {}

    @property
    def incomplete(self) -> bool:
        """Whether this may have more than is known, so that nothing can be said of what it lacks."""
        if self.uncertain:
            return True
        for one in self.ancestors:  # noqa: SIM110  asked for each node again and again
            if one.partial:
                return True
        return False

    def derives(self, other: "Type") -> bool:
        """Whether this is `other` or derived from it, or may be."""
        return other in self.ancestors or self.uncertain

    def has_metadata(self, key: str, value: object) -> bool:
        """Whether this type or one of its ancestors has `value` for `key` in its metadata."""
        return any(ancestor.metadata.get(key) == value for ancestor in self.ancestors)

    def __repr__(self) -> str:
        return f"<{self.kind.label} {self.class_name}>"
