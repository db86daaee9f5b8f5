"""Compare: what is unchanged, modified, obsolete and novel between two graphs or two designs (TOSCA 2.0, 4.4).

Things are the same when they have the same place: the names, kinds and indexes from the root down. Where a template was
written, and when something was created, makes no difference.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec

from floria.entities import Bundle, Edge, EdgeTemplate, Finder, Handler, Property, Vertex, VertexTemplate
from floria.graph import Graph, Identity, edge_identity
from floria.ids import Id
from floria.instantiation import merging
from floria.instantiation.design import ORDER
from floria.instantiation.planning import INPUTS
from floria.instantiation.problems import ORIGIN
from floria.properties import DESIGNED
from floria.values import Value

Compared: TypeAlias = Vertex | Edge | VertexTemplate | EdgeTemplate

IGNORED = frozenset({ORIGIN, ORDER, INPUTS, DESIGNED})
"""Metadata that says nothing about the thing itself."""


class PropertyChange(msgspec.Struct, frozen=True):
    """A property that is different. Unset: there is none, or it has no value. `what` says what is different."""

    name: str
    what: tuple[str, ...]
    old: Value | msgspec.UnsetType = msgspec.UNSET
    new: Value | msgspec.UnsetType = msgspec.UNSET


class Modified(msgspec.Struct, frozen=True):
    """A thing that is different: `id` in the old graph, `other` in the new one.

    `fields` are what is different about it besides its properties: classes, handlers, metadata, target, allocation, …
    """

    id: Id
    other: Id
    name: str
    properties: tuple[PropertyChange, ...] = ()
    fields: tuple[str, ...] = ()


class Comparison(msgspec.Struct, frozen=True):
    """The result. `unchanged` and `obsolete` are ids of the old graph, `novel` of the new one.

    Containers come before their content in `novel`, after it in `obsolete`; edges come first in `obsolete`.
    """

    unchanged: tuple[Id, ...] = ()
    modified: tuple[Modified, ...] = ()
    obsolete: tuple[Id, ...] = ()
    novel: tuple[Id, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.modified or self.obsolete or self.novel)


def compare(old: Graph, new: Graph) -> Comparison:
    """Compare two graphs: vertices and edges as they are."""
    return _compare(old.identities(), new.identities())


def compare_bundles(old: Bundle, new: Bundle) -> Comparison:
    """Compare two designs."""
    return _compare(identities(old), identities(new))


def identities(bundle: Bundle) -> dict[Identity, Compared]:
    """Return the templates of `bundle` by place: like instances, with 0 for the index, and edges by order."""
    templates = {one.id: one for one in bundle.vertexes}
    keys: dict[Id, Identity] = {}
    result: dict[Identity, Compared] = {}

    def key(id: Id) -> Identity:
        if id not in keys:
            one = templates[id]
            label = one.classes[-1] if one.classes else ""
            above = key(one.parent) if one.parent in templates and one.parent is not None else ()
            keys[id] = ("root",) if id == bundle.root else (above, one.name, label, 0)
        return keys[id]

    for template in bundle.vertexes:
        result[key(template.id)] = template
    for edge in bundle.edges:
        index = 0
        while (place := edge_identity(key(edge.source), edge.name, index)) in result:
            index += 1
        result[place] = _by_name(edge, templates)
    return result


def differing_properties(old: Mapping[str, Property], new: Mapping[str, Property]) -> Iterator[PropertyChange]:
    """Yield what is different in what the designs say about properties."""
    for name in (*old, *(one for one in new if one not in old)):
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            present = before or after
            if present is not None and not (after is None and merging.is_declared_at_run_time(present)):
                word = "removed" if after is None else "added"
                yield PropertyChange(name, (word,), _value(before), _value(after))
        elif what := tuple(_aspects(before, after)):
            yield PropertyChange(name, what, _value(before), _value(after))


def _compare(old: Mapping[Identity, Compared], new: Mapping[Identity, Compared]) -> Comparison:
    unchanged: list[Id] = []
    modified: list[Modified] = []
    obsolete: list[Id] = []
    novel: list[Id] = []
    for identity, before in old.items():
        after = new.get(identity)
        if after is None or _replaced(before, after):
            obsolete.append(before.id)
        elif (difference := _difference(before, after)) is not None:
            modified.append(difference)
        else:
            unchanged.append(before.id)
    for identity, after in new.items():
        previous = old.get(identity)
        if previous is None or _replaced(previous, after):
            novel.append(after.id)
    obsolete.reverse()
    return Comparison(tuple(unchanged), tuple(modified), tuple(obsolete), tuple(novel))


def _replaced(before: Compared, after: Compared) -> bool:
    """Whether an edge in the same place is another edge: it leads elsewhere."""
    return isinstance(before, Edge) and isinstance(after, Edge) and before.target != after.target


def _difference(before: Compared, after: Compared) -> Modified | None:
    changes = tuple(differing_properties(before.properties, after.properties))
    fields = tuple(name for name, (a, b) in _fields(before, after).items() if a != b)
    return Modified(before.id, after.id, after.name, changes, fields) if changes or fields else None


def _fields(before: Compared, after: Compared) -> dict[str, tuple[object, object]]:
    fields: dict[str, tuple[object, object]] = {
        "classes": (before.classes, after.classes),
        "metadata": (_told(before.metadata), _told(after.metadata)),
        "handlers": (_handlers(before), _handlers(after)),
    }
    for name in ("allocation", "count", "optional", "finder", "target"):
        if hasattr(before, name) and hasattr(after, name):
            fields[name] = (getattr(before, name), getattr(after, name))
    return fields


def _aspects(before: Property, after: Property) -> Iterator[str]:
    if merging.designed(before) != merging.designed(after):
        yield "value"
    if before.updater != after.updater:
        yield "updater"
    if before.preparer != after.preparer:
        yield "preparer"
    if (before.read_only, before.classes, _told(before.metadata)) != (
        after.read_only,
        after.classes,
        _told(after.metadata),
    ):
        yield "definition"


def _value(found: Property | None) -> Value | msgspec.UnsetType:
    return msgspec.UNSET if found is None else found.value


def _told(metadata: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in metadata.items() if name not in IGNORED}


def _handlers(one: Compared) -> list[Handler]:
    return [msgspec.structs.replace(handler, metadata=_told(handler.metadata)) for handler in one.handlers]


def _by_name(edge: EdgeTemplate, templates: Mapping[Id, VertexTemplate]) -> EdgeTemplate:
    """Return the edge template with names for ids, which may differ between designs that say the same."""

    def named(id: Id | None) -> Id | None:
        return Id(templates[id].name) if id is not None and id in templates else id

    finder: Finder | None = edge.finder
    if finder is not None:
        finder = msgspec.structs.replace(finder, owner=named(finder.owner))
    return msgspec.structs.replace(edge, target=named(edge.target), finder=finder)
