"""Small entities for tests."""

from typing import Any

from floria import ids
from floria.entities import Directory, Edge, Entity, Property, Vertex
from floria.store.interface import Store
from floria.values import Value


def vertex(
    name: str = "", *classes: str, parent: Vertex | None = None, directory: str = "/", **values: Value
) -> Vertex:
    """Return a new vertex whose properties hold `values`."""
    return Vertex(
        id=ids.new(),
        name=name,
        classes=classes,
        directory=directory,
        parent=None if parent is None else parent.id,
        properties=properties(**values),
    )


def edge(name: str, source: Vertex, target: Vertex, *classes: str, directory: str = "/", **values: Value) -> Edge:
    """Return a new edge."""
    return Edge(
        id=ids.new(),
        name=name,
        source=source.id,
        target=target.id,
        classes=classes,
        directory=directory,
        properties=properties(**values),
    )


def directory(path: str, **access: str) -> Directory:
    """Return the entity of a directory."""
    above, _, name = path.rpartition("/")
    return Directory(id=ids.new(), name=name, directory=above or "/", access=access)


def properties(**values: Value) -> dict[str, Property]:
    """Return properties that hold `values`."""
    return {name: Property(value=value) for name, value in values.items()}


def put(store: Store, *entities: Any) -> list[Any]:
    """Write entities in one transaction; return them as stored."""
    with store.write() as transaction:
        return [transaction.put(entity) for entity in entities]


def get(store: Store, entity: Entity) -> Any:
    """Return what is stored of an entity."""
    with store.read() as reader:
        return reader.get(entity.id)
