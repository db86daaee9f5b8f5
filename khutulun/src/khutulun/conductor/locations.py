"""Where services lie: each in a directory of its own, with everything that belongs to it."""

import time
from collections.abc import Iterator

from floria import connections, ids
from floria.entities import Directory, Edge, Kind, Vertex
from floria.events import Recorded
from floria.store.interface import Axis, Query, Step, Transaction
from khutulun import model, names
from khutulun.conductor import access, registry


def path(directory: str, name: str) -> str:
    """Return the directory of the service `name` in `directory`."""
    return f"/{name}" if directory == registry.ROOT else f"{directory}/{name}"


def check_directory(directory: str) -> None:
    """Refuse what is no absolute path of names. Raises `model.Refused`."""
    if directory == registry.ROOT:
        return
    if not directory.startswith("/") or not all(names.is_service_name(name) for name in directory[1:].split("/")):
        raise model.refuse("bad-directory", f"{directory!r} is no directory", hint="write it as /a/b")


def remove(tx: Transaction, directory: str) -> tuple[Recorded, ...]:
    """Delete everything in a service's directory, and the directory.

    Nodes of other services whose relationships end here hear of it: the events are returned, to be handled.
    """
    told = tuple(_departures(tx, directory))
    for kind in (Kind.EDGE, Kind.VERTEX, Kind.EDGE_TEMPLATE, Kind.VERTEX_TEMPLATE, Kind.CLASS, Kind.PLUGIN):
        for entity in list(tx.query(Query(kinds=(kind,), directory=directory, recursive=False))):
            if tx.get(entity.id) is not None:
                tx.delete(entity.id)
    found = access.find(tx, directory)
    if found is not None:
        tx.delete(found.id)
    return told


def _departures(tx: Transaction, directory: str) -> Iterator[Recorded]:
    query = Query(kinds=(Kind.VERTEX,), directory=directory, recursive=False)
    going = {one.id: one for one in tx.query(query) if isinstance(one, Vertex)}
    edges = [one for one in tx.get_many(tx.path(list(going), [Step(axis=Axis.IN)])) if isinstance(one, Edge)]
    crossing = [edge for edge in edges if edge.source not in going]
    departing: tuple[Vertex | Edge, ...] = (*going.values(), *crossing)
    for edge in crossing:
        yield from connections.dissolved(tx, edge, departing, None, time.time_ns)


def make(tx: Transaction, directory: str) -> None:
    """Make a directory, and those above it."""
    for level in reversed(registry.upwards(directory)):
        if level == registry.ROOT or access.find(tx, level) is not None:
            continue
        parent, _, name = level.rpartition("/")
        tx.put(Directory(id=ids.derive("directory", level), name=name, directory=parent or registry.ROOT))
