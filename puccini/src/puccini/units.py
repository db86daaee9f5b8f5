"""Files of a load and the names they see: imports, profiles, repositories and namespaces (sections 6.5, 6.7, 6.8).

A unit is one file, read once however often it is imported. Names are looked up on demand through the graph of imports,
so cycles and diamonds need no special care.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeAlias

from puccini import sources
from puccini.diagnostics import mistaken
from puccini.grammar.file import FILE, File, Import, Repository
from puccini.grammar.templates import FunctionDefinition
from puccini.grammar.types import Kind
from puccini.nodes import Node

FUNCTIONS = "functions"
REPOSITORIES = "repositories"
Section: TypeAlias = str
"""A kind of types, ``functions`` or ``repositories``: what has names of its own within a namespace."""

MAX_NAMESPACES = 4

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


class Implicit(Protocol):
    """Names that files see without an import."""

    def find(self, section: Section, name: str) -> Found | None: ...

    def all(self, section: Section) -> list[str]: ...

    def implementation(self, types: Mapping[int, Any]) -> Any:
        """Return the type of files of which nothing is known but that they implement something."""
        ...


class Unclear:
    """The answer when a name has several definitions, of which the order of imports decides."""


class Names(Protocol):
    """Finds names in many files without following imports: `puccini.web`."""

    def find(self, unit: "Unit", section: Section, name: str) -> Found | Unclear | None: ...


class Unit:
    """One file. `profile` is the name that applies to its types, `name` how messages and class names call it.

    `links` are its imports, `failed` the namespaces of those that could not be read. `implicit` are names that it sees
    without an import, if no others mean anything. `names_of` knows all files, when all are linked. `base` is the folder
    of its source that is the root of the repository it was found in, None where that is all of the source.
    """

    def __init__(self, source: sources.Source, path: str, file: File, root: Node) -> None:
        self.source = source
        self.path = path
        self.file = file
        self.root = root
        self.name = sources.display(source, path)
        self.profile = ""
        self.base: str | None = None
        self.links: list[Link] = []
        self.failed: list[str] = []
        self.implicit: Implicit | None = None
        self.names_of: Names | None = None
        self._found: dict[tuple[Section, str], Found | None] = {}

    @property
    def prefix(self) -> str:
        """What stands before ``::`` in the class names of this unit's types."""
        return self.profile or self.name

    def local(self, section: Section) -> dict[str, Any]:
        """Return the definitions of this file itself."""
        return getattr(self.file, section)  # type: ignore[no-any-return]

    def made(self, section: Section) -> dict[str, Any]:
        """Return the definitions of this file itself that anything has to do with: all, where not just a summary is."""
        local = self.local(section)
        return getattr(local, "made", local)

    @cached_property
    def definitions(self) -> list[tuple[Section, str]]:
        """Section and name of all definitions of this file itself."""
        return [(section, name) for section in SECTIONS for name in self.local(section)]

    def find(self, section: Section, name: str) -> Found | None:
        """Return what `name`, possibly with namespaces before it (``a:b:Type``), means in this file."""
        key = (section, name)
        if key not in self._found:
            found = self._search(section, name)
            if found is None and self.implicit is not None:
                found = self.implicit.find(section, name)
            self._found[key] = found
        return self._found[key]

    def forget(self, definitions: Collection[int]) -> None:
        """Look up again what had one of `definitions` (by identity) for its meaning."""
        stale = [key for key, found in self._found.items() if found is not None and id(found.definition) in definitions]
        for key in stale:
            del self._found[key]

    def type(self, kind: Kind, name: str) -> Found | None:
        """Return the type definition that `name` means in this file."""
        return self.find(kind.value, name)

    def uncertain(self, section: Section, name: str) -> bool:
        """Whether `name`, which is not known, may be defined where something could not be read; that was reported."""
        for unit, rest in self._meanings(name):
            if any(not failed or rest.startswith(f"{failed}:") for failed in unit.failed):
                return True
            if undefined(unit.root, section, rest, FILE.keys):
                return True
            if not unit.links and undefined(unit.root, "imports", "", FILE.keys):
                return True
        return False

    def names(self, section: Section) -> list[str]:
        """Return the names that can be used in this file, for hints."""
        found = [prefix + name for prefix, unit in self._reach() for name in unit.local(section)]
        return found if self.implicit is None else [*found, *self.implicit.all(section)]

    def _search(self, section: Section, name: str) -> Found | None:
        if self.names_of is not None:
            found = self.names_of.find(self, section, name)
            if not isinstance(found, Unclear):
                return found
        for unit, rest in self._meanings(name):
            local = unit.local(section)
            if rest in local:
                return Found(unit, local[rest])
        return None

    def _meanings(self, name: str) -> "Iterator[tuple[Unit, str]]":
        """Yield the units in which `name` could be defined, and what it is called there."""
        visited: set[tuple[int, str]] = set()
        stack: list[tuple[Unit, str]] = [(self, name)]
        while stack:
            unit, rest = stack.pop()
            if (id(unit), rest) in visited:
                continue
            visited.add((id(unit), rest))
            yield unit, rest
            for link in reversed(unit.links):
                if not link.namespace:
                    stack.append((link.unit, rest))
                elif rest.startswith(link.namespace + ":"):
                    stack.append((link.unit, rest[len(link.namespace) + 1 :]))

    def _reach(self) -> "Iterator[tuple[str, Unit]]":
        """Yield the units whose names can be used here, with what stands before them; each once for every such way.

        Files can import each other into namespaces in a circle, so names have no longest: long ones are left out.
        """
        visited: set[tuple[str, int]] = set()
        stack: list[tuple[str, Unit]] = [("", self)]
        while stack:
            prefix, unit = stack.pop()
            if (prefix, id(unit)) in visited:
                continue
            visited.add((prefix, id(unit)))
            yield prefix, unit
            for link in unit.links:
                if not link.namespace:
                    stack.append((prefix, link.unit))
                elif prefix.count(":") < MAX_NAMESPACES:
                    stack.append((f"{prefix}{link.namespace}:", link.unit))

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


def undefined(node: Node, section: str, name: str, keynames: Collection[str]) -> bool:
    """Whether `name` may be meant to be in `section` of `node`: it is there, but wrong, or the section itself is."""
    written = node.value.get(section)
    if written is None:
        return mistaken(section, (key for key in node.value if key not in keynames))
    return not isinstance(written, dict) or name in written
