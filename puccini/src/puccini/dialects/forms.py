"""Tables of the keynames of TOSCA 1.x, and the one writer that applies them.

A form says what each keyname of a construct becomes in TOSCA 2.0. Keynames that TOSCA 1.x does not have are reported
here, in its own words; what is left to check is the same for all versions, and checked by `puccini.grammar`.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from puccini import extents, yaml
from puccini.diagnostics import Report, suggest
from puccini.dialects.writing import MERGE, Draft, Written, entries, escaped, keep, marks, merges, sequence, single
from puccini.nodes import Node, describe

Rule = Callable[[Node, "Page"], Written | None]
"""Returns what a node becomes, or None when nothing."""

Into = Callable[[Node, "Page", Draft], None]
"""Puts what the value of a keyname becomes into a draft."""


class Occurrences(NamedTuple):
    """How many relationships lead to a capability: `least`, and `most`, where there is a limit."""

    least: int
    most: int | None


class Watch(NamedTuple):
    """When and where a trigger acts: ``target_filter``'s node, and the begin and end of its ``schedule``."""

    node: Node | None = None
    schedule: Node | None = None


class Page:
    """One file that is being read. `outputs` are operations' outputs in use, by the attributes that keep them.

    `limits`, `watches` and `inward` are as in `OldDocument`; `exposed` are outputs that mappings ask for, by their
    names.

    `within` is put after SELF where that means another entity than in TOSCA 2.0.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.outputs: dict[str, tuple[str, str, str]] = {}
        self.limits: dict[yaml.Mark, Occurrences] = {}
        self.watches: dict[yaml.Mark, Watch] = {}
        self.inward: dict[str, Node] = {}
        self.exposed: dict[str, Written] = {}
        self.within: tuple[str, ...] = ()
        self._lines: list[str] | None = None

    def text(self, node: Node) -> Any:
        """Return the value of a node; a number as the text that was written."""
        return (
            self.source(node)
            if isinstance(node.value, int | float) and node.value.__class__ is not bool
            else node.value
        )

    def source(self, node: Node) -> str:
        """Return what is written at a node that is a plain scalar of one line."""
        if self._lines is None:
            self._lines = extents.lines(node.document.data)
        return self._lines[node.start.line][node.start.column : node.end.column]

    def null(self, node: Node) -> None:
        """Report a key without a value, which stands for nothing."""
        message = f"{node.key}: there is nothing here"
        self.report.warn("null-section", message, node, "remove the key, or write {} or []", key=True)

    def entries(self, node: Node) -> list[tuple[Any, Node]]:
        """Return the entries of a map, merged."""
        merge = merges(node)
        if merge is not None:
            message = "merge keys are not part of YAML 1.2"
            self.report.warn("merge-key", message, merge, "use an alias for the whole map", key=True)
        return list(entries(node))


KEYNAMES: dict[str, tuple[str, ...]] = {}
"""The keynames of all constructs by their titles."""


class Form:
    """A construct of TOSCA 1.x: `title` for messages, what becomes of its keynames, and of what has no keynames.

    `short` gets values that are not maps, and with `open_map` maps without any of the keynames. `others` gets entries
    whose key is no keyname. `finish` completes the draft.
    """

    def __init__(
        self,
        title: str,
        keys: Mapping[str, Into],
        short: Rule | None = None,
        *,
        others: Into | None = None,
        finish: Into | None = None,
        open_map: bool = False,
    ) -> None:
        self.title = title
        self.keys = {"description": to("description"), "metadata": to("metadata"), **keys}
        KEYNAMES.setdefault(title, tuple(self.keys))
        self.kept = {key: into.name for key, into in self.keys.items() if isinstance(into, _Kept)}
        self.short = short
        self.others = others
        self.finish = finish
        self.open_map = open_map

    def __call__(self, node: Node, page: Page) -> Written | None:
        value = node.value
        if type(value) is not yaml.Map:
            if self.short is not None and value is not None:
                return self.short(node, page)
            if value is None:
                page.null(node)
                return self._finished(node, page, Draft())
            return keep(node)
        if self.open_map and self.short is not None and not any(key in self.keys for key in value):
            return self.short(node, page)
        draft = Draft()
        if MERGE in value:
            for key, child in page.entries(node):
                self._entry(key, child, page, draft)
            return self._finished(node, page, draft)
        kept, places = self.kept, value.marks
        for key, item in value.items():
            name = kept.get(key) if item is not None and key.__class__ is str else None
            if name is None:
                self._entry(key, node.child(key), page, draft)
            else:
                draft.value[name], draft.value.marks[name] = item, places[key]
        return self._finished(node, page, draft)

    def _entry(self, key: Any, child: Node, page: Page, draft: Draft) -> None:
        into = self.keys.get(key) if key.__class__ is str else None
        if into is not None:
            if child.value is None and key not in _NULLABLE:
                page.null(child)
            else:
                into(child, page, draft)
        elif self.others is not None and isinstance(key, str):
            self.others(child, page, draft)
        else:
            self._unknown(key, child, page)
            draft.put(key, keep(child))

    def _finished(self, node: Node, page: Page, draft: Draft) -> Written:
        if self.finish is not None:
            self.finish(node, page, draft)
        return draft.at(node)

    def _unknown(self, key: Any, child: Node, page: Page) -> None:
        shown = repr(key) if isinstance(key, str) else "a complex key"
        message = f"{self.title}: {shown} is not a keyname here"
        page.report.error("unknown-keyname", message, child, suggest(str(key), self.keys), key=True)


_NULLABLE = frozenset({"default", "value", "type"})


class _Kept:
    """Puts a value as it is under the key `name`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, node: Node, page: Page, draft: Draft) -> None:
        draft.put(self.name, keep(node))


def to(name: str, rule: Rule | None = None) -> Into:
    """Return what puts a value, as `rule` has it, under the key `name`."""
    if rule is None:
        return _Kept(name)

    def into(node: Node, page: Page, draft: Draft) -> None:
        written = rule(node, page)
        if written is not None:
            draft.put(name, written)

    return into


def same(**rules: Rule | None) -> dict[str, Into]:
    """Return what puts values, each as its rule has it, under keys of the same name."""
    return {name: to(name, rule) for name, rule in rules.items()}


def drop(node: Node, page: Page, draft: Draft) -> None:
    """Accept what means nothing more."""


def ignore(code: str, message: str, hint: str = "") -> Into:
    """Return what accepts a keyname whose meaning is not provided, with a warning."""

    def into(node: Node, page: Page, draft: Draft) -> None:
        page.report.warn(code, message, node, hint, key=True)

    return into


def named(rule: Rule, rename: Callable[[str], str] | None = None) -> Rule:
    """Return the rule for maps of things by name."""

    def write(node: Node, page: Page) -> Written | None:
        if type(node.value) is not yaml.Map:
            return keep(node)
        draft = Draft()
        for key, child in page.entries(node):
            written = rule(child, page)
            if written is not None:
                name = key if not isinstance(key, str) else escaped(rename(key) if rename is not None else key)
                draft.put(name, written)
        return draft.at(node)

    return write


def named_list(rule: Rule, what: str) -> Rule:
    """Return the rule for lists of maps with one key each; a map of all of them is accepted with a warning."""

    def write(node: Node, page: Page) -> Written | None:
        if type(node.value) is yaml.Map:
            message = f"{node.key}: a list of {what} was expected, not {describe(node.value)}"
            page.report.warn("not-a-list", message, node, "write '- NAME: ...' for each", key=True)
            found = [(key, child, marks(child)) for key, child in page.entries(node)]
        elif type(node.value) is yaml.Seq:
            if any(type(item.value) is not yaml.Map or len(item.value) != 1 for item in node):
                return keep(node)
            found = [(key, child, marks(item)) for item in node for key, child in item.items()]
        else:
            return keep(node)
        items: list[Written] = []
        for key, child, place in found:
            written = rule(child, page)
            if written is not None:
                one = single(escaped(key) if isinstance(key, str) else key, written, place)
                one.value.marks[next(iter(one.value))] = written.marks
                items.append(one)
        return sequence(items, marks(node))

    return write


def listed(rule: Rule) -> Rule:
    """Return the rule for plain lists."""

    def write(node: Node, page: Page) -> Written | None:
        if type(node.value) is not yaml.Seq:
            return keep(node)
        found = [rule(item, page) for item in node]
        return sequence([one for one in found if one is not None], marks(node))

    return write


def as_text(node: Node, page: Page) -> Written:
    """Return a number (such as the version 1.0, written without quotes) as the text that was written."""
    return Written(page.text(node), marks(node))


def as_list(node: Node, page: Page) -> Written:
    """Return a single value as a list of it."""
    return keep(node) if type(node.value) is yaml.Seq else sequence([keep(node)], marks(node))
