"""What has to be known of a TOSCA file to use it without reading all of it: its imports, and where its definitions are.

A definition is read when its name is asked for. Only files of a simple form have a summary: what they import is named
by a relative path or as a profile, their sections are in the block style, and no definition uses an anchor of another.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from puccini import nodes, yaml
from puccini.diagnostics import Report
from puccini.grammar import file as grammar
from puccini.nodes import Node
from puccini.units import SECTIONS, Section, Unit


class Reference(msgspec.Struct, frozen=True, array_like=True):
    """An import: a `url` or a `profile`."""

    url: str
    profile: str
    namespace: str


class Summary(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a file: for each section its names, with the first line and the number of lines of each.

    `files` are the artifacts that its definitions name and that were there.
    """

    profile: str
    imports: tuple[Reference, ...]
    sections: dict[Section, dict[str, tuple[int, int]]]
    files: tuple[str, ...] = ()


def make(unit: Unit, document: yaml.Document, files: tuple[str, ...]) -> Summary | None:
    """Return the summary of a file by its `document` in parts; None when it cannot have one."""
    file = unit.file
    if document.parts is None or file.service_template is not None:
        return None
    if document.value.get("tosca_definitions_version") != grammar.VERSION:
        return None
    imports = tuple(_reference(one) for one in file.imports)
    if any(one is None for one in imports):
        return None
    total = document.data.count(b"\n") + 1
    ends = _ends(document, total)
    sections: dict[Section, dict[str, tuple[int, int]]] = {}
    for section in SECTIONS:
        part = document.parts.get(section)
        if part is None:
            continue
        if part.parts is None:
            return None
        inner = _ends(part, ends[section])
        sections[section] = {name: (one.first, inner[name] - one.first) for name, one in part.parts.items()}
        if set(sections[section]) != set(unit.local(section)):
            return None
    profile = file.profile.text if file.profile is not None else ""
    return Summary(profile, tuple(one for one in imports if one is not None), sections, files)


def _reference(definition: grammar.Import) -> Reference | None:
    if definition.repository is not None or (definition.url is None) == (definition.profile is None):
        return None
    url = definition.url.text if definition.url is not None else ""
    if ":" in url:
        return None
    profile = definition.profile.text if definition.profile is not None else ""
    return Reference(url, profile, definition.namespace.text if definition.namespace is not None else "")


def _ends(document: yaml.Document, end: int) -> dict[Any, int]:
    """Return for each part the line after its last."""
    assert document.parts is not None
    firsts = [part.first for part in document.parts.values()]
    return dict(zip(document.parts, [*firsts[1:], end], strict=True))


class Definitions(dict[str, Any]):
    """The definitions of one section of a summarised file. Names are there at once; a definition when it is asked for.

    `made` has those that were.
    """

    def __init__(self, names: Mapping[str, tuple[int, int]], section: Section, page: "Page") -> None:
        super().__init__(dict.fromkeys(names))
        self.made: dict[str, Any] = {}
        self._names, self._section, self._page = names, section, page

    def __getitem__(self, name: str) -> Any:
        if name not in self.made:
            self.made[name] = self._page.read(self._section, name, self._names[name])
        return self.made[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401

    def items(self) -> Any:
        return [(name, self[name]) for name in self]

    def values(self) -> Any:
        return [self[name] for name in self]


class Page:
    """The text of a summarised file."""

    def __init__(self, name: str, data: bytes, summary: Summary) -> None:
        self.name, self.data, self.summary = name, data, summary
        self._lines: list[str] | None = None

    def file(self) -> tuple[grammar.File, Node]:
        """Return the file and its top node."""
        document = yaml.Document(self.name, self.data)
        document.complete = True
        document.value = yaml.Map()
        root = nodes.root(document)
        said = {"tosca_definitions_version": grammar.VERSION, **self.summary.sections}
        for key, value in said.items():
            document.value[key], document.value.marks[key] = value, 0
        sections: dict[str, Any] = {
            section: Definitions(names, section, self) for section, names in self.summary.sections.items() if names
        }
        profile = Node(self.summary.profile, document, 0, "profile", root) if self.summary.profile else None
        imports = [_import(one, root) for one in self.summary.imports]
        return grammar.File(node=root, profile=profile, imports=imports, **sections), root

    def read(self, section: Section, name: str, place: tuple[int, int]) -> Any:
        """Return a definition, read from its lines."""
        if self._lines is None:
            self._lines = self.data.decode().split("\n")
        first, count = place
        text = "\n".join(self._lines[first : first + count])
        document = yaml.parse(text.encode(), self.name, 1)
        document.first, document.data = first, self.data
        top = Node(yaml.Map(), document, 0)
        return grammar.FILE.keys[section].read(Node(document.value, document, 0, section, top), Report())[name]


def _import(reference: Reference, root: Node) -> grammar.Import:
    def node(text: str) -> Node | None:
        return Node(text, root.document, 0, "imports", root) if text else None

    return grammar.Import(
        node=root, url=node(reference.url), profile=node(reference.profile), namespace=node(reference.namespace)
    )


def strings(value: Any) -> Iterator[str]:
    """Yield all texts in a YAML value that may be names of definitions."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            stack.extend(one.values())
            yield from (key for key in one if isinstance(key, str) and key.startswith("$"))
        elif isinstance(one, list):
            stack.extend(one)
