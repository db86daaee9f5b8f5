"""The order of keynames: what says what a thing is first, then as in the tables of the Standard."""

from collections.abc import Iterator
from typing import Any

from puccini.formatting.tree import Entry, File, Group, Node, Text
from puccini.grammar import file as files
from puccini.grammar.construct import Construct
from puccini.server import structure
from puccini.server.structure import Form

_FIRST = (
    *("tosca_definitions_version", "profile", "type", "derived_from", "copy", "version", "description", "metadata"),
    *("dsl_definitions", "repositories", "imports", "directives", "count"),
)
_MIDDLE = (
    *("inputs", "properties", "attributes", "capabilities", "requirements", "interfaces", "operations"),
    *("notifications", "artifacts"),
)
_LAST = ("substitution_mappings", "functions", "outputs", "service_template")
_Work = tuple[Node, Form, Construct[Any] | None]


def arrange(file: File) -> File:
    """Put the keynames of a TOSCA 2.0 file in order; others keep theirs."""
    if _version(file.node) != files.VERSION:
        return file
    work: list[_Work] = [(file.node, Form.CONSTRUCT, files.FILE)]
    while work:
        node, form, construct = work.pop()
        if not isinstance(node, Group) or construct is None or node.lines:
            continue
        if form is Form.CONSTRUCT and node.map:
            _sort(node, construct)
            work.extend(_inside(node, construct))
        elif form in (Form.MAP, Form.ENTRY) and node.map:
            work.extend((entry.value, Form.CONSTRUCT, construct) for entry in node.entries)
        elif form is Form.NAMED_LIST and not node.map:
            work.extend((entry.value, Form.ENTRY, construct) for entry in node.entries)
        elif form is Form.LIST and not node.map:
            work.extend((entry.value, Form.CONSTRUCT, construct) for entry in node.entries)
    return file


def keep(file: File) -> File:
    """Leave the order as it is."""
    return file


def _sort(node: Group, construct: Construct[Any]) -> None:
    """Sort a map of keynames; one with anything else in it is a value, or wrong, and stays as it is."""
    names = list(construct.keys)
    if any(entry.name not in construct.keys for entry in node.entries) or _comes_first(node):
        return

    def rank(entry: Entry) -> tuple[int, int]:
        name = entry.name or ""
        if name in _FIRST:
            return 0, _FIRST.index(name)
        if name in _LAST:
            return 2, _LAST.index(name)
        return 1, _MIDDLE.index(name) if name in _MIDDLE else len(_MIDDLE) + names.index(name)

    node.entries.sort(key=rank)


def _comes_first(node: Group) -> bool:
    """Whether an entry has an anchor that others may refer to further down in the same map."""
    return any(isinstance(entry.value, Group) and entry.value.mark for entry in node.entries)


def _inside(node: Group, construct: Construct[Any]) -> Iterator[_Work]:
    for entry in node.entries:
        found = structure.child(construct.title, entry.name or "")
        if found is not None:
            yield entry.value, found[0], found[1]


def _version(node: Node) -> str:
    if isinstance(node, Group):
        for entry in node.entries:
            if entry.name == "tosca_definitions_version" and isinstance(entry.value, Text):
                return entry.value.lines[0].strip("'\"")
    return ""
