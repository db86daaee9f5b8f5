"""Classes: labels with parents. Entities carry the full closure, so selecting an ancestor finds descendants (R76).

Used by whoever makes entities without a frontend; Puccini writes closures itself.
"""

from collections.abc import Sequence

import msgspec

from floria import ids
from floria.entities import Class, Kind
from floria.ids import Id
from floria.store.interface import NotFound, Query, Reader, Transaction


def id_of(directory: str, name: str) -> Id:
    """Return the id that the class `name` of `directory` always has."""
    return ids.derive("class", directory, name)


def define(tx: Transaction, name: str, parents: Sequence[str] = (), *, directory: str = "/") -> Class:
    """Create or change a class. What carries it keeps the ancestors it was made with. Raises `NotFound`."""
    ancestors = closure(tx, parents, directory)
    found = tx.get(id_of(directory, name))
    known = found if isinstance(found, Class) else Class(id=id_of(directory, name), name=name, directory=directory)
    wanted = msgspec.structs.replace(known, classes=ancestors, parents=tuple(parents))
    if wanted == found:
        return wanted
    stored = tx.put(wanted)
    assert isinstance(stored, Class)
    return stored


def closure(reader: Reader, names: Sequence[str], directory: str = "/") -> tuple[str, ...]:
    """Return `names` and all their ancestors, each once, a class before its ancestors. Raises `NotFound`."""
    ordered: list[str] = []
    for name in names:
        for label in (name, *find(reader, name, directory).classes):
            if label in ordered:
                ordered.remove(label)
            ordered.append(label)
    return tuple(ordered)


def find(reader: Reader, name: str, directory: str = "/") -> Class:
    """Return the class `name` as seen from `directory`: its own, or that of the nearest one above it."""
    where = directory
    while True:
        found = reader.get(id_of(where, name))
        if isinstance(found, Class):
            return found
        for other in reader.query(Query(kinds=(Kind.CLASS,), directory=where, recursive=False, name=name, limit=1)):
            if isinstance(other, Class):
                return other
        if where == "/":
            raise NotFound(f"there is no class {name!r} in {directory} or above it")
        where = where.rpartition("/")[0] or "/"
