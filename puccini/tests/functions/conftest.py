"""A small service in a memory store, and the reading of expressions as users write them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from floria import ids
from floria.entities import Edge, Property, Vertex
from floria.evaluation import Context, Functions
from floria.ids import Id
from floria.store.interface import Reader, Transaction
from floria.store.memory import MemoryStore
from floria.values import Call, Value
from puccini import functions

SIZE = {
    "type": "scalar",
    "name": "Size",
    "number": {"type": "integer"},
    "units": {"B": 1, "kB": 1000, "MB": 1000000, "GB": 1000000000},
    "canonical": "B",
}
LENGTH = {
    "type": "scalar",
    "name": "Length",
    "number": {"type": "float"},
    "units": {"m": 1.0, "cm": 0.01, "mm": 0.001, "km": 1000.0},
    "canonical": "m",
}
SCHEMAS: dict[str, Any] = {
    "size": SIZE,
    "length": LENGTH,
    "sizes": {"type": "list", "entry": SIZE},
    "timestamp": {"type": "timestamp"},
    "timestamps": {"type": "list", "entry": {"type": "timestamp"}},
    "version": {"type": "version"},
    "box": {
        "type": "complex",
        "name": "Box",
        "properties": {
            "width": {"schema": LENGTH, "required": True},
            "tags": {"schema": {"type": "list", "entry": {"type": "string"}}, "required": False},
        },
    },
}


def expression(written: Any) -> Value:
    """Return what a YAML value means: ``$name`` and ``{ $name: [ … ] }`` are calls, ``$$`` begins with one dollar."""
    if isinstance(written, str) and written.startswith("$"):
        return written[1:] if written.startswith("$$") else Call(f"tosca:{written[1:]}")
    if isinstance(written, list):
        return [expression(item) for item in written]
    if isinstance(written, dict):
        if len(written) == 1 and (key := next(iter(written))).startswith("$") and not key.startswith("$$"):
            arguments = written[key] if isinstance(written[key], list) else [written[key]]
            return Call(f"tosca:{key[1:]}", [expression(argument) for argument in arguments])
        return {
            key.removeprefix("$") if key.startswith("$$") else key: expression(item) for key, item in written.items()
        }
    return written  # type: ignore[no-any-return]


def prepared(schema: str) -> Call:
    """Return the preparer of a property with one of `SCHEMAS`."""
    return Call("tosca:prepare", [SCHEMAS[schema]])


class Service:
    """Builds the graph of a service as Puccini compiles it; entities are found by their dotted names."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.ids: dict[str, Id] = {}

    def vertex(self, path: str, mark: str, index: int = 0, **properties: Any) -> None:
        above, _, name = path.rpartition(".")
        key = f"{path}[{index}]" if index else path
        parent = self.ids.get(above)
        classes = (f"test::{name}", mark)
        self._put(key, Vertex(id=ids.new(), name=name, parent=parent, index=index, classes=classes, **_of(properties)))

    def edge(self, path: str, source: str, target: str, index: int = 0, **properties: Any) -> None:
        name = path.partition("[")[0]
        classes = ("test::ConnectsTo", "tosca:relationship")
        ends: dict[str, Any] = {"source": self.ids[source], "target": self.ids[target]}
        self._put(path, Edge(id=ids.new(), name=name, index=index, classes=classes, **ends, **_of(properties)))

    def _put(self, key: str, entity: Vertex | Edge) -> None:
        self.ids[key] = entity.id
        self._tx.put(entity)


def _of(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the fields for properties: a `Property`, or a value; ``metadata`` is not a property."""
    metadata = properties.pop("metadata", {})
    made = {name: one if isinstance(one, Property) else Property(value=one) for name, one in properties.items()}
    return {"properties": made, "metadata": metadata}


@pytest.fixture(scope="session")
def library() -> Functions:
    registry = Functions()
    functions.register(registry)
    return registry


@pytest.fixture(scope="session")
def world() -> Iterator[tuple[Reader, dict[str, Id]]]:
    """A service of two web servers, a database on a host, and what connects them."""
    store = MemoryStore()
    with store.write() as tx:
        service = Service(tx)
        fill(service, tx)
    with store.read() as reader:
        yield reader, service.ids
    store.close()


def fill(service: Service, tx: Transaction) -> None:
    """The service that the cases speak of."""
    attribute, given = ("tosca:attribute",), ("tosca:input",)
    service.vertex(
        "shop",
        "tosca:service",
        port=Property(value=8080, classes=given),
        network=Property(value={"name": "net", "gateways": ["10.0.0.1", "10.0.0.2"]}, classes=given),
        quota=Property(value=5_000_000, classes=given, preparer=prepared("size")),
        missing=Property(classes=given),
        url=Property(updater=Call("tosca:get_attribute", ["db", "address"]), classes=("tosca:output",)),
    )
    for index in range(3):
        service.vertex(
            "shop.web",
            "tosca:node",
            index,
            name=f"web-{index}",
            tags=["a", "b"],
            address=Property(value=f"10.1.0.{index}", classes=attribute),
            mine=Property(updater=Call("tosca:get_property", ["SELF", "name"])),
        )
    service.vertex("shop.db", "tosca:node", name="main", address=Property(value="10.2.0.1", classes=attribute))
    service.vertex("shop.db.endpoint", "tosca:capability", port=5432, mine=Property(value="own"))
    service.vertex("shop.db.dump", "tosca:artifact", metadata={"tosca.file": "data/dump.sql"})
    service.vertex("shop.db.seed", "tosca:artifact", metadata={"tosca.location": "/var/seed.sql", "tosca.file": "x"})
    service.vertex("shop.machine", "tosca:node", zone="north", volume={"free": 3})
    service.vertex(
        "shop.machine.host",
        "tosca:capability",
        cpus=4,
        memory=Property(value=8_000_000_000, preparer=prepared("size")),
        built=Property(value="2025-01-01T00:00:00Z", preparer=prepared("timestamp")),
        os=Property(value="6.1", preparer=prepared("version")),
    )
    for index in range(2):
        source = f"shop.web[{index}]" if index else "shop.web"
        service.edge(f"database[{index}]", source, "shop.db.endpoint", weight=index + 10)
    service.edge("backup", "shop.web", "shop.db.endpoint", index=0, weight=20)
    service.edge("backup[1]", "shop.web", "shop.machine.host", index=1, weight=21)
    service.edge("host", "shop.db", "shop.machine.host", speed=7, metadata={"tosca.template": "runs"})
    service.vertex(
        "shop.chicken",
        "tosca:node",
        egg=Property(updater=Call("tosca:get_property", ["SELF", "hen"])),
        hen=Property(updater=Call("tosca:get_property", ["SELF", "egg"])),
    )
    service.vertex("shop.group", "tosca:group", level=3)
    tx.allocate(service.ids["shop.machine.host"], "cpus", 1, service.ids["host"])
    tx.allocate(service.ids["shop.machine.host"], "memory", 2_000_000_000, service.ids["host"])


@pytest.fixture
def context(world: tuple[Reader, dict[str, Id]], library: Functions) -> Callable[..., Context]:
    """Return a function that makes the context in which an entity (by its name here) holds a call."""
    reader, known = world

    def make(entity: str | None = None, **more: Any) -> Context:
        for field in ("source", "candidate"):
            if isinstance(more.get(field), str):
                more[field] = reader.get(known[more[field]])
        held = reader.get(known[entity]) if entity is not None else None
        return Context(reader, library, entity=held, **more)

    return make
