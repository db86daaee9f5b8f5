"""Constructs of the grammar as data: a table of keynames for each, and the one reader that applies them.

Reading turns YAML nodes into the structs beside the tables, and checks what can be checked without looking anywhere
else: unknown and missing keynames (sections 5.2, 6.1), kinds of values. Names are looked up in `puccini.semantics`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Generic, TypeVar, dataclass_transform

from puccini import former, yaml
from puccini.diagnostics import Report, seems, suggest
from puccini.nodes import Node, describe

Reader = Callable[[Node, Report], Any]
"""Returns what a node means, or `INVALID` after it has reported why it means nothing."""


class _Invalid:
    def __repr__(self) -> str:
        return "INVALID"


INVALID: Final = _Invalid()


@dataclass_transform(kw_only_default=True, frozen_default=True)
class _Struct:
    """Has fields by name, none of which is set again. Those not given are the class's; nobody changes these."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__ = fields


class Element(_Struct):
    """What every construct has: the node it was read from, its name (the key that leads to it), the common keynames."""

    node: Node
    name: str = ""
    metadata: dict[str, Any] = {}
    description: str = ""


E = TypeVar("E", bound=Element)


class Key:
    """A keyname: how its value is read, whether it must be there, which other key makes it unnecessary.

    `field` is the struct's field when that is not named like the key. A keyname with a `note` means nothing: it is
    accepted with that warning.
    """

    __slots__ = ("field", "mandatory", "note", "read", "unless")

    def __init__(
        self, read: Reader, mandatory: bool = False, unless: str = "", field: str = "", note: str = ""
    ) -> None:
        self.read = read
        self.mandatory = mandatory
        self.unless = unless
        self.field = field
        self.note = note


class Construct(Generic[E]):
    """A construct: `title` for messages, the struct it becomes, its keynames, and its short form if it has one.

    `short` gets a node that is not a map (or, with `open_map`, one without any keyname of the table) and returns the
    fields it stands for, or None when it is no short form.
    """

    def __init__(
        self,
        title: str,
        struct: type[E],
        keys: Mapping[str, Key],
        short: Callable[[Node, Report], Mapping[str, Any] | None] | None = None,
        *,
        open_map: bool = False,
    ) -> None:
        self.title = title
        self.struct = struct
        self.keys = {**COMMON, **keys}
        self.short = short
        self.open_map = open_map
        self.mandatory = [(name, key) for name, key in self.keys.items() if key.mandatory]

    def __call__(self, node: Node, report: Report, name: str = "") -> E | _Invalid:
        """Read `node`. Reports; returns `INVALID` only when nothing of it can be used."""
        value = node.value
        if self.short is not None and (type(value) is not yaml.Map or (self.open_map and self._foreign(value))):
            fields = self.short(node, report)
            if fields is not None:
                return self.struct(node=node, name=name, **fields)
        if type(value) is not yaml.Map:
            report.error(
                "wrong-kind", f"{self.title}: a map was expected, not {describe(value)}", node, _kind_hint(value)
            )
            return INVALID
        return self.struct(**self._fields(node, report, name))

    def _fields(self, node: Node, report: Report, name: str) -> dict[str, Any]:
        fields: dict[str, Any] = {"node": node, "name": name}
        keys = self.keys
        for key, child in node.items():
            known = keys.get(key) if key.__class__ is str else None
            if known is None:
                self.unknown(key, child, report)
                continue
            if known.note:
                report.warn("obsolete-keyname", f"{self.title}: {known.note}", child, key=True)
                continue
            result = known.read(child, report)
            if result is not INVALID:
                fields[known.field or key] = result
        for key, known in self.mandatory:
            if key in node.value or (known.unless and known.unless in node.value):
                continue
            if not seems(key, node.value, keys):
                report.error(
                    "missing-keyname", f"{self.title}: the mandatory keyname {key!r} is missing", node, key=True
                )
        return fields

    def unknown(self, key: Any, child: Node, report: Report) -> None:
        """Report that `key` is no keyname of this construct."""
        if key == "<<":
            hint = "YAML 1.2 has no merge keys; write the keys out, or use an alias for the whole map"
        else:
            hint = former.hint(str(key), self.keys) or suggest(str(key), self.keys)
        report.error("unknown-keyname", f"{self.title}: {_shown(key)} is not a keyname here", child, hint, key=True)

    def _foreign(self, value: yaml.Map) -> bool:
        return bool(value) and not any(key in self.keys for key in value)


def named(construct: Construct[E]) -> Callable[[Node, Report], Any]:
    """Return a reader of maps of `construct` by name: a dict."""

    def read(node: Node, report: Report) -> dict[str, E] | _Invalid:
        value = node.value
        if type(value) is not yaml.Map:
            report.error(
                "wrong-kind",
                f"a map of {plural(construct.title)} was expected, not {describe(value)}",
                node,
                _kind_hint(value),
            )
            return INVALID
        result: dict[str, E] = {}
        parted = report.keeps and node.document.parts is not None
        for key, child in node.items():
            name = entry_name(key, child, report)
            if name is None:
                continue
            element = part(construct, child, report, name) if parted else construct(child, report, name)
            if not isinstance(element, _Invalid):
                result[name] = element
        return result

    return read


def part(construct: Construct[E], node: Node, report: Any, name: str) -> E | _Invalid:
    """Read an entry that is a part of a file (`puccini.editing`), or take what was read of that part before.

    What is reported on the way is that entry's; `report` is one that keeps it.
    """
    assert node.parent is not None
    before, report.owner = report.owner, f"{node.parent.key}/{name}"
    try:
        element: E | _Invalid = once(node, partial(construct, name=name), report, (construct.title, name))
        return element
    finally:
        report.owner = before


def once(node: Node, read: Callable[[Node, Report], Any], report: Any, what: object) -> Any:
    """Read `node`, or take what was read of its document before, and report the same; `report` is one that keeps it."""
    document = node.document
    if document.parts is not None:
        return read(node, report)
    if document.read is not None and document.read[0] == what:
        report.repeat(document.read[2])
        return document.read[1]
    with report.recorded() as said:
        result = read(node, report)
    document.read = (what, result, said)
    return result


def named_list(construct: Construct[E], unique: bool = False) -> Callable[[Node, Report], Any]:
    """Return a reader of lists of maps with one key each: a list of `construct`, in order."""

    def read(node: Node, report: Report) -> list[E] | _Invalid:
        value = node.value
        if type(value) is not yaml.Seq:
            report.error(
                "wrong-kind",
                f"a list of {plural(construct.title)} was expected, not {describe(value)}",
                node,
                "write '- NAME: ...' for each" if isinstance(value, dict) else _kind_hint(value),
            )
            return INVALID
        result: list[E] = []
        first: dict[str, Node] = {}
        for item in node:
            if type(item.value) is not yaml.Map or len(item.value) != 1:
                hint = "indent what belongs to the name below it" if isinstance(item.value, dict) else ""
                message = f"each {construct.title} of a list is a map with one key, its name"
                report.error("wrong-kind", f"{message}; this is {describe(item.value)}", item, hint)
                continue
            ((key, child),) = item.items()
            name = entry_name(key, child, report)
            if name is None:
                continue
            if unique and name in first:
                message = f"there are two {plural(construct.title)} with the name {name!r}"
                report.error("duplicate-name", message, child, key=True, related=first[name])
                continue
            first.setdefault(name, child)
            element = construct(child, report, name)
            if not isinstance(element, _Invalid):
                result.append(element)
        return result

    return read


def listed(construct: Construct[E]) -> Callable[[Node, Report], Any]:
    """Return a reader of plain lists of `construct`."""

    def read(node: Node, report: Report) -> list[E] | _Invalid:
        if type(node.value) is not yaml.Seq:
            title = plural(construct.title)
            message = f"a list of {title} was expected, not {describe(node.value)}"
            report.error("wrong-kind", message, node, _kind_hint(node.value))
            return INVALID
        elements = [construct(item, report) for item in node]
        return [element for element in elements if not isinstance(element, _Invalid)]

    return read


def entry_name(key: Any, child: Node, report: Report) -> str | None:
    """Return the name that `key` is in a map of named things, with its escape removed; report when it cannot be one."""
    if not isinstance(key, str) or key == "":
        report.error("bad-name", f"a name is a string that is not empty, not {_shown(key)}", child, key=True)
        return None
    if not key.startswith("$"):
        return key
    if key.startswith("$$"):
        return key[1:]
    message = f"{key!r} looks like a function, which cannot be a name here"
    report.error("malformed-function", message, child, f"write '${key}' for a name that begins with '$'", key=True)
    return None


def plural(title: str) -> str:
    return title[:-1] + "ies" if title.endswith("y") else title + "s"


def _shown(key: Any) -> str:
    return repr(key) if isinstance(key, str) else describe(key) if not isinstance(key, tuple) else "a complex key"


def _kind_hint(value: Any) -> str:
    if value is None:
        return "write {} for an empty map or [] for an empty list, or remove the key"
    return ""


def _text(node: Node, report: Report) -> Any:
    if node.value.__class__ is str:
        return node.value
    report.error("wrong-kind", f"{node.key}: a string was expected, not {describe(node.value)}", node, "quote it")
    return INVALID


def _metadata(node: Node, report: Report) -> Any:
    if type(node.value) is yaml.Map:
        for key, child in node.items():
            if not isinstance(key, str):
                report.error("bad-name", f"a name of metadata is a string, not {_shown(key)}", child, key=True)
        return node.value
    message = f"metadata: a map was expected, not {describe(node.value)}"
    report.error("wrong-kind", message, node, _kind_hint(node.value))
    return INVALID


COMMON: Final[dict[str, Key]] = {"metadata": Key(_metadata), "description": Key(_text)}
"""The keynames of section 5.3, which every construct of several lines has."""
