"""Secrets that nodes asked for by name (`khutulun.conductor.secrets`) and have no more to do with after an update.

`khutulun.conductor.services` asks in the transaction of an update, before any operation of it runs: what an operation
then asks for again is known again.
"""

from collections.abc import Iterable, Iterator, Mapping

from floria import updating
from floria.entities import Edge, Vertex
from floria.evaluation import EvaluationError, Library
from floria.ids import Id
from floria.store.interface import Transaction
from khutulun.conductor import secrets, topology
from khutulun.conductor.results import ATTRIBUTE
from khutulun.conductor.workflow import Change


def forget(tx: Transaction, found: topology.Topology, becomes: Mapping[Id, Change], functions: Library) -> None:
    """Give back the claims of changed nodes to secrets whose names stand nowhere in their properties any more.

    Where a property cannot be evaluated, nothing is known, and all claims of its node stay.
    """
    claims: dict[Id, list[str]] = {}
    for key, holder in tx.claims(secrets.ASKED).items():
        if becomes.get(holder) in (Change.MODIFIED, Change.NOVEL):
            claims.setdefault(holder, []).append(key)
    for node, keys in claims.items():
        parts = [id for id, owner in found.owner.items() if owner == node]
        edges = [edge.id for edge in found.edges if found.owner.get(edge.source) == node]
        texts = _texts(tx, [node, *parts, *edges], functions)
        for key in keys:
            name = key.partition("/")[0]
            if texts is not None and not any(name in text for text in texts):
                tx.unclaim(secrets.ASKED, key, node)


def _texts(tx: Transaction, ids: Iterable[Id], functions: Library) -> list[str] | None:
    """Return all texts in the properties of entities, as they are from now on; None: that cannot be said."""
    ids = list(dict.fromkeys(ids))
    evaluated = updating.evaluate(tx, ids, functions)
    texts: list[str] = []
    for entity in tx.get_many(ids):
        assert isinstance(entity, Vertex | Edge)
        for name, property in entity.properties.items():
            if ATTRIBUTE in property.classes:
                continue
            value = evaluated.get((entity.id, name), property.value)
            if isinstance(value, EvaluationError):
                return None
            texts += _strings(value)
    return texts


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from _strings(one)
        case dict():
            for key, one in value.items():
                yield key
                yield from _strings(one)
