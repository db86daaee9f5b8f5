"""Storing bundles, so that they can be instantiated later and by others, and survive their file.

Ids of templates are derived from names and are the same wherever a bundle is compiled. Stored, they also depend on the
directory: the same bundle in two directories is two designs (R74).
"""

from typing import TypeVar

import msgspec

from floria import classes, ids, properties
from floria.entities import Bundle, Class, EdgeTemplate, Entity, Finder, Plugin, VertexTemplate
from floria.ids import Id
from floria.instantiation import design as designs
from floria.instantiation.design import ORDER
from floria.instantiation.problems import InstantiationError, Problem
from floria.store.interface import Transaction
from floria.values import Value

Stored = TypeVar("Stored", bound=Entity)


def store_bundle(tx: Transaction, bundle: Bundle, directory: str) -> Bundle:
    """Write everything in `bundle` to `directory`, in place of an earlier version of it; return it as stored.

    Its root is the template to instantiate. Templates that are no longer in it are deleted; instances made of them
    stay as they are (R75). Raises `InstantiationError` when the bundle does not hold together, and
    `floria.evaluation.EvaluationError` when metadata holds a call.
    """
    designs.of_bundle(bundle)
    placed = place(bundle, directory)
    everything: tuple[Entity, ...] = (*placed.classes, *placed.vertexes, *placed.edges, *placed.plugins)
    for one in everything:
        properties.check_metadata(one, one.name)
    _delete_others(tx, placed)
    return msgspec.structs.replace(
        placed,
        classes=tuple(_put(tx, one) for one in placed.classes),
        vertexes=tuple(_put(tx, one) for one in _parents_first(placed)),
        edges=tuple(_put(tx, one) for one in placed.edges),
        plugins=tuple(_put(tx, one) for one in placed.plugins),
    )


def place(bundle: Bundle, directory: str) -> Bundle:
    """Return `bundle` with the ids and the directory that it has when it is stored there."""
    known = {one.id for one in (*bundle.vertexes, *bundle.edges)}

    def moved(id: Id | None) -> Id | None:
        return ids.derive("template", directory, id) if id in known and id is not None else id

    return msgspec.structs.replace(
        bundle,
        root=_required(moved(bundle.root)),
        classes=tuple(_class(one, directory) for one in bundle.classes),
        vertexes=tuple(
            msgspec.structs.replace(
                one,
                id=_required(moved(one.id)),
                parent=moved(one.parent),
                directory=directory,
                metadata=_ordered(one, order),
            )
            for order, one in enumerate(bundle.vertexes)
        ),
        edges=tuple(
            msgspec.structs.replace(
                one,
                id=_required(moved(one.id)),
                source=_required(moved(one.source)),
                target=moved(one.target),
                finder=_finder(one.finder, moved(one.finder.owner) if one.finder is not None else None),
                directory=directory,
                metadata=_ordered(one, order),
            )
            for order, one in enumerate(bundle.edges)
        ),
        plugins=tuple(_plugin(one, directory) for one in bundle.plugins),
    )


def _required(id: Id | None) -> Id:
    if id is None:
        raise InstantiationError((Problem("floria.bad-design", "an id is missing", "the design"),))
    return id


def _ordered(template: VertexTemplate | EdgeTemplate, order: int) -> dict[str, Value]:
    return {**template.metadata, ORDER: order}


def _finder(finder: Finder | None, owner: Id | None) -> Finder | None:
    return None if finder is None else msgspec.structs.replace(finder, owner=owner)


def _class(one: Class, directory: str) -> Class:
    return msgspec.structs.replace(one, id=classes.id_of(directory, one.name), directory=directory)


def _plugin(one: Plugin, directory: str) -> Plugin:
    return msgspec.structs.replace(one, id=ids.derive("plugin", directory, one.name), directory=directory)


def _put(tx: Transaction, one: Stored) -> Stored:
    found = tx.get(one.id)
    if found is None:
        return tx.put(msgspec.structs.replace(one, revision=0))  # type: ignore[return-value]
    current = msgspec.structs.replace(one, revision=found.revision, created=found.created, modified=found.modified)
    return current if current == found else tx.put(current)  # type: ignore[return-value]


def _parents_first(bundle: Bundle) -> list[VertexTemplate]:
    children: dict[Id | None, list[VertexTemplate]] = {}
    root = next(one for one in bundle.vertexes if one.id == bundle.root)
    for one in bundle.vertexes:
        if one.id != bundle.root:
            children.setdefault(one.parent, []).append(one)
    ordered: list[VertexTemplate] = []
    pending = [root]
    while pending:
        one = pending.pop()
        ordered.append(one)
        pending.extend(reversed(children.get(one.id, ())))
    return ordered


def _delete_others(tx: Transaction, bundle: Bundle) -> None:
    if not isinstance(tx.get(bundle.root), VertexTemplate):
        return
    old = designs.of_store(tx, bundle.root)
    kept = {one.id for one in (*bundle.vertexes, *bundle.edges)}
    for id in (*old.edges, *old.vertexes):
        if id not in kept and tx.get(id) is not None:
            tx.delete(id)
