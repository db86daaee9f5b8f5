"""Files of a load and the names they see: imports, profiles, repositories and namespaces (sections 6.5, 6.7, 6.8).

A unit is one file, read once however often it is imported. Names are looked up on demand through the graph of imports,
so cycles and diamonds need no special care.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from puccini import sources
from puccini.grammar.file import File, Import, Repository
from puccini.grammar.templates import FunctionDefinition
from puccini.grammar.types import Kind
from puccini.nodes import Node

FUNCTIONS = "functions"
REPOSITORIES = "repositories"
Section: TypeAlias = str
"""A kind of types, ``functions`` or ``repositories``: what has names of its own within a namespace."""

SECTIONS: tuple[Section, ...] = (*(kind.value for kind in Kind), FUNCTIONS, REPOSITORIES)


class Found(NamedTuple):
    """A definition and the unit that holds it."""

    unit: "Unit"
    definition: Any


class Link(NamedTuple):
    """A resolved import."""

    unit: "Unit"
    namespace: str
    definition: Import | None


class Unit:
    """One file. `profile` is the name that applies to its types, `name` how messages and class names call it."""

    def __init__(self, source: sources.Source, path: str, file: File, root: Node) -> None:
        self.source = source
        self.path = path
        self.file = file
        self.root = root
        self.name = sources.display(source, path)
        self.profile = ""
        self.links: list[Link] = []
        self._found: dict[tuple[Section, str], Found | None] = {}

    @property
    def prefix(self) -> str:
        """What stands before ``::`` in the class names of this unit's types."""
        return self.profile or self.name

    def local(self, section: Section) -> dict[str, Any]:
        """Return the definitions of this file itself."""
        return getattr(self.file, section)  # type: ignore[no-any-return]

    @cached_property
    def definitions(self) -> list[tuple[Section, str, Any]]:
        """All definitions of this file itself, with the section and the name of each."""
        return [(section, name, one) for section in SECTIONS for name, one in self.local(section).items()]

    def find(self, section: Section, name: str) -> Found | None:
        """Return what `name`, possibly with namespaces before it (``a:b:Type``), means in this file."""
        key = (section, name)
        if key not in self._found:
            self._found[key] = self._search(section, name)
        return self._found[key]

    def type(self, kind: Kind, name: str) -> Found | None:
        """Return the type definition that `name` means in this file."""
        return self.find(kind.value, name)

    def names(self, section: Section) -> list[str]:
        """Return the names that can be used in this file, for hints."""
        return [prefix + name for prefix, unit in self._reach() for name in unit.local(section)]

    def _search(self, section: Section, name: str) -> Found | None:
        visited: set[tuple[int, str]] = set()
        stack: list[tuple[Unit, str]] = [(self, name)]
        while stack:
            unit, rest = stack.pop()
            if (id(unit), rest) in visited:
                continue
            visited.add((id(unit), rest))
            local = unit.local(section)
            if rest in local:
                return Found(unit, local[rest])
            for link in reversed(unit.links):
                if not link.namespace:
                    stack.append((link.unit, rest))
                elif rest.startswith(link.namespace + ":"):
                    stack.append((link.unit, rest[len(link.namespace) + 1 :]))
        return None

    def _reach(self) -> "Iterator[tuple[str, Unit]]":
        stack: list[tuple[str, Unit, frozenset[int]]] = [("", self, frozenset())]
        while stack:
            prefix, unit, above = stack.pop()
            yield prefix, unit
            for link in unit.links:
                if id(link.unit) not in above and len(above) < 8:
                    namespace = f"{link.namespace}:" if link.namespace else ""
                    stack.append((prefix + namespace, link.unit, above | {id(unit)}))

    def root_namespace(self) -> "list[Unit]":
        """Return the units whose names are in this one's root namespace, itself first."""
        found: dict[int, Unit] = {id(self): self}
        stack = [self]
        while stack:
            for link in stack.pop().links:
                if not link.namespace and id(link.unit) not in found:
                    found[id(link.unit)] = link.unit
                    stack.append(link.unit)
        return list(found.values())

    def repository(self, name: str) -> tuple["Unit", Repository] | None:
        """Return the repository definition that `name` means in this file."""
        found = self.find(REPOSITORIES, name)
        return (found.unit, found.definition) if found is not None else None

    def function(self, name: str) -> tuple["Unit", FunctionDefinition] | None:
        """Return the custom function that `name` means in this file."""
        found = self.find(FUNCTIONS, name)
        return (found.unit, found.definition) if found is not None else None

    def __repr__(self) -> str:
        return f"<Unit {self.name}>"
